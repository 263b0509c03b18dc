"""Calling help from the station, and answering a call there: the caller sees who has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as late
from django.utils.translation import pgettext_lazy

from mom.calls.models import HelpCall
from mom.calls.selectors import CallTold, calls_shown
from mom.calls.services import CallRefused, call_raise, call_resolve, call_take
from mom.pages.board import state_since
from mom.pages.reading import line_reading
from mom.pages.words import state_kind, state_word
from mom.tablet import session
from mom.tablet.answers import done, refused
from mom.tablet.outbox import tapped_at
from mom.tablet.page import page
from mom.tablet.station import units_of
from plant import selectors
from plant.access import actor_of, posts

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from mom.tablet.session import Station

KINDS = {
    HelpCall.Kind.MATERIAL: pgettext_lazy("call", "Material"),
    HelpCall.Kind.QUALITY: late("Quality"),
    HelpCall.Kind.LEAD: late("Team leader"),
    HelpCall.Kind.MAINTENANCE: late("Maintenance"),
}
ICONS = {"material": "import", "quality": "yes", "lead": "person", "maintenance": "setup"}
STEPS = {"take": call_take, "done": call_resolve}


@dataclass(frozen=True, slots=True)
class CallCard:
    """A call as people read it: what, where, since when, who has it."""

    pk: int
    kind: str
    icon: str
    word: str
    place: str
    code: str
    state: str
    told: str
    passed: str
    raised_at: datetime
    keys: tuple[str, str]


def call_card(told: CallTold, zone: ZoneInfo) -> CallCard:
    call = told.call
    return CallCard(
        pk=call.pk,
        kind=call.kind,
        icon=ICONS[call.kind],
        word=str(KINDS[HelpCall.Kind(call.kind)]),
        place=call.equipment.name,
        code=call.request_code,
        state=told.state,
        told=_told_words(told, zone),
        passed=_passed_words(told),
        raised_at=call.raised_at,
        keys=(session.key_new(), session.key_new()),
    )


def _told_words(told: CallTold, zone: ZoneInfo) -> str:
    if told.resolved_at:
        return _("done at %(at)s") % {"at": f"{told.resolved_at.astimezone(zone):%H:%M}"}
    if told.taken_at:
        words = {"who": told.taken_by or "–", "at": f"{told.taken_at.astimezone(zone):%H:%M}"}
        return _("taken by %(who)s at %(at)s") % words
    return _("not taken yet")


def _passed_words(told: CallTold) -> str:
    if not told.passed_to:
        return ""
    people = ", ".join(dict.fromkeys(name for name in told.passed_to if name))
    return (
        _("passed on to %(people)s") % {"people": people} if people else _("nobody on shift to pass it on to")
    )


@posts("maintenance.request")
def call(request: HttpRequest) -> HttpResponseBase:
    return _call_raise(request) if request.method == "POST" else _call_page(request)


@session.reads
def _call_page(request: HttpRequest) -> HttpResponseBase:
    """Who can be called, as tiles: one more tap calls them; below, the calls of this station."""
    station = session.station_of(request)
    if station is None:
        return redirect("tablet_start")
    now = timezone.now()
    zone = selectors.site_zone(station.line)
    others = [
        {"kind": kind, "word": word, "icon": ICONS[kind], "key": session.key_new()}
        for kind, word in KINDS.items()
        if kind != HelpCall.Kind.MAINTENANCE
    ]
    calls = calls_shown(actor_of(request), now=now, path=station.equipment.path)
    cards = [call_card(told, zone) for told in calls]
    machines = _machines(station, now)
    return page(request, "mom/tablet_call.html", station, others=others, machines=machines, calls=cards)


def _machines(station: Station, now: datetime) -> list[dict[str, str]]:
    reading = line_reading(station.line, revision=selectors.revision_of(station.line.pk), now=now)
    tiles = []
    for unit in units_of(station):
        state, _since = state_since(reading.accounts.get(unit.pk))
        told = {"word": state_word(state or "unknown"), "kind": state_kind(state or "unknown")}
        tiles.append({"code": unit.code, "name": unit.name, "key": session.key_new(), **told})
    return tiles


@session.writes("maintenance.request")
def _call_raise(request: HttpRequest) -> HttpResponseBase:
    """To a machine of the station, or to the station itself; without a kind it is maintenance."""
    station = session.station_of(request)
    wanted, kind = request.POST.get("equipment", ""), request.POST.get("kind", "maintenance")
    places = [*units_of(station), station.equipment] if station else []
    place = next((each for each in places if each.code == wanted), None)
    if station is None or place is None:
        return refused(request, _("Choose a machine of this station."), station=station, status=404)
    try:
        raised = call_raise(kind=kind, equipment=place, by=actor_of(request), at=tapped_at(request))
    except CallRefused as refusal:
        return refused(request, str(refusal), station=station, status=422)
    words = {"who": KINDS[HelpCall.Kind(raised.kind)], "place": place.name, "code": raised.request_code}
    if raised.request_code:
        return done(request, _("Maintenance is called to %(place)s (%(code)s)") % words)
    return done(request, _("%(who)s is called to %(place)s") % words)


@session.writes("maintenance.request")
def call_step(request: HttpRequest, pk: int, step: str) -> HttpResponseBase:
    """Whoever came says so with their own badge; the caller's screen shows the name."""
    station = session.station_of(request)
    if station is None or step not in STEPS:
        raise Http404(step)
    actor = actor_of(request)
    here = {told.call.pk for told in calls_shown(actor, now=timezone.now(), path=station.line.path)}
    if pk not in here:
        return refused(request, _("This call is not known."), station=station, status=404)
    try:
        STEPS[step](call_id=pk, by=actor, at=tapped_at(request))
    except CallRefused as refusal:
        return refused(request, str(refusal), station=station, back=reverse("tablet_call"))
    message = _("You have this call") if step == "take" else _("The call is done")
    return done(request, message, where=reverse("tablet_call"))
