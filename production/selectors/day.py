"""A line's production day, or a shift of it: what was planned, what was made, every missing piece between."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet

from plant import selectors as plant
from production.domain.changeover import (
    Done,
    Product,
    Standard,
    changeovers_done,
    sequence_time,
    standard_for,
)
from production.domain.lateness import Lateness, late_by
from production.domain.missing import UNCODED, Cause, Changeover, Charge, Lost, Missing, Part, missing
from production.domain.stops import planned_time
from production.models import JobOrder, JobOrderVersion
from production.selectors.changeovers import products_of, standards_of
from production.selectors.kpi import Kpi, Made, kpi
from production.selectors.lateness import orders_lateness
from production.selectors.line_losses import LineLossAccount, Values, line_losses, values_read
from production.selectors.quantities import INSTANT
from production.selectors.start_up import StartUp, start_ups
from production.selectors.units import planned_slots

if TYPE_CHECKING:
    from plant.models import CalendarSlot, Decision, Equipment


@dataclass(frozen=True, slots=True)
class Planned:
    """One order as the plan had it when the day began. ``pieces``: the share planned inside the day."""

    order: JobOrder
    version: JobOrderVersion
    quantity: Decimal
    start: datetime
    end: datetime
    pieces: Decimal


@dataclass(frozen=True, slots=True)
class Resequenced:
    """A decision to run orders in another sequence. ``cost``: changeover time it added by the standards (less
    than zero: saved); None where a standard is missing.
    """

    decision: Decision
    cost: timedelta | None


@dataclass(frozen=True, slots=True)
class LineDay:
    """``planned`` None: no order had planned times in the day. ``is_over``: data reach the end of the day.

    ``start_ups`` None: nobody said when rejects are those of starting up.
    """

    line: Equipment
    day: date
    start: datetime
    end: datetime
    is_over: bool
    shifts: tuple[CalendarSlot, ...]
    kpi: Kpi
    missing: Missing
    changeovers: tuple[Changeover, ...]
    changed_over: tuple[Done, ...]
    plan: tuple[Planned, ...]
    versions: tuple[JobOrderVersion, ...]
    resequenced: tuple[Resequenced, ...]
    values: Values
    lateness: Mapping[str, Lateness]
    start_ups: tuple[StartUp, ...] | None

    @property
    def planned(self) -> Decimal | None:
        return sum((item.pieces for item in self.plan), Decimal(0)) if self.plan else None

    @property
    def good(self) -> Decimal:
        """Good pieces its missing ones are told against, exactly."""
        good = self.missing.good
        return Decimal(good.numerator) / Decimal(good.denominator)

    @property
    def currency(self) -> str:
        return self.values.currency

    def cost(self, cause: Cause) -> Fraction | None:
        """What the line cost while it stood for a cause; None for what is no standstill, or not known."""
        if cause.duration is None:
            return None
        found = Fraction(0)
        for event in cause.events:
            per_hour = self.cost_per_hour(event)
            if per_hour is None:
                return None
            found += Fraction(per_hour) * (event.duration // INSTANT) / 3_600_000_000
        return found

    def cost_per_hour(self, event: Lost) -> Decimal | None:
        """What an hour of the line costs at a standstill."""
        payers = (self.line.pk, self.kpi.paced_by.pk)
        return self.values.worth((), event.order_code, event.start, payers).per_hour

    def late(self, cause: Cause) -> timedelta | None:
        """How much less late the day's orders would be without it; not to be summed over causes."""
        return late_by(((event.order_code, event.duration) for event in cause.events), self.lateness)


def line_day(*, line_id: int, day: date) -> LineDay | None:
    """A production day of a line, cut where its data end.

    None when the line did not mean to work that day, nothing paces it, or it has no data of the day.
    """
    shifts = plant.day_shifts(line_id=line_id, day=day)
    return _told(line_id, shifts) if shifts else None


def line_shift(*, line_id: int, shift: CalendarSlot) -> LineDay | None:
    """One shift of a line, told as a day is."""
    return _told(line_id, [shift])


def _told(line_id: int, shifts: Sequence[CalendarSlot]) -> LineDay | None:
    start, end = shifts[0].start_time, max(shift.end_time for shift in shifts)
    figures = kpi(equipment_id=line_id, start=start, end=end)
    if figures is None:
        return None
    frozen = _plan_at(line_id, start)
    decisions = _sequence_decisions(line_id, start, end)
    worked = [part for part in figures.made if part.use.end != part.use.start]
    names, standards = _products(worked, decisions), standards_of(line_id)
    account = figures.account
    losses = line_losses(line_id=line_id, start=account.start, end=account.end)
    units = plant.line_work_units(line_id)
    values = values_read(line_id, units, account.start, account.end)
    late = losses.lateness if losses else _lateness_of(line_id, figures, values)
    position = min(unit.position for unit in figures.members)
    onward = [unit for unit in units if unit.position >= position]
    begun = start_ups(figures=figures, rejecting=onward)
    changes = _changeovers(worked, names, standards, frozen, bool(decisions))
    return LineDay(
        line=figures.equipment,
        day=shifts[0].production_day,
        start=start,
        end=end,
        is_over=figures.account.end >= end,
        shifts=tuple(shifts),
        kpi=figures,
        missing=missing(account.segments, _parts(figures, values, begun or ()), changes, _charges(losses)),
        changeovers=changes,
        changed_over=tuple(changeovers_done(figures.account.segments)),
        plan=tuple(_planned(line_id, frozen, start, end)),
        versions=tuple(_versions(line_id, start, end)),
        resequenced=tuple(_resequenced(decision, names, standards) for decision in decisions),
        values=values,
        lateness=late,
        start_ups=begun,
    )


