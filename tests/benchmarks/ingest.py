"""Sparkplug B, 20 metrics a message, every guarantee on and stitched, against bare paho → binary COPY loops.

All read the same messages from the same broker into the same PostgreSQL on the same cores, in turns. The
clock of ours stops when every sample is stored once, every dirty mark is gone and every machine's states and
counts are derived up to the last message. The bare loops parse, pack and copy: no spool, no order, no
acknowledgement, no second copy refused, nothing derived.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.db import connection
from django.db.models import Sum

from connectors.domain.columns import EPOCH
from connectors.models import DirtyMark, Gap, IngestReceipt, Watermark
from production.models import QuantityActual, StateInterval, StitchCheckpoint
from tests.benchmarks.publisher import CYCLE, METRICS, UNITS, names
from tests.benchmarks.result import Ratio
from tests.connectors.peers import Mosquitto, mosquitto
from tests.connectors.stack import ROOT, Stack, database_url, stack, wait_until
from tests.factories.connectors import connection_make, signal_make
from tests.factories.plant import Line, line_make

MESSAGES = int(os.environ.get("BENCH_MESSAGES", "60000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
WARM_UP = 2_000
STEP_MS = 50
GOAL = 0.6
STATES = {"6": "execute", "9": "aborted"}
LIKE_MAKE_RUN = ("-Q", "ingest,stitch,default", "-c", "2")


@dataclass
class Past:
    """Source times that no two runs share: each begins where the one before it ended."""

    at: int
    counted: int = 0
    begun: datetime = EPOCH

    def begin(self, messages: int) -> list[str]:
        self.begun = datetime.fromtimestamp(self.at / 1000, UTC)
        told = ["--start", str(self.at), "--step", str(STEP_MS), "--counted", str(self.counted)]
        self.at += messages * STEP_MS + 1
        self.counted += messages
        return told

    @property
    def end(self) -> datetime:
        """Source time of the last message."""
        return datetime.fromtimestamp((self.at - 1) / 1000, UTC)


def run() -> list[Ratio]:
    span = (ROUNDS * MESSAGES + WARM_UP) * STEP_MS + 60_000
    now = time.time_ns() // 1_000_000
    line = line_make(UNITS, code="BENCH")
    rates: dict[str, list[float]] = {"ours": [], "samples": [], "scratch": []}
    with tempfile.TemporaryDirectory() as name, mosquitto(Path(name)) as broker:
        _configure(line, broker)
        with stack(Path(name), database=database_url(), mqtt=broker.url) as running:
            running.worker(*LIKE_MAKE_RUN)
            running.runner("bench")
            wait_until(Watermark.objects.exists, seconds=60, what="the runner, connected")
            pasts = {kind: Past(now - span) for kind in rates}
            _ours(line, running, broker, pasts["ours"], WARM_UP)
            for _ in range(ROUNDS):
                for kind, past in pasts.items():
                    took = _ours(line, running, broker, past) if kind == "ours" else _bare(kind, broker, past)
                    rates[kind].append(took)
    return _told(rates)


def _configure(line: Line, broker: Mosquitto) -> None:
    config = {"broker": broker.url, "host_id": "bench", "group": "ours"}
    made = connection_make(line.site, slug="bench", protocol="sparkplug", config=config, state_map=STATES)
    for unit, name, role in names():
        signal_make(line.units[unit], f"ours/E:{name}", role=role, connection=made)


def _bare(table: str, broker: Mosquitto, past: Past) -> float:
    total = (MESSAGES + 1) * METRICS
    told = past.begin(MESSAGES)
    days = {at.date().isoformat() for at in (past.begun, past.end)}
    where = ["--database", database_url(), "--table", table, "--days", *days]
    reader = _start("tests.benchmarks.bare_reader", broker, table, "--total", str(total), *where)
    assert reader.stdout is not None
    assert reader.stdout.readline() == "ready\n"
    started = _publish(broker, table, MESSAGES, told)
    assert reader.stdout.readline() == "done\n", "the bare loop lost messages"
    rate = total / (time.perf_counter() - started)
    reader.wait(10)
    return rate


def _ours(line: Line, running: Stack, broker: Mosquitto, past: Past, messages: int = MESSAGES) -> float:
    already, total = _stored(), (messages + 1) * METRICS
    started = _publish(broker, "ours", messages, past.begin(messages))
    wait_until(
        lambda: _derived(line, past.end) and _stored() >= already + total,
        seconds=120,
        what=f"{already + total} samples, {_stored()} stored; stitched to {past.end}",
    )
    rate = total / (time.perf_counter() - started)
    _check(line, past, already + total)
    return rate


def _derived(line: Line, end: datetime) -> bool:
    """Every machine folded to its last sample, and nothing marked to be folded again."""
    done = StitchCheckpoint.objects.filter(work_unit__in=line.units, folded_to=end).count()
    return done == UNITS and not DirtyMark.objects.exists()


def _check(line: Line, past: Past, total: int) -> None:
    """Nothing lost, nothing doubled, and the derived rows are what the edge told."""
    assert _stored() == total
    assert not Gap.objects.filter(cause="seq_jump").exists(), "messages were lost on the way"
    for unit in line.units:
        counted = QuantityActual.objects.filter(work_unit=unit).aggregate(n=Sum("quantity"))["n"]
        assert counted == past.counted, f"{unit.code}: {counted} pieces, {past.counted} were told"
        errors = StateInterval.objects.filter(work_unit=unit, state="aborted").count()
        assert errors >= past.counted // CYCLE, f"{unit.code}: {errors} errors"


def _stored() -> int:
    return IngestReceipt.objects.aggregate(total=Sum("stored"))["total"] or 0


def _publish(broker: Mosquitto, group: str, messages: int, told: list[str]) -> float:
    """Starts a publisher that has its messages ready; returns when it was told to go."""
    publisher = _start("tests.benchmarks.publisher", broker, group, "--messages", str(messages), *told)
    assert publisher.stdout is not None
    assert publisher.stdin is not None
    assert publisher.stdout.readline() == "ready\n"
    started = time.perf_counter()
    publisher.stdin.write("go\n")
    publisher.stdin.flush()
    return started


def _start(module: str, broker: Mosquitto, group: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", module, "--port", str(broker.port), "--group", group, *arguments]
    connection.close()
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _told(rates: dict[str, list[float]]) -> list[Ratio]:
    for kind, found in rates.items():
        print(f"  {kind:<8} {' '.join(f'{rate:9,.0f}' for rate in found)}", file=sys.stderr)
    ours = statistics.median(rates["ours"])
    name = f"Sparkplug, {METRICS} metrics a message, spooled, stored and stitched (metrics/s)"
    return [
        Ratio(name, ours, statistics.median(rates["samples"]), "bare paho → COPY, same table", goal=GOAL),
        Ratio(name, ours, statistics.median(rates["scratch"]), "bare paho → COPY, unlogged scratch table"),
    ]
