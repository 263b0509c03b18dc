"""Addresses of the operator tablet."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from mom.pages import (
    calls,
    tablet_access,
    tablet_calls,
    tablet_checks,
    tablet_claiming,
    tablet_devices,
    tablet_entries,
    tablet_instructions,
    tablet_late,
    tablet_offline,
    tablet_orders,
    tablet_people,
    tablet_scan,
    tablet_station,
    tablet_stops,
    tablet_undo,
    tablet_work,
)

page_urlpatterns: list[URLPattern | URLResolver] = [
    path("tablet/", tablet_station.station, name="tablet_station"),
    path("tablet/worker.js", tablet_offline.worker, name="tablet_worker"),
    path("tablet/manifest.webmanifest", tablet_offline.manifest, name="tablet_manifest"),
    path("tablet/outbox/", tablet_offline.trace, name="tablet_trace"),
    path("tablet/start/", tablet_access.start, name="tablet_start"),
    path("tablet/enrol/<str:secret>/", tablet_access.enrol, name="tablet_enrol"),
    path("tablet/badge/", tablet_access.badge, name="tablet_badge"),
    path("tablet/leave/", tablet_access.leave, name="tablet_leave"),
    path("tablet/drafts/", tablet_claiming.drafts, name="tablet_drafts"),
    path("tablet/work/<str:code>/", tablet_work.work, name="tablet_work"),
    path("tablet/work/<str:code>/<int:pk>/", tablet_work.entry, name="tablet_work_entry"),
    path("tablet/people/", tablet_people.people, name="tablet_people"),
    path("tablet/instructions/", tablet_instructions.instructions, name="tablet_instructions"),
    path("tablet/instructions/<int:pk>/", tablet_instructions.instruction, name="tablet_instruction"),
    path("tablet/instructions/<int:pk>/image/", tablet_instructions.image, name="instruction_image"),
    path("tablet/devices/", tablet_devices.devices, name="tablet_devices"),
    path("tablet/devices/<int:pk>/revoke/", tablet_devices.device_revoke, name="tablet_device_revoke"),
    path("tablet/stops/", tablet_late.stops, name="tablet_stops"),
    path("tablet/stops/together/", tablet_stops.together, name="tablet_together"),
    path("tablet/stops/together/code/", tablet_stops.together_code, name="tablet_together_code"),
    path("tablet/stops/<uuid:stop_id>/", tablet_stops.stop, name="tablet_stop"),
    path("tablet/micro/", tablet_stops.micro, name="tablet_micro"),
    path("tablet/micro/<str:code>/", tablet_stops.micro, name="tablet_micro_unit"),
    path("tablet/undo/<str:token>/", tablet_undo.undo, name="tablet_undo"),
    path("tablet/orders/", tablet_orders.orders, name="tablet_orders"),
    path("tablet/orders/<str:code>/", tablet_orders.order, name="tablet_order"),
    path("tablet/orders/<str:code>/share/", tablet_orders.order_share, name="tablet_order_share"),
    path("tablet/orders/<str:code>/<str:verb>/", tablet_orders.order_verb, name="tablet_order_verb"),
    path("tablet/count/", tablet_entries.count, name="tablet_count"),
    path("tablet/note/", tablet_entries.note, name="tablet_note"),
    path("calls/", calls.calls, name="calls"),
    path("calls/<int:pk>/<str:step>/", calls.call_answer, name="call_answer"),
    path("tablet/call/", tablet_calls.call, name="tablet_call"),
    path("tablet/call/<int:pk>/<str:step>/", tablet_calls.call_step, name="tablet_call_step"),
    path("tablet/scan/", tablet_scan.scan, name="tablet_scan"),
    path("tablet/lots/<str:code>/", tablet_scan.lot_page, name="tablet_lot"),
    path("tablet/lots/<str:code>/use/", tablet_scan.lot_use, name="tablet_lot_use"),
    path("tablet/lots/<str:code>/override/", tablet_scan.lot_override, name="tablet_lot_override"),
    path(
        "tablet/lots/<str:code>/return/<int:movement_id>/", tablet_scan.lot_return, name="tablet_lot_return"
    ),
    path("tablet/checks/", tablet_checks.checks, name="tablet_checks"),
    path("tablet/checks/<str:code>/", tablet_checks.check, name="tablet_check"),
]
api_urlpatterns: list[URLPattern | URLResolver] = []
