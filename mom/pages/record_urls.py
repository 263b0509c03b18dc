"""Addresses of the operational record."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from mom.pages import record

page_urlpatterns: list[URLPattern | URLResolver] = [
    path("orders/<str:code>/", record.order_record, name="order"),
    path("orders/<str:code>/qr/", record.order_qr, name="order_qr"),
    path("orders/<str:code>/note/", record.order_note, name="order_note"),
    path("orders/<str:code>/decision/", record.order_decision, name="order_decision"),
]
api_urlpatterns: list[URLPattern | URLResolver] = [
    path("job-orders/<str:code>/record", record.JobOrderRecordView.as_view(), name="job_order_record"),
]
