"""A backlog whose every value is stored already, against the same backlog when it is new.

As after a runner's disk was copied, or a source tells its store again: other numbers of the spool, the same
values. Both in one process by the service that stores deliveries, fresh and repeated in turns.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
import uuid
from datetime import UTC, datetime
from unittest.mock import patch

from connectors.domain.columns import Columns
from connectors.models import SignalSample
from connectors.services import ingest
from connectors.services.ingest import Delivery, deliveries_store
from tests.benchmarks.result import Ratio
from tests.factories.connectors import connection_make, signal_make
from tests.factories.plant import line_make

VALUES = int(os.environ.get("BENCH_REPLAY_VALUES", "100000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
BATCH, TASK, SIGNALS = 500, 20, 20
STEP = 10_000
GOAL = 0.6


def run() -> list[Ratio]:
    # Nobody is there to be woken: storing is what is measured
    with patch.object(ingest, "wake_sparingly", lambda *_: None):
        return _run()


def _run() -> list[Ratio]:
    line = line_make(1, code="REPLAY")
    made = connection_make(line.site, slug="replay", protocol="mqtt")
    ids = [signal_make(line.unit, f"v{number}", connection=made).pk for number in range(SIGNALS)]
    now = time.time_ns() // 1000
    fresh, again = [], []
    _store(_backlog(now - (ROUNDS + 2) * VALUES * STEP))
    for number in range(ROUNDS):
        backlog = _backlog(now - (ROUNDS + 1 - number) * VALUES * STEP)
        fresh.append(_store(backlog))
        again.append(_store(backlog))
    stored = SignalSample.objects.filter(signal_id__in=ids).count()
    assert stored == (ROUNDS + 1) * VALUES, f"{stored} stored"
    for kind, found in (("fresh", fresh), ("again", again)):
        print(f"  {kind:<8} {' '.join(f'{rate:9,.0f}' for rate in found)}", file=sys.stderr)
    ours, baseline = statistics.median(again), statistics.median(fresh)
    return [Ratio("replay of a backlog stored already (values/s)", ours, baseline, "new values", goal=GOAL)]


def _backlog(start: int) -> list[Columns]:
    found = []
    for first in range(0, VALUES, BATCH):
        columns = Columns()
        for number in range(first, first + BATCH):
            at = start + number * STEP
            columns.add(f"v{number % SIGNALS}", number * 0.5, source_time=at, arrival_time=at)
        found.append(columns)
    return found


def _store(backlog: list[Columns]) -> float:
    """Values a second, in tasks as a runner would send them, from a spool not seen before."""
    spool, started = uuid.uuid4(), time.perf_counter()
    for first in range(0, len(backlog), TASK):
        deliveries = [
            Delivery(samples=columns, receipt=(spool, number), told=len(columns))
            for number, columns in enumerate(backlog[first : first + TASK], start=first)
        ]
        deliveries_store(slug="replay", deliveries=deliveries, now=datetime.now(UTC), sparingly=True)
    return VALUES / (time.perf_counter() - started)
