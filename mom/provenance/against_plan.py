"""Evidence of an order against its plan: what should be made by an instant, what is missing, its rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from mom.pages.plan import IDEAL_RATE, PLANNED_TIMES, Asked, plan
from mom.pages.words import quantity
from mom.provenance.links import order_figure_href
from mom.provenance.model import HOURS, NUMBER, PIECES, RATIO, SECONDS, Input, Term
from plant import selectors as plant
from plant.domain.quantities import ratio
from production.domain.attribution import declared_constraint
from production.domain.oee import seconds
from production.domain.stops import planned_time
from production.selectors.comparison import order_runs, scrap_of
from production.selectors.line_topology import line_groups
from production.selectors.pacing import group_of, line_exits, together
from production.selectors.record import Working, orders_counts
from production.selectors.units import ideal_rate, planned_slots

if TYPE_CHECKING:
    from plant.domain.calendar import Slot
    from plant.models import Equipment
    from production.domain.comparison import Run
    from production.models import JobOrder

FIGURES = ("target", "gap", "rate", "working", "late", "scrap_share")
HOUR = Decimal(3600)


@dataclass(frozen=True, slots=True)
class Told:
    """One figure as told: its name, kind, terms, and what pages show."""

    name: str
    kind: str
    definition: str
    shown: Decimal | None
    terms: tuple[Term, ...]


def plan_evidence(*, order: JobOrder, figure: str, at: datetime) -> Told | None:
    """One of FIGURES as known at an instant; None where nothing tells."""
    run = order_runs(line_id=order.line_id, orders=[order], now=at)[0]
    if figure in ("target", "gap"):
        return _against(order, run, at, is_gap=figure == "gap")
    if run.start is None:
        return None
    if figure == "late":
        return _late(order, run)
    if figure == "scrap_share":
        return _scrap_share(order, run, at)
    working = _working(order, run, at)
    if figure == "working":
        total = seconds(run.worked)
        name = _("Planned working time on it")
        return Told(name, SECONDS, _("times it was worked on, breaks and time outside shifts left out"),
                    total, (Term("T", name, SECONDS, working),))  # fmt: skip
    return _rate(order, run, working)


def _rate(order: JobOrder, run: Run, working: Sequence[Input]) -> Told:
    hours = tuple(
        Input(row.what, (row.amount or Decimal(0)) / HOUR, row.start, row.end, row.how) for row in working
    )
    terms = (
        Term("G", _("Good pieces"), PIECES, (_good(order, run),)),
        Term("T", _("Planned working hours"), HOURS, hours),
    )
    definition = _("good pieces per planned working hour, stops and slow running included")
    return Told(_("Effective rate"), NUMBER, definition, run.rate, terms)


def _good(order: JobOrder, run: Run) -> Input:
    how = _("counted where the line ends")
    return Input(_("Good pieces"), run.good, run.start, run.end, how, order_figure_href(order.code, "good"))


def _working(order: JobOrder, run: Run, at: datetime) -> tuple[Input, ...]:
    starts = [start for start, _end in run.working]
    slots = planned_slots(line_id=order.line_id, start=min(starts), end=at) if starts else None
    return tuple(
        Input(order.code, seconds(planned_time(start, end or at, slots)), start, end or at,
              _("planned working time"))
        for start, end in run.working
    )  # fmt: skip


def _late(order: JobOrder, run: Run) -> Told | None:
    if order.planned_end is None or run.end is None:
        return None
    late = seconds(run.end - order.planned_end)
    row = Input(
        _("Planned end → end"), late, order.planned_end, run.end, "", f"/orders/{order.code}/#versions"
    )
    name = _("End against plan")
    return Told(name, SECONDS, _("end − planned end"), late, (Term("Δ", name, SECONDS, (row,)),))


def _scrap_share(order: JobOrder, run: Run, at: datetime) -> Told | None:
    scrap = scrap_of(line_id=order.line_id, orders=[order], now=at).get(order.code)
    if scrap is None or run.good is None:
        return None
    rejected = Input(
        _("Rejected pieces"), scrap, run.start, run.end, "", order_figure_href(order.code, "scrap")
    )
    terms = (
        Term("R", _("Rejected pieces"), PIECES, (rejected,)),
        Term("G + R", _("Good and rejected pieces"), PIECES, (_good(order, run), rejected)),
    )
    return Told(_("Scrap ratio"), RATIO, "", ratio(scrap, run.good + scrap), terms)


def _against(order: JobOrder, run: Run, at: datetime, *, is_gap: bool) -> Told | None:
    starts = [time for time in (order.started_at, order.planned_start) if time]
    slots = planned_slots(line_id=order.line_id, start=min(starts), end=_reach(order, at)) if starts else None
    units = plant.line_work_units(order.line_id)
    rate = _rate_of_line(order, units, at)
    asked = Asked(order.quantity, order.started_at, order.planned_start, order.planned_end, rate)
    good = _good_by(order, units, at)
    made = plan(asked=asked, good=good, now=at, slots=slots)
    if made.target is None:
        return None
    rows = _target_rows(asked, made.basis, at, slots)
    by_plan = made.basis == PLANNED_TIMES
    definition = (
        _("the planned quantity spread over its planned working time")
        if by_plan
        else _("working time since the start at the ideal rate; no planned times are known")
    )
    if not is_gap:
        term = Term("P", _("Should be made by then"), PIECES, rows)
        return Told(_("Target"), PIECES, definition, made.target, (term,))
    missing = tuple(
        Input(row.what, None if row.amount is None else -row.amount, row.start, row.end, row.how)
        for row in rows
    )
    made_rows = (_good(order, replace(run, good=good, end=at)), *missing)
    term = Term("G − P", _("Good pieces less what should be made by then"), PIECES, made_rows)
    return Told(_("Against plan"), PIECES, definition, made.gap, (term,))


def _rate_of_line(order: JobOrder, units: Sequence[Equipment], at: datetime) -> Decimal | None:
    """Ideal pieces per hour of those that pace the line, together."""
    constraint = declared_constraint(units)
    if constraint is None:
        return None
    group = group_of(line_groups(line_id=order.line_id, units=units), constraint)
    found = [
        rate.units_per_hour
        for unit in together(units, group, constraint)
        if (rate := ideal_rate(equipment_id=unit.pk, product_id=order.product_id, at=at))
    ]
    return sum(found, Decimal(0)) if found else None


def _good_by(order: JobOrder, units: Sequence[Equipment], at: datetime) -> Decimal | None:
    """Counted where the line ends, in the spans it worked on the order, as the line's page counts it."""
    if not units:
        return None
    exits = line_exits(units, line_groups(line_id=order.line_id, units=units))
    [counted] = orders_counts(asked=[Working(order, exits)], known_to=at)
    known = [part.good for parts in counted.values() for part in parts if part.good is not None]
    return sum(known, Decimal(0)) if known else None


