"""What machines counted by order: one rule for an order's record, a window's figures and the reports.

A machine counts for an order while it works on it, by its own order signal or by its line's events moved by
the transit to it. A step between two samples belongs to the order of its later one. So the orders of a
window, and the time between them, add up to the window, machine by machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from production.domain.account import OrderUse
from production.domain.hand_counts import Hand, by_part
from production.domain.order_parts import order_parts, use_cut
from production.selectors.accounts import orders_between
from production.selectors.hand_counts import hand_counts
from production.selectors.quantities import INSTANT, Asked, Quantities, quantities_each

__all__ = ["OrderCount", "Tally", "order_parts", "order_quantities", "tally", "use_cut", "windows_of"]

if TYPE_CHECKING:
    from plant.models import Equipment


class OrderCount(NamedTuple):
    """One order's part of a window of one machine; ``code`` is empty between orders. ``counted`` None: the
    machine has no counter.
    """

    use: OrderUse
    counted: Quantities | None


def order_quantities(
    *, equipment: Sequence[Equipment], start: datetime, end: datetime, cuts: Sequence[datetime] = ()
) -> dict[int, list[OrderCount]]:
    """By machine, what it counted in each order's part of [start, end), in as many reads as for one."""
    uses = orders_between(equipment=equipment, start=start, end=end)
    ids = [machine.pk for machine in equipment if machine.counts_by_hand]
    said = hand_counts(equipment_ids=ids, start=start, end=end - INSTANT)
    parts = [
        part
        for machine in equipment
        for part in _with_hands(
            machine.pk,
            order_parts(uses[machine.pk], start, end, cuts),
            [one for one in said if one.machine == machine.pk],
        )
    ]
    asked = []
    for machine, use, hands in parts:
        # What is counted at the very instant of a change is of the order before, as in its record.
        since = use.start if use.start == start else use.start + INSTANT
        until = use.end if use.end is None or use.end == end else use.end + INSTANT
        assert until is not None
        asked.append(Asked(frozenset({machine}), since, until, tuple(hands), use.code))
    found: dict[int, list[OrderCount]] = {machine.pk: [] for machine in equipment}
    for (machine, use, _), counted in zip(parts, quantities_each(asked), strict=True):
        found[machine].append(OrderCount(use, counted.get(machine)))
    return found


def _with_hands(
    machine: int, parts: list[OrderUse], said: Sequence[Hand]
) -> list[tuple[int, OrderUse, Sequence[Hand]]]:
    """Parts with what people counted in them; what was said for an order the machine did not work on in the
    window is a part without any time.
    """
    placed, beside = by_part(said, parts)
    found: list[tuple[int, OrderUse, Sequence[Hand]]] = [
        (machine, part, placed.get(place, ())) for place, part in enumerate(parts)
    ]
    for code in dict.fromkeys(one.order for one in beside):
        mine = [one for one in beside if one.order == code]
        found.append((machine, OrderUse(mine[0].end, mine[0].end, code), mine))
    return found


@dataclass(frozen=True, slots=True)
class Tally:
    """Pieces of several machines laid on the parts of a window: one amount per part, and those of orders no
    part is about. ``counts``: a machine counts them at all.
    """

    by_part: tuple[Decimal | None, ...]
    beside: dict[str, Decimal]
    counts: bool

    def aside(self, code: str) -> Decimal | None:
        """Those of an order no part is about; None where nothing counts."""
        return self.beside.get(code, Decimal(0)) if self.counts else None


def tally(
    parts: Sequence[OrderUse],
    counts: Iterable[OrderCount],
    kind: Callable[[Quantities], Decimal | None],
) -> Tally:
    """Sum what machines counted on the part of the same order they were at work with for longest.

    A part nobody counted in is 0 where the machines count at all, else None.
    """
    found: list[list[Decimal]] = [[] for _ in parts]
    beside: dict[str, Decimal] = {}
    counts_at_all = False
    for use, counted in counts:
        pieces = kind(counted) if counted is not None else None
        if pieces is None:
            continue
        counts_at_all = True
        place = _place(parts, use)
        if place is not None:
            found[place].append(pieces)
        elif pieces:
            beside[use.code] = beside.get(use.code, Decimal(0)) + pieces
    amounts = (sum(one, Decimal(0)) if one or counts_at_all else None for one in found)
    return Tally(tuple(amounts), beside, counts_at_all)


def _place(parts: Sequence[OrderUse], use: OrderUse) -> int | None:
    same = [place for place, part in enumerate(parts) if part.code == use.code]
    return max(same, key=lambda place: (_shared(parts[place], use), -place), default=None)


def _shared(part: OrderUse, use: OrderUse) -> float:
    """Time two parts share; below zero how far they lie apart."""
    assert part.end is not None
    assert use.end is not None
    return (min(part.end, use.end) - max(part.start, use.start)).total_seconds()


def windows_of(
    code: str, worked: Mapping[int, list[tuple[datetime, datetime]]], said: Sequence[Hand]
) -> list[Asked]:
    """The windows of an order by their times, machines that share one together, with people's counts."""
    together: dict[tuple[datetime, datetime], tuple[list[int], list[Hand]]] = {}
    for machine in dict.fromkeys([*worked, *(one.machine for one in said)]):
        spans = sorted(worked.get(machine, ()))
        mine = [one for one in said if one.machine == machine]
        placed, beside = by_part(mine, [OrderUse(*span, code) for span in spans])
        # At a machine that never worked on it there is only what was said for the order by name.
        named = [one for one in beside if one.order]
        if named:
            spans.append((named[0].start, named[0].end))
            placed[len(spans) - 1] = named
        for place, span in enumerate(spans):
            ids, hands = together.setdefault(span, ([], []))
            ids.append(machine)
            hands += placed.get(place, ())
    return [
        Asked(frozenset(ids), *span, tuple(hands), code) for span, (ids, hands) in sorted(together.items())
    ]
