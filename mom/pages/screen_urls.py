"""Addresses of the supervisor's pages."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from mom.pages import (
    actions,
    changeovers,
    equipment,
    first_steps,
    hours,
    line,
    loss_account,
    loss_events,
    order_commands,
    order_import,
    orders,
    overview,
    reason_quality,
    shift_report,
    stop_coding,
    stop_page,
    stops,
    yesterday,
)

page_urlpatterns: list[URLPattern | URLResolver] = [
    path("", overview.overview, name="overview"),
    path("figures/", overview.figures, name="figures"),
    path("lines/<str:code>/", line.line, name="line"),
    path("lines/<str:code>/questions/", line.line_questions, name="line_questions"),
    path("lines/<str:code>/hours/", hours.line_hours, name="line_hours"),
    path("lines/<str:code>/days/<str:day>/", yesterday.line_day, name="line_day"),
    path("changeovers/", changeovers.changeovers, name="changeovers"),
    path("losses/", loss_account.losses, name="losses"),
    path("losses/events/", loss_events.loss_events, name="loss_events"),
    path("lines/<str:code>/shifts/last/", shift_report.shift_last, name="shift_last"),
    path("lines/<str:code>/shifts/<str:day>/<str:shift>/", shift_report.shift_report, name="shift_report"),
    path(
        "lines/<str:code>/shifts/<str:day>/<str:shift>/sign/",
        shift_report.shift_report_sign,
        name="shift_report_sign",
    ),
    path(
        "lines/<str:code>/shifts/<str:day>/<str:shift>/acknowledge/",
        shift_report.shift_report_acknowledge,
        name="shift_report_acknowledge",
    ),
    path("yesterday/", yesterday.yesterday, name="yesterday"),
    path("orders/", orders.orders, name="orders"),
    path("orders/import/", order_import.orders_import, name="orders_import"),
    path("orders/sequence/", order_commands.orders_sequence, name="orders_sequence"),
    path("orders/<str:code>/command/", order_commands.order_command, name="order_command"),
    path("orders/<str:code>/change/", order_commands.order_change, name="order_change"),
    path("orders/<str:code>/update/", order_commands.order_update, name="order_update"),
    path("stops/", stops.stops, name="stops"),
    path("stops/code/", stop_coding.stops_code, name="stops_code"),
    path("stops/<uuid:stop_id>/", stop_page.stop, name="stop"),
    path("stops/<uuid:stop_id>/suggested/", stop_page.stop_suggested, name="stop_suggested"),
    path("stops/<uuid:stop_id>/parts/", stop_page.stop_parts, name="stop_parts"),
    path("reasons/quality/", reason_quality.reason_quality_page, name="reason_quality"),
    path("equipment/<str:code>/", equipment.equipment, name="equipment"),
    path("actions/", actions.actions, name="actions"),
    path("actions/new/", actions.action_new, name="action_new"),
    path("actions/<int:pk>/", actions.action, name="action"),
    path("demo/stop/<str:code>/", first_steps.demo_stop, name="demo_stop"),
    path("demo/switch/", first_steps.demo_switch, name="demo_switch"),
]
