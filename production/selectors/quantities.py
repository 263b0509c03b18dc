"""How many pieces a machine made: by its counters, and by people where none of them tells.

Whole five-minute buckets are summed in the database; the ends of a window are counted from the samples
themselves,
so any window is exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import Q, Sum, Value

from connectors.selectors import samples_page
from connectors.selectors.edges import Edges, Window, samples_at_edges
from production.domain.counters import BUCKET, GAP, IMPLAUSIBLE, Counter, bucket_of, number, step, total_of
from production.domain.hand_counts import Hand
from production.domain.pieces import Quantities, with_hand
from production.domain.stitching import COUNTERS
from production.models import QuantityActual
from production.selectors.conversions import Units, units_read
from production.selectors.folding import countable, latest_countable
from production.selectors.hand_counts import counted_at, hand_counts, kinds_told
from production.selectors.units import per_second_of, signals_of

if TYPE_CHECKING:
    from connectors.models import SignalDefinition
    from connectors.selectors import SampleRow
    from plant.models import Equipment

ZERO = Decimal(0)
INSTANT = timedelta(microseconds=1)


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
    # Counted in a unit nobody has said what it makes of the product.
    refused: bool = False

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


@dataclass(frozen=True, slots=True)
class Asked:
    """Machines, and the window [start, end) they are asked about. ``said``: what people counted in it; None:
    what ends in it. ``order``: what was at work in all of it, empty for none; None: whatever was.
    """

    equipment_ids: frozenset[int]
    start: datetime
    end: datetime
    said: tuple[Hand, ...] | None = None
    order: str | None = None


def quantities(
    *,
    equipment_ids: Iterable[int],
    start: datetime,
    end: datetime,
    of_order: bool = False,
    counters: Iterable[SignalDefinition] | None = None,
) -> dict[int, Quantities]:
    """Pieces of machines in a window, by machine; machines of which nobody tells any are left out.

    A step between two samples counts where its later sample lies: in [start, end), and with ``of_order``,
    where the window is an order's span, in (start, end]. So what is counted in the step over a change of
    order belongs to the order that was at work when it was reported, and is told as ``spanning`` too: orders
    that touch add up to their window. ``counters``: those of the machines, where they are read already.
    """
    asked = Asked(frozenset(equipment_ids), start, end)
    return quantities_each([asked], of_order=of_order, counters=counters)[0]


def quantities_each(
    asked: Sequence[Asked], *, of_order: bool = False, counters: Iterable[SignalDefinition] | None = None
) -> list[dict[int, Quantities]]:
    """``quantities`` of several windows, in as many reads as for one."""
    if counters is None:
        ids = {pk for one in asked for pk in one.equipment_ids}
        counters = signals_of(equipment_ids=ids, roles=COUNTERS)
    signals = list(counters)
    asked = _with_said(asked, signals, of_order=of_order)
    units = units_read(signals)
    parts = [(one,) if units is None else _by_order(units, one, of_order=of_order) for one in asked]
    counts = [[_Count.begun(part, signals, of_order=of_order) for part in of_one] for of_one in parts]
    if at_work := [count for of_one in counts for count in of_one if count.sums]:
        _sum_buckets(at_work)
        _sum_edges(at_work, of_order=of_order)
    told = kinds_told(signals)
    return [
        _with_hands(_by_machine(_together(units, of_one), one.start, one.end), one, told)
        for one, of_one in zip(asked, counts, strict=True)
    ]


def _by_order(units: Units, asked: Asked, *, of_order: bool) -> tuple[Asked, ...]:
    """Of machines that count in another unit, each order and conversion by itself; all others as asked."""
    foreign = asked.equipment_ids & units.machines
    if not foreign or asked.end <= asked.start:
        return (asked,)
    found = [replace(asked, equipment_ids=asked.equipment_ids - foreign)]
    off = timedelta() if of_order else INSTANT
    for machine in sorted(foreign):
        for use in units.parts(machine, asked.start, asked.end, asked.order):
            assert use.end is not None
            since = use.start if use.start == asked.start else use.start + off
            until = use.end if use.end == asked.end else use.end + off
            found.append(Asked(frozenset({machine}), since, until, (), use.code))
    return tuple(found)


def _together(units: Units | None, counts: Sequence[_Count]) -> dict[int, _Sum]:
    """What each counter counted in all parts of a window, in the unit of what was made."""
    if units is None:
        return counts[0].sums
    found: dict[int, _Sum] = {}
    for count in counts:
        for pk, item in count.sums.items():
            whole = found.setdefault(pk, _Sum(item.signal))
            first = not whole.seen and not whole.pieces
            one = units.conversion(item.signal, count.asked.order or "", count.asked.start)
            whole.seen |= item.seen
            for name in ("pieces", "in_gap", "unverified", *(["spanning"] if first else [])):
                amount = getattr(item, name)
                made = units.made(amount, one)
                whole.refused |= made is None
                setattr(whole, name, getattr(whole, name) + (made or ZERO))
    return found


def _with_said(
    asked: Sequence[Asked], counters: Sequence[SignalDefinition], *, of_order: bool
) -> list[Asked]:
    """What people counted in each window, in one read; a window that brings it along keeps it."""
    bare = [one for one in asked if one.said is None and one.end > one.start]
    if not bare:
        return list(asked)
    found = hand_counts(
        equipment_ids=counted_at({pk for one in bare for pk in one.equipment_ids}, counters),
        start=min(one.start for one in bare),
        end=max(one.end for one in bare),
    )
    off = INSTANT if of_order else timedelta()
    return [
        one
        if one.said is not None
        else replace(
            one,
            said=tuple(
                said
                for said in found
                if said.machine in one.equipment_ids and one.start <= said.end - off < one.end
            ),
        )
        for one in asked
    ]


def _with_hands(
    counted: dict[int, Quantities], asked: Asked, told: dict[int, frozenset[str]]
) -> dict[int, Quantities]:
    """What people said of the kinds no counter of a machine tells, and of what became of its rework."""
    by_machine: dict[int, list[Hand]] = {}
    for one in asked.said or ():
        by_machine.setdefault(one.machine, []).append(one)
    for machine, said in by_machine.items():
        bare = counted.get(machine) or Quantities(machine, asked.start, asked.end)
        counted[machine] = with_hand(bare, said, told.get(machine, frozenset()))
    return counted


@dataclass(slots=True)
class _Count:
    """One window being counted, ``first`` to ``last`` as samples see it: whole buckets between its ends."""

    asked: Asked
    first: datetime
    last: datetime
    head_end: datetime
    tail_start: datetime
    sums: dict[int, _Sum]

    @classmethod
    def begun(cls, asked: Asked, signals: Sequence[SignalDefinition], *, of_order: bool) -> _Count:
        # Both ends included, a sample at the very instant of an order change belongs to the order before.
        first, last = (asked.start + INSTANT, asked.end + INSTANT) if of_order else (asked.start, asked.end)
        head_end = min(bucket_of(first - INSTANT) + BUCKET, last)
        tail_start = max(bucket_of(last), head_end)
        known = signals if asked.end > asked.start else ()
        sums = {signal.pk: _Sum(signal) for signal in known if signal.equipment_id in asked.equipment_ids}
        return cls(asked, first, last, head_end, tail_start, sums)

    @property
    def ends(self) -> list[tuple[datetime, datetime]]:
        """The windows counted from samples, the earlier first."""
        both = ((self.first, self.head_end), (self.tail_start, self.last))
        return [window for window in both if window[0] < window[1]]


def _sum_buckets(counts: Sequence[_Count]) -> None:
    """Whole buckets of each window, from rows."""
    parts: list[Any] = []
    for place, count in enumerate(counts):
        start, end = count.head_end, count.tail_start
        if start < end:
            whole = QuantityActual.objects.filter(
                # Its end says the same of a whole bucket: the index is by end.
                Q(flag="", start_time__gte=start, start_time__lt=end, end_time__gt=start, end_time__lte=end)
                | ~Q(flag="") & Q(end_time__gte=start, end_time__lt=end),
                signal_id__in=list(count.sums),
            ).order_by()
            rows = whole.annotate(place=Value(place)).values_list("place", "signal_id", "flag")
            parts.append(rows.annotate(pieces=Sum("quantity")))
    if parts:
        for place, signal, flag, pieces in parts[0].union(*parts[1:], all=True):
            counts[place].sums[signal].add(flag, pieces)


def _sum_edges(counts: Sequence[_Count], *, of_order: bool) -> None:
    """Steps in the ends of each window, from samples; in orders, which of them spans the start."""
    windows = [
        Window(pk, since, until) for count in counts for since, until in count.ends for pk in count.sums
    ]
    instants = {
        (pk, at)
        for count in counts
        for at in (count.first, count.last, *(since for since, _ in count.ends))
        for pk in count.sums
    }
    edges = samples_at_edges(
        instants=instants,
        windows=windows,
        equipment_ids={s.signal.equipment_id for count in counts for s in count.sums.values()},
        until=max(count.last for count in counts),
    )
    within = iter(edges.within)
    for count in counts:
        head: dict[int, list[SampleRow]] = {}
        for since, until in count.ends:
            for item in count.sums.values():
                rows = [row for row in next(within) if countable(row)]
                head.setdefault(item.signal.pk, rows)
                _sum_samples(item, edges, rows, since, until)
        for pk, item in count.sums.items():
            item.seen |= (pk, count.last) in edges.before
            if of_order:
                item.spanning = _spanning(item, edges, head.get(pk, []), count)


def _sum_samples(
    item: _Sum, edges: Edges, rows: Sequence[SampleRow], since: datetime, until: datetime
) -> None:
    counter = _resumed(item.signal, edges, since)
    item.seen |= counter.value is not None
    missed = [
        (gap.start_time, gap.end_time or until + BUCKET)
        for gap in edges.gaps
        if gap.equipment_id == item.signal.equipment_id
        and gap.start_time < until
        and gap.end_time != gap.start_time
    ]
    for row in rows:
        counter.add(row.source_time, row.value, missed)
    counter.flush()
    for counted in counter.rows:
        item.add(counted.flag, counted.quantity)


def _resumed(signal: SignalDefinition, edges: Edges, at: datetime) -> Counter:
    """A counter as its last good sample before an instant left it."""
    counter = _counter(signal)
    last = edges.before.get((signal.pk, at))
    if last is not None:
        row = last if countable(last) else latest_countable([signal.pk], at).get(signal.pk)
        if row is not None:
            counter.resume(number(row.value), row.source_time)
    return counter


def _counter(signal: SignalDefinition) -> Counter:
    modulus = signal.counter_modulus
    return Counter(
        signal.pk,
        COUNTERS[signal.role],
        modulus=None if modulus is None else int(modulus),
        per_second=per_second_of(signal, signal.fastest),  # type: ignore[attr-defined]
    )


def _spanning(item: _Sum, edges: Edges, head: Sequence[SampleRow], count: _Count) -> Decimal:
    """The step that spans the start: its first sample lies before, its second in the window."""
    counter = _resumed(item.signal, edges, count.first)
    if counter.value is None or counter.at is None or counter.at == count.asked.start:
        return ZERO
    first = (head[0].source_time, number(head[0].value)) if head else None
    after = first or _first_good(item.signal.pk, count.head_end, count.last)
    if after is None:
        return ZERO
    at, value = after
    assert value is not None
    elapsed = at - counter.at
    quantity, flag = step(
        counter.value, value, elapsed, modulus=counter.modulus, per_second=counter.per_second
    )
    return ZERO if flag == IMPLAUSIBLE else Decimal(quantity)


def _first_good(signal_id: int, start: datetime, end: datetime) -> tuple[datetime, Any] | None:
    """The first good sample of a counter in [start, end)."""
    after = (start, -(2**63))
    while True:
        rows = samples_page(signal_id=signal_id, start=start, end=end, after=after, limit=8)
        for row in rows:
            if countable(row):
                return row.source_time, number(row.value)
        if len(rows) < 8:
            return None
        after = (rows[-1].source_time, rows[-1].source_key)


def _by_machine(sums: dict[int, _Sum], start: datetime, end: datetime) -> dict[int, Quantities]:
    grouped: dict[int, list[_Sum]] = {}
    for item in sums.values():
        grouped.setdefault(item.signal.equipment_id, []).append(item)
    return {machine: _quantities(machine, items, start, end) for machine, items in grouped.items()}


def _quantities(machine: int, items: Sequence[_Sum], start: datetime, end: datetime) -> Quantities:
    kinds: dict[str, Decimal] = {}
    for item in items:
        if not item.seen or item.refused:
            continue
        kind = COUNTERS[item.signal.role]
        kinds[kind] = kinds.get(kind, ZERO) + item.pieces
    includes = next((i.signal.total_includes_scrap for i in items if i.signal.role == "total_count"), None)
    good, scrap, total = total_of(
        kinds.get("good"),
        kinds.get("scrap"),
        kinds.get("total"),
        includes_defective=includes,
        rework=kinds.get("rework"),
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
        spanning=sum((item.spanning for item in items if item.signal.role != "total_count"), ZERO),
        signal_ids=tuple(item.signal.pk for item in items),
        refused=frozenset(COUNTERS[item.signal.role] for item in items if item.refused),
    )
