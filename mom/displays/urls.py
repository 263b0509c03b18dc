"""Addresses of the displays on the wall."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from mom.displays import enrolling, tv

page_urlpatterns: list[URLPattern | URLResolver] = [
    path("tv/", tv.tv, name="tv"),
    path("tv/displays/", enrolling.tv_displays, name="tv_displays"),
    path("tv/enrol/<str:secret>/", enrolling.tv_enrol, name="tv_enrol"),
    path("lines/<str:code>/tv/", tv.tv_line, name="tv_line"),
]
