"""Finding materials."""

from __future__ import annotations

from collections.abc import Iterable

from plant.models import MaterialDefinition
from plant.selectors.configuration import remembered


def material_by_code(code: str) -> MaterialDefinition:
    """Raises MaterialDefinition.DoesNotExist."""
    return remembered(("material", code), lambda: MaterialDefinition.objects.get(code=code))


def materials_for_ids(ids: Iterable[int]) -> dict[int, MaterialDefinition]:
    return MaterialDefinition.objects.in_bulk(list(ids))
