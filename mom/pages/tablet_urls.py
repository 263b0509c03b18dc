"""Addresses of the operator tablet."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from mom.pages import tablet_access, tablet_devices, tablet_station

page_urlpatterns: list[URLPattern | URLResolver] = [
    path("tablet/", tablet_station.station, name="tablet_station"),
    path("tablet/scan/", tablet_station.station, name="tablet_scan"),
    path("tablet/start/", tablet_access.start, name="tablet_start"),
    path("tablet/enrol/<str:secret>/", tablet_access.enrol, name="tablet_enrol"),
    path("tablet/badge/", tablet_access.badge, name="tablet_badge"),
    path("tablet/leave/", tablet_access.leave, name="tablet_leave"),
    path("tablet/devices/", tablet_devices.devices, name="tablet_devices"),
    path("tablet/devices/<int:pk>/revoke/", tablet_devices.device_revoke, name="tablet_device_revoke"),
]
api_urlpatterns: list[URLPattern | URLResolver] = []
