from __future__ import annotations

from django.urls import URLPattern, URLResolver, path
from rest_framework.routers import SimpleRouter

from production.api.effectiveness import EffectivenessView, LossesView
from production.api.job_orders import JobOrderViewSet
from production.api.line_losses import LineLossesView
from production.api.observed import CountView, KpiView, MicroStopsView, NoteView, StatesView, StopViewSet
from production.api.reason_quality import ReasonQualityView
from production.api.reasons import MergeView, ReasonRuleViewSet, SplitView, UndoView
from production.api.scrap import ScrapReasonView, ScrapSplitView, ScrapView
from production.api.stations import OrderInstructionsView, StationStateView

router = SimpleRouter(trailing_slash=False)
router.register("job-orders", JobOrderViewSet, basename="job-order")
router.register("stops", StopViewSet, basename="stop")
router.register("reason-rules", ReasonRuleViewSet, basename="reason-rule")

urlpatterns: list[URLPattern | URLResolver] = [
    *router.urls,
    path("stops/splits", SplitView.as_view(), name="stop-split"),
    path("stops/merges", MergeView.as_view(), name="stop-merge"),
    path("stops/undos", UndoView.as_view(), name="stop-undo"),
    path("notes", NoteView.as_view(), name="note-list"),
    path("counts", CountView.as_view(), name="count-list"),
    path("counts/reasons", ScrapReasonView.as_view(), name="count-reason"),
    path("counts/splits", ScrapSplitView.as_view(), name="count-split"),
    path("station-states", StationStateView.as_view(), name="station-state-list"),
    path(
        "job-orders/<str:code>/instructions", OrderInstructionsView.as_view(), name="job-order-instructions"
    ),
    path("equipment/<str:code>/states", StatesView.as_view(), name="equipment-states"),
    path("equipment/<str:code>/micro-stops", MicroStopsView.as_view(), name="equipment-micro-stops"),
    path("equipment/<str:code>/kpi", KpiView.as_view(), name="equipment-kpi"),
    path("equipment/<str:code>/effectiveness", EffectivenessView.as_view(), name="equipment-effectiveness"),
    path("equipment/<str:code>/losses", LossesView.as_view(), name="equipment-losses"),
    path("equipment/<str:code>/reason-quality", ReasonQualityView.as_view(), name="equipment-reason-quality"),
    path("equipment/<str:code>/scrap", ScrapView.as_view(), name="equipment-scrap"),
    path("equipment/<str:code>/line-losses", LineLossesView.as_view(), name="equipment-line-losses"),
]
