"""Sparkplug B, 20 metrics per message, every guarantee on, against a bare paho → binary COPY loop.

Both read the same messages from the same broker into the same PostgreSQL on the same cores. The bare loop
parses, packs and copies into a table without keys: no spool, no order, no acknowledgement, no second copy
refused.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from django.db import connection
from django.db.models import Sum

from connectors.models import Gap, IngestReceipt, Watermark
from tests.benchmarks.result import Ratio
from tests.connectors.peers import Mosquitto, mosquitto
from tests.connectors.stack import ROOT, Stack, database_url, stack, wait_until
from tests.factories.connectors import connection_make, signal_make
from tests.factories.plant import line_make

METRICS = 20
MESSAGES = int(os.environ.get("BENCH_MESSAGES", "10000"))
GOAL = 0.3


def run() -> list[Ratio]:
    with tempfile.TemporaryDirectory() as name, mosquitto(Path(name)) as broker:
        bare = _bare(broker)
        ours = _ours(Path(name), broker)
    label = f"Sparkplug, {METRICS} metrics per message, spooled and stored (metrics/s)"
    return [Ratio(label, ours=ours, baseline=bare, baseline_name="bare paho → COPY loop", goal=GOAL)]


def _bare(broker: Mosquitto) -> float:
    total = MESSAGES * METRICS
    reader = _start("tests.benchmarks.bare_reader", broker, "--total", str(total))
    assert reader.stdout is not None
    assert reader.stdout.readline() == "ready\n"
    started = _publish(broker)
    assert reader.stdout.readline() == "done\n", "the bare loop lost messages"
    rate = total / (time.perf_counter() - started)
    reader.wait(10)
    return rate


def _ours(folder: Path, broker: Mosquitto) -> float:
    line = line_make(4, code="BENCH")
    made = connection_make(
        line.site, slug="bench", protocol="sparkplug", config={"broker": broker.url, "host_id": "bench"}
    )
    for number in range(METRICS):
        signal_make(line.units[number % 4], f"G/E:m{number}", connection=made)
    with stack(folder, database=database_url(), mqtt=broker.url) as running:
        running.worker()
        running.runner("bench")
        return _timed(running, broker)


def _timed(running: Stack, broker: Mosquitto) -> float:
    wait_until(Watermark.objects.exists, seconds=60, what="the runner, connected")
    total = (MESSAGES + 1) * METRICS
    started = _publish(broker)
    wait_until(lambda: _stored() >= total, seconds=120, what=f"{total} samples, {_stored()} stored")
    rate = total / (time.perf_counter() - started)
    assert not Gap.objects.filter(cause="seq_jump").exists(), "messages were lost on the way"
    return rate


def _stored() -> int:
    return IngestReceipt.objects.aggregate(total=Sum("stored"))["total"] or 0


def _publish(broker: Mosquitto) -> float:
    """Starts a publisher that has its messages ready; returns when it was told to go."""
    size = ["--messages", str(MESSAGES), "--metrics", str(METRICS)]
    publisher = _start("tests.benchmarks.publisher", broker, *size)
    assert publisher.stdout is not None
    assert publisher.stdin is not None
    assert publisher.stdout.readline() == "ready\n"
    started = time.perf_counter()
    publisher.stdin.write("go\n")
    publisher.stdin.flush()
    return started


def _start(module: str, broker: Mosquitto, *arguments: str) -> subprocess.Popen[str]:
    where = ["--port", str(broker.port), "--database", database_url()]
    command = [sys.executable, "-m", module, *where, *arguments]
    connection.close()
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
