"""The reasons offered on a machine."""

from __future__ import annotations

from plant.models import Equipment, EquipmentClass, Reason


def _class_and_parents(equipment_class_id: int | None) -> list[int]:
    parents = dict(EquipmentClass.objects.values_list("id", "parent_id"))
    found: list[int] = []
    while equipment_class_id is not None and equipment_class_id not in found:
        found.append(equipment_class_id)
        equipment_class_id = parents.get(equipment_class_id)
    return found


def reasons_offered(equipment: Equipment) -> list[Reason]:
    """Active reasons of the machine's class, its wider classes and all machines, in their fixed order."""
    classes = _class_and_parents(equipment.equipment_class_id)
    offered = Reason.objects.filter(is_active=True).select_related("parent", "department")
    return [
        reason
        for reason in offered
        if reason.equipment_class_id is None or reason.equipment_class_id in classes
    ]
