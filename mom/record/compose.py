"""Composing the record from what each floor knows: one selector for the page and the JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from mom.questions import seven_questions
from mom.record import (
    counted,
    maintenance,
    material,
    origins,
    people,
    plan,
    quality,
    sentences,
    signals,
    timing,
)
from mom.record.model import (
    AlarmRow,
    Completeness,
    GapRow,
    Head,
    OperationalRecord,
    StopGroup,
    ToolRow,
)
from mom.record.stopped import MicroGroup, Section, Stopped, micro_groups, sections, stopped
from mom.record.timing import Machine
from plant import selectors as plant
from plant.domain.quantities import ratio
from production.domain.time_model import UNKNOWN
from production.selectors import JobResponse, counts_said, job_response
from production.selectors.lookups import job_order_for_code

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from plant.models import Equipment
    from production.domain.account import Account
    from production.domain.line.losses import LineLosses
    from production.models import JobOrder
    from production.selectors import StopPart

LATENESS = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Composed:
    """The record, and the groupings its page draws from the same rows."""

    record: OperationalRecord
    sections: list[Section]
    micro: list[MicroGroup]


def operational_record(job_order_code: str, *, now: datetime) -> OperationalRecord:
    """Everything known of an order at ``now``. Raises JobOrder.DoesNotExist."""
    return composed(job_order_code, now=now).record


def composed(job_order_code: str, *, now: datetime) -> Composed:
    known = _known(job_order_code, now)
    found = stopped(known.response)
    return Composed(_record(known, found), sections(found), micro_groups(known.machines))


@dataclass(frozen=True, slots=True)
class _Known:
    """What is read once and used by several parts of the record."""

    order: JobOrder
    response: JobResponse
    now: datetime
    zone: ZoneInfo
    machines: list[Machine]
    paced: Machine | None
    reasons: dict[str, str]
    head: Head

    @property
    def account(self) -> Account | None:
        return self.paced.account if self.paced else None

    @property
    def until(self) -> datetime:
        return self.head.until or self.now

    @property
    def units(self) -> list[Equipment]:
        return [part.equipment for part in self.response.machines]


def _known(job_order_code: str, now: datetime) -> _Known:
    order = job_order_for_code(job_order_code)
    response = job_response(job_order_id=order.pk)
    machines = timing.machines(response)
    return _Known(
        order=order,
        response=response,
        now=now,
        zone=plant.site_zone(order.line),
        machines=machines,
        paced=timing.paced(response, machines),
        reasons=reason_names(),
        head=_head(response),
    )


def _told(known: _Known, found: list[Stopped], gaps: tuple[GapRow, ...]) -> sentences.Told:
    response, order = known.response, known.order
    listed = {item.time_class for item in found}
    losses = origins.losses_of(known.paced)
    declared, attributed = response.paced_by is not None, losses is not None
    split = (
        timing.split(known.paced, is_declared=declared, listed=listed, is_attributed=attributed)
        if known.paced
        else None
    )
    good = counted.good_pieces(response)
    return sentences.Told(
        head=known.head,
        zone=known.zone,
        good=good,
        scrap=counted.scrap_pieces(response),
        scrap_reasons=counted.scrap_reasons(response, known.reasons),
        rework=counted.rework(response, good),
        split=split,
        lost_seconds=timing.lost_seconds(known.account),
        groups=_groups(known, losses, listed),
        stops=tuple(item.row for item in found),
        lots=material.lots(order),
        tests=quality.tests(order),
        deviations=quality.deviations(order),
        decisions=people.decisions(order.code),
        completeness=_completeness(known, sum(not gap.recovered for gap in gaps)),
    )


def _groups(known: _Known, losses: LineLosses | None, listed: set[str]) -> tuple[StopGroup, ...]:
    """Lost time by where it began; by cause on the pacing machine alone where that cannot be told."""
    if losses is None or known.account is None:
        return timing.groups(known.paced, known.reasons, listed=listed)
    units = {unit.code: unit for unit in known.units}
    return origins.groups(known.account, losses, known.reasons, units)


def _record(known: _Known, found: list[Stopped]) -> OperationalRecord:
    # One field per line of the record: long, and flat.
    order, response, head, zone = known.order, known.response, known.head, known.zone
    start, until = head.start, known.until
    gaps = signals.gaps(known.units, start, until) if start else ()
    told = _told(known, found, gaps)
    requests = maintenance.requests(order, known.reasons)
    notes = people.notes(response)
    return OperationalRecord(
        head=head,
        as_of=known.now,
        zone=zone,
        verdict=sentences.verdict(told),
        story=sentences.story(told),
        questions=seven_questions(
            job_order_id=order.pk,
            now=known.now,
            paced=_asked_of(response),
            uncoded=len(response.completeness.uncoded),
        ),
        completeness=told.completeness,
        plan=plan.comparisons(head, good=told.good),
        lanes=tuple(timing.lane(machine, known.reasons) for machine in known.machines),
        split=told.split,
        stops=tuple(told.stops),
        stop_groups=tuple(told.groups),
        micro_stops=_micro(known.paced),
        quantities=counted.rows(response),
        pieces=counted.piece_balance(response, told.good, told.scrap, told.rework),
        scrap_reasons=told.scrap_reasons,
        rework=told.rework,
        lots=tuple(told.lots),
        balance=material.balance(order, output=told.good),
        shortages=material.shortages(order, line_path=order.line.path, start=start, until=until),
        alarms=_alarms(response),
        values=signals.process_values(known.units, start, until) if start and start < until else (),
        tools=_tools(response),
        tests=tuple(told.tests),
        deviations=tuple(told.deviations),
        requests=requests,
        people=people.people(
            response,
            stops=told.stops,
            lots=told.lots,
            tests=told.tests,
            requests=requests,
            said=(*told.decisions, *notes),
            counted_by=_counted_by(order),
        ),
        decisions=tuple(told.decisions),
        notes=notes,
        versions=plan.versions(response.versions, zone),
        gaps=gaps,
    )


def reason_names() -> dict[str, str]:
    """Every reason's label in the language of the screen, kept ones that are no longer offered included."""
    return {str(row.code): str(row.name) for row in plant.configuration_rows("plant.Reason")}  # type: ignore[attr-defined]


