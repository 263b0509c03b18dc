"""What was commanded and what was signalled about job orders."""

from __future__ import annotations

from collections.abc import Iterable

from plant import selectors as plant
from production.domain.job_order import START, STOP, Event, Execution, execution
from production.models import JobOrder, JobOrderEvent, OrderSpan


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


def execution_of(job_order: JobOrder, *more: Event) -> Execution:
    """State, start, end and working times of an order, from its commands and signals."""
    return execution([*commands_of(job_order), *signalled(job_order), *more])
