"""Production's part of the operational record (OPC 10031-4 job response: a report on work done for a job
order).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from django.db.models import DateTimeField, OuterRef, Q, Subquery, Value
from django.db.models.functions import Cast, Least

from connectors import selectors as connectors
from connectors.selectors import GapSpan
from plant import selectors as plant
from production.domain.account import Account, OrderUse, Segment
from production.domain.attribution import DECLARED_CONSTRAINT, declared_constraint
from production.domain.hand_counts import Hand
from production.domain.job_order import Event, Execution
from production.models import (
    CountAssertion,
    JobOrder,
    JobOrderEvent,
    JobOrderVersion,
    NoteAssertion,
    OrderSpan,
    ReasonAssertion,
    Stop,
    ToolSpan,
)
from production.selectors.accounts import (
    accounts,
    horizons_of,
    orders_between,
    tools_between,
)
from production.selectors.alarms import AlarmTold, alarms_between
from production.selectors.executions import execution_of
from production.selectors.hand_counts import hand_counts
from production.selectors.line_topology import line_groups
from production.selectors.order_quantities import windows_of
from production.selectors.orders import job_order_events, plan_versions
from production.selectors.pacing import line_exits
from production.selectors.quantities import Asked, Quantities, counters_of, quantities_each
from production.selectors.stopped import counts_said, notes, overlapping

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.models import SignalDefinition
    from plant.models import Equipment

# Until then later data may still come and change a record (docs/data-path.md).
LATENESS = timedelta(hours=24)
ZERO = Decimal(0)
# Told of a machine at the line's exit; good pieces are counted nowhere else.
EXIT_KINDS = ("good", "scrap", "rework", "rework_good", "rework_scrap")


@dataclass(frozen=True, slots=True)
class MachinePart:
    """One machine during the order: what it was set to work on, its account, its counts in each working
    span.
    """

    equipment: Equipment
    uses: tuple[OrderUse, ...]
    account: Account | None
    counted: tuple[Quantities, ...]


@dataclass(frozen=True, slots=True)
class StopPart:
    """A stop inside the order. ``parts`` are its segments, one per reason; ``duration`` is clipped to the
    order.
    """

    stop: Stop
    equipment: Equipment
    parts: tuple[Segment, ...]
    reasons: tuple[ReasonAssertion, ...]

    @property
    def duration(self) -> timedelta:
        return sum((part.duration for part in self.parts), timedelta())

    @property
    def uncoded(self) -> bool:
        return any(part.uncoded for part in self.parts)


@dataclass(frozen=True, slots=True)
class QuantityPart:
    """One quantity, by who counted it: ``source`` plan, machine or people. ``evidence``: ids it was computed
    from. Of people with an equipment: its quantity, where no counter of it tells; without: beside the others.
    """

    kind: str
    source: str
    quantity: Decimal | None
    equipment: Equipment | None
    evidence: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Completeness:
    """What is not final: data may still come, are missing, or nobody has said why."""

    final: bool
    horizon: datetime | None
    gaps: tuple[GapSpan, ...]
    uncoded: tuple[StopPart, ...]
    contradicted: tuple[Segment, ...]
    illegal: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class JobResponse:
    """What was done for one order. ``start`` None: it has not begun; ``end`` is its end, or until when data
    reach.

    ``paced_by`` is the machine that speaks for the line, chosen as ``attribution`` says; None if none is
    declared.
    """

    job_order: JobOrder
    execution: Execution
    start: datetime | None
    end: datetime | None
    attribution: str
    paced_by: Equipment | None
    machines: tuple[MachinePart, ...]
    stops: tuple[StopPart, ...]
    quantities: tuple[QuantityPart, ...]
    alarms: tuple[AlarmTold, ...]
    tools: tuple[ToolSpan, ...]
    notes: tuple[NoteAssertion, ...]
    versions: tuple[JobOrderVersion, ...]
    events: tuple[JobOrderEvent, ...]
    completeness: Completeness


def job_response(*, job_order_id: int) -> JobResponse:
    """Everything production knows of an order, in a fixed number of queries per machine. Raises
    JobOrder.DoesNotExist.
    """
    job_order = JobOrder.objects.select_related("line", "product", "work_master").get(pk=job_order_id)
    done = execution_of(job_order)
    units = plant.line_work_units(job_order.line_id)
    ids = [unit.pk for unit in units]
    horizons = horizons_of(ids)
    horizon = min(horizons.values()) if horizons else None
    start = done.started_at
    end = done.ended_at or (max([start, *horizons.values()]) if start else None)
    has_window = start is not None and end is not None and end > start
    machines = (
        _machines(job_order, units, done, (start, end), max(horizons.values(), default=end))
        if has_window and start and end
        else ()
    )
    stops = _stops(machines, start, end) if has_window and start and end else ()
    window = (start, end) if has_window and start and end else None
    return JobResponse(
        job_order=job_order,
        execution=done,
        start=start,
        end=end,
        attribution=DECLARED_CONSTRAINT,
        paced_by=declared_constraint(units),
        machines=machines,
        stops=stops,
        quantities=_quantities(job_order, units, machines),
        alarms=tuple(alarms_between(equipment_ids=ids, start=window[0], end=window[1])) if window else (),
        tools=tuple(tools_between(equipment_ids=ids, start=window[0], end=window[1])) if window else (),
        notes=_notes(job_order, [*ids, job_order.line_id], window),
        versions=tuple(plan_versions(job_order_id=job_order_id)),
        events=tuple(job_order_events(job_order_id=job_order_id)),
        completeness=_completeness(done, machines, stops, ids, horizon, window),
    )


Window = tuple[datetime, datetime] | None


def _machines(
    job_order: JobOrder,
    units: Sequence[Equipment],
    done: Execution,
    window: tuple[datetime, datetime],
    known_to: datetime,
) -> tuple[MachinePart, ...]:
    told = accounts(equipment=units, start=window[0], end=window[1])
    uses = orders_between(equipment=units, start=window[0], end=window[1])
    counted = order_counts(job_order=job_order, units=units, known_to=known_to, done=done)
    return tuple(
        MachinePart(unit, tuple(uses[unit.pk]), told.get(unit.pk), tuple(counted[unit.pk])) for unit in units
    )


class Working(NamedTuple):
    """Machines that may have worked on an order; ``done``: its execution, where known already."""

    job_order: JobOrder
    units: Sequence[Equipment]
    done: Execution | None = None


def order_counts(
    *,
    job_order: JobOrder,
    units: Sequence[Equipment],
    known_to: datetime,
    done: Execution | None = None,
    counters: Sequence[SignalDefinition] | None = None,
) -> dict[int, list[Quantities]]:
    """What each machine counted in each span it worked on the order, up to ``known_to``; by machine.

    By its own order signal, else by its line's events moved by the transit to it: the last machine of a line
    begins and ends an order minutes after the one that paces it.
    """
    asked = [Working(job_order, units, done)]
    return orders_counts(asked=asked, known_to=known_to, counters=counters)[0]


def orders_counts(
    *, asked: Sequence[Working], known_to: datetime, counters: Sequence[SignalDefinition] | None = None
) -> list[dict[int, list[Quantities]]]:
    """``order_counts`` of several orders, in as many reads as for one."""
    units = [unit for one in asked for unit in one.units]
    told, own = _own_spans([unit.pk for unit in units], [one.job_order.code for one in asked])
    said = _hands(asked, known_to)
    windows: list[tuple[int, Asked]] = []
    for place, one in enumerate(asked):
        worked: dict[int, list[tuple[datetime, datetime]]] = {}
        ids = {unit.pk for unit in one.units}
        for machine, code, since, until in own:
            if machine in ids and code == one.job_order.code:
                worked.setdefault(machine, []).append((since, until or known_to))
        if others := [unit.pk for unit in one.units if unit.pk not in told]:
            for work in (one.done or execution_of(one.job_order)).working:
                for machine in others:
                    worked.setdefault(machine, []).append((work.start, work.end or known_to))
        mine = [hand for hand in said if hand.machine in ids and hand.order in ("", one.job_order.code)]
        windows += [(place, window) for window in windows_of(one.job_order.code, worked, mine)]
    found: list[dict[int, list[Quantities]]] = [{unit.pk: [] for unit in one.units} for one in asked]
    counters = counters_of(units) if counters is None else counters
    counts = quantities_each([window for _, window in windows], of_order=True, counters=counters)
    for (place, _), counted in zip(windows, counts, strict=True):
        for machine, part in counted.items():
            found[place][machine].append(part)
    return found


def _hands(asked: Sequence[Working], known_to: datetime) -> list[Hand]:
    """What people counted for some orders, and without naming one while any of them may have been at work."""
    begun = [one.job_order.started_at for one in asked if one.job_order.started_at]
    return hand_counts(
        equipment_ids={unit.pk for one in asked for unit in one.units if unit.counts_by_hand},
        start=min(begun, default=known_to),
        end=known_to,
        order_codes=[one.job_order.code for one in asked],
    )


def _own_spans(
    ids: Sequence[int], order_codes: Sequence[str]
) -> tuple[set[int], list[tuple[int, str, datetime, datetime | None]]]:
    """Machines of which anyone but their line tells orders, and their spans of some, in one read."""
    told = OrderSpan.objects.filter(equipment_id__in=ids).order_by()
    never, nothing = Value(""), Cast(Value(None), DateTimeField())
    spans = told.filter(order_code__in=order_codes).annotate(until=Least("end_time", _following()))
    rows = list(
        spans.values_list("equipment_id", "source", "order_code", "start_time", "until").union(
            told.values_list("equipment_id", "source", never, nothing, nothing).distinct(), all=True
        )
    )
    signalled = {row[0] for row in rows if row[1] == OrderSpan.Source.SIGNAL}
    own = [
        (machine, code, since, until)
        for machine, source, code, since, until in rows
        if since is not None
        and (until is None or since < until)
        and (source == OrderSpan.Source.SIGNAL or machine not in signalled)
    ]
    return {row[0] for row in rows}, sorted(own, key=lambda row: row[2])


def _following() -> Subquery:
    """When the next order of the same machine began: an order lasts until then at the latest."""
    after = Q(start_time__gt=OuterRef("start_time")) | Q(
        start_time=OuterRef("start_time"), order_code__gt=OuterRef("order_code")
    )
    spans = OrderSpan.objects.filter(after, equipment=OuterRef("equipment"), source=OuterRef("source"))
    return Subquery(spans.order_by("start_time", "order_code").values("start_time")[:1])


def _stops(machines: Sequence[MachinePart], start: datetime, end: datetime) -> tuple[StopPart, ...]:
    by_id = {part.equipment.pk: part for part in machines}
    rows = Stop.objects.filter(overlapping(start, end), work_unit_id__in=list(by_id)).order_by("start_time")
    segments: dict[tuple[int, datetime], list[Segment]] = {}
    for machine in machines:
        for segment in machine.account.segments if machine.account else ():
            if segment.stop_start is not None:
                segments.setdefault((machine.equipment.pk, segment.stop_start), []).append(segment)
    said_ids = {s.assertion_id for parts in segments.values() for s in parts if s.assertion_id}
    said = ReasonAssertion.objects.select_related("reason", "said_by").in_bulk(list(said_ids))
    found: list[StopPart] = []
    for row in rows:
        parts = tuple(segments.get((row.work_unit_id, row.start_time), ()))
        ids = dict.fromkeys(part.assertion_id for part in parts if part.assertion_id)
        reasons = tuple(said[pk] for pk in ids if pk is not None)
        found.append(StopPart(row, by_id[row.work_unit_id].equipment, parts, reasons))
    return tuple(found)


def _quantities(
    job_order: JobOrder, units: Sequence[Equipment], machines: Sequence[MachinePart]
) -> tuple[QuantityPart, ...]:
    """Plan; each machine's, by its counters or by people where none of them tells; what else people said."""
    found = [QuantityPart("good", "plan", job_order.quantity, None, (job_order.pk,))]
    said = {entry.pk: entry for entry in counts_said(job_order_id=job_order.pk)}
    if machines and units:
        leaving = {unit.pk for unit in line_exits(units, line_groups(line_id=job_order.line_id, units=units))}
        for machine in machines:
            kinds = EXIT_KINDS if machine.equipment.pk in leaving else EXIT_KINDS[1:]
            found += [part for kind in kinds if (part := _machine_part(machine, kind)) is not None]
    used = {(part.kind, part.equipment.pk) for part in found if part.source == "people" and part.equipment}
    beside: dict[str, list[CountAssertion]] = {}
    for entry in said.values():
        if (entry.kind, entry.equipment_id) not in used:
            beside.setdefault(entry.kind, []).append(entry)
    for kind, entries in beside.items():
        total = sum((entry.quantity for entry in entries), ZERO)
        found.append(QuantityPart(kind, "people", total, None, tuple(entry.pk for entry in entries)))
    return tuple(found)


