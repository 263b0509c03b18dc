from __future__ import annotations

from django.urls import URLPattern, URLResolver

from mom.api import urls as api_urls
from mom.displays import urls as display_urls
from mom.pages import acting_urls, analysis_urls, record_urls, screen_urls
from mom.tablet import urls as tablet_urls

page_urlpatterns: list[URLPattern | URLResolver] = [
    *screen_urls.page_urlpatterns,
    *acting_urls.page_urlpatterns,
    *tablet_urls.page_urlpatterns,
    *record_urls.page_urlpatterns,
    *analysis_urls.page_urlpatterns,
    *display_urls.page_urlpatterns,
]
api_urlpatterns: list[URLPattern | URLResolver] = [
    *record_urls.api_urlpatterns,
    *acting_urls.api_urlpatterns,
    *analysis_urls.api_urlpatterns,
    *api_urls.urlpatterns,
]
