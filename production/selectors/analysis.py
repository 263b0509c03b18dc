"""Production days of a line by order and shift: from closed windows, else from the account."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import Sum

from plant import selectors as plant
from production.domain.account import OrderUse, Segment
from production.domain.analysis import Cause, Lap
from production.domain.oee import Output
from production.domain.rollup import MICROSECOND
from production.domain.time_model import CLOSED, UNKNOWN
from production.models import JobOrder, RollupOutput, RollupTime
from production.selectors.accounts import accounts, orders_between
from production.selectors.hand_counts import beside_windows
from production.selectors.order_quantities import order_parts
from production.selectors.pacing import Pacing, line_pacing
from production.selectors.quantities import INSTANT, Asked, quantities_each
from production.selectors.rollup_parts import known_to
from production.selectors.rollups import Target, rolled_up
from production.selectors.units import ideal_rates, rate_in_force

if TYPE_CHECKING:
    from plant.models import CalendarSlot, Equipment
    from production.models import IdealRate

ZERO = Decimal(0)
NOTHING_TOLD = frozenset({UNKNOWN, CLOSED})
# Of what is not added up yet, so much is read at once.
AT_ONCE = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class LineDays:
    """``laps`` of the shifts that are over, by time. ``closed``: how many were read from closed windows.

    ``left_out``: shifts without data, or whose data do not reach their end yet.
    """

    line: Equipment
    paced_by: Equipment
    start: date
    end: date
    laps: tuple[Lap, ...]
    shifts: tuple[CalendarSlot, ...]
    closed: int
    left_out: tuple[CalendarSlot, ...]


def line_days(*, line_id: int, start: date, end: date, now: datetime) -> LineDays | None:
    """Production days from ``start`` to ``end``, both included; None where nothing paces the line."""
    line = plant.equipment_for_ids([line_id])[line_id]
    shifts = _shifts(line_id, start, end, now)
    first = shifts[0].start_time if shifts else now
    pacing = line_pacing(line_id=line_id, start=first, end=now)
    if pacing is None:
        return None
    known = _known(pacing, shifts)
    whole = _whole(pacing, known)
    parts = _closed(pacing, whole)
    rest = [shift for shift in known if shift not in whole]
    for some in _together(rest):
        parts |= _told(pacing, some)
    reached = {start for (start, _), part in parts.items() if part.is_known}
    told = [shift for shift in shifts if shift.start_time in reached]
    left_out = tuple(shift for shift in shifts if shift.start_time not in reached)
    parts = {key: part for key, part in parts.items() if key[0] in reached}
    laps = _laps(pacing, {shift.start_time: shift for shift in told}, parts)
    return LineDays(line, pacing.paced_by, start, end, tuple(laps), tuple(told), len(whole), left_out)


def _shifts(line_id: int, start: date, end: date, now: datetime) -> list[CalendarSlot]:
    rows: Any = plant.configuration_rows("plant.CalendarSlot", line_id=line_id, kind="shift")
    found = rows.filter(production_day__gte=start, production_day__lte=end, end_time__lte=now)
    return list(found.order_by("start_time"))


def _known(pacing: Pacing, shifts: Sequence[CalendarSlot]) -> list[CalendarSlot]:
    """Shifts in which any data of what paces the line could be."""
    found = [known for unit in pacing.members if (known := known_to(work_unit_id=unit.pk)) is not None]
    begun = min((since for since, _ in found), default=None)
    return [shift for shift in shifts if begun is not None and shift.end_time > begun]


def _whole(pacing: Pacing, shifts: Sequence[CalendarSlot]) -> list[CalendarSlot]:
    """Shifts that are closed windows, whole and with nothing marked. Machines side by side have none."""
    if pacing.group is not None or not shifts:
        return []
    ids = [unit.pk for unit in pacing.units]
    if beside_windows(equipment_ids=ids, start=shifts[0].start_time, end=shifts[-1].end_time):
        return []
    found = rolled_up([Target(pacing, shift.start_time, shift.end_time, ()) for shift in shifts])
    return [shift for shift, rolled in zip(shifts, found, strict=True) if rolled is not None]


@dataclass(slots=True)
class _Part:
    """What is added up of one order in one shift, and where in it that begins."""

    at: datetime
    times: dict[Cause, timedelta]
    good: Decimal | None = None
    total: Decimal | None = None
    scrap: Decimal | None = None

    @property
    def is_known(self) -> bool:
        return any(cause.time_class not in NOTHING_TOLD for cause in self.times)

    def spend(self, cause: Cause, time: timedelta) -> None:
        self.times[cause] = self.times.get(cause, timedelta()) + time

    def count(
        self,
        leaves: bool,
        paces: bool,
        good: Decimal | None,
        total: Decimal | None,
        scrap: Decimal | None,
    ) -> None:
        """Good pieces of the line's exits, total and scrap of what paces it."""
        if leaves:
            self.good = _more(self.good, good)
        if paces:
            self.total, self.scrap = _more(self.total, total), _more(self.scrap, scrap)


