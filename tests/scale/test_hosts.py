"""The product on several hosts: an edge that reaches the brokers alone, and workers that join.

``floor`` has the machines and their broker, ``edge`` the runner, ``centre`` Valkey, ``works1`` and ``works2``
a worker each, ``store`` the database. The edge has cables to floor and centre alone; centre, workers
and store share the network of the plant. The same history told in one process is what records must equal.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from celery import Celery
from django.db import connection
from django.utils import timezone

from connectors import jobs
from connectors.models import Watermark
from connectors.selectors import configuration_export
from connectors.services import samples_ingest
from mom.record.compose import operational_record
from mom.signing.figures import Figures, order_figures
from production.services import stitch
from tests.connectors.stack import ROOT, wait_until
from tests.factories.plant import material_make
from tests.scale.floor import STEPS, Device, Floor, columns, floor_make, history, pulses
from tests.scale.hosts import Host, cable, hosts, missing, switch
from tests.scale.servers import MQTT, PASSWORD, POSTGRES, REDIS, broker_start, database_door, valkey_start

pytestmark = pytest.mark.django_db(transaction=True)
MACHINES, CENTRE, PLANT = "10.77.1", "10.77.2", "10.77.3"
CONNECT = "import psycopg2, sys; psycopg2.connect(sys.argv[1], connect_timeout=3).close()"
PATIENCE = 90


@dataclass
class Site:
    floor: Host
    edge: Host
    centre: Host
    store: Host
    works1: Host
    works2: Host
    folder: Path

    @property
    def spool(self) -> Path:
        return self.folder / "spool.sqlite"

    def _environment(self, host: Host, redis: str) -> dict[str, str]:
        return {
            **os.environ,
            "DATABASE_URL": database_url(),
            "REDIS_URL": f"redis://:{PASSWORD}@{redis}:{REDIS}/0",
            "MQTT_URL": f"mqtt://{MACHINES}.1:{MQTT}",
            "MOM_DATA_DIR": str(self.folder / host.name),
            "SECRET_KEY": "only for tests",
        }

    def worker(self, host: Host) -> None:
        command = ["-m", "celery", "-A", "mom.celery", "worker", "-Q", "ingest,stitch,default", "-c", "1"]
        quiet = ["-n", host.name, "-l", "WARNING", "--without-gossip", "--without-mingle"]
        environment = self._environment(host, f"{PLANT}.2")
        log = self.folder / f"{host.name}.log"
        host.start(sys.executable, *command, *quiet, log=log, environment=environment, folder=ROOT)

    def runner(self, configuration: Path) -> None:
        command = ["manage.py", "run_connector", "--config", str(configuration), "--spool", str(self.spool)]
        environment = self._environment(self.edge, f"{CENTRE}.2")
        log = self.folder / "runner.log"
        self.edge.start(sys.executable, *command, log=log, environment=environment, folder=ROOT)

    def ingests(self) -> dict[str, int]:
        """How many batches of tasks each worker has stored since it started, as the workers say."""
        app = Celery(broker=f"redis://:{PASSWORD}@127.0.0.1:{REDIS}/0")
        try:
            told = self.centre.do(lambda: app.control.inspect(timeout=1.0).stats()) or {}
        finally:
            self.centre.do(app.close)
        return {name: told[name]["total"].get(jobs.INGEST.name, 0) for name in told}

    def waiting(self) -> int:
        """Batches in the spool, from a copy: the runner has its file for itself. -1: caught in between."""
        copy = self.folder / "copy.sqlite"
        for suffix in ("", "-wal"):
            copy.with_name(copy.name + suffix).unlink(missing_ok=True)
            part = self.spool.with_name(self.spool.name + suffix)
            if part.exists():
                shutil.copy(part, copy.with_name(copy.name + suffix))
        with contextlib.closing(sqlite3.connect(copy)) as spool, contextlib.suppress(sqlite3.DatabaseError):
            return int(spool.execute("SELECT count(*) FROM batch").fetchone()[0])
        return -1


def database_url() -> str:
    """As a host of the plant's network names it."""
    entry = connection.settings_dict
    user, password = quote(str(entry["USER"])), quote(str(entry["PASSWORD"]))
    return f"postgres://{user}:{password}@{PLANT}.1:{POSTGRES}/{entry['NAME']}"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    if why := missing():
        pytest.skip(why)
    with hosts("floor", "edge", "centre", "store", "works1", "works2") as made:
        floor, edge, centre, store, works1, works2 = made
        found = Site(floor, edge, centre, store, works1, works2, folder=tmp_path)
        cable(found.floor, found.edge, network=MACHINES)
        cable(found.edge, found.centre, network=CENTRE)
        switch(found.store, [found.centre, found.works1, found.works2], network=PLANT)
        broker_start(found.floor, tmp_path / "mosquitto")
        valkey_start(found.centre, tmp_path / "valkey")
        if (place := str(connection.settings_dict["HOST"])).startswith("/"):
            found.edge.hide(Path(place))
        with database_door(found.store):
            yield found


