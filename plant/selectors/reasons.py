"""The reasons offered on a machine."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from plant.models import Equipment, EquipmentClass, Reason


def class_and_wider(*equipment_class_ids: int | None) -> list[int]:
    """Classes and the wider ones they belong to; of one class, the nearest first."""
    parents = dict(EquipmentClass.objects.values_list("id", "parent_id"))
    found: list[int] = []
    for wider in equipment_class_ids:
        while wider is not None and wider not in found:
            found.append(wider)
            wider = parents.get(wider)
    return found


def reasons_offered(
    equipment: Equipment, *, at: datetime | None = None, explains: str = Reason.Explains.STOP
) -> list[Reason]:
    """Reasons of the machine's class, its wider classes and all machines, in their fixed order: of stops, or
    of scrap.

    Active ones, and of those the ones in force ``at`` the start of the stop (now by default): a retired code
    is still offered for a stop of its time.
    """
    classes = class_and_wider(equipment.equipment_class_id)
    at = at or timezone.now()
    offered = Reason.objects.filter(is_active=True, explains=explains).select_related("parent", "department")
    return [
        reason
        for reason in offered
        if (reason.equipment_class_id is None or reason.equipment_class_id in classes)
        and reason_in_force(reason, at)
    ]


def reason_in_force(reason: Reason, at: datetime) -> bool:
    """Whether a reason may be given to a stop that began at an instant."""
    return (reason.valid_from is None or reason.valid_from <= at) and (
        reason.valid_to is None or at < reason.valid_to
    )
