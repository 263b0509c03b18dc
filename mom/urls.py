"""Every address of the product: pages, API, administration."""

from __future__ import annotations

from importlib import import_module

from django.contrib import admin
from django.templatetags.static import static
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from mom.pages.health import health_page, readyz
from plant import access

APPS = ("plant", "connectors", "production", "traceability", "maintenance", "quality", "mom.pages")
Patterns = list[URLPattern | URLResolver]


def _collect(kind: str) -> Patterns:
    return [pattern for app in APPS for pattern in getattr(import_module(f"{app}.urls"), kind)]


# Browsers ask for it unasked: a page saying "not found" would answer with a token that is not the page's own.
favicon = access.public(
    RedirectView.as_view(url=static("img/favicon.svg"), http_method_names=["get", "head"])
)

urlpatterns: Patterns = [
    path("admin/", admin.site.urls),
    path("health", health_page, name="health"),
    path("readyz", readyz, name="readyz"),
    path("favicon.ico", favicon),
    path("api/v1/", include(_collect("api_urlpatterns"))),
    *_collect("page_urlpatterns"),
]