def test_an_edge_without_the_database_and_workers_that_join_keep_the_records_of_one_host(site: Site) -> None:
    product, start = material_make(), timezone.now() - timedelta(minutes=15)
    far, near = floor_make("FAR", product), floor_make("NEAR", product)
    alone = tell_in_one_process(near, start)
    the_edge_cannot_reach_the_database(site)
    site.worker(site.works1)
    configuration = site.folder / "edge.json"
    configuration.write_text(json.dumps(configuration_export(slugs=[far.connection.slug])))
    site.runner(configuration)
    listening = Watermark.objects.filter(connection=far.connection)
    wait_until(listening.exists, seconds=PATIENCE, what="the runner's first watermark is stored")
    told, more = history("FAR", start), pulses(start)
    third = len(told) // 3
    device = Device(site.floor, "FAR")
    try:
        site.worker(site.works2)
        device.say(told[:third])
        second_takes_its_share(site, device, more)
        device.say(told[third : 2 * third])
        without_the_link(site, far, device, told[2 * third :])
        wait_until(lambda: far.kept().total() >= device.said.total(), seconds=PATIENCE, what="all is stored")
        wait_until(lambda: site.waiting() == 0, seconds=PATIENCE, what="the spool is empty")
    finally:
        device.end()
    assert far.kept() == device.said
    assert figures(far) == alone


def the_edge_cannot_reach_the_database(site: Site) -> None:
    """By the very address the workers reach it by, and by the one this process does."""
    here = connection.get_connection_params()
    ours = " ".join(f"{name}={here[given]}" for name, given in OURS.items() if here.get(given))
    for url in (database_url(), ours):
        refused = site.edge.run(sys.executable, "-c", CONNECT, url, check=False)
        assert refused.returncode != 0
        assert "OperationalError" in refused.stderr
    assert site.works1.run(sys.executable, "-c", CONNECT, database_url(), check=False).returncode == 0


OURS = {"host": "host", "port": "port", "dbname": "dbname", "user": "user", "password": "password"}


def second_takes_its_share(site: Site, device: Device, more: Iterator[Any]) -> None:
    def shared() -> bool:
        device.say(next(more))
        stored = site.ingests()
        return all(stored.get(f"celery@{name}", 0) for name in ("works1", "works2"))

    wait_until(shared, seconds=PATIENCE, what="both workers store what the edge sends")


def without_the_link(site: Site, far: Floor, device: Device, said: list[Any]) -> None:
    """The machines go on, and so does the runner: on its disk."""
    before = device.said.total()
    wait_until(lambda: far.kept().total() == before, seconds=PATIENCE, what="what came before is stored")
    site.edge.cut("centre")
    device.say(said)
    wait_until(lambda: site.waiting() > 0, seconds=PATIENCE, what="the spool holds what cannot be sent")
    # Some seconds in which nothing may get through
    with pytest.raises(AssertionError, match="not within"):
        wait_until(lambda: far.kept().total() > before, seconds=3, what="nothing")
    wait_until(lambda: site.waiting() > 0, seconds=PATIENCE, what="the spool still holds it")
    site.edge.mend("centre")


def tell_in_one_process(near: Floor, start: datetime) -> list[Figures]:
    samples = columns(history("NEAR", start))
    until = start + timedelta(seconds=STEPS + 60)
    samples_ingest(connection=near.connection.slug, samples=samples, now=timezone.now(), watermark=until)
    return figures(near)


def figures(floor: Floor) -> list[Figures]:
    """Of every order's record, with the line called alike."""
    for unit in floor.line.units:
        stitch(work_unit_id=unit.pk)
    found = [order_figures(operational_record(order.code, now=timezone.now())) for order in floor.orders]
    assert [(one["state"], one["good"] is not None) for one in found] == [("ended", True)] * 2, found
    alike: list[Figures] = json.loads(json.dumps(found).replace(floor.code, "LINE"))
    return alike
