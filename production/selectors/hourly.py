"""A shift of a line hour by hour: target, pieces, what was lost, and what the rest must bring."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from plant import selectors as plant
from production.domain.account import Segment
from production.domain.hourly import Hour, Recovery, clock_hours, cumulative, recovery
from production.domain.oee import seconds
from production.domain.stops import planned_time
from production.models import JobOrder
from production.selectors.kpi import Kpi, kpi
from production.selectors.quantities import Asked, Quantities, quantities_each
from production.selectors.units import planned_slots

if TYPE_CHECKING:
    from plant.domain.calendar import Slot
    from plant.models import CalendarSlot

PER_HOUR = Decimal(3600)


@dataclass(frozen=True, slots=True)
class HourTold:
    """One hour, the gap so far after it, and its part of the pacing machine's account.

    ``counted``: by machine at the line's exit, those of which nobody tells any left out.
    """

    hour: Hour
    so_far: Decimal | None
    segments: tuple[Segment, ...]
    counted: Mapping[int, Quantities]


@dataclass(frozen=True, slots=True)
class ShiftHours:
    """``until``: how far data reach. ``pace``: pieces per hour asked of the order running last.

    ``paces`` and ``slots``: what targets were made of.
    """

    shift: CalendarSlot
    until: datetime
    kpi: Kpi
    hours: tuple[HourTold, ...]
    recovery: Recovery
    pace: Decimal | None
    paces: tuple[Pace, ...]
    slots: Sequence[Slot] | None

    def dues(self, start: datetime, end: datetime) -> list[Due]:
        """What [start, end) is asked for, pace by pace."""
        return _dues(start, end, self.paces, self.slots)


@dataclass(frozen=True, slots=True)
class Pace:
    """Pieces per planned hour asked for in a range; after the last range its pace goes on.

    ``planned``: the planned working time its order's quantity is spread over; None: the ideal rate.
    """

    start: datetime
    end: datetime
    order_code: str
    per_hour: Decimal | None
    quantity: Decimal | None = None
    planned: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """Planned working time of [start, end) at one pace."""

    start: datetime
    end: datetime
    time: timedelta
    pace: Pace

    @property
    def pieces(self) -> Decimal | None:
        return None if self.pace.per_hour is None else self.pace.per_hour * seconds(self.time) / PER_HOUR


def shift_hours(*, line_id: int, shift: CalendarSlot, now: datetime) -> ShiftHours | None:
    """None before any data of the shift, or without a constraint."""
    figures = kpi(equipment_id=line_id, start=shift.start_time, end=min(now, shift.end_time))
    if figures is None:
        return None
    until = figures.account.end
    paces = _paces(line_id, figures)
    slots = planned_slots(line_id=line_id, start=shift.start_time, end=shift.end_time)
    zone = plant.site_zone(figures.equipment)
    cuts = clock_hours(shift.start_time, shift.end_time, zone)
    exits = frozenset(unit.pk for unit in figures.exits)
    asked = [Asked(exits, start, min(end, until)) for start, end in cuts if start < until]
    begun = quantities_each(asked)
    counted = [*begun, *({} for _ in cuts[len(begun) :])]
    hours = [
        _hour(start, end, until, paces, slots, _good(found.values()))
        for (start, end), found in zip(cuts, counted, strict=True)
    ]
    left = planned_time(until, shift.end_time, slots)
    ideal = next((made.per_hour for made in reversed(figures.made) if made.per_hour), None)
    told = zip(hours, cumulative(hours), counted, strict=True)
    return ShiftHours(
        shift=shift,
        until=until,
        kpi=figures,
        hours=tuple(HourTold(hour, so_far, _within(figures, hour), by) for hour, so_far, by in told),
        recovery=recovery(hours, left, ideal),
        pace=paces[-1].per_hour if paces else None,
        paces=tuple(paces),
        slots=slots,
    )


def _good(found: Iterable[Quantities]) -> Decimal | None:
    """Good pieces of machines at the line's exit together; None where none of them tells."""
    known = [counted.good for counted in found if counted.good is not None]
    return sum(known, Decimal(0)) if known else None


def _hour(
    start: datetime,
    end: datetime,
    until: datetime,
    paces: Sequence[Pace],
    slots: Sequence[Slot] | None,
    good: Decimal | None,
) -> Hour:
    return Hour(
        start=start,
        end=end,
        planned=planned_time(start, end, slots),
        target=_target(start, end, paces, slots),
        due=_target(start, min(end, until), paces, slots) if start < until else None,
        good=good,
    )


def _target(
    start: datetime, end: datetime, paces: Sequence[Pace], slots: Sequence[Slot] | None
) -> Decimal | None:
    """Planned working time at the pace of its order; None as soon as one pace is not known."""
    if not paces:
        return None
    total = Decimal(0)
    for due in _dues(start, end, paces, slots):
        if due.pieces is None:
            return None
        total += due.pieces
    return total


def _dues(start: datetime, end: datetime, paces: Sequence[Pace], slots: Sequence[Slot] | None) -> list[Due]:
    found = []
    for number, pace in enumerate(paces):
        last = number == len(paces) - 1
        since, until = max(start, pace.start), end if last else min(end, pace.end)
        if time := planned_time(since, until, slots):
            found.append(Due(since, until, time, pace))
    return found


def _paces(line_id: int, figures: Kpi) -> list[Pace]:
    """By order: its planned quantity over its planned working time, else the ideal rate.

    Between orders nothing is asked for; a line that knows no orders at all is asked for its ideal rate.
    """
    orders = JobOrder.objects.in_bulk([made.use.code for made in figures.made], field_name="code")
    knows_orders = any(made.use.code for made in figures.made)
    paces = []
    for made in figures.made:
        code, end = made.use.code, made.use.end or figures.account.end
        order = orders.get(code)
        time = _planned_time(line_id, order)
        if order is not None and time:
            per_hour = order.quantity * PER_HOUR / seconds(time)
            paces.append(Pace(made.use.start, end, code, per_hour, order.quantity, time))
            continue
        ideal = made.per_hour if code or not knows_orders else Decimal(0)
        paces.append(Pace(made.use.start, end, code, ideal))
    return paces


def _planned_time(line_id: int, order: JobOrder | None) -> timedelta | None:
    """Planned working time between an order's planned times; None without them."""
    if order is None or order.planned_start is None or order.planned_end is None:
        return None
    slots = planned_slots(line_id=line_id, start=order.planned_start, end=order.planned_end)
    return planned_time(order.planned_start, order.planned_end, slots)


def _within(figures: Kpi, hour: Hour) -> tuple[Segment, ...]:
    """The account's segments that reach the hour, whole."""
    return tuple(s for s in figures.account.segments if s.start < hour.end and s.end > hour.start)