def _lateness_of(line_id: int, figures: Kpi, values: Values) -> dict[str, Lateness]:
    return orders_lateness(
        line_id=line_id, codes=values.product_of, exits=figures.exits, now=figures.account.end
    )


def _charges(found: LineLossAccount | None) -> list[Charge]:
    """What the constraint's lost time came from; nothing where the line's links are not declared."""
    if found is None:
        return []
    return [
        Charge(
            part.start,
            part.end,
            UNCODED if part.uncoded else part.time_class,
            part.reason_code,
            "" if part.cause.machine == part.machine else part.cause.machine,
            part.cause.kind if part.cause.machine != part.machine else "",
            part.cause.part.since if part.cause.part else None,
        )
        for part in found.losses.parts
    ]


def _parts(figures: Kpi, values: Values, begun: Sequence[StartUp]) -> list[Part]:
    """Each order's time, and what the line made and rejected for it; none of the time in what its end made
    of an order before.
    """
    return [
        Part(
            made.use.start,
            made.use.end or figures.account.end,
            made.use.code,
            made.good,
            made.total,
            made.passed_scrap,
            made.per_hour,
            values.worth((), made.use.code, made.use.start).per_unit,
            _starting(made, begun),
        )
        for made in figures.made
    ]


def _starting(made: Made, begun: Sequence[StartUp]) -> Decimal | None:
    """Rejected in the run-ups that began in an order's part."""
    since, until = made.use.start, made.use.end
    inside = [
        one.scrap for one in begun if since <= one.run_up.start and (not until or one.run_up.start < until)
    ]
    known = [scrap for scrap in inside if scrap is not None]
    return sum(known, Decimal(0)) if known else None


def _plan_at(line_id: int, at: datetime) -> list[JobOrderVersion]:
    """The plan of a line as it stood at an instant: the last version of each order not finished by then."""
    found: Any = JobOrderVersion.objects.filter(job_order__line_id=line_id, at__lte=at)
    newest = found.order_by("job_order_id", "-version").distinct("job_order_id")
    rows = newest.select_related("job_order__product", "person")
    open_rows = [row for row in rows if row.job_order.ended_at is None or row.job_order.ended_at > at]
    return sorted(open_rows, key=lambda row: (row.plan.get("sequence") or 0, row.job_order.code))


def _versions(line_id: int, start: datetime, end: datetime) -> QuerySet[JobOrderVersion]:
    """Changes to orders already known, made during the day."""
    found = JobOrderVersion.objects.filter(job_order__line_id=line_id, at__gte=start, at__lt=end)
    found = found.exclude(change=JobOrderVersion.Change.STORE).select_related("job_order", "person")
    return found.order_by("at", "id")


def _planned(
    line_id: int, frozen: Iterable[JobOrderVersion], start: datetime, end: datetime
) -> Iterable[Planned]:
    """Orders planned in the day, each with the share of its planned working time that lies in it."""
    for version in frozen:
        begin, finish = _instant(version, "planned_start"), _instant(version, "planned_end")
        if begin is None or finish is None or begin >= end or finish <= start:
            continue
        slots = planned_slots(line_id=line_id, start=begin, end=finish)
        whole = planned_time(begin, finish, slots)
        inside = planned_time(max(begin, start), min(finish, end), slots)
        quantity = Decimal(str(version.plan["quantity"]))
        share = quantity * (inside // INSTANT) / (whole // INSTANT) if whole else Decimal(0)
        yield Planned(version.job_order, version, quantity, begin, finish, share)


def _instant(version: JobOrderVersion, key: str) -> datetime | None:
    value = version.plan.get(key)
    return datetime.fromisoformat(value) if value else None


def _sequence_decisions(line_id: int, start: datetime, end: datetime) -> list[Decision]:
    found = plant.decisions_between(line_id=line_id, start=start, end=end)
    return list(found.filter(kind="schedule_change", subject_type="sequence"))


def _products(made: Iterable[Made], decisions: Iterable[Decision]) -> dict[str, Product]:
    """Product of every order the day or its decisions name."""
    codes = {part.use.code for part in made}
    for decision in decisions:
        codes.update(decision.detail.get("before", ()), decision.detail.get("after", ()))
    return products_of(codes)


def _changeovers(
    made: Sequence[Made],
    products: dict[str, Product],
    standards: Sequence[Standard],
    frozen: Sequence[JobOrderVersion],
    resequenced: bool,
) -> tuple[Changeover, ...]:
    """Where one order gives way to another; the plan of the morning says whether it was meant to."""
    parts = [part.use for part in made if part.use.code]
    following = {before.job_order.code: after.job_order.code for before, after in pairwise(frozen)}
    found = []
    for before, after in pairwise(parts):
        if before.code == after.code:
            continue
        a, b = products.get(before.code), products.get(after.code)
        standard = standard_for(standards, a, b) if a and b else None
        moved = resequenced and following.get(before.code) not in (None, after.code)
        found.append(Changeover(after.start, before.code, after.code, standard, moved))
    return tuple(found)


def _resequenced(
    decision: Decision, products: dict[str, Product], standards: Sequence[Standard]
) -> Resequenced:
    before, after = (
        sequence_time(
            [products[code] for code in decision.detail.get(side, ()) if code in products], standards
        )
        for side in ("before", "after")
    )
    return Resequenced(decision, None if before is None or after is None else after - before)
