"""Which losses somebody is working on."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import QuerySet

from mom.improvement.models import Action


def open_actions(
    *, equipment_ids: Iterable[int] | None = None, reason_code: str | None = None
) -> QuerySet[Action]:
    """Actions not closed, soonest due first; of these machines, and about this reason, where given."""
    found = Action.objects.exclude(state=Action.State.CLOSED).select_related("reason", "owner", "equipment")
    if equipment_ids is not None:
        found = found.filter(equipment_id__in=list(equipment_ids))
    if reason_code is not None:
        found = found.filter(reason__code=reason_code)
    return found
