"""Addresses of the operational record."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver

page_urlpatterns: list[URLPattern | URLResolver] = []
api_urlpatterns: list[URLPattern | URLResolver] = []
