"""/api/v1/equipment/<line>/days/<day>: a production day, what was planned and made, every missing piece."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from django.http import Http404, HttpResponse, HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.views import APIView

from mom.pages.day_causes import CauseRow, causes, owners
from mom.pages.etags import answer_304, etag_of, with_etag
from mom.pages.lookup import day_or_404, line_or_404
from mom.pages.yesterday import changed_over, day_costs, plan_changes
from mom.record import answer
from plant import selectors
from plant.rest import refuse_unknown
from production import selectors as production

if TYPE_CHECKING:
    from collections.abc import Iterable
    from fractions import Fraction

    from mom.record.model import VersionRow
    from production.domain.changeover import Done
    from production.domain.missing import Changeover, Lost
    from production.selectors import Frequency, LineDay
    from production.selectors.changeover_steps import SequenceCost

SIX = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class EventAnswer:
    """One standstill behind a cause. ``equipment``: where it began."""

    equipment: str
    start_time: datetime
    end_time: datetime
    seconds: Decimal
    job_order: str | None
    stop_start: datetime | None


@dataclass(frozen=True, slots=True)
class OftenAnswer:
    """How often the reason was given in the 30 days before the day's end, and per 100 hours run."""

    count: int
    per_hundred_hours: Decimal | None
    by_shift: dict[str, int]
    by_machine: dict[str, int]


@dataclass(frozen=True, slots=True)
class CauseAnswer:
    """One cause of missing pieces; less than zero: pieces in favour. ``pieces`` of all causes add up.

    ``pieces_exact``: before rounding. ``accepted``: a standard allows it. ``seconds`` null: no standstill.
    ``money``: contribution not made; ``cost``: of the time; ``less_late_seconds``: how much less late the
    day's orders would be without it, not to be summed. ``actions``: open ones on the same reason.
    """

    kind: str
    label: str
    pieces: int
    pieces_exact: Decimal
    accepted: bool
    seconds: Decimal | None
    stops: int
    machine: str | None
    origin: str | None
    reason: str | None
    department: str | None
    said_by: tuple[str, ...]
    money: Decimal | None
    cost: Decimal | None
    less_late_seconds: Decimal | None
    month: OftenAnswer | None
    actions: tuple[int, ...]
    events: tuple[EventAnswer, ...]


@dataclass(frozen=True, slots=True)
class PlannedAnswer:
    """An order as the plan had it when the day began. ``pieces``: its share inside the day."""

    job_order: str
    product: str
    version: int
    quantity: Decimal
    planned_start: datetime
    planned_end: datetime
    pieces: Decimal


@dataclass(frozen=True, slots=True)
class ChangeAnswer:
    """A version of an order's plan made during the day."""

    at: datetime
    job_order: str
    version: int
    changes: tuple[str, ...]
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class SequenceAnswer:
    """A change of sequence and its changeover time, less than zero: saved. Null: a standard is missing.

    ``standard_seconds``: by standards, as known when decided. ``measured_seconds``: with each changeover
    run as long as it took; null while none was run.
    """

    at: datetime
    by: str
    why: str
    job_orders: tuple[str, ...]
    instead_of: tuple[str, ...]
    standard_seconds: Decimal | None
    measured_seconds: Decimal | None
    changeovers: int
    changeovers_run: int


@dataclass(frozen=True, slots=True)
class ChangedOverAnswer:
    """One order gave way to another. ``in_plan``: the plan of the morning had it so."""

    at: datetime
    from_order: str
    to_order: str
    seconds: Decimal | None
    standard_seconds: Decimal | None
    in_plan: bool


@dataclass(frozen=True, slots=True)
class DepartmentAnswer:
    department: str
    pieces: int


@dataclass(frozen=True, slots=True)
class DayAnswer:
    """Planned less good pieces is ``missing``; that is ``beyond_possible`` and the pieces of all causes,
    to the piece: ``difference`` is 0.

    ``planned`` null: no order had planned times that day, and ``missing`` is from what the ideal rate
    allows. ``beyond_possible``: planned beyond that; less than zero: already allowed for in the plan.
    ``unrated_seconds``, ``uncounted_seconds``: left out, no ideal rate or no count.
    """

    line: str
    day: str
    start_time: datetime
    end_time: datetime
    is_over: bool
    shifts: tuple[str, ...]
    paced_by: str
    good_from: str
    trs: Decimal | None
    currency: str | None
    planned: int | None
    possible: int
    good: int
    missing: int
    beyond_possible: int
    difference: int
    unrated_seconds: Decimal
    uncounted_seconds: Decimal
    causes: tuple[CauseAnswer, ...]
    departments: tuple[DepartmentAnswer, ...]
    plan: tuple[PlannedAnswer, ...]
    plan_changes: tuple[ChangeAnswer, ...]
    sequence_changes: tuple[SequenceAnswer, ...]
    changeovers: tuple[ChangedOverAnswer, ...]


