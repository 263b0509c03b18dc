"""A state change at the source until the line page shows it, while the line sends 1,000 values a second.

Sparkplug edge → Mosquitto → runner → spool → Celery → COPY → stitching → page, in a whole installation. Two
readers ask for the page's changing part with their ETag, as its script does: one every 0.15 s, which finds
how long the change takes, and one every 2 s like the page, which finds when a person sees it.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from connectors.models import SignalDefinition, SignalSample, Watermark
from mom.pages.words import state_word
from production.models import StateInterval
from tests.benchmarks.installation import beside, installation
from tests.benchmarks.line_load import ABORTED, EXECUTE, STATES, Load, line_prepare, load
from tests.benchmarks.reader import Reader
from tests.benchmarks.result import Ratio
from tests.connectors.peers import mosquitto
from tests.connectors.stack import wait_until

CHANGES = int(os.environ.get("BENCH_CHANGES", "60"))
SOON, POLL = 0.15, 2.0
GOAL_MS = 3000
LONGEST = 30.0


@dataclass
class Taken:
    """Seconds from a change at the source until each stage had it; ``seen``: by a page polling every 2 s."""

    stored: float = 0.0
    stitched: float = 0.0
    shown: float = 0.0
    seen: float = 0.0


def run() -> list[Ratio]:
    with (
        tempfile.TemporaryDirectory() as name,
        mosquitto(Path(name)) as broker,
        installation(demo=False, MQTT_URL=broker.url) as plant,
        beside(plant),
    ):
        line = line_prepare()
        # The page's script waits 2 s ± 15 % between polls.
        pauses = (lambda: SOON, lambda: POLL * random.uniform(0.85, 1.15))
        readers = [Reader(plant.port, line, pause) for pause in pauses]
        with load(broker, line) as sending:
            wait_until(Watermark.objects.exists, seconds=60, what="the runner, connected")
            for reader in readers:
                reader.start()
            signal = SignalDefinition.objects.get(equipment=line.unit, role="state")
            _shown_by(readers, EXECUTE)
            taken = [_change(sending, signal, readers) for _ in range(CHANGES)]
            sent = sending.per_second
            for reader in readers:
                reader.ended.set()
                reader.join(20)
    return _told(taken, sent)


def _change(sending: Load, signal: SignalDefinition, readers: list[Reader]) -> Taken:
    """One change, followed until both readers see it."""
    time.sleep(random.uniform(0.3, 1.5))
    value = ABORTED if readers[0].state == state_word("execute") else EXECUTE
    began = sending.change(value)
    at, taken = datetime.fromtimestamp(began, UTC), Taken()
    stored = SignalSample.objects.filter(signal_id=signal.pk, source_time__gte=at)
    wait_until(stored.exists, seconds=LONGEST, what="the sample stored")
    taken.stored = time.time() - began
    rows = StateInterval.objects.filter(work_unit_id=signal.equipment_id, start_time__gte=at)
    wait_until(rows.exists, seconds=LONGEST, what="the state stitched")
    taken.stitched = time.time() - began
    _shown_by(readers, value)
    taken.shown, taken.seen = (reader.at - began for reader in readers)
    return taken


def _shown_by(readers: list[Reader], value: int) -> None:
    word = state_word(STATES[str(value)])

    def shown() -> bool:
        for reader in readers:
            assert reader.fault is None, f"the page could not be read: {reader.fault!r}"
        return all(reader.state == word for reader in readers)

    wait_until(shown, seconds=LONGEST, what=f"{word} on the page, which says {[r.state for r in readers]}")


def _told(taken: list[Taken], sent: float) -> list[Ratio]:
    print(f"  {sent:,.0f} values/s; {len(taken)} changes; ms at p50, p95, most:", file=sys.stderr)
    for stage in ("stored", "stitched", "shown", "seen"):
        ms = [getattr(one, stage) * 1000 for one in taken]
        print(f"  {stage:<9} {statistics.median(ms):6.0f} {_p95(ms):6.0f} {max(ms):6.0f}", file=sys.stderr)
    shown, seen = _p95([one.shown * 1000 for one in taken]), _p95([one.seen * 1000 for one in taken])
    name = "state change → line page at 1,000 values/s, p95 (ms)"
    polled = f"{name}, in a page polling every 2 s"
    return [
        Ratio(f"{name}, in its answer", shown, GOAL_MS, "allowed", goal=1, lower_is_better=True),
        Ratio(polled, seen, GOAL_MS, "allowed", goal=1, lower_is_better=True),
        Ratio(f"{name}, in its answer", shown, POLL * 1000, "one poll"),
    ]


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20, method="inclusive")[-1]
