"""The saved views a person sees: their own, and those shared with lines they may look at."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from mom.saved_views.models import SavedView
from plant.access import Actor

MOST = 50


def views_seen(actor: Actor, page: str) -> QuerySet[SavedView]:
    """By name, own ones and shared ones, with owner and line."""
    shared = Q(pk__in=[])
    for path in actor.paths("view"):
        shared |= Q(line__path__startswith=path)
    own = Q(owner_id=actor.person_id) if actor.person_id else Q(pk__in=[])
    found = SavedView.objects.filter(own | shared, page=page).select_related("owner", "line")
    return found.order_by("name", "pk")[:MOST]
