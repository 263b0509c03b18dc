"""Declaring how orders that run at once share a station."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from plant.access import Actor
from production.models import JobOrder, OrderShareAssertion
from production.services.assertions import Refused, _equipment, _say, _told

MOST = 100


@transaction.atomic
def order_share_assert(*, job_order_id: int, weight: int, at: datetime, by: Actor) -> OrderShareAssertion:
    """From now on the order weighs so much among those that run beside it on its line. Refused out of 0 to
    100.
    """
    order = JobOrder.objects.get(pk=job_order_id)
    line = _equipment(order.line_id)
    by.require("order.execute", line)
    if not 0 <= weight <= MOST:
        raise Refused(f"weight: read {weight}, expected 0 to {MOST}")
    values = {"job_order_id": job_order_id, "equipment_id": line.pk, "start_time": at, "weight": weight}
    said = _say(OrderShareAssertion, by=by, at=at, supersedes=None, **values)
    _told(said, "order.execute", line, by, {"order": order.code, "weight": weight, "start_time": at})
    return said
