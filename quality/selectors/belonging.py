"""Which rows are an order's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q

if TYPE_CHECKING:
    from production.models import JobOrder


def belongs_to(order: JobOrder, at: str) -> Q:
    """Said to be of this order; or of none, but on its line while it ran."""
    own = Q(job_order_id=order.pk)
    if order.started_at is None:
        return own
    during = Q(job_order=None, equipment__path__startswith=order.line.path)
    during &= Q(**{f"{at}__gte": order.started_at})
    if order.ended_at is not None:
        during &= Q(**{f"{at}__lt": order.ended_at})
    return own | during
