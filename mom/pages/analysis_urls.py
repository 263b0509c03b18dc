"""Addresses of comparisons and analyses."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from mom.pages import comparison

page_urlpatterns: list[URLPattern | URLResolver] = [
    path("orders/<str:code>/comparison/", comparison.comparison, name="order_comparison"),
]
api_urlpatterns: list[URLPattern | URLResolver] = [
    path(
        "job-orders/<str:code>/comparison",
        comparison.JobOrderComparisonView.as_view(),
        name="job_order_comparison",
    ),
]
