"""What was commanded and what was signalled about job orders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from plant import selectors as plant
from production.domain.job_order import RESUME, START, STOP, Event, Execution, execution
from production.domain.transit import transits, working_at
from production.models import JobOrder, JobOrderEvent, OrderSpan

EVENTS = str(OrderSpan.Source.EVENTS)
# Columns of an order span, and one as a row.
SPAN_COLUMNS = ("equipment_id", "order_code", "start_time", "end_time", "source")
Span = tuple[int, str, datetime, datetime | None, str]


def commands_of(job_order: JobOrder) -> list[Event]:
    """Commands in the order they took effect."""
    rows = JobOrderEvent.objects.filter(job_order=job_order).order_by("at", "id")
    return [Event(row.at, row.verb) for row in rows]


def signalled(job_order: JobOrder) -> list[Event]:
    """What the order signal of the line said about an order: starts and ends.

    The line's own signal speaks first, else the declared constraint's, else that of the first machine.
    """
    units = plant.line_work_units(job_order.line_id)
    rank = {unit.pk: (1 if unit.is_constraint else 2, unit.position) for unit in units}
    rank[job_order.line_id] = (0, 0)
    spans = OrderSpan.objects.filter(
        order_code=job_order.code, source=OrderSpan.Source.SIGNAL, equipment_id__in=list(rank)
    ).order_by("start_time")
    rows = list(spans)
    if not rows:
        return []
    speaks = min((row.equipment_id for row in rows), key=lambda pk: rank[pk])
    return _events(row for row in rows if row.equipment_id == speaks)


def _events(spans: Iterable[OrderSpan]) -> list[Event]:
    found: list[Event] = []
    for span in spans:
        found.append(Event(span.start_time, START, True, span.equipment_id))
        if span.end_time is not None:
            found.append(Event(span.end_time, STOP, True, span.equipment_id))
    return found


def line_signalled(*, line_id: int, code: str) -> list[Event]:
    """What the line's own order signal said about an order, known here or not."""
    spans = OrderSpan.objects.filter(
        order_code=code, source=OrderSpan.Source.SIGNAL, equipment_id=line_id
    ).order_by("start_time")
    return _events(spans)


def line_transits(line_id: int) -> dict[int, timedelta]:
    """Time from the line's entry to each of its machines."""
    links: Any = plant.configuration_rows("plant.EquipmentLink", upstream__parent_id=line_id)
    units = [unit.pk for unit in plant.line_work_units(line_id)]
    return transits(units, links.order_by("pk").values_list("upstream_id", "downstream_id", "transit"))


def spans_stored(*, line_id: int, code: str) -> QuerySet[OrderSpan]:
    """The time a line and its machines worked on an order, as derived from what happened to it."""
    here = Q(equipment_id=line_id) | Q(equipment__parent_id=line_id)
    return OrderSpan.objects.filter(here, order_code=code, source=OrderSpan.Source.EVENTS)


def spans_of(
    *,
    line_id: int,
    code: str,
    events: list[Event],
    known: bool,
    transit: Mapping[int, timedelta] | None = None,
) -> list[Span]:
    """The same, derived anew. Of an order that is not ``known`` here, the line's own signal speaks for the
    machines alone. ``transit``: that of the line, where it is read already.
    """
    if not any(event.verb in (START, RESUME) for event in events):
        return []
    places = {line_id: execution(events).working} if known else {}
    transit = line_transits(line_id) if transit is None else transit
    for machine in transit:
        places[machine] = working_at(machine, events, transit)
    return [(place, code, work.start, work.end, EVENTS) for place, works in places.items() for work in works]


def codes_unknown() -> list[tuple[int, str]]:
    """Orders a line's own signal spoke of, or spans are stored of, that are none of the line's orders."""
    told = OrderSpan.objects.filter(equipment__level="line").values_list("equipment_id", "order_code")
    told = told.order_by("equipment_id", "order_code").distinct()
    stored = OrderSpan.objects.filter(source=OrderSpan.Source.EVENTS, equipment__level="work_unit")
    derived: Any = stored.order_by().values_list("equipment__parent_id", "order_code").distinct()
    known = set(JobOrder.objects.values_list("line_id", "code"))
    return sorted({*told, *derived} - known)


def execution_of(job_order: JobOrder, *more: Event) -> Execution:
    """State, start, end and working times of an order, from its commands and signals."""
    return execution([*commands_of(job_order), *signalled(job_order), *more])
