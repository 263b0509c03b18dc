"""OPC UA, 1,000 items ten times a second: processor time of runner, worker and PostgreSQL, and the server's.

The server is asyncua's, and tells how many values it wrote. All are watched for the same windows, of which
the median is told, and what is stored meanwhile must be what was written: a runner that falls behind would be
cheap. However fast the server is, it is compared with what it wrote, and at the end all of it must be stored.
"""

from __future__ import annotations

import os
import statistics
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
WINDOWS = 3
GOAL = 1 / 3
# Of what was written in a window; what was on its way before and after is about the same
STORED_SHARE = 0.95
LAST_WITHIN = 30.0


def run() -> list[Ratio]:
    port, line = free_port(), line_make(1, code="OPCUA")
    config = {"endpoint": f"opc.tcp://127.0.0.1:{port}/", "security": NONE}
    made = connection_make(line.site, slug="opcua", protocol="opcua", config=config)
    ids = [signal_make(line.unit, address(f"v{number}"), connection=made).pk for number in range(ITEMS)]
    with tempfile.TemporaryDirectory() as name:
        written = Path(name) / "written"
        command = [sys.executable, "-m", "tests.benchmarks.opcua_device", "--port", str(port)]
        command += ["--items", str(ITEMS), "--hz", str(HZ), "--written", str(written)]
        server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == "ready\n"
            with stack(Path(name), database=database_url(), mqtt="mqtt://127.0.0.1:1") as running:
                groups = {"worker": running.worker(), "runner": running.runner("opcua")}
                wait_until(lambda: _stored(ids) >= 5 * ITEMS, seconds=120, what=running.log("runner"))
                pids = {name: process.pid for name, process in groups.items()}
                pids |= {"PostgreSQL": _postmaster(), "server": server.pid}
                return _watch(ids, written, pids)
        finally:
            server.kill()
            server.wait(10)


def _watch(ids: list[int], written: Path, groups: dict[str, int]) -> list[Ratio]:
    before = _told(ids, written)
    missing = before[1] - before[0]
    windows = [_window(ids, written, groups) for _ in range(WINDOWS)]
    share = statistics.median(stored / wrote for _, stored, wrote in windows)
    wrote = _written(written)
    # What was written before the runner listened is not missing
    deadline = time.monotonic() + LAST_WITHIN
    while (left := wrote - missing - _stored(ids)) > 0 and time.monotonic() < deadline:
        time.sleep(0.5)
    print(f"  median share stored of what was written: {share:.3f}", file=sys.stderr)
    assert share >= STORED_SHARE, f"{1 - share:.1%} of what was written is not stored"
    assert left <= 0, f"{left:,} values written {LAST_WITHIN:g} s ago are not stored"
    busy = {name: statistics.median(busy[name] for busy, _, _ in windows) for name in groups}
    per_server = busy.pop("server")
    name = f"OPC UA, {ITEMS:,} items × {HZ:g} Hz: processor time"
    return [
        Ratio(
            f"{name}, runner and store (ms/s)",
            sum(busy.values()),
            per_server,
            "asyncua's server",
            goal=GOAL,
            lower_is_better=True,
        ),
        Ratio(f"{name}, runner alone (ms/s)", busy["runner"], per_server, "asyncua's server"),
    ]


def _window(ids: list[int], written: Path, groups: dict[str, int]) -> tuple[dict[str, float], int, int]:
    """Milliseconds of processor time a second of each, values stored and values written meanwhile."""
    before, (stored, wrote) = {name: _busy(pid) for name, pid in groups.items()}, _told(ids, written)
    begun = time.monotonic()
    time.sleep(SECONDS / WINDOWS)
    took = time.monotonic() - begun
    busy = {name: (_busy(pid) - before[name]) * 1000 / took for name, pid in groups.items()}
    stored_now, wrote_now = _told(ids, written)
    stored, wrote = stored_now - stored, wrote_now - wrote
    told = ", ".join(f"{name} {spent:,.0f}" for name, spent in busy.items())
    print(
        f"  {wrote / took:,.0f} values/s written, {stored / took:,.0f} stored; ms/s: {told}", file=sys.stderr
    )
    return busy, stored, wrote


def _told(ids: list[int], written: Path) -> tuple[int, int]:
    """(stored, written), asked one right after the other."""
    return _stored(ids), _written(written)


def _written(path: Path) -> int:
    return int.from_bytes(path.read_bytes()[:8], "little")


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
