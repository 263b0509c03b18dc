"""What machines say of the lots they work with."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce, Greatest, Least

from production.domain.states import EXECUTE
from production.models import JobOrder, LotSpan, OrderSpan, StateInterval
from production.selectors.stopped import FAR


def lots_said(*, job_order_id: int) -> list[LotSpan]:
    """What machines said of lots they ran with in an order, by machine and time.

    One that only stood there while the line was changed over was not used.
    """
    ran = StateInterval.objects.filter(
        Q(end_time__isnull=True)
        | Q(end_time__gt=Greatest(OuterRef("start_time"), OuterRef(OuterRef("start_time")))),
        work_unit_id=OuterRef(OuterRef("work_unit_id")),
        state=EXECUTE,
        start_time__lt=Least(
            Coalesce(OuterRef("end_time"), Value(FAR)), Coalesce(OuterRef(OuterRef("end_time")), Value(FAR))
        ),
    )
    on_it = OrderSpan.objects.filter(
        Q(end_time__isnull=True) | Q(end_time__gt=OuterRef("start_time")),
        Q(equipment_id=OuterRef("work_unit_id")) | Q(equipment_id=OuterRef("work_unit__parent_id")),
        Exists(ran),
        order_code=Subquery(JobOrder.objects.filter(pk=job_order_id).values("code")),
        start_time__lt=Coalesce(OuterRef("end_time"), Value(FAR)),
    )
    found = LotSpan.objects.filter(Exists(on_it)).select_related("work_unit")
    return list(found.order_by("work_unit__position", "work_unit_id", "start_time"))
