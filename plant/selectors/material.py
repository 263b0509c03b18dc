"""Finding materials."""

from __future__ import annotations

from plant.models import MaterialDefinition


def material_by_code(code: str) -> MaterialDefinition:
    """Raises MaterialDefinition.DoesNotExist."""
    return MaterialDefinition.objects.get(code=code)
