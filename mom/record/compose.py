"""Composing the record from what each floor knows: one selector for the page and the JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from mom.questions import seven_questions
from mom.record import counted, maintenance, material, people, plan, quality, sentences, signals, timing
from mom.record.model import AlarmRow, Completeness, Head, OperationalRecord, StopGroup, ToolRow
from mom.record.stopped import MicroGroup, Section, micro_groups, sections, stopped
from mom.record.timing import Machine
from plant import selectors as plant
from plant.domain.quantities import ratio
from production.domain.time_model import UNKNOWN
from production.selectors import JobResponse, counts_said, job_response
from production.selectors.lookups import job_order_for_code

if TYPE_CHECKING:
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
    order = job_order_for_code(job_order_code)
    response = job_response(job_order_id=order.pk)
    zone = plant.site_zone(order.line)
    machines = timing.machines(response)
    reasons = reason_names()
    paced = _paced(response, machines)
    split = timing.split(paced, is_declared=response.paced_by is not None) if paced else None
    head = _head(response, machines)
    good, scrap = counted.good_pieces(response), counted.scrap_pieces(response)
    found = stopped(response)
    stops = tuple(item.row for item in found)
    groups = timing.groups(paced.account if paced else None, reasons)
    lots, tests = material.lots(order), quality.tests(order)
    deviations = quality.deviations(order)
    decisions, notes = people.decisions(order.code), people.notes(response)
    requests = maintenance.requests(order, reasons)
    start, until = head.start, head.until or now
    units = [part.equipment for part in response.machines]
    gaps = signals.gaps(units, start, until) if start else ()
    completeness = _completeness(response, paced, sum(not gap.recovered for gap in gaps), now)
    told = sentences.Told(
        head=head,
        zone=zone,
        good=good,
        scrap=scrap,
        split=split,
        lost_seconds=timing.lost_seconds(paced.account) if paced else None,
        groups=groups,
        stops=stops,
        lots=lots,
        tests=tests,
        deviations=deviations,
        decisions=decisions,
        completeness=completeness,
    )
    record = OperationalRecord(
        head=head,
        as_of=now,
        zone=zone,
        verdict=sentences.verdict(told),
        story=sentences.story(told),
        questions=seven_questions(job_order_id=order.pk, now=now),
        completeness=completeness,
        plan=plan.comparisons(head, good=good),
        lanes=tuple(timing.lane(machine, reasons) for machine in machines),
        split=split,
        stops=stops,
        stop_groups=groups,
        micro_stops=_micro(paced),
        quantities=counted.rows(response),
        pieces=counted.piece_balance(response, good, scrap),
        lots=lots,
        balance=material.balance(order, output=good),
        shortages=material.shortages(order, line_path=order.line.path, start=start, until=until),
        alarms=_alarms(response),
        values=signals.process_values(units, start, until) if start and start < until else (),
        tools=_tools(response),
        tests=tests,
        deviations=deviations,
        requests=requests,
        people=people.people(
            response,
            stops=stops,
            lots=lots,
            tests=tests,
            requests=requests,
            said=(*decisions, *notes),
            counted_by=_counted_by(order),
        ),
        decisions=decisions,
        notes=notes,
        versions=plan.versions(response.versions, zone),
        gaps=gaps,
    )
    return Composed(record, sections(found), micro_groups(machines))


def reason_names() -> dict[str, str]:
    """Every reason's label in the language of the screen, kept ones that are no longer offered included."""
    return {str(row.code): str(row.name) for row in plant.configuration_rows("plant.Reason")}  # type: ignore[attr-defined]


def _paced(response: JobResponse, machines: list[Machine]) -> Machine | None:
    """The machine whose time the record splits: the declared constraint, else the line's last."""
    if not machines:
        return None
    wanted = response.paced_by
    return next((m for m in machines if wanted and m.equipment.pk == wanted.pk), machines[-1])


def _micro(paced: Machine | None) -> StopGroup | None:
    return timing.micro(paced.account, paced.equipment.code) if paced else None


def _head(response: JobResponse, machines: list[Machine]) -> Head:
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


def _completeness(response: JobResponse, paced: Machine | None, gaps: int, now: datetime) -> Completeness:
    """Data may come for a day after the end; the share without data is the constraint's."""
    ended = response.execution.ended_at
    final = response.completeness.final or (ended is not None and now >= ended + LATENESS)
    uncoded: tuple[StopPart, ...] = response.completeness.uncoded
    told = paced.account if paced else None
    missing = told.durations.get(UNKNOWN, timedelta()) if told else None
    share: Decimal | None = None
    if told and missing is not None:
        share = ratio(timing.exact_seconds(missing), timing.exact_seconds(told.span))
    return Completeness(
        is_provisional=not final,
        provisional_until=ended + LATENESS if ended and not final else None,
        uncoded_stops=len(uncoded),
        uncoded_seconds=round(sum((part.duration for part in uncoded), timedelta()).total_seconds()),
        no_data_seconds=None if missing is None else round(missing.total_seconds()),
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
