"""What higher floors ask about an order: itself, its materials, and which one ran at an instant."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from django.db.models import Q

from production.models import BillOfMaterialsItem, JobOrder, OrderSpan


def job_order_for_id(job_order_id: int) -> JobOrder:
    """Raises JobOrder.DoesNotExist."""
    return JobOrder.objects.select_related("line", "product").get(pk=job_order_id)


def job_order_for_code(code: str) -> JobOrder:
    """Raises JobOrder.DoesNotExist."""
    return JobOrder.objects.select_related("line", "product").get(code=code)


def bill_of_materials(*, job_order_id: int) -> dict[int, Decimal]:
    """Quantity of each material (by id) one unit of the order's product needs; empty when nobody has said."""
    routing = JobOrder.objects.filter(pk=job_order_id).values("work_master_id")
    items = BillOfMaterialsItem.objects.filter(work_master_id__in=routing)
    return dict(items.values_list("material_id", "quantity"))


def job_order_running(*, equipment_ids: Iterable[int], at: datetime) -> JobOrder | None:
    """The order the equipment worked on at an instant; where several are given, the first that is known to.

    Pass the machine first, then its line: a machine's own order signal says more than its line's commands,
    and these, moved by the transit to it, more than the line's own time on the order.
    """
    for equipment_id in equipment_ids:
        spans = OrderSpan.objects.filter(
            Q(end_time__isnull=True) | Q(end_time__gt=at), equipment_id=equipment_id, start_time__lte=at
        ).order_by("-source", "-start_time")
        for code in spans.values_list("order_code", flat=True)[:1]:
            if order := JobOrder.objects.select_related("line", "product").filter(code=code).first():
                return order
    return None


def orders_at_work(line_id: int, at: datetime) -> list[JobOrder]:
    """The orders a line worked on at an instant by their own events, the one started last first."""
    spans = OrderSpan.objects.filter(
        Q(end_time__isnull=True) | Q(end_time__gt=at),
        equipment_id=line_id,
        source=OrderSpan.Source.EVENTS,
        start_time__lte=at,
    ).order_by("-start_time", "order_code")
    codes = list(spans.values_list("order_code", flat=True))
    found = (
        JobOrder.objects.select_related("line", "product").filter(code__in=codes).in_bulk(field_name="code")
    )
    return [found[code] for code in dict.fromkeys(codes) if code in found]


def orders_together(*, equipment_id: int, line_id: int, at: datetime) -> list[JobOrder]:
    """The orders a machine works on at once, as people started them; none where it says itself which."""
    told = OrderSpan.objects.filter(
        Q(end_time__isnull=True) | Q(end_time__gt=at),
        equipment_id=equipment_id,
        source=OrderSpan.Source.SIGNAL,
        start_time__lte=at,
    )
    return [] if told.exists() else orders_at_work(line_id, at)


def job_order_codes(job_order_ids: Iterable[int]) -> dict[int, str]:
    return dict(JobOrder.objects.filter(pk__in=list(job_order_ids)).values_list("pk", "code"))
