"""The station screen."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from mom.pages import tablet_session
from mom.pages.tablet_page import page


@tablet_session.reads
def station(request: HttpRequest) -> HttpResponseBase:
    found = tablet_session.station_of(request)
    if found is None:
        return redirect("tablet_start")
    return page(request, "mom/tablet_station.html", found)
