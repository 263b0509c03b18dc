from __future__ import annotations

from rest_framework.routers import SimpleRouter

from quality.api.views import NonconformanceViewSet, ResultViewSet, SpecificationViewSet

router = SimpleRouter(trailing_slash=False)
router.register("test-specifications", SpecificationViewSet, basename="test-specification")
router.register("test-results", ResultViewSet, basename="test-result")
router.register("nonconformances", NonconformanceViewSet, basename="nonconformance")
