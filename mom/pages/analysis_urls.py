"""Addresses of comparisons and analyses."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from mom.pages import analysis, analysis_api, comparison, saved_views, scrap

page_urlpatterns: list[URLPattern | URLResolver] = [
    path("orders/<str:code>/comparison/", comparison.comparison, name="order_comparison"),
    path("stops/views/", saved_views.stop_view_save, name="stop_view_save"),
    path("stops/views/<int:pk>/delete/", saved_views.stop_view_delete, name="stop_view_delete"),
    path("lines/<str:code>/analysis/", analysis.line_analysis, name="line_analysis"),
    path("lines/<str:code>/scrap/", scrap.line_scrap, name="line_scrap"),
    path("lines/<str:code>/scrap/said/", scrap.line_scrap_say, name="line_scrap_say"),
]
api_urlpatterns: list[URLPattern | URLResolver] = [
    path(
        "job-orders/<str:code>/comparison",
        comparison.JobOrderComparisonView.as_view(),
        name="job_order_comparison",
    ),
    path(
        "equipment/<str:code>/analysis",
        analysis_api.LineAnalysisView.as_view(),
        name="line_analysis_api",
    ),
]
