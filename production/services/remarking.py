"""Configuration that derived rows depend on has changed: what it touches is derived again, by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from connectors import services as connectors
from plant import selectors as plant
from production.domain.stitching import COUNTERS
from production.models import StitchCheckpoint
from production.selectors.definitions import families, family_line
from production.services.execution import line_orders_refresh

# Row by row: the fields of configuration that derived rows depend on.
WATCHED: Mapping[str, tuple[str, ...]] = {
    "plant.Equipment": (
        "id", "code", "level", "parent_id", "position", "is_constraint",
        "minimum_stop", "registered_stop", "stale_after", "equipment_class_id", "no_count_after",
        "no_count_cycles", "is_manual",
    ),
    "plant.EquipmentClass": ("id", "parent_id"),
    "plant.TimeModel": ("equipment_class_id", "valid_from", "states", "modes"),
    "plant.EquipmentLink": ("upstream_id", "downstream_id", "transit"),
    "connectors.Connection": ("id", "state_map"),
    "connectors.SignalDefinition": (
        "equipment_id", "role", "address", "state_map", "counter_modulus", "maximum_rate",
        "unit",
    ),
    "production.UnitConversion": ("equipment_id", "unit", "counted", "makes", "product_id", "valid_from"),
    "production.IdealRate": ("equipment_id", "product_id", "units_per_hour", "valid_from"),
}  # fmt: skip
# Fields of an equipment that decide who tells the orders of its line.
LINE_FIELDS = ("level", "parent_id", "position", "is_constraint")
Values = Mapping[str, Any]


def configuration_changed(label: str, before: Values | None, after: Values | None) -> None:
    """A row of ``WATCHED`` was added (no ``before``), changed, or removed (no ``after``)."""
    rows = [row for row in (before, after) if row is not None]
    if label == "plant.Equipment":
        _equipment_changed(before, after)
    elif label == "plant.EquipmentLink":
        ends = {row[name] for row in rows for name in ("upstream_id", "downstream_id")}
        _lines_refresh(unit.parent_id for unit in plant.equipment_for_ids(ends).values())
    elif label == "plant.TimeModel":
        _families_changed({row["equipment_class_id"] for row in rows}, min(row["valid_from"] for row in rows))
    elif label == "plant.EquipmentClass":
        # A new one has no machines, a removed one has none any more.
        if before is not None and after is not None:
            _families_changed({after["id"]})
    elif label == "connectors.Connection":
        # A new one has no signals, a removed one takes them along.
        if before is not None and after is not None:
            rows_of: Any = plant.configuration_rows(
                "connectors.SignalDefinition", connection_id=after["id"], role="state"
            )
            derive_again(rows_of.values_list("equipment_id", flat=True))
    elif label == "production.UnitConversion":
        _counters_changed(rows)
    else:
        derive_again(row["equipment_id"] for row in rows)


def _equipment_changed(before: Values | None, after: Values | None) -> None:
    if after is None:
        # Its derived rows went with it.
        return
    if before is not None:
        derive_again([after["id"]])
    if before is None or any(before[name] != after[name] for name in LINE_FIELDS):
        _lines_refresh(row["parent_id"] for row in (before, after) if row is not None)


def _counters_changed(rows: Iterable[Values]) -> None:
    """Machines that count in these units make something else of it."""
    found: Any = plant.configuration_rows(
        "connectors.SignalDefinition", unit__in={row["unit"] for row in rows}, role__in=list(COUNTERS)
    )
    machines = {row["equipment_id"] for row in rows}
    ids = found.values_list("equipment_id", flat=True).distinct()
    derive_again(ids if None in machines else machines & set(ids))


def _families_changed(class_ids: set[int], start: datetime | None = None) -> None:
    """The machines of these families, and of the families within them, mean something else from a date on."""
    known = families()
    within = [pk for pk in known if class_ids & set(family_line(pk, known))]
    found: Any = plant.configuration_rows("plant.Equipment", equipment_class_id__in=within)
    derive_again(found.values_list("pk", flat=True), start)


def _lines_refresh(line_ids: Iterable[int | None]) -> None:
    found = plant.equipment_for_ids({pk for pk in line_ids if pk is not None})
    for line in sorted(found):
        if found[line].level == "line":
            line_orders_refresh(line_id=line)


def calendar_changed(line_id: int, start: datetime | None, end: datetime | None) -> None:
    """Planned time of a line changed in [start, end); None: without limit."""
    derive_again([unit.pk for unit in plant.line_work_units(line_id)], start, end)


def derive_again(
    equipment_ids: Iterable[int], start: datetime | None = None, end: datetime | None = None
) -> None:
    """Mark what was derived of machines in [start, end); a line stands for its machines too."""
    ids = set(equipment_ids)
    for place in plant.equipment_for_ids(ids).values():
        if place.level == "line":
            ids |= {unit.pk for unit in plant.line_work_units(place.pk)}
    reached = StitchCheckpoint.objects.filter(work_unit_id__in=ids)
    spans = {}
    for unit, begun, horizon in reached.values_list("work_unit_id", "begun", "horizon"):
        low, high = max(start or begun, begun), min(end or horizon, horizon)
        if low < high:
            spans[unit] = (low, high)
    connectors.dirty_mark(spans)
