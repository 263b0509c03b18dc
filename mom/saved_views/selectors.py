"""The saved views a person sees: their own, and those shared with lines they may look at."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from mom.saved_views.models import SavedView
from plant.access import Actor

MOST = 50


def views_visible(actor: Actor) -> QuerySet[SavedView]:
    """Own ones and shared ones, of every page, with owner and line."""
    shared = Q(pk__in=[])
    for path in actor.paths("view"):
        shared |= Q(line__path__startswith=path)
    own = Q(owner_id=actor.person_id) if actor.person_id else Q(pk__in=[])
    return SavedView.objects.filter(own | shared).select_related("owner", "line")


def views_seen(actor: Actor, page: str) -> QuerySet[SavedView]:
    """Those of one page, by name."""
    return views_visible(actor).filter(page=page).order_by("name", "pk")[:MOST]
