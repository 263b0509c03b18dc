"""Work at a manual station: started and stopped by hand, at a time that can be put right afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_time
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as late

from mom.pages.words import labelled
from mom.tablet import session
from mom.tablet.answers import done, refused
from mom.tablet.outbox import tapped_at
from mom.tablet.page import page
from mom.tablet.undo import undo_remember
from plant import selectors
from plant.access import actor_of, posts
from production.domain.manual import NOT_WORKING, WORKING
from production.domain.stops import stop_id
from production.selectors.stations import state_said, states_said
from production.services import StaleView, state_assert
from production.services.assertions import Refused

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from mom.tablet.session import Station
    from plant.models import Equipment
    from production.models import StateAssertion

WORDS = {
    WORKING: late("at work"),
    NOT_WORKING: late("stopped"),
    "starved": late("waiting for infeed"),
    "blocked": late("outfeed full"),
}
VERBS = {WORKING: late("Start work"), NOT_WORKING: late("Stop work")}
# Entries of this long are shown, and a time of day is taken to be within it.
BACK = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class WorkTile:
    """A manual station: what was last said of it, and what can be said next, with a key of its own."""

    code: str
    name: str
    state: str
    since: datetime | None
    next: str
    key: str
    stop_id: str = ""
    """The stop going on, which can be given its reason."""

    @property
    def word(self) -> str:
        return str(WORDS.get(self.state, _("nothing said yet")))

    @property
    def verb(self) -> str:
        return str(VERBS[self.next])

    @property
    def is_working(self) -> bool:
        return self.state == WORKING


def work_tile(unit: Equipment, now: datetime, stop_id: str = "") -> WorkTile:
    said = state_said(unit.pk, now)
    state = said.state if said else ""
    wanted = NOT_WORKING if state == WORKING else WORKING
    return WorkTile(
        unit.code, unit.name, state, said.start if said else None, wanted, session.key_new(), stop_id
    )


def work_tiles(units: list[Equipment], going_on: dict[int, str], now: datetime) -> list[WorkTile]:
    return [work_tile(unit, now, going_on.get(unit.pk, "")) for unit in units if unit.is_manual]


def _unit(station: Station | None, code: str) -> Equipment:
    found = next((unit for unit in station.units if unit.code == code), None) if station else None
    if found is None or not found.is_manual:
        raise Http404(code)
    return found


@posts("stop.code")
def work(request: HttpRequest, code: str) -> HttpResponseBase:
    return _work_say(request, code) if request.method == "POST" else _work_page(request, code)


@session.reads
def _work_page(request: HttpRequest, code: str) -> HttpResponseBase:
    station = session.station_of(request)
    if station is None:
        return redirect("tablet_start")
    return _work_form(request, station, _unit(station, code))


def _work_form(
    request: HttpRequest, station: Station, unit: Equipment, *, message: str = "", status: int = 200
) -> HttpResponseBase:
    now = timezone.now()
    found = states_said(unit.pk).filter(start_time__gte=now - BACK).order_by("-start_time", "-said_at")
    return page(
        request,
        "mom/tablet_work.html",
        station,
        status=status,
        unit=unit,
        tile=work_tile(unit, now),
        entries=[(each, WORDS.get(each.state, each.state)) for each in found[:20]],
        states=list(WORDS.items()),
        message=message,
        typed=request.POST,
        again=request.path,
    )


def instant_read(text: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    """A time of day as the last instant of that name that is not yet to come; None for what is none.

    Understood: 08:15, 8:15:30, 8h15, and by digits alone 815, 0815 or 081530.
    """
    digits = text.strip()
    if digits.isdecimal() and 3 <= len(digits) <= 6:
        digits = digits.zfill(4 if len(digits) < 5 else 6)
        text = ":".join(digits[place : place + 2] for place in range(0, len(digits), 2))
    try:
        read: time | None = parse_time(text.strip().replace("h", ":"))
    except ValueError:
        read = None
    if read is None:
        return None
    here = now.astimezone(zone)
    for days in (0, 1):
        at = datetime.combine(here.date() - timedelta(days=days), read.replace(tzinfo=None), zone)
        if at <= now:
            return at.astimezone(now.tzinfo)
    return None


@session.writes("stop.code")
def _work_say(request: HttpRequest, code: str) -> HttpResponseBase:
    """Start or stop now, by one tap; or from a time on, or in a range, that was forgotten."""
    station = session.station_of(request)
    unit = _unit(station, code)
    assert station is not None
    now, zone = tapped_at(request), selectors.site_zone(station.line)
    state = request.POST.get("state", "")
    typed = {name: request.POST.get(name, "").strip() for name in ("from", "until")}
    read = {name: instant_read(text, now, zone) for name, text in typed.items() if text}
    if None in read.values():
        wrong = next(typed[name] for name, value in read.items() if value is None)
        message = _("Read “%(text)s”, expected a time such as 08:15.") % {"text": wrong}
        return _work_form(request, station, unit, message=message, status=422)
    start = read.get("from") or now
    try:
        said = state_assert(
            equipment_id=unit.pk,
            start_time=start,
            end_time=read.get("until"),
            state=state,
            by=actor_of(request),
            at=now,
        )
    except Refused as refusal:
        return _work_form(request, station, unit, message=str(refusal), status=422)
    return _said(request, unit, said, zone, at_once="from" not in read)


def _said(
    request: HttpRequest, unit: Equipment, said: StateAssertion, zone: ZoneInfo, *, at_once: bool
) -> HttpResponseBase:
    text = labelled(unit.name, f"{WORDS[said.state]} {said.start_time.astimezone(zone):%H:%M:%S}")
    undo = undo_remember(request, [said])
    where = reverse("tablet_station") if at_once else reverse("tablet_work", args=[unit.code])
    if at_once and said.state == NOT_WORKING:
        # Its reason is the next question, while whoever knows it stands there.
        where = reverse("tablet_stop", args=[stop_id(unit.code, said.start_time)])
    return done(request, text, undo=undo, where=where)


@posts("stop.code")
def entry(request: HttpRequest, code: str, pk: int) -> HttpResponseBase:
    return _entry_correct(request, code, pk) if request.method == "POST" else _entry_page(request, code, pk)


@session.reads
def _entry_page(request: HttpRequest, code: str, pk: int) -> HttpResponseBase:
    station = session.station_of(request)
    if station is None:
        return redirect("tablet_start")
    unit = _unit(station, code)
    found = states_said(unit.pk).filter(pk=pk).first()
    if found is None:
        return _gone(request, station, unit)
    return page(
        request,
        "mom/tablet_work_entry.html",
        station,
        unit=unit,
        entry=found,
        word=WORDS.get(found.state, found.state),
        states=list(WORDS.items()),
    )


def _gone(request: HttpRequest, station: Station, unit: Equipment) -> HttpResponseBase:
    message = _("This entry was corrected meanwhile. Look at it again.")
    return refused(request, message, station=station, back=reverse("tablet_work", args=[unit.code]))


@session.writes("stop.code")
def _entry_correct(request: HttpRequest, code: str, pk: int) -> HttpResponseBase:
    """Another time, another state, or taken back: a new entry that supersedes the one shown."""
    station = session.station_of(request)
    unit = _unit(station, code)
    assert station is not None
    earlier = states_said(unit.pk).filter(pk=pk).first()
    if earlier is None:
        return _gone(request, station, unit)
    now, zone = tapped_at(request), selectors.site_zone(station.line)
    start, end, state = earlier.start_time, earlier.end_time, request.POST.get("state") or earlier.state
    try:
        if request.POST.get("what") == "back":
            state = ""
        else:
            start = _moved(request.POST.get("from", ""), start, now, zone)
            end = _moved(request.POST.get("until", ""), end, now, zone) if end else None
        said = state_assert(
            equipment_id=unit.pk,
            start_time=start,
            end_time=end,
            state=state,
            by=actor_of(request),
            supersedes=earlier.pk,
            comment=_("taken back") if not state else _("corrected"),
            at=now,
        )
    except StaleView:
        return _gone(request, station, unit)
    except Refused as refusal:
        back = reverse("tablet_work_entry", args=[unit.code, pk])
        return refused(request, str(refusal), station=station, status=422, back=back)
    word = WORDS[state] if state else _("taken back")
    text = labelled(unit.name, f"{word} {said.start_time.astimezone(zone):%H:%M:%S}")
    return done(request, text, where=reverse("tablet_work", args=[unit.code]))


def _moved(text: str, before: datetime, now: datetime, zone: ZoneInfo) -> datetime:
    """The time typed; the one before where nothing else was typed than was shown."""
    if not text or text == f"{before.astimezone(zone):%H:%M:%S}":
        return before
    read = instant_read(text, now, zone)
    if read is None:
        raise Refused(_("Read “%(text)s”, expected a time such as 08:15.") % {"text": text})
    return read
