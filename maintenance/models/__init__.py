from __future__ import annotations

from maintenance.models.request import InterventionImport, MaintenanceEvent, MaintenanceRequest

__all__ = ["InterventionImport", "MaintenanceEvent", "MaintenanceRequest"]
