"""Addresses of acting on a loss: its trail, reaction, decision; the steps of a changeover."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from mom.pages import changeover_steps, reacting, stop_trail

page_urlpatterns: list[URLPattern | URLResolver] = [
    path("changeovers/<str:code>/", changeover_steps.changeover, name="changeover"),
    path("stops/<uuid:stop_id>/reaction/", reacting.stop_react, name="stop_react"),
    path("stops/<uuid:stop_id>/decision/", stop_trail.stop_decide, name="stop_decide"),
]
api_urlpatterns: list[URLPattern | URLResolver] = [
    path("stops/<uuid:pk>/trail", stop_trail.StopTrailView.as_view(), name="stop_trail"),
]
