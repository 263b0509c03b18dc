"""Addresses of acting: orders to machines, calls, instructions, a loss's trail, changeover steps."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from mom.pages import calls, changeover_steps, instructions, order_machine, reacting, stop_trail

page_urlpatterns: list[URLPattern | URLResolver] = [
    path("orders/<str:code>/machine/", order_machine.order_machine, name="order_machine"),
    path("changeovers/<str:code>/", changeover_steps.changeover, name="changeover"),
    path("stops/<uuid:stop_id>/reaction/", reacting.stop_react, name="stop_react"),
    path("stops/<uuid:stop_id>/decision/", stop_trail.stop_decide, name="stop_decide"),
    path("instructions/", instructions.instructions, name="instructions"),
    path("instructions/new/", instructions.instruction_new, name="instruction_new"),
    path("instructions/<int:pk>/", instructions.instruction_version, name="instruction_version"),
    path("calls/", calls.calls, name="calls"),
    path("calls/<int:pk>/<str:step>/", calls.call_answer, name="call_answer"),
]
api_urlpatterns: list[URLPattern | URLResolver] = [
    path("stops/<uuid:pk>/trail", stop_trail.StopTrailView.as_view(), name="stop_trail"),
]
