"""What machines say of the lots they work with."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce

from production.models import JobOrder, LotSpan, OrderSpan
from production.selectors.stopped import FAR


def lots_said(*, job_order_id: int) -> list[LotSpan]:
    """What machines said of lots while an order ran on them, by machine and time."""
    on_it = OrderSpan.objects.filter(
        Q(end_time__isnull=True) | Q(end_time__gt=OuterRef("start_time")),
        Q(equipment_id=OuterRef("work_unit_id")) | Q(equipment_id=OuterRef("work_unit__parent_id")),
        order_code=Subquery(JobOrder.objects.filter(pk=job_order_id).values("code")),
        start_time__lt=Coalesce(OuterRef("end_time"), Value(FAR)),
    )
    found = LotSpan.objects.filter(Exists(on_it)).select_related("work_unit")
    return list(found.order_by("work_unit__position", "work_unit_id", "start_time"))
