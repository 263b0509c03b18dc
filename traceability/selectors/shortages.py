"""Times in which material was lacking."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q, QuerySet

from plant.access import Actor, scoped
from traceability.models import MaterialShortage


def shortages(actor: Actor) -> QuerySet[MaterialShortage]:
    """Entries in force (not superseded) of the places the actor may see."""
    return scoped(_in_force(), actor)


def shortages_between(*, equipment_path: str, start: datetime, end: datetime) -> QuerySet[MaterialShortage]:
    """Shortages in force that overlap [start, end) at a place and everything below it; whole, not clipped."""
    return _in_force().filter(
        Q(end_time__isnull=True) | Q(end_time__gt=start),
        equipment__path__startswith=equipment_path,
        start_time__lt=end,
    )


def shortages_for_order(*, job_order_id: int) -> QuerySet[MaterialShortage]:
    return _in_force().filter(job_order_id=job_order_id)


def shortage_in_force(shortage_id: int) -> MaterialShortage:
    """Raises MaterialShortage.DoesNotExist, also when a later entry superseded it."""
    return _in_force().get(pk=shortage_id)


def shortage_open(*, equipment_id: int, material_id: int) -> MaterialShortage | None:
    """The one still going on at this equipment for this material."""
    return _in_force().filter(equipment_id=equipment_id, material_id=material_id, end_time=None).first()


def _in_force() -> QuerySet[MaterialShortage]:
    return MaterialShortage.objects.filter(superseded_by=None).select_related(
        "equipment", "material", "job_order", "said_by"
    )
