"""Addresses of the operational record."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from mom.pages import evidence, order_signing, record, signatures_api

page_urlpatterns: list[URLPattern | URLResolver] = [
    path("orders/<str:code>/", record.order_record, name="order"),
    path("orders/<str:code>/qr/", record.order_qr, name="order_qr"),
    path("orders/<str:code>/note/", record.order_note, name="order_note"),
    path("orders/<str:code>/figures/<str:figure>/", evidence.order_figure, name="order_figure"),
    path("equipment/<str:code>/figures/<str:figure>/", evidence.equipment_figure, name="equipment_figure"),
    path("orders/<str:code>/sign/", order_signing.order_signature, name="order_sign"),
    path("orders/<str:code>/decision/", record.order_decision, name="order_decision"),
]
api_urlpatterns: list[URLPattern | URLResolver] = [
    path("job-orders/<str:code>/record", record.JobOrderRecordView.as_view(), name="job_order_record"),
    path(
        "job-orders/<str:code>/figures/<str:figure>",
        evidence.OrderFigureView.as_view(),
        name="job_order_figure",
    ),
    path(
        "equipment/<str:code>/figures/<str:figure>",
        evidence.EquipmentFigureView.as_view(),
        name="equipment_figure_api",
    ),
    path(
        "job-orders/<str:code>/signatures",
        signatures_api.OrderSignaturesView.as_view(),
        name="job_order_signatures",
    ),
    path(
        "equipment/<str:code>/shifts/<str:day>/<str:shift>/signatures",
        signatures_api.ShiftSignaturesView.as_view(),
        name="shift_signatures",
    ),
]
