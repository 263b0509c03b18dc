"""What every tablet page carries: the station, the person, and a key so that a double tap counts once."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.formats import get_format

from mom.tablet import session
from mom.tablet.outbox import person_sign
from mom.tablet.session import Station
from plant import selectors
from plant.access import actor_of
from production.selectors.lookups import job_order_running, orders_at_work

if TYPE_CHECKING:
    from production.models import JobOrder


def tablet_context(request: HttpRequest, station: Station | None) -> dict[str, Any]:
    actor = actor_of(request)
    return {
        "station": station,
        "person": person_name(request),
        "actor": actor,
        "key": session.key_new(),
        "separator": get_format("DECIMAL_SEPARATOR"),
        "badging": None,
        "person_signed": person_sign(station.device if station else None, actor),
        "idle_seconds": int(session.IDLE.total_seconds()),
        "zone": selectors.site_zone(station.line) if station else None,
    }


def person_name(request: HttpRequest) -> str:
    actor = actor_of(request)
    if actor.person_id is None:
        return "" if actor.device_id else actor.label
    person = selectors.person_at_badge(actor.label)
    return person.name if person and person.name else actor.label


def running_order(station: Station, at: datetime | None = None) -> JobOrder | None:
    """The order the station works on then (now): by its own signals, else by commands given on its line."""
    first = station.constraint or station.equipment
    ids = dict.fromkeys((first.pk, station.line.pk, *(unit.pk for unit in station.units)))
    return job_order_running(equipment_ids=ids, at=at or timezone.now())


def orders_running(station: Station, at: datetime | None = None) -> list[JobOrder]:
    """Every order at work at the station then (now): the one ``running_order`` names first."""
    at = at or timezone.now()
    first = running_order(station, at)
    others = [order for order in orders_at_work(station.line.pk, at) if first and order.pk != first.pk]
    return [first, *others] if first else []


def page(
    request: HttpRequest, template: str, station: Station | None, *, status: int = 200, **context: Any
) -> HttpResponse:
    answer = render(request, template, {**tablet_context(request, station), **context}, status=status)
    if status >= 400:
        # For an entry that waited on the tablet: its reason in one line, and where to look again.
        said = (str(context.get(name, "")) for name in ("message", "now_is"))
        answer.refusal = " ".join(text for text in said if text)  # type: ignore[attr-defined]
        answer.again = context.get("again", "")  # type: ignore[attr-defined]
    return answer
