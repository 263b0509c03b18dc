from __future__ import annotations

from django.urls import URLPattern, URLResolver

from production.api.urls import urlpatterns as api_urlpatterns

page_urlpatterns: list[URLPattern | URLResolver] = []

__all__ = ["api_urlpatterns", "page_urlpatterns"]