def day_answer(found: LineDay, now: datetime) -> DayAnswer:
    told = causes(found)
    zone = selectors.site_zone(found.line)
    trs = found.kpi.trs.trs
    return DayAnswer(
        line=found.line.code,
        day=found.day.isoformat(),
        start_time=found.start,
        end_time=found.end,
        is_over=found.is_over,
        shifts=tuple(slot.code for slot in found.shifts),
        paced_by=found.kpi.paced_by.code,
        good_from=found.kpi.good_from.code,
        trs=None if trs is None else Decimal(trs).quantize(SIX),
        currency=found.currency or None,
        planned=told.planned,
        possible=told.possible,
        good=told.good,
        missing=told.missing,
        beyond_possible=told.plan_row,
        difference=told.difference,
        unrated_seconds=_seconds(found.missing.unrated),
        uncounted_seconds=_seconds(found.missing.uncounted),
        causes=tuple(_cause(found, row) for row in (*told.rows, *told.in_favour)),
        departments=tuple(DepartmentAnswer(*pair) for pair in owners(told.rows) if pair[0]),
        plan=tuple(_planned(found)),
        plan_changes=tuple(_change(code, row) for code, row in plan_changes(found, zone)),
        sequence_changes=tuple(sequence_answer(cost) for cost in day_costs(found, now)),
        changeovers=tuple(_changed(*pair) for pair in changed_over(found)),
    )


def _cause(found: LineDay, row: CauseRow) -> CauseAnswer:
    cause = row.cause
    late = found.late(cause)
    return CauseAnswer(
        kind=cause.kind,
        label=row.label,
        pieces=row.pieces,
        pieces_exact=_exact(cause.pieces),
        accepted=row.is_accepted,
        seconds=None if cause.duration is None else _seconds(cause.duration),
        stops=cause.count,
        machine=cause.machine or None,
        origin=cause.origin or None,
        reason=cause.reason_code or None,
        department=row.department or None,
        said_by=row.said_by,
        money=None if cause.money is None else _exact(cause.money),
        cost=None if (cost := found.cost(cause)) is None else _exact(cost),
        less_late_seconds=None if late is None else _seconds(late),
        month=_often(row.month),
        actions=tuple(action.pk for action in row.actions),
        events=tuple(_event(event, found.kpi.paced_by.code) for event in cause.events),
    )


def _often(month: Frequency | None) -> OftenAnswer | None:
    if month is None:
        return None
    rate = month.per_hundred_hours
    return OftenAnswer(
        count=month.count,
        per_hundred_hours=None if rate is None else Decimal(rate).quantize(SIX),
        by_shift=dict(month.by_shift),
        by_machine=dict(month.by_machine),
    )


def _event(event: Lost, paced_by: str) -> EventAnswer:
    return EventAnswer(
        equipment=event.machine or paced_by,
        start_time=event.start,
        end_time=event.end,
        seconds=_seconds(event.duration),
        job_order=event.order_code or None,
        stop_start=event.stop_start,
    )


def _planned(found: LineDay) -> Iterable[PlannedAnswer]:
    for item in found.plan:
        yield PlannedAnswer(
            job_order=item.order.code,
            product=item.order.product.code,
            version=item.version.version,
            quantity=item.quantity,
            planned_start=item.start,
            planned_end=item.end,
            pieces=item.pieces.quantize(SIX),
        )


def _change(code: str, row: VersionRow) -> ChangeAnswer:
    return ChangeAnswer(row.at, code, row.version, row.changes, row.by, row.why)


def sequence_answer(cost: SequenceCost) -> SequenceAnswer:
    decision = cost.decision
    return SequenceAnswer(
        at=decision.said_at,
        by=str(decision.said_by or decision.said_by_rule),
        why=decision.why,
        job_orders=tuple(decision.detail.get("after", ())),
        instead_of=tuple(decision.detail.get("before", ())),
        standard_seconds=None if cost.standard is None else _seconds(cost.standard),
        measured_seconds=None if cost.cost is None or not cost.measured else _seconds(cost.cost),
        changeovers=cost.changeovers,
        changeovers_run=cost.measured,
    )


def _changed(change: Changeover, done: Done | None) -> ChangedOverAnswer:
    return ChangedOverAnswer(
        at=change.at,
        from_order=change.from_order,
        to_order=change.to_order,
        seconds=None if done is None else _seconds(done.duration),
        standard_seconds=None if change.standard is None else _seconds(change.standard),
        in_plan=not change.resequenced,
    )


def _exact(value: Fraction) -> Decimal:
    return Decimal(round(value * 1_000_000)) / 1_000_000


def _seconds(value: timedelta) -> Decimal:
    return Decimal(value // timedelta(microseconds=1)) / 1_000_000


class LineDayView(APIView):
    """A production day of a line: planned, made, and every missing piece by cause, as Yesterday tells it."""

    required_action = "view"

    @extend_schema(
        operation_id="equipment_day",
        tags=["equipment"],
        responses={
            200: OpenApiResponse(response=answer.schema(DayAnswer), description="As its page."),
            304: OpenApiResponse(description="Unchanged since the ETag sent as If-None-Match."),
            404: OpenApiResponse(description="The line did not mean to work that day, or sent no data."),
        },
    )
    def get(self, request: Request, code: str, day: str) -> HttpResponseBase:
        refuse_unknown(request, set())
        asked, now = request._request, timezone.now()
        wanted = day_or_404(day)
        line = line_or_404(asked, code)
        etag = etag_of(asked, line.revision, now)  # type: ignore[attr-defined]
        if unchanged := answer_304(asked, etag):
            return unchanged
        try:
            found = production.line_day(line_id=line.pk, day=wanted)
        except OverflowError:
            raise Http404(f"read {day!r}, expected a date such as 2026-03-25") from None
        if found is None:
            raise exceptions.NotFound(f"{code}: no shift planned, no data, or no machine paces it on {day}")
        body = answer.rows_json(day_answer(found, now))
        return with_etag(HttpResponse(body, content_type="application/json"), etag)
