from __future__ import annotations

from plant.admin import people, places, trail
from plant.admin.base import AuditedAdmin, ReadOnlyAdmin

__all__ = ["AuditedAdmin", "ReadOnlyAdmin", "people", "places", "trail"]
