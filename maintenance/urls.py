from __future__ import annotations

from django.urls import URLPattern, URLResolver

from maintenance.api.urls import router

page_urlpatterns: list[URLPattern | URLResolver] = []
api_urlpatterns: list[URLPattern | URLResolver] = [*router.urls]