# By start of the shift and order.
Parts = dict[tuple[datetime, str], _Part]


def _closed(pacing: Pacing, shifts: Sequence[CalendarSlot]) -> Parts:
    """From closed windows, in two reads whatever the number of shifts."""
    parts: Parts = {}
    if not shifts:
        return parts
    edges = {"start_time__gte": shifts[0].start_time, "start_time__lt": shifts[-1].end_time}
    place = _Places(shifts)
    times: Any = RollupTime.objects.filter(work_unit=pacing.paced_by, **edges).order_by()
    fields = ("start_time", "order_code", "time_class", "reason_code", "uncoded")
    for at, order, *cause, time in times.values_list(*fields).annotate(Sum("microseconds")):
        if shift := place.of(at):
            part = parts.setdefault((shift.start_time, order), _Part(at, {}))
            part.spend(_cause(*cause), int(time) * MICROSECOND)
    exits, members = _ids(pacing)
    rows = RollupOutput.objects.filter(work_unit_id__in=exits | members, **edges)
    counted = ("work_unit_id", "start_time", "order_code", "good", "total", "scrap")
    for unit, at, order, good, total, scrap in rows.values_list(*counted):
        if shift := place.of(at):
            part = parts.setdefault((shift.start_time, order), _Part(at, {}))
            part.count(unit in exits, unit in members, good, total, scrap)
    return parts


def _together(shifts: Sequence[CalendarSlot]) -> list[list[CalendarSlot]]:
    """Shifts that are read at once: accounts of months would be held in memory."""
    found: list[list[CalendarSlot]] = []
    for shift in shifts:
        if not found or shift.end_time - found[-1][0].start_time > AT_ONCE:
            found.append([])
        found[-1].append(shift)
    return found


def _told(pacing: Pacing, shifts: Sequence[CalendarSlot]) -> Parts:
    """From the account and the counters, of shifts that are over and not closed, in a fixed number of reads.

    Those the data do not reach the end of are left out.
    """
    start, end = shifts[0].start_time, shifts[-1].end_time
    account = pacing.account(accounts(equipment=pacing.members, start=start, end=end))
    if account is None:
        return {}
    told = [shift for shift in shifts if account.start <= shift.start_time and shift.end_time <= account.end]
    parts: Parts = {}
    for shift in told:
        for segment in account.segments:
            if segment.start < shift.end_time and shift.start_time < segment.end:
                since = max(segment.start, shift.start_time)
                part = parts.setdefault((shift.start_time, segment.order_code), _Part(since, {}))
                part.spend(_cause_of(segment), min(segment.end, shift.end_time) - since)
    _count(pacing, told, parts)
    return parts


def _count(pacing: Pacing, shifts: Sequence[CalendarSlot], parts: Parts) -> None:
    """Pieces of each machine in its own time with each order, as ``order_quantities`` of each shift."""
    if not shifts:
        return
    exits, members = _ids(pacing)
    units = [unit for unit in pacing.units if unit.pk in exits | members]
    uses = orders_between(equipment=units, start=shifts[0].start_time, end=shifts[-1].end_time)
    asked: list[tuple[CalendarSlot, Equipment, OrderUse]] = [
        (shift, unit, use)
        for shift in shifts
        for unit in units
        for use in order_parts(uses[unit.pk], shift.start_time, shift.end_time)
    ]
    found = quantities_each([_asked(shift, unit, use) for shift, unit, use in asked])
    for (shift, unit, use), counted in zip(asked, found, strict=True):
        part = parts.setdefault((shift.start_time, use.code), _Part(use.start, {}))
        if pieces := counted.get(unit.pk):
            first = pieces.good_first
            total = first if pieces.total is None else pieces.total
            part.count(unit.pk in exits, unit.pk in members, first, total, pieces.scrap)


