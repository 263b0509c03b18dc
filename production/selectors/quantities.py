"""How many pieces, by whom they were counted: the machine, people, the plan, side by side.

Whole five-minute buckets are summed in the database; the ends of a window are counted from the samples
themselves,
so any window is exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import Q, Sum

from connectors import selectors as connectors
from production.domain.counters import BUCKET, GAP, IMPLAUSIBLE, Counter, bucket_of, number, step, total_of
from production.domain.stitching import COUNTERS
from production.models import QuantityActual
from production.selectors.folding import countable, latest
from production.selectors.units import per_second_of, signals_of

if TYPE_CHECKING:
    from connectors.models import SignalDefinition
    from connectors.selectors import SampleRow
    from plant.models import Equipment

ZERO = Decimal(0)
INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Quantities:
    """Pieces a machine counted in [start, end). None: it has no counter that tells.

    ``in_gap``: counted across a gap in the data, part of the sums. ``unverified``: in steps faster than
    believable,
    not part of the sums. ``unattributed``: good and scrap counted in the step that spans ``start``, and so
    perhaps
    before it; part of the sums of a window, not of an order's. ``signal_ids`` are what it was computed from.
    """

    equipment_id: int
    start: datetime
    end: datetime
    good: Decimal | None = None
    scrap: Decimal | None = None
    rework: Decimal | None = None
    total: Decimal | None = None
    in_gap: Decimal = ZERO
    unverified: Decimal = ZERO
    unattributed: Decimal = ZERO
    signal_ids: tuple[int, ...] = ()


@dataclass(slots=True)
class _Sum:
    """What one counter counted."""

    signal: SignalDefinition
    pieces: Decimal = ZERO
    in_gap: Decimal = ZERO
    unverified: Decimal = ZERO
    spanning: Decimal = ZERO
    # Without any value yet its count is not known, which is not zero.
    seen: bool = False

    def add(self, flag: str, quantity: Any) -> None:
        self.seen = True
        if flag == IMPLAUSIBLE:
            self.unverified += quantity
            return
        self.pieces += quantity
        if flag == GAP:
            self.in_gap += quantity


def counters_of(units: Iterable[Equipment]) -> list[SignalDefinition]:
    """The counters of several machines in one read."""
    return signals_of(equipment_ids=[unit.pk for unit in units], roles=COUNTERS)


def quantities(
    *,
    equipment_ids: Iterable[int],
    start: datetime,
    end: datetime,
    of_order: bool = False,
    counters: Iterable[SignalDefinition] | None = None,
) -> dict[int, Quantities]:
    """Pieces of machines in a window, by machine; machines without counters are left out.

    A step between two samples counts where its later sample lies in [start, end). With ``of_order`` the
    window is one
    order's span: a step counts only if both its samples lie in [start, end], and what spans the start is
    told apart. ``counters``: those of the machines, where they are read already.
    """
    ids = set(equipment_ids)
    if counters is None:
        counters = signals_of(equipment_ids=ids, roles=COUNTERS)
    signals = [signal for signal in counters if signal.equipment_id in ids]
    sums = {signal.pk: _Sum(signal) for signal in signals}
    if not signals or end <= start:
        return {}
    # With both ends included, a sample at the very instant of an order change belongs to the order before.
    first, last = (start + INSTANT, end + INSTANT) if of_order else (start, end)
    begun = _sum_window(sums, first, last)
    unseen = [pk for pk, item in sums.items() if not item.seen]
    for pk in connectors.last_samples_before(signal_ids=unseen, at=last):
        sums[pk].seen = True
    if of_order:
        _spanning(sums, begun, start, last)
    return _by_machine(sums, start, end, of_order=of_order)


def _sum_window(sums: dict[int, _Sum], start: datetime, end: datetime) -> dict[int, SampleRow]:
    """Steps whose later sample lies in [start, end): whole buckets from rows, the ends from samples.

    Gives the counters' last samples before ``start``.
    """
    head_end = min(bucket_of(start - INSTANT) + BUCKET, end)
    tail_start = max(bucket_of(end), head_end)
    if head_end < tail_start:
        whole = QuantityActual.objects.filter(
            Q(flag="", start_time__gte=head_end, start_time__lt=tail_start)
            | ~Q(flag="") & Q(end_time__gte=head_end, end_time__lt=tail_start),
            signal_id__in=list(sums),
        )
        for signal, flag, pieces in whole.values_list("signal_id", "flag").annotate(pieces=Sum("quantity")):
            sums[signal].add(flag, pieces)
    return _sum_samples(sums, start, ((start, head_end), (tail_start, end)))


def _sum_samples(
    sums: dict[int, _Sum], start: datetime, windows: Sequence[tuple[datetime, datetime]]
) -> dict[int, SampleRow]:
    """Steps of two windows, the earlier first; gives the counters' last samples before ``start``."""
    ends = [window for window in windows if window[0] < window[1]]
    before = connectors.last_samples_before_each(
        signal_ids=sums, instants={start, *(since for since, _ in ends)}
    )
    counters = [_counters(sums.values(), since, before[since]) for since, _ in ends]
    gaps = _gaps(sums.values(), counters, ends)
    rows = connectors.samples_within(signal_ids=sums, windows=ends)
    for (since, until), resumed, missed in zip(ends, counters, gaps, strict=True):
        for pk, counter in resumed.items():
            sums[pk].seen |= counter.value is not None
        for row in rows:
            if since <= row.source_time < until and countable(row):
                known = missed.get(sums[row.signal_id].signal.equipment_id, ())
                resumed[row.signal_id].add(row.source_time, row.value, known)
        _add(sums, resumed)
    return before[start]


