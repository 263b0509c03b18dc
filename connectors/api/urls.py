from __future__ import annotations

from django.urls import URLPattern, URLResolver, path
from rest_framework.routers import SimpleRouter

from connectors.api.lists import GapViewSet, QuarantineViewSet, SignalViewSet
from connectors.api.samples import SamplesView
from connectors.api.trust import SpoolWriteOffView, TrustView
from connectors.api.unmapped import UnmappedIgnoreView, UnmappedUnignoreView, UnmappedView

router = SimpleRouter(trailing_slash=False)
router.register("signals", SignalViewSet, basename="signal")
router.register("gaps", GapViewSet, basename="gap")
router.register("quarantine", QuarantineViewSet, basename="quarantine")

urlpatterns: list[URLPattern | URLResolver] = [
    *router.urls,
    path("connections/<slug:slug>/trust", TrustView.as_view(), name="connection-trust"),
    path(
        "connections/<slug:slug>/runners/<uuid:spool>/write-off",
        SpoolWriteOffView.as_view(),
        name="spool-write-off",
    ),
    path("connections/<slug:slug>/unmapped", UnmappedView.as_view(), name="connection-unmapped"),
    path("connections/<slug:slug>/unmapped/ignore", UnmappedIgnoreView.as_view(), name="unmapped-ignore"),
    path(
        "connections/<slug:slug>/unmapped/unignore", UnmappedUnignoreView.as_view(), name="unmapped-unignore"
    ),
    path("samples", SamplesView.as_view(), name="sample-list"),
]
