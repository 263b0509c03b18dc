from __future__ import annotations

from django.urls import URLPattern, URLResolver

from connectors.api.urls import urlpatterns as api

page_urlpatterns: list[URLPattern | URLResolver] = []
api_urlpatterns: list[URLPattern | URLResolver] = [*api]
