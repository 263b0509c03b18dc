"""What machines say of the lots they work with."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Exists, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce, Greatest, Least

from production.domain.states import EXECUTE
from production.models import JobOrder, LotSpan, OrderSpan, StateInterval
from production.selectors.stopped import FAR

# A machine may have come to an order before it was told of the line.
AHEAD = timedelta(days=1)
SIGNAL, EVENTS = OrderSpan.Source.SIGNAL, OrderSpan.Source.EVENTS


def lots_said(*, job_order_id: int) -> list[LotSpan]:
    """What machines said of lots they ran with in an order, by machine and time.

    One that only stood there while the line was changed over was not used.
    """
    order = JobOrder.objects.filter(pk=job_order_id)
    ran = StateInterval.objects.filter(
        Q(end_time__isnull=True)
        | Q(end_time__gt=Greatest(OuterRef("start_time"), OuterRef(OuterRef("start_time")))),
        work_unit_id=OuterRef(OuterRef("work_unit_id")),
        state=EXECUTE,
        start_time__lt=Least(
            Coalesce(OuterRef("end_time"), Value(FAR)), Coalesce(OuterRef(OuterRef("end_time")), Value(FAR))
        ),
    )
    # Commands tell of the line: a machine that signals its order itself knows better when it came to it.
    own = OrderSpan.objects.filter(equipment_id=OuterRef(OuterRef("work_unit_id")), source=SIGNAL)
    its = Q(equipment_id=OuterRef("work_unit_id")) | Q(equipment_id=OuterRef("work_unit__parent_id"))
    on_it = OrderSpan.objects.filter(
        Q(end_time__isnull=True) | Q(end_time__gt=OuterRef("start_time")),
        Q(equipment_id=OuterRef("work_unit_id"), source=SIGNAL) | ~Exists(own) & its & Q(source=EVENTS),
        Exists(ran),
        order_code=Subquery(order.values("code")),
        start_time__lt=Coalesce(OuterRef("end_time"), Value(FAR)),
    )
    reaches = Q(end_time__isnull=True) | Q(end_time__gt=Subquery(order.values("started_at")) - AHEAD)
    on_line = LotSpan.objects.filter(reaches, work_unit__parent_id=Subquery(order.values("line_id")))
    found = on_line.filter(Exists(on_it)).select_related("work_unit")
    return list(found.order_by("work_unit__position", "work_unit_id", "start_time"))
