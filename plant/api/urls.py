from __future__ import annotations

from django.urls import URLPattern, URLResolver, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import SimpleRouter

from plant.access import public
from plant.api.documentation import TokenScheme
from plant.api.places import EquipmentViewSet, MaterialViewSet, ReasonViewSet
from plant.api.trail import AuditViewSet, DecisionViewSet

router = SimpleRouter(trailing_slash=False)
router.register("equipment", EquipmentViewSet, basename="equipment")
router.register("materials", MaterialViewSet, basename="material")
router.register("reasons", ReasonViewSet, basename="reason")
router.register("decisions", DecisionViewSet, basename="decision")
router.register("audit", AuditViewSet, basename="audit")

documentation: list[URLPattern | URLResolver] = [
    path("api/schema", public(SpectacularAPIView.as_view()), name="schema"),
    path(
        "api/schema/3.0",
        public(SpectacularAPIView.as_view(custom_settings={"OAS_VERSION": "3.0.3"})),
        name="schema-3.0",
    ),
    path("api/docs", public(SpectacularSwaggerSplitView.as_view(url_name="schema")), name="api-docs"),
]

# Known to the schema generator once it is imported.
schemes = (TokenScheme,)
