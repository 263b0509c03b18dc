"""What a fold begins with and reads: rows going on, last samples, samples of a window, gaps."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import TYPE_CHECKING

from django.db.models import Q

from connectors import selectors as connectors
from production.domain.counters import IMPLAUSIBLE, LARGEST, Counter, number, reading
from production.domain.states import EXECUTE
from production.domain.stitching import COUNTERS, FOLDED, Gap, Open, Sample, StateRow
from production.domain.stops import StopRow
from production.domain.tracks import AlarmRow, SpanRow
from production.models import QuantityActual, StateInterval
from production.selectors.stations import last_said_before, samples_said
from production.selectors.stored import ALARMS, COUNTS, LOTS, ORDERS, STATES, STOPS, TOOLS, Stored
from production.selectors.units import UnitSetup

if TYPE_CHECKING:
    from connectors.selectors import SampleRow

# A value further ahead of its own arrival than this has a wrong clock and drives nothing.
AHEAD = timedelta(minutes=5)
BAD = 2
INSTANT = timedelta(microseconds=1)
SILENCE_SEEN = timedelta(seconds=10)
# Stored rows as the fold knows them.
STATE_ROW = STATES.pick("start_time", "end_time", "state", "mode", "fault_code", "cause")
STOP_ROW = STOPS.pick("start_time", "end_time", "base_class", "fault_code")
ORDER_ROW = ORDERS.pick("start_time", "order_code")
TOOL_ROW = TOOLS.pick("signal_id", "start_time", "tool_code")
LOT_ROW = LOTS.pick("signal_id", "start_time", "lot_code")
ALARM_ROW = ALARMS.pick("signal_id", "start_time", "code", "acknowledged_at", "text")
BUCKET_ROW = COUNTS.pick("signal_id", "start_time", "quantity")


def samples_read(setup: UnitSetup, start: datetime, end: datetime) -> list[Sample]:
    """The machine's samples in [start, end), in source-time order. A null value counts as bad quality.

    Signals that only break silence are thinned: no silence that counts is missed.
    """
    stale = setup.unit.stale_after
    signals = [signal for signal in setup.unit.signals if signal.id > 0]
    samples = connectors.samples_folded(
        read_ids=[signal.id for signal in signals if signal.role in FOLDED],
        heard_ids=[signal.id for signal in signals if signal.role not in FOLDED],
        start=start,
        end=end,
        ahead=AHEAD,
        resolution=SILENCE_SEEN if stale is None else min(max(stale, INSTANT), SILENCE_SEEN),
    )
    if not setup.is_manual:
        return samples
    return sorted([*samples, *samples_said(setup.id, start, end)], key=itemgetter(0))


def gaps_read(setup: UnitSetup, opened: Open) -> list[Gap]:
    """Unrecovered gaps of the machine from where a fold begins; earlier where a counter's last sample is
    earlier.
    """
    counters = setup.signals(*COUNTERS)
    start = min((seed[0] for signal, seed in opened.last.items() if signal in counters), default=opened.at)
    start = min([start, opened.at, *(at for at, _ in opened.last_good.values())])
    far = datetime.max.replace(tzinfo=UTC)
    found = connectors.gaps_between(equipment_ids=[setup.id], start=start, end=far)
    return [Gap(gap.start_time, gap.end_time) for gap in found if gap.end_time != gap.start_time]


def gaps_told(setup: UnitSetup, start: datetime, end: datetime) -> list[Gap]:
    """All gaps of the machine that reach [start, end], those since recovered too: a fold may have used
    them.
    """
    until = end + timedelta(microseconds=1)
    found = connectors.gaps_between(equipment_ids=[setup.id], start=start, end=until, include_recovered=True)
    return [Gap(gap.start_time, gap.end_time) for gap in found if gap.end_time != gap.start_time]


def stop_going_on(stored: Stored) -> StopRow | None:
    """The stop that reaches where a fold begins."""
    found = stored.reaching(STOPS, stored.start)
    return StopRow(*STOP_ROW(found[-1]))._replace(end=None) if found else None


def opened_at(setup: UnitSetup, stored: Stored, *, continue_buckets: bool) -> Open:
    """Where a fold of the machine begins. ``continue_buckets``: nothing at or after it was counted before."""
    unit, at = setup.unit, stored.start
    states = stored.reaching(STATES, at)
    last = _last_before([signal.id for signal in unit.signals if signal.id > 0], at)
    if setup.is_manual:
        last |= last_said_before(setup.id, at)
    opened = Open(
        at,
        state=StateRow(*STATE_ROW(states[-1]))._replace(end=None) if states else None,
        spans=tuple(_spans(setup, stored)),
        alarms=tuple(_alarms(stored)),
        last=last,
        last_good=_last_good(setup, last, at),
        buckets=_buckets(stored) if continue_buckets else {},
    )
    if unit.follows_counter:
        opened.last_move = _last_move(setup, at)
    if unit.by_counter:
        opened.moved = _moved(setup, at)
    elif unit.counts_pieces:
        opened.run_since = _run_since(setup, at)
    return opened


def believable(row: SampleRow) -> bool:
    """Not ahead of its own arrival."""
    return row.source_time <= row.arrival_time + AHEAD


def countable(row: SampleRow) -> bool:
    """A good number."""
    return believable(row) and row.quality != BAD and reading(row.value) is not None


def latest_countable(signal_ids: Iterable[int], at: datetime) -> dict[int, SampleRow]:
    """The last sample of each signal before an instant that is a good number; one read for all of them.

    One that only rounding makes too large is walked past.
    """
    found: dict[int, SampleRow] = {}
    for signal, row in _good_before(signal_ids, at).items():
        one: SampleRow | None = row
        while one is not None and not countable(one):
            instant = one.source_time
            # Several values may share one instant: each of them is looked at, the last in order first.
            shared = connectors.samples_between(signal_ids=[signal], start=instant, end=instant + INSTANT)
            one = next((other for other in reversed(shared) if countable(other)), None)
            one = one or _good_before([signal], instant).get(signal)
        if one is not None:
            found[signal] = one
    return found


def _good_before(signal_ids: Iterable[int], at: datetime) -> dict[int, SampleRow]:
    return connectors.last_good_before(signal_ids=signal_ids, at=at, ahead=AHEAD, below=LARGEST)


def _last_before(ids: list[int], at: datetime) -> dict[int, tuple[datetime, object, bool]]:
    """The last believable sample of each signal before an instant."""
    rows = connectors.last_told_before(signal_ids=ids, at=at, ahead=AHEAD)
    return {
        signal: (row.source_time, row.value, row.quality == BAD or row.value is None)
        for signal, row in rows.items()
    }


def _last_good(
    setup: UnitSetup, last: dict[int, tuple[datetime, object, bool]], at: datetime
) -> dict[int, tuple[datetime, object]]:
    """For counters whose last sample is bad or no number: the last good one before it."""
    wanted = [
        signal
        for signal in setup.signals(*COUNTERS)
        if (seed := last.get(signal)) is not None and (seed[2] or reading(seed[1]) is None)
    ]
    return {signal: (row.source_time, row.value) for signal, row in latest_countable(wanted, at).items()}


def _spans(setup: UnitSetup, stored: Stored) -> list[SpanRow]:
    found = [
        SpanRow(signal, start, None, code)
        for signal in setup.signals("order")
        for start, code in map(ORDER_ROW, stored.reaching(ORDERS, stored.start))
    ]
    for table, role, read in ((TOOLS, "tool", TOOL_ROW), (LOTS, "lot", LOT_ROW)):
        signals = setup.signals(role)
        rows = map(read, stored.reaching(table, stored.start))
        found += [SpanRow(signal, start, None, code) for signal, start, code in rows if signal in signals]
    return sorted(found, key=lambda row: row.start, reverse=True)


def _alarms(stored: Stored) -> list[AlarmRow]:
    rows = [
        AlarmRow(signal, start, None, code, noticed if noticed and noticed < stored.start else None, text)
        for signal, start, code, noticed, text in map(ALARM_ROW, stored.reaching(ALARMS, stored.start))
    ]
    return sorted(rows, key=lambda row: row.start, reverse=True)


def _buckets(stored: Stored) -> dict[int, tuple[datetime, int]]:
    rows = map(BUCKET_ROW, stored.buckets_at_start())
    return {signal: (start, number(quantity) or 0) for signal, start, quantity in rows}  # type: ignore[misc]


def _moved(setup: UnitSetup, at: datetime) -> bool:
    """Whether a counter ever grew before an instant that begins a bucket, seen or inside a gap."""
    steps = ~Q(flag__in=("", IMPLAUSIBLE)) & Q(quantity__gt=0, end_time__lt=at)
    counted = QuantityActual.objects.filter(work_unit_id=setup.id, signal_id__in=setup.signals(*COUNTERS))
    return counted.filter(Q(flag="", end_time__lte=at) | steps).exists()


def _run_since(setup: UnitSetup, at: datetime) -> datetime | None:
    """Since when the rows that reach an instant say execute without a break, as far as it matters."""
    near = Q(start_time__lt=at) & (Q(end_time__isnull=True) | Q(end_time__gte=at - setup.unit.lookback))
    since, until = None, at
    found = StateInterval.objects.filter(near, work_unit_id=setup.id).order_by("start_time")
    fields = ("start_time", "end_time", "state", "mode", "fault_code", "cause")
    for row in reversed([StateRow(*row) for row in found.values_list(*fields)]):
        if row.state != EXECUTE or (row.end is not None and row.end < until):
            break
        since = until = row.start
    return since


def _last_move(setup: UnitSetup, at: datetime) -> datetime | None:
    """When a counter last grew within the machine's lookback before an instant."""
    start = at - setup.unit.lookback
    counters = {
        s.id: Counter(s.id, "", modulus=s.modulus, per_second=s.per_second)
        for s in setup.unit.signals
        if s.role in COUNTERS
    }
    for signal, row in latest_countable(counters, start).items():
        counters[signal].resume(reading(row.value), row.source_time)
    for moment, signal, value, bad in samples_read(setup, start, at):
        if signal in counters and not bad:
            counters[signal].add(moment, value)
    return max((moved for counter in counters.values() for moved in counter.moved), default=None)