def _machine_part(machine: MachinePart, kind: str) -> QuantityPart | None:
    """One machine's quantity over the order's working spans; None where nobody tells it."""
    signals = dict.fromkeys(pk for part in machine.counted for pk in part.signal_ids)
    if any(kind in part.refused for part in machine.counted):
        return QuantityPart(kind, "machine", None, machine.equipment, tuple(signals))
    values = [getattr(part, kind) for part in machine.counted]
    known = [value for value in values if value is not None]
    if not known:
        return None
    if any(kind in part.by_hand for part in machine.counted):
        entries = dict.fromkeys(pk for part in machine.counted for pk in part.entries)
        return QuantityPart(kind, "people", sum(known, ZERO), machine.equipment, tuple(entries))
    return QuantityPart(kind, "machine", sum(known, ZERO), machine.equipment, tuple(signals))


def _notes(job_order: JobOrder, ids: Sequence[int], window: Window) -> tuple[NoteAssertion, ...]:
    start, end = window or (job_order.created_at, job_order.created_at)
    return tuple(notes(equipment_ids=ids, start=start, end=end, job_order_id=job_order.pk))


def _completeness(
    done: Execution,
    machines: Sequence[MachinePart],
    stops: Sequence[StopPart],
    ids: Sequence[int],
    horizon: datetime | None,
    window: Window,
) -> Completeness:
    gaps: Sequence[GapSpan] = ()
    if window is not None:
        gaps = connectors.gaps_between(equipment_ids=ids, start=window[0], end=window[1])
    told = [machine.account for machine in machines if machine.account is not None]
    final = done.ended_at is not None and horizon is not None and horizon >= done.ended_at + LATENESS
    return Completeness(
        final=final,
        horizon=horizon,
        gaps=tuple(gaps),
        uncoded=tuple(stop for stop in stops if stop.uncoded),
        contradicted=tuple(segment for account in told for segment in account.contradicted),
        illegal=done.illegal,
    )
