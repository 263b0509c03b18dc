from __future__ import annotations

from rest_framework.routers import SimpleRouter

from maintenance.api.views import MaintenanceRequestViewSet

router = SimpleRouter(trailing_slash=False)
router.register("maintenance-requests", MaintenanceRequestViewSet, basename="maintenance-request")
