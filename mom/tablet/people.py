"""Who works at the station now: several people, each clocked on by their own badge. Shown, never ranked."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from mom.tablet import session
from mom.tablet.answers import done, refused
from mom.tablet.outbox import tapped_at
from mom.tablet.page import page
from plant import selectors
from plant.access import actor_of, posts
from production.selectors.presence import people_at
from production.services import StaleView
from production.services.presence import presence_end, presence_start

if TYPE_CHECKING:
    from mom.tablet.session import Station
    from production.models import PresenceAssertion


def people_here(station: Station, now: datetime) -> list[PresenceAssertion]:
    return list(people_at(station.equipment, at=now))


@posts("note.write")
def people(request: HttpRequest) -> HttpResponseBase:
    return _people_say(request) if request.method == "POST" else _people_page(request)


@session.reads
def _people_page(request: HttpRequest) -> HttpResponseBase:
    station = session.station_of(request)
    if station is None:
        return redirect("tablet_start")
    here = [
        (each, each.person.name or each.person.badge, session.key_new())
        for each in people_here(station, timezone.now())
    ]
    me = actor_of(request).person_id
    i_am_here = any(each.person_id == me for each, _name, _key in here)
    return page(request, "mom/tablet_people.html", station, here=here, i_am_here=i_am_here)


@session.writes("note.write")
def _people_say(request: HttpRequest) -> HttpResponseBase:
    """Whoever is signed in clocks on, brings a colleague by badge, or says that somebody left."""
    station = session.station_of(request)
    if station is None:
        return redirect("tablet_start")
    if leaving := request.POST.get("leaves", ""):
        return _leave(request, station, leaving)
    read = request.POST.get("badge", "").strip()
    person_id = actor_of(request).person_id
    if read:
        found = selectors.person_at_badge(read)
        person_id = found.pk if found else None
    if person_id is None:
        message = _("Badge “%(badge)s” is not known here.") % {"badge": read}
        return refused(request, message, station=station, status=422, back=reverse("tablet_people"))
    said = presence_start(
        equipment_id=station.equipment.pk, person_id=person_id, at=tapped_at(request), by=actor_of(request)
    )
    text = _("%(name)s is here") % {"name": said.person.name or said.person.badge}
    return done(request, text, where=reverse("tablet_people"))


def _leave(request: HttpRequest, station: Station, leaving: str) -> HttpResponseBase:
    here = people_here(station, tapped_at(request))
    found = next((each for each in here if str(each.pk) == leaving), None)
    gone = _("This person had left already.")
    if found is None:
        return refused(request, gone, station=station, back=reverse("tablet_people"))
    try:
        presence_end(presence_id=found.pk, at=tapped_at(request), by=actor_of(request))
    except (StaleView, ObjectDoesNotExist):
        return refused(request, gone, station=station, back=reverse("tablet_people"))
    text = _("%(name)s has left") % {"name": found.person.name or found.person.badge}
    return done(request, text, where=reverse("tablet_people"))
