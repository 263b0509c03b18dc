"""When an order will end, how late that is, and how much less late it would be without a loss.

An order's end is what happened, else what the pace it kept so far leads to. What a loss costs in lateness is
what would be gone of it without that loss: never more than the lateness, nothing for an order in time. Two
losses may each have been enough to make an order late, so these times are not summed over losses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from plant.domain.calendar import Slot
from plant.domain.intervals import Interval
from production.domain.oee import seconds
from production.domain.stops import planned_time, working_time

FAR = timedelta(days=30)
MINUTE = timedelta(minutes=1)
NOTHING = timedelta()
HOUR = Decimal(3600)


@dataclass(frozen=True, slots=True)
class Lateness:
    """``expected_end``: when it ended, or will at the pace kept so far; None where nothing tells. ``due``
    None: it has no due time.
    """

    order_code: str
    due: datetime | None
    expected_end: datetime | None
    is_over: bool

    @property
    def late(self) -> timedelta | None:
        """None where it is not known; nothing for an order in time."""
        if self.due is None or self.expected_end is None:
            return None
        return max(self.expected_end - self.due, NOTHING)


def after_working(start: datetime, needed: timedelta, slots: Sequence[Slot] | None) -> datetime:
    """When so much planned working time has passed; past the known calendar all time counts."""
    if slots is None:
        return start + needed
    at = start
    for part in working_time(Interval(start, start + FAR), list(slots)):
        assert part.end is not None
        room = part.end - part.start
        if needed <= room:
            return part.start + needed
        needed -= room
        at = part.end
    return at + needed


def pace_of(
    good: Decimal | None, started_at: datetime | None, now: datetime, slots: Sequence[Slot] | None
) -> Decimal | None:
    """Good pieces per planned working hour since the order started, stops included; None before a minute."""
    worked = planned_time(started_at, now, slots) if started_at else NOTHING
    return good * HOUR / seconds(worked) if good is not None and worked >= MINUTE else None


def end_expected(
    quantity: Decimal, good: Decimal | None, pace: Decimal | None, now: datetime, slots: Sequence[Slot] | None
) -> datetime | None:
    """When the rest is made at this pace; None where it is not known or nothing is left."""
    if not pace or good is None or good >= quantity:
        return None
    left = quantity - good
    return after_working(now, timedelta(seconds=float(left * HOUR / pace)), slots)


def late_by(lost: Iterable[tuple[str, timedelta]], orders: Mapping[str, Lateness]) -> timedelta | None:
    """How much less late the orders would be, together, without what was lost in each of them.

    None where an order's lateness is not known, or none of them has a due time.
    """
    each = late_of_each(lost, orders)
    known = [less for _code, _time, less in each if less is not None]
    return sum(known, NOTHING) if known and len(known) == len(each) else None


def late_of_each(
    lost: Iterable[tuple[str, timedelta]], orders: Mapping[str, Lateness]
) -> list[tuple[str, timedelta, timedelta | None]]:
    """Of each order with a due time: what was lost in it, how much less late it would be; None: not known."""
    by_order: dict[str, timedelta] = {}
    for code, time in lost:
        by_order[code] = by_order.get(code, NOTHING) + time
    found: list[tuple[str, timedelta, timedelta | None]] = []
    for code, time in by_order.items():
        order = orders.get(code)
        if order is not None and order.due is not None:
            found.append((code, time, None if order.late is None else min(time, order.late)))
    return found
