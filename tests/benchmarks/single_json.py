"""One value a message, JSON at QoS 1: acknowledged after fsync, against bare paho; and how soon committed.

Both receivers find the same messages in the broker's queue and begin when it is full. Ours counts from the
first arrival to the last: the broker sends no more than 1,000 that are not acknowledged, and we acknowledge
what is on disk. Then the device speaks at three tenths of what was stored a second, and PostgreSQL's own
commit times are compared with the times in the messages.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from django.db import connection
from django.db.models import Max, Min

from connectors.models import SignalSample, Watermark
from tests.benchmarks.json_device import addresses
from tests.benchmarks.result import Ratio
from tests.connectors.peers import Mosquitto, mosquitto
from tests.connectors.stack import ROOT, Stack, database_url, stack, wait_until
from tests.factories.connectors import connection_make, signal_make
from tests.factories.plant import line_make

MESSAGES = int(os.environ.get("BENCH_JSON_MESSAGES", "20000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
LIKE_MAKE_RUN = ("-Q", "ingest,stitch,default", "-c", "2")
GOAL, SHARE, SECONDS = 0.8, 0.3, 8.0
FLUSH_MS = 50
# Of a row its transaction, and of that the instant of its commit
COMMITTED = """SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin) - source_time) * 1000
FROM connectors_signalsample WHERE source_time >= %s AND signal_id = ANY(%s)"""


class Place:
    """A line of one machine with twenty values, a broker, a worker, and a runner now and then."""

    def __init__(self, broker: Mosquitto, running: Stack, signals: list[int], slug: str) -> None:
        self.broker, self.running, self.signals, self._slug = broker, running, signals, slug
        self._runner: subprocess.Popen[bytes] | None = None

    def listen(self) -> None:
        since = datetime.now(UTC)
        self._runner = self.running.runner(self._slug)
        wait_until(Watermark.objects.filter(at__gt=since).exists, seconds=90, what="the runner, connected")

    def deaf(self) -> None:
        assert self._runner is not None
        self._runner.send_signal(signal.SIGTERM)
        self._runner.wait(30)

    def say(self, messages: int, **options: float) -> tuple[datetime, subprocess.Popen[str]]:
        """The instant it began."""
        named = [text for name, value in options.items() for text in (f"--{name}", str(value))]
        device = self._start("json_device", messages, *named)
        assert device.stdout is not None
        assert device.stdin is not None
        assert device.stdout.readline() == "ready\n"
        begun = datetime.now(UTC)
        device.stdin.write("go\n")
        device.stdin.flush()
        return begun, device

    def bare(self, messages: int) -> float:
        """Messages a second; 0 only subscribes."""
        told = self._start("bare_receiver", messages).communicate(timeout=120)[0]
        return (messages - 1) / float(told) if messages else 0.0

    def _start(self, module: str, messages: int, *options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", f"tests.benchmarks.{module}", "--port", str(self.broker.port)]
        command += ["--messages", str(messages), *options]
        return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def wait_stored(self, since: datetime, messages: int, *, seconds: float = 120) -> None:
        rows = SignalSample.objects.filter(signal_id__in=self.signals, source_time__gte=since)
        wait_until(lambda: rows.count() >= messages, seconds=seconds, what=f"{messages} stored")
        assert rows.count() == messages, "stored twice"


@contextmanager
def place(code: str) -> Iterator[Place]:
    line = line_make(1, code=code)
    with tempfile.TemporaryDirectory() as name, mosquitto(Path(name)) as broker:
        mapping = {"topic": "plant/{unit}/{signal}", "value": "v", "time": "t", "time_unit": "us"}
        config = {"broker": broker.url, "client_id": code, "mappings": [mapping]}
        made = connection_make(line.site, slug=code.lower(), protocol="mqtt", config=config)
        signals = [signal_make(line.unit, address, connection=made).pk for address in addresses()]
        with stack(Path(name), database=database_url(), mqtt=broker.url) as running:
            running.worker(*LIKE_MAKE_RUN)
            yield Place(broker, running, signals, code.lower())


def run() -> list[Ratio]:
    rates: dict[str, list[float]] = {"bare": [], "ours": [], "stored": []}
    with place("JSON") as ours:
        ours.bare(0)
        ours.listen()
        for _ in range(ROUNDS):
            bare, received, stored = _round(ours)
            rates["bare"].append(bare)
            rates["ours"].append(received)
            rates["stored"].append(stored)
        delays = _committed(ours, SHARE * statistics.median(rates["stored"]))
    for kind, found in rates.items():
        print(f"  {kind:<8} {' '.join(f'{rate:9,.0f}' for rate in found)}", file=sys.stderr)
    return _told({kind: statistics.median(found) for kind, found in rates.items()}, delays)


def _round(ours: Place) -> tuple[float, float, float]:
    """Messages a second: received bare; acknowledged by us; stored by us."""
    bare: list[float] = []
    received, stored = from_queue(ours, between=lambda: bare.append(ours.bare(MESSAGES)))
    return bare[0], received, stored


def from_queue(ours: Place, *, between: Callable[[], object] = lambda: None) -> tuple[float, float]:
    """Messages a second that a runner, started when all wait in the broker, acknowledges; and has stored."""
    ours.deaf()
    begun, device = ours.say(MESSAGES)
    device.wait(120)
    between()
    ours.listen()
    ours.wait_stored(begun, MESSAGES)
    rows = SignalSample.objects.filter(signal_id__in=ours.signals, source_time__gte=begun)
    span = rows.aggregate(first=Min("arrival_time"), last=Max("arrival_time"))
    took = (span["last"] - span["first"]).total_seconds()
    return (MESSAGES - 1) / took, MESSAGES / (_committed_last(ours, begun) - span["first"]).total_seconds()


def _committed_last(ours: Place, since: datetime) -> datetime:
    statement = """SELECT max(pg_xact_commit_timestamp(xmin)) FROM connectors_signalsample
        WHERE source_time >= %s AND signal_id = ANY(%s)"""
    with connection.cursor() as cursor:
        cursor.execute(statement, [since, ours.signals])
        found: datetime = cursor.fetchone()[0]
    return found


def _committed(ours: Place, rate: float) -> list[float]:
    """Milliseconds from each message to its commit, at so many a second; the first second warms up."""
    messages = int(rate * (SECONDS + 1))
    begun, device = ours.say(messages, rate=rate)
    device.wait(120)
    ours.wait_stored(begun, messages)
    with connection.cursor() as cursor:
        cursor.execute(COMMITTED, [datetime.fromtimestamp(begun.timestamp() + 1, UTC), ours.signals])
        return [float(ms) for (ms,) in cursor.fetchall()]


def _told(rates: dict[str, float], delays: list[float]) -> list[Ratio]:
    cuts = statistics.quantiles(delays, n=100, method="inclusive")
    middle, p99 = cuts[49], cuts[98]
    print(f"  publish → committed at {SHARE * rates['stored']:,.0f}/s, ms: p50 {middle:.0f}", file=sys.stderr)
    name = "JSON, one value a message, QoS 1"
    return [
        Ratio(
            f"{name}, acknowledged after fsync (messages/s)", rates["ours"], rates["bare"], "bare paho", GOAL
        ),
        Ratio(f"{name}, stored (messages/s)", rates["stored"], rates["bare"], "bare paho"),
        Ratio(
            f"{name}, publish → committed at {SHARE:g} × that, p99 (ms)",
            p99,
            2 * FLUSH_MS,
            "two flushes",
            goal=1,
            lower_is_better=True,
        ),
    ]