def _asked_of(response: JobResponse) -> tuple[Equipment, Account | None] | None:
    """What the questions rest on, as the response holds it; None: nothing was worked on, or none declared."""
    paced = response.paced_by
    found = (part for part in response.machines if paced is not None and part.equipment.pk == paced.pk)
    return next(((part.equipment, part.account) for part in found), None)


def _micro(paced: Machine | None) -> StopGroup | None:
    return timing.micro(paced.account, paced.equipment.code) if paced else None


def _head(response: JobResponse) -> Head:
    order, done = response.job_order, response.execution
    worked = [(work.end or response.end or work.start) - work.start for work in done.working]
    return Head(
        code=order.code,
        state=order.state,
        product_code=order.product.code,
        product=order.product.name,
        line_code=order.line.code,
        line=order.line.name,
        work_master=order.work_master.code if order.work_master else "",
        quantity=order.quantity,
        unit=order.unit,
        version=order.version,
        planned_start=order.planned_start,
        planned_end=order.planned_end,
        due_time=order.due_time,
        options=order.options,
        start=response.start,
        end=done.ended_at,
        until=response.end,
        working_seconds=round(sum(worked, timedelta()).total_seconds()) if worked else None,
    )


def _completeness(known: _Known, gaps: int) -> Completeness:
    """Data may come for a day after the end; the share without data is the constraint's."""
    response, now = known.response, known.now
    ended = response.execution.ended_at
    final = response.completeness.final or (ended is not None and now >= ended + LATENESS)
    uncoded: tuple[StopPart, ...] = response.completeness.uncoded
    told = known.account
    missing = told.durations.get(UNKNOWN, timedelta()) if told else None
    share: Decimal | None = None
    if told and missing is not None:
        share = ratio(timing.exact_seconds(missing), timing.exact_seconds(told.span))
    return Completeness(
        is_provisional=not final,
        provisional_until=ended + LATENESS if ended and not final else None,
        uncoded_stops=len(uncoded),
        # As the stops are listed, each by itself.
        uncoded_seconds=sum(round(timing.exact_seconds(part.duration)) for part in uncoded),
        no_data_seconds=None if told is None else timing.shown_classes(told).get(UNKNOWN, 0),
        no_data_share=share,
        gaps=gaps,
    )


def _alarms(response: JobResponse) -> tuple[AlarmRow, ...]:
    return tuple(
        AlarmRow(
            code=row.code,
            equipment_code=row.work_unit.code,
            equipment=row.work_unit.name,
            raised=row.start_time,
            acknowledged=row.acknowledged_at,
            cleared=row.end_time,
            seconds=None if row.end_time is None else round((row.end_time - row.start_time).total_seconds()),
            evidence=f"#{alarm_anchor(row.work_unit.code, row.code)}",
            text=row.text,
        )
        for row in response.alarms
    )


def alarm_anchor(equipment_code: str, code: str) -> str:
    return f"alarm-{equipment_code}-{code}".replace(" ", "-")


def _tools(response: JobResponse) -> tuple[ToolRow, ...]:
    return tuple(
        ToolRow(row.tool_code, row.work_unit.name, row.start_time, row.end_time, "#tools")
        for row in response.tools
    )


def _counted_by(order: JobOrder) -> list[str]:
    return [str(entry.said_by) for entry in counts_said(job_order_id=order.pk) if entry.said_by]
