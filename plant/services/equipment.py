"""Places: keeping every path true when something is moved or renamed."""

from __future__ import annotations

from django.db import transaction

from plant.models import Equipment
from plant.services.trail import revision_bump


@transaction.atomic
def equipment_paths_refresh() -> int:
    """Make every path the codes from the top down again. Returns how many had to change."""
    changed = 0
    level = list(Equipment.objects.filter(parent=None))
    while level:
        above = {row.pk: row for row in level if row.pk}
        for row in level:
            path = f"{row.parent.path if row.parent else '/'}{row.code}/"
            if row.path != path:
                row.path = path
                row.save(update_fields=["path"])
                changed += 1
        level = list(Equipment.objects.filter(parent_id__in=above))
        for row in level:
            assert row.parent_id is not None
            row.parent = above[row.parent_id]
    return changed


@transaction.atomic
def lines_redraw() -> None:
    """Master data of any line may have changed: every line's pages are drawn anew."""
    for line_id in (
        Equipment.objects.filter(level=Equipment.Level.LINE).order_by("pk").values_list("pk", flat=True)
    ):
        revision_bump(line_id=line_id)


def counted_by_hand(*, equipment_id: int) -> None:
    """Somebody entered a count at a machine for the first time: from now on its pieces are looked for."""
    Equipment.objects.filter(pk=equipment_id, counts_by_hand=False).update(counts_by_hand=True)
