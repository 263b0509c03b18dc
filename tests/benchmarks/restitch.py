"""What a new sample costs to derive after a day and after a year of history, and what a late one costs.

One machine with a state each three minutes and a counter each minute, told day by day, and packed as every
night. New: ten minutes in order. Late: a state inside a day that is over, which is folded again until its
rows agree.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

from connectors.domain.columns import Columns, micros
from connectors.models import SignalSample
from connectors.services import history_pack, ingest
from production.models import StateInterval
from tests.benchmarks.result import Ratio
from tests.benchmarks.timing import allowed
from tests.factories.production import Sender, sender_make

DAYS = int(os.environ.get("BENCH_STITCH_DAYS", "365"))
ROUNDS = 15
DAY, MINUTE = 86_400, 60
STATES = (6, 6, 11, 6, 9)
LATE_MS = 50
FLAT = 1.2
BEGIN = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=DAYS + 2)
Said = tuple[float, str, int]


def run() -> list[Ratio]:
    # Nobody is there to be woken: stitching is what is measured
    with patch.object(ingest, "wake", lambda *_: None):
        return _run()


def _run() -> list[Ratio]:
    sender = sender_make(roles=("state", "good_count"))
    _tell(sender, 0, DAY)
    day, said = _in_order(sender, DAY)
    begun = time.perf_counter()
    for number in range(2, DAYS):
        _tell(sender, number * DAY, DAY)
    print(f"  {DAYS} days were folded in {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    while history_pack(now=datetime.now(UTC)):
        pass
    year, _ = _in_order(sender, DAYS * DAY)
    late, rows = _late(sender)
    samples = SignalSample.objects.filter(signal_id__in=[s.pk for s in sender.signals.values()]).count()
    print(f"  {samples:,} samples; late: {late:.1f} ms, {rows} rows at most", file=sys.stderr)
    name = "stitching in order, a new sample"
    return [
        Ratio(
            f"{name}, after {DAYS} days (µs)",
            year * 1e6 / said,
            day * 1e6 / said,
            "after one",
            goal=FLAT,
            lower_is_better=True,
        ),
        allowed("one machine restitched after a late state of a day that is over", late, LATE_MS),
    ]


def _said(start: int, seconds: int) -> Iterator[Said]:
    """Numbers follow from the time alone."""
    for at in range(start, start + seconds, MINUTE):
        yield at, "good_count", at // 6
        if at % 180 == 0:
            yield at + 0.5, "state", STATES[at // 180 % len(STATES)]


def _tell(sender: Sender, start: int, seconds: int) -> None:
    _say(sender, _said(start, seconds), start + seconds)
    sender.stitch()


def _say(sender: Sender, said: Iterable[Said], until: float) -> None:
    columns, now = Columns(), BEGIN + timedelta(seconds=until)
    for at, role, value in said:
        source = micros(BEGIN + timedelta(seconds=at))
        columns.add(sender.signals[role].address, value, source_time=source, arrival_time=micros(now))
    ingest.samples_ingest(connection=sender.connection.slug, samples=columns, now=now, watermark=now)


def _in_order(sender: Sender, start: int) -> tuple[float, int]:
    """Seconds of a stitch of ten minutes that continue what was folded, and samples in them."""
    taken, span = [], 10 * MINUTE
    for number in range(ROUNDS):
        at = start + number * span
        _say(sender, _said(at, span), at + span)
        taken.append(_seconds(sender.stitch))
    return statistics.median(taken), sum(1 for _ in _said(start, span))


def _late(sender: Sender) -> tuple[float, int]:
    """Milliseconds; each late state splits one that was running, in a day of its own."""
    taken, busy, rows = [], [], 0
    for number in range(1, ROUNDS + 1):
        at = (DAYS - 2 - number * max(1, DAYS // 20)) % DAYS * DAY + DAY // 2 + 40
        before = StateInterval.objects.filter(work_unit=sender.unit).count()
        _say(sender, [(at, "state", 2)], (DAYS + 1) * DAY)
        processor = time.process_time()
        taken.append(_seconds(sender.stitch))
        busy.append(time.process_time() - processor)
        rows = max(rows, StateInterval.objects.filter(work_unit=sender.unit).count() - before)
        assert rows, "the late state changed nothing"
    best, ours = min(taken) * 1000, statistics.median(busy) * 1000
    print(f"  late, ms: best {best:.0f}, processor time without the database {ours:.0f}", file=sys.stderr)
    return statistics.median(taken) * 1000, rows


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
