"""The data path through PgBouncer in transaction mode: a connection is lent for one transaction at a time."""

from __future__ import annotations

import os
import re
import shutil
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from connectors.domain.columns import Columns, micros
from connectors.models import SignalSample
from connectors.services import samples_ingest
from mom.embedded import process
from plant.domain.samples import Sample
from production.services import stitch
from tests.connectors.peers import free_port
from tests.connectors.stack import wait_until
from tests.factories.connectors import signal_make
from tests.factories.plant import account_make, line_make
from tests.factories.production import order_make

pytestmark = pytest.mark.django_db(transaction=True)
THREADS, LENT, BATCHES, SIZE, ORDERS = 6, 2, 5, 40, 12
SETTINGS = """[databases]
mom = host={host} port={port} dbname={name} user={user} password={password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {lent}
ignore_startup_parameters = extra_float_digits
server_reset_query_always = 0
"""


@pytest.fixture
def pooled(tmp_path: Path) -> Iterator[int]:
    """Django's connection goes through a pooler that has fewer connections than there are threads."""
    program = shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if program is None:
        pytest.skip("pgbouncer is not installed (Debian: pgbouncer)")
    entry, port = connection.settings_dict, free_port()
    before = dict(entry)
    told = {key.lower(): entry[key] for key in ("HOST", "PORT", "NAME", "USER", "PASSWORD")}
    settings = tmp_path / "pgbouncer.ini"
    settings.write_text(SETTINGS.format(**told, own=port, lent=LENT))
    tmp_path.chmod(0o755)
    settings.chmod(0o644)
    # It refuses to run as root
    account = ["-u", "nobody"] if os.geteuid() == 0 else []
    child = process.spawn([program, *account, settings], log=tmp_path / "log")
    try:
        wait_until(lambda: _answers(port), seconds=20, what="PgBouncer answers")
        connection.close()
        entry.update(HOST="127.0.0.1", PORT=str(port), NAME="mom", DISABLE_SERVER_SIDE_CURSORS=True)
        yield port
    finally:
        connection.close()
        entry.update(before)
        process.stop_child(child, (15, 5.0))


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_more_writers_than_connections_store_everything_once_and_lists_are_read_whole(
    pooled: int, client: Client
) -> None:
    line = line_make(1)
    signal = signal_make(line.unit, "v", role="good_count")
    start = timezone.now() - timedelta(hours=1)

    def columns(number: int) -> Columns:
        first = number // 2 * SIZE
        samples = (Sample("v", start + timedelta(milliseconds=first + i), first + i) for i in range(SIZE))
        return Columns.of(samples, arrival_time=micros(timezone.now()))

    def write(number: int) -> int:
        """Every batch comes twice: the second goes by the temporary table."""
        try:
            slug = signal.connection.slug
            return samples_ingest(connection=slug, samples=columns(number), now=timezone.now()).stored
        finally:
            connections.close_all()

    with ThreadPoolExecutor(THREADS) as threads:
        stored = sum(threads.map(write, range(2 * THREADS * BATCHES)))
    wanted = THREADS * BATCHES * SIZE
    assert (stored, SignalSample.objects.filter(signal_id=signal.pk).count()) == (wanted, wanted)
    stitch(work_unit_id=line.unit.pk)
    due: dict[str, Any] = {"planned_start": start, "due_time": start + timedelta(hours=1)}
    for number in range(ORDERS):
        order_make(line, code=f"POOL{number:03}", **due)
    client.force_login(account_make("admin", line.site))
    window = {"planned_after": start.isoformat(), "due_before": timezone.now().isoformat(), "format": "csv"}
    answer: Any = client.get("/api/v1/job-orders", window)
    assert answer.status_code == 200
    assert len(set(re.findall(rb"POOL\d+", b"".join(answer.streaming_content)))) == ORDERS
