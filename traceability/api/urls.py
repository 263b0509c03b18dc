from __future__ import annotations

from rest_framework.routers import SimpleRouter

from traceability.api.lots import LotViewSet, MovementViewSet
from traceability.api.shortages import ShortageViewSet

router = SimpleRouter(trailing_slash=False)
router.register("lots", LotViewSet, basename="lot")
router.register("lot-movements", MovementViewSet, basename="lot-movement")
router.register("shortages", ShortageViewSet, basename="shortage")
