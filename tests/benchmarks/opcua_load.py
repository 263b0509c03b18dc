"""OPC UA, 1,000 items ten times a second: processor time of runner, worker and PostgreSQL, and the server's.

The server is asyncua's. All are watched for the same half minute, and what is stored meanwhile must be what
it wrote: a runner that falls behind would be cheap.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil
from django.db import connection

from connectors.models import SignalSample
from connectors.protocols.opcua.settings import NONE
from tests.benchmarks.result import Ratio
from tests.connectors.peers import address, free_port
from tests.connectors.stack import ROOT, database_url, stack, wait_until
from tests.factories.connectors import connection_make, signal_make
from tests.factories.plant import line_make

ITEMS, HZ = int(os.environ.get("BENCH_OPCUA_ITEMS", "1000")), 10.0
SECONDS = float(os.environ.get("BENCH_OPCUA_SECONDS", "30"))
GOAL = 1 / 3
STORED_SHARE = 0.95


def run() -> list[Ratio]:
    port, line = free_port(), line_make(1, code="OPCUA")
    config = {"endpoint": f"opc.tcp://127.0.0.1:{port}/", "security": NONE}
    made = connection_make(line.site, slug="opcua", protocol="opcua", config=config)
    ids = [signal_make(line.unit, address(f"v{number}"), connection=made).pk for number in range(ITEMS)]
    command = [sys.executable, "-m", "tests.benchmarks.opcua_device", "--port", str(port)]
    command += ["--items", str(ITEMS), "--hz", str(HZ)]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        with (
            tempfile.TemporaryDirectory() as name,
            stack(Path(name), database=database_url(), mqtt="mqtt://127.0.0.1:1") as running,
        ):
            groups = {"worker": running.worker(), "runner": running.runner("opcua")}
            wait_until(lambda: _stored(ids) >= 5 * ITEMS, seconds=120, what=running.log("runner"))
            pids = {name: process.pid for name, process in groups.items()}
            return _watch(ids, server.pid, pids | {"PostgreSQL": _postmaster()})
    finally:
        server.kill()
        server.wait(10)


def _watch(ids: list[int], server: int, ours: dict[str, int]) -> list[Ratio]:
    groups = ours | {"server": server}
    before, stored = {name: _busy(pid) for name, pid in groups.items()}, _stored(ids)
    begun = time.monotonic()
    time.sleep(SECONDS)
    took = time.monotonic() - begun
    busy = {name: _busy(pid) - before[name] for name, pid in groups.items()}
    rate = (_stored(ids) - stored) / took
    told = ", ".join(f"{name} {seconds:.1f}" for name, seconds in busy.items())
    print(f"  {rate:,.0f} values/s stored; seconds of processor time: {told}", file=sys.stderr)
    assert rate >= STORED_SHARE * ITEMS * HZ or busy["server"] > 0.5 * took, "values are missing"
    per_server = busy.pop("server")
    name = f"OPC UA, {ITEMS:,} items × {HZ:g} Hz: processor time"
    total = sum(busy.values())
    return [
        Ratio(
            f"{name}, runner and store (ms/s)",
            total * 1000 / took,
            per_server * 1000 / took,
            "asyncua's server",
            goal=GOAL,
            lower_is_better=True,
        ),
        Ratio(
            f"{name}, runner alone (ms/s)",
            busy["runner"] * 1000 / took,
            per_server * 1000 / took,
            "asyncua's server",
        ),
    ]


def _stored(ids: Iterable[int]) -> int:
    return SignalSample.objects.filter(signal_id__in=ids).count()


def _postmaster() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(psutil.Process(cursor.fetchone()[0]).ppid())


def _busy(pid: int) -> float:
    """Seconds of processor time of a process and all it started, those that ended too."""
    process, total = psutil.Process(pid), 0.0
    for one in [process, *process.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            times = one.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total
