"""Who is at a station. Shown to those who work there; never counted against anybody."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet

from production.models import PresenceAssertion

if TYPE_CHECKING:
    from plant.models import Equipment


def people_at(equipment: Equipment, *, at: datetime) -> QuerySet[PresenceAssertion]:
    """Who is clocked on at a station or, for a line, anywhere on it, by when they came."""
    return people_between(equipment, start=at, end=at).filter(Q(end_time=None) | Q(end_time__gt=at))


def people_between(equipment: Equipment, *, start: datetime, end: datetime) -> QuerySet[PresenceAssertion]:
    """Who was there at any time in [start, end]."""
    found = PresenceAssertion.objects.filter(
        Q(end_time=None) | Q(end_time__gte=start),
        superseded_by=None,
        start_time__lte=end,
        equipment__path__startswith=equipment.path,
    )
    return found.select_related("person", "equipment").order_by("start_time", "id")
