"""Job orders: planned, waiting, running, and every version of their plan."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Q, QuerySet

from plant.access import Actor, scoped
from production.models import JobOrder, JobOrderEvent, JobOrderVersion, OrderSpan

OPEN = ("running", "interrupted", "allowed_to_start", "not_allowed_to_start")


def job_orders(actor: Actor) -> QuerySet[JobOrder]:
    """Orders of the lines the actor may look at, with line, product and routing."""
    found = JobOrder.objects.select_related("line", "product", "work_master")
    return scoped(found, actor, path="line__path")


def dispatch_list(*, line_id: int) -> list[JobOrder]:
    """A line's orders still to do: the running one first, then by sequence, priority and due time."""
    return dispatch_lists(line_ids=[line_id])[line_id]


def dispatch_lists(*, line_ids: Sequence[int]) -> dict[int, list[JobOrder]]:
    """``dispatch_list`` of several lines, in one read."""
    rows = JobOrder.objects.filter(line_id__in=line_ids, state__in=OPEN).select_related("line", "product")
    active = {"running": 0, "interrupted": 1}
    found: dict[int, list[JobOrder]] = {line_id: [] for line_id in line_ids}
    for row in sorted(
        rows,
        key=lambda o: (
            active.get(o.state, 2),
            o.sequence,
            -o.priority,
            o.due_time.timestamp() if o.due_time else float("inf"),
            o.code,
        ),
    ):
        found[row.line_id].append(row)
    return found


def job_order_at(*, line_id: int, at: datetime) -> JobOrder | None:
    """The order a line worked on at an instant, by its commands and order signal; the latest started of
    several.
    """
    code = (
        OrderSpan.objects.filter(
            Q(end_time__isnull=True) | Q(end_time__gt=at), equipment_id=line_id, start_time__lte=at
        )
        .order_by("-start_time")
        .values_list("order_code", flat=True)
        .first()
    )
    return JobOrder.objects.select_related("line", "product").filter(code=code).first() if code else None


def plan_versions(*, job_order_id: int) -> QuerySet[JobOrderVersion]:
    """Every version of an order's plan, the first one first, with who and why."""
    return (
        JobOrderVersion.objects.filter(job_order_id=job_order_id).select_related("person").order_by("version")
    )


def job_order_events(*, job_order_id: int) -> QuerySet[JobOrderEvent]:
    """Commands given to an order, in the order they took effect."""
    return (
        JobOrderEvent.objects.filter(job_order_id=job_order_id).select_related("person").order_by("at", "id")
    )