def _add(sums: dict[int, _Sum], counters: dict[int, Counter]) -> None:
    for counter in counters.values():
        counter.flush()
        for counted in counter.rows:
            sums[counted.signal].add(counted.flag, counted.quantity)


def _counters(sums: Iterable[_Sum], at: datetime, before: dict[int, SampleRow]) -> dict[int, Counter]:
    """Counters as their last good sample before an instant left them; ``before``: their last ones."""
    counters = {s.signal.pk: _counter(s.signal) for s in sums}
    for signal, last in before.items():
        row = last if countable(last) else latest(signal, at, countable)
        if row is not None:
            counters[signal].resume(number(row.value), row.source_time)
    return counters


def _counter(signal: SignalDefinition) -> Counter:
    modulus = signal.counter_modulus
    return Counter(
        signal.pk,
        COUNTERS[signal.role],
        modulus=None if modulus is None else int(modulus),
        per_second=per_second_of(signal, signal.fastest),  # type: ignore[attr-defined]
    )


def _gaps(
    sums: Iterable[_Sum], counters: Sequence[dict[int, Counter]], ends: Sequence[tuple[datetime, datetime]]
) -> list[dict[int, list[tuple[datetime, datetime]]]]:
    """Gaps by machine that each window's steps may span, from its counters' last samples on."""
    since = [
        min([start, *(c.at for c in resumed.values() if c.at is not None)])
        for (start, _), resumed in zip(ends, counters, strict=True)
    ]
    found: list[dict[int, list[tuple[datetime, datetime]]]] = [{} for _ in ends]
    if not ends:
        return found
    ids = {s.signal.equipment_id for s in sums}
    for gap in connectors.gaps_between(equipment_ids=ids, start=min(since), end=ends[-1][1]):
        if gap.equipment_id is None or gap.end_time == gap.start_time:
            continue
        for (_, end), earliest, missed in zip(ends, since, found, strict=True):
            if gap.start_time < end and (gap.end_time is None or gap.end_time > earliest):
                known_end = gap.end_time or end + BUCKET
                missed.setdefault(gap.equipment_id, []).append((gap.start_time, known_end))
    return found


def _spanning(sums: dict[int, _Sum], before: dict[int, SampleRow], start: datetime, end: datetime) -> None:
    """Take out of each sum the step that spans the start: its first sample lies before, its second in the
    window.
    """
    counters = _counters(sums.values(), start + INSTANT, before)
    for pk, counter in counters.items():
        if counter.value is None or counter.at is None or counter.at == start:
            continue
        after = _first_good(pk, start + INSTANT, end)
        if after is None:
            continue
        at, value = after
        elapsed = at - counter.at
        quantity, flag = step(
            counter.value, value, elapsed, modulus=counter.modulus, per_second=counter.per_second
        )
        if flag != IMPLAUSIBLE:
            sums[pk].spanning = Decimal(quantity)


def _first_good(signal_id: int, start: datetime, end: datetime) -> tuple[datetime, Any] | None:
    """The first good sample of a counter in [start, end)."""
    after = (start, -(2**63))
    while True:
        rows = connectors.samples_page(signal_id=signal_id, start=start, end=end, after=after, limit=8)
        for row in rows:
            if countable(row):
                return row.source_time, number(row.value)
        if len(rows) < 8:
            return None
        after = (rows[-1].source_time, rows[-1].source_key)


def _by_machine(
    sums: dict[int, _Sum], start: datetime, end: datetime, *, of_order: bool
) -> dict[int, Quantities]:
    grouped: dict[int, list[_Sum]] = {}
    for item in sums.values():
        grouped.setdefault(item.signal.equipment_id, []).append(item)
    return {machine: _quantities(machine, items, start, end, of_order) for machine, items in grouped.items()}


def _quantities(
    machine: int, items: Sequence[_Sum], start: datetime, end: datetime, of_order: bool
) -> Quantities:
    kinds: dict[str, Decimal] = {}
    for item in items:
        if not item.seen:
            continue
        kind = COUNTERS[item.signal.role]
        kinds[kind] = kinds.get(kind, ZERO) + item.pieces - (item.spanning if of_order else ZERO)
    includes = next((i.signal.total_includes_scrap for i in items if i.signal.role == "total_count"), None)
    good, scrap, total = total_of(
        kinds.get("good"), kinds.get("scrap"), kinds.get("total"), includes_defective=includes
    )
    return Quantities(
        machine,
        start,
        end,
        good,
        scrap,
        kinds.get("rework"),
        total,
        in_gap=sum((item.in_gap for item in items), ZERO),
        unverified=sum((item.unverified for item in items), ZERO),
        unattributed=sum((item.spanning for item in items if item.signal.role != "total_count"), ZERO),
        signal_ids=tuple(item.signal.pk for item in items),
    )
