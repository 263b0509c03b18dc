"""Every address of the product: pages, API, administration."""

from __future__ import annotations

from importlib import import_module

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from mom.pages.health import health_page, readyz

APPS = ("plant", "connectors", "production", "traceability", "maintenance", "quality", "mom.pages")
Patterns = list[URLPattern | URLResolver]


def _collect(kind: str) -> Patterns:
    return [pattern for app in APPS for pattern in getattr(import_module(f"{app}.urls"), kind)]


urlpatterns: Patterns = [
    path("admin/", admin.site.urls),
    path("health", health_page, name="health"),
    path("readyz", readyz, name="readyz"),
    path("api/v1/", include(_collect("api_urlpatterns"))),
    *_collect("page_urlpatterns"),
]
