"""Addresses of what pages show: days, actions, changeovers, machines, saved views, instructions, people."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path
from rest_framework.routers import SimpleRouter

from mom.api.actions import ActionViewSet
from mom.api.changeovers import LineChangeoversView, OrderChangeoverView
from mom.api.day import LineDayView
from mom.api.instructions import InstructionViewSet, ReadingViewSet
from mom.api.machines import OrderMachinesView
from mom.api.people import PeopleView
from mom.api.saved_views import SavedViewViewSet

router = SimpleRouter(trailing_slash=False)
router.register("actions", ActionViewSet, basename="action")
router.register("saved-views", SavedViewViewSet, basename="saved-view")
router.register("work-instructions", InstructionViewSet, basename="work-instruction")
router.register("instruction-readings", ReadingViewSet, basename="instruction-reading")

urlpatterns: list[URLPattern | URLResolver] = [
    *router.urls,
    path("equipment/<str:code>/days/<str:day>", LineDayView.as_view(), name="equipment-day"),
    path("equipment/<str:code>/changeovers", LineChangeoversView.as_view(), name="equipment-changeovers"),
    path("equipment/<str:code>/people", PeopleView.as_view(), name="equipment-people"),
    path("job-orders/<str:code>/machines", OrderMachinesView.as_view(), name="job-order-machines"),
    path("job-orders/<str:code>/changeover", OrderChangeoverView.as_view(), name="job-order-changeover"),
]
