"""What every tablet page carries: the station, the person, and a key so that a double tap counts once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.formats import get_format

from mom.pages import tablet_session
from mom.pages.tablet_session import Station
from plant import selectors
from plant.access import actor_of
from production.selectors.lookups import job_order_running

if TYPE_CHECKING:
    from production.models import JobOrder


def tablet_context(request: HttpRequest, station: Station | None) -> dict[str, Any]:
    actor = actor_of(request)
    return {
        "station": station,
        "person": person_name(request),
        "actor": actor,
        "key": tablet_session.key_new(),
        "separator": get_format("DECIMAL_SEPARATOR"),
        "badging": None,
        "idle_seconds": int(tablet_session.IDLE.total_seconds()),
        "zone": selectors.site_zone(station.line) if station else None,
    }


def person_name(request: HttpRequest) -> str:
    actor = actor_of(request)
    if actor.person_id is None:
        return "" if actor.device_id else actor.label
    person = selectors.person_at_badge(actor.label)
    return person.name if person and person.name else actor.label


def running_order(station: Station) -> JobOrder | None:
    """The order the station works on now: by its own signals, else by the commands given on its line."""
    first = station.constraint or station.equipment
    ids = dict.fromkeys((first.pk, station.line.pk, *(unit.pk for unit in station.units)))
    return job_order_running(equipment_ids=ids, at=timezone.now())


def page(
    request: HttpRequest, template: str, station: Station | None, *, status: int = 200, **context: Any
) -> HttpResponse:
    return render(request, template, {**tablet_context(request, station), **context}, status=status)