def _reach(order: JobOrder, at: datetime) -> datetime:
    return max(at, order.planned_end) if order.planned_end else at


def _target_rows(asked: Asked, basis: str, at: datetime, slots: Sequence[Slot] | None) -> tuple[Input, ...]:
    if basis == PLANNED_TIMES and asked.planned_start and asked.planned_end:
        end = min(at, asked.planned_end)
        whole = seconds(planned_time(asked.planned_start, asked.planned_end, slots))
        passed = seconds(planned_time(asked.planned_start, end, slots))
        how = _("%(quantity)s × %(passed)s s of %(whole)s s planned working time") % {
            "quantity": quantity(asked.quantity), "passed": quantity(passed), "whole": quantity(whole),
        }  # fmt: skip
        return (Input(_("Should be made"), asked.quantity * passed / whole, asked.planned_start, end, how),)
    assert basis == IDEAL_RATE
    assert asked.started_at is not None
    assert asked.rate is not None
    worked = seconds(planned_time(asked.started_at, at, slots))
    made = asked.rate * worked / HOUR
    how = _("%(seconds)s s × %(rate)s per hour") % {"seconds": quantity(worked), "rate": quantity(asked.rate)}
    rows = [Input(_("Should be made"), made, asked.started_at, at, how)]
    if made > asked.quantity:
        rows.append(Input(_("No more than ordered"), asked.quantity - made))
    return tuple(rows)