def _asked(shift: CalendarSlot, unit: Equipment, use: OrderUse) -> Asked:
    """What is counted at the very instant of a change is of the order before, as in its record."""
    since = use.start if use.start == shift.start_time else use.start + INSTANT
    until = use.end or shift.end_time
    until = until if until == shift.end_time else until + INSTANT
    return Asked(frozenset({unit.pk}), since, until, order=use.code)


def _ids(pacing: Pacing) -> tuple[set[int], set[int]]:
    """Machines at the line's exit, and those that pace it."""
    return {unit.pk for unit in pacing.exits}, {unit.pk for unit in pacing.members}


def _laps(pacing: Pacing, shifts: dict[datetime, CalendarSlot], parts: Parts) -> list[Lap]:
    _none_made(parts)
    products = _products({order for _, order in parts})
    rates = ideal_rates(equipment_ids=[unit.pk for unit in pacing.members])
    laps = []
    for (start, order), part in sorted(parts.items()):
        product_id, product = products.get(order, (None, ""))
        cycle = _cycle(pacing, rates, product_id, part.at)
        laps.append(_lap(shifts[start], order, product, part, cycle))
    return laps


def _none_made(parts: Parts) -> None:
    """What was worked on and not counted made nothing, in shifts in which that is counted at all."""
    for kind in ("good", "total", "scrap"):
        counting = {shift for (shift, _), part in parts.items() if getattr(part, kind) is not None}
        for (shift, _), part in parts.items():
            if shift in counting and getattr(part, kind) is None:
                setattr(part, kind, ZERO)


class _Places:
    """Which shift an instant lies in."""

    def __init__(self, shifts: Sequence[CalendarSlot]) -> None:
        self._shifts = shifts
        self._known: dict[datetime, CalendarSlot | None] = {}

    def of(self, at: datetime) -> CalendarSlot | None:
        if at not in self._known:
            inside = (shift for shift in self._shifts if shift.start_time <= at < shift.end_time)
            self._known[at] = next(inside, None)
        return self._known[at]


def _more(so_far: Decimal | None, more: Decimal | None) -> Decimal | None:
    return so_far if more is None else (so_far or ZERO) + more


def _products(order_codes: Iterable[str]) -> dict[str, tuple[int, str]]:
    found = JobOrder.objects.filter(code__in=[code for code in order_codes if code])
    rows = found.values_list("code", "product_id", "product__code")
    return {code: (product_id, product) for code, product_id, product in rows}


def _cycle(
    pacing: Pacing, rates: Sequence[IdealRate], product_id: int | None, at: datetime
) -> Decimal | None:
    """Reference seconds per piece of what paces the line; None where no ideal rate is known."""
    known = [
        rate.units_per_hour
        for unit in pacing.members
        if (rate := rate_in_force(rates, equipment_id=unit.pk, product_id=product_id, at=at))
    ]
    return Decimal(3600) / sum(known, ZERO) if known else None


def _lap(shift: CalendarSlot, order: str, product: str, part: _Part, cycle: Decimal | None) -> Lap:
    return Lap(
        day=shift.production_day,
        shift_code=shift.code,
        shift_start=shift.start_time,
        order_code=order,
        product_code=product,
        times=part.times,
        output=Output(product, part.good, part.total, cycle),
        scrap=part.scrap,
    )


def _cause_of(segment: Segment) -> Cause:
    return _cause(segment.time_class, segment.reason_code, segment.uncoded)


def _cause(time_class: str, reason_code: str, uncoded: bool) -> Cause:
    """As the causes of a line are grouped: what waits for a reason is told by its class alone."""
    return Cause(time_class, "" if uncoded else reason_code, uncoded)
