"""Giving stops their reason: one, several together, or the micro-stops of the shift."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from mom.pages.reading import line_reading
from mom.pages.words import labelled, span
from mom.tablet import session
from mom.tablet.answers import done, refused
from mom.tablet.outbox import tapped_at
from mom.tablet.page import page
from mom.tablet.reasons import tiles_offered
from mom.tablet.station import micro_segments, units_of
from mom.tablet.undo import undo_remember
from plant import selectors
from plant.access import actor_of, posts
from production import selectors as production
from production.services import StaleView
from production.services.assertions import Refused, reason_assert, reasons_together

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from mom.tablet.session import Station
    from plant.access import Actor
    from plant.models import Equipment
    from production.domain.account import Segment
    from production.models import ReasonAssertion, Stop

SEEN = "|"


@posts("stop.code")
def stop(request: HttpRequest, stop_id: UUID) -> HttpResponseBase:
    return _stop_code(request, stop_id) if request.method == "POST" else _stop_page(request, stop_id)


def _found(request: HttpRequest, ids: Sequence[str]) -> list[production.StopTold]:
    rows = production.stops(actor_of(request)).filter(pk__in=list(ids)).order_by("start_time")
    return production.told(rows)


@session.reads
def _stop_page(request: HttpRequest, stop_id: UUID) -> HttpResponseBase:
    station = session.station_of(request)
    if station is None:
        return redirect("tablet_start")
    found = _found(request, [str(stop_id)])
    if not found:
        return _gone(request, station)
    return _tiles_page(request, station, found, reverse("tablet_stop", args=[stop_id]))


@session.reads
def together(request: HttpRequest) -> HttpResponseBase:
    """One reason for all ticked stops: the tiles are those of the first machine."""
    station = session.station_of(request)
    if station is None:
        return redirect("tablet_start")
    found = _found(request, [text for text in request.GET.getlist("stop") if _is_uuid(text)])
    if not found:
        return redirect("tablet_stops")
    return _tiles_page(request, station, found, reverse("tablet_together_code"))


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _said_unseen(row: production.StopTold, saw: Seen, by: Actor) -> bool:
    """Two people, one stop: a tap must not overwrite what it never saw, unless the same person said it."""
    if saw.said is None or saw.said == (row.said.pk if row.said else 0):
        return False
    # A rule is nobody: whoever taps while it speaks is right.
    if row.said is not None and row.said.rule_id is not None:
        return False
    return row.said is None or (row.said.said_by_id, row.said.said_on_id) != (by.person_id, by.device_id)


def _tiles_page(
    request: HttpRequest, station: Station, found: Sequence[production.StopTold], action: str
) -> HttpResponseBase:
    zone, first = selectors.site_zone(station.line), found[0]
    unit = first.stop.work_unit
    count = len(found)
    what = unit.name if count == 1 else ngettext("%(n)d stop", "%(n)d stops", count) % {"n": count}
    said = first.said if count == 1 else None
    return _reasons_page(
        request,
        station,
        unit,
        action=action,
        what=what,
        when=_when(first.stop, zone) if count == 1 else ", ".join(_when(row.stop, zone) for row in found[:4]),
        fault_code=first.stop.fault_code if count == 1 else "",
        fault_text=production.fault_texts([first.stop]).get(first.stop.pk, "") if count == 1 else "",
        said={"reason": said.reason.name, "by": said.said_by or said.said_by_rule}
        if said and said.reason
        else None,
        ids=[seen_words(row) for row in found],
        query="".join(f"&stop={row.stop.pk}" for row in found) if count > 1 else "",
    )


def _reasons_page(
    request: HttpRequest, station: Station, unit: Equipment, *, query: str = "", **context: Any
) -> HttpResponseBase:
    raw = request.GET.get("more", "")
    screen = int(raw) if raw.isdecimal() else 0
    offered = tiles_offered(unit, group_code=request.GET.get("group", ""), screen=screen)
    return page(
        request,
        "mom/tablet_stop.html",
        station,
        group=offered.group,
        tiles=offered.tiles,
        more=offered.more,
        query=query,
        **context,
    )


class Seen(NamedTuple):
    """What the author of a reason saw of a stop: its end, and the entry that stood there (0: none)."""

    end: datetime | None
    said: int | None
    """None where the form did not tell."""


def seen_words(row: production.StopTold) -> str:
    end = "" if row.stop.end_time is None else row.stop.end_time.isoformat()
    return SEEN.join((str(row.stop.pk), end, str(row.said.pk if row.said else 0)))


def _seen_read(text: str) -> tuple[str, Seen]:
    pk, end, said = (text.split(SEEN) + ["", ""])[:3]
    return pk, Seen(parse_datetime(end) if end else None, int(said) if said.isdecimal() else None)


def _when(stop: Stop, zone: ZoneInfo) -> str:
    start = stop.start_time.astimezone(zone)
    if stop.end_time is None:
        return _("since %(start)s, still stopped") % {"start": f"{start:%H:%M:%S}"}
    end = stop.end_time.astimezone(zone)
    return f"{start:%H:%M:%S} – {end:%H:%M:%S} ({span(stop.end_time - stop.start_time)})"


@session.writes("stop.code")
def _stop_code(request: HttpRequest, stop_id: UUID) -> HttpResponseBase:
    return _code(request)


@session.writes("stop.code")
def together_code(request: HttpRequest) -> HttpResponseBase:
    return _code(request)


def _code(request: HttpRequest) -> HttpResponseBase:
    """All or nothing: when one of the stops changed since it was shown, none is coded."""
    station = session.station_of(request)
    if station is None:
        return redirect("tablet_start")
    seen = dict(_seen_read(text) for text in request.POST.getlist("stop"))
    found = _found(request, [pk for pk in seen if _is_uuid(pk)])
    if not found or len(found) < len(seen):
        return _gone(request, station)
    code, zone = request.POST.get("reason", ""), selectors.site_zone(station.line)
    entries: list[ReasonAssertion] = []
    with reasons_together(found, _turn) as in_turn:
        for row in in_turn:
            saw = seen[str(row.stop.pk)]
            if _said_unseen(row, saw, actor_of(request)):
                return _said_meanwhile(request, station, row, zone)
            try:
                entries.append(_reason_say(request, row, saw.end))
            except StaleView:
                return _changed(request, station, row.stop, saw.end, zone)
            except Refused as refusal:
                return refused(request, str(refusal), station=station, status=422)
    undo = undo_remember(request, entries)
    return done(request, _said_words(found, code), undo=undo)


def _turn(row: production.StopTold) -> tuple[str, datetime]:
    return row.stop.work_unit.code, row.stop.start_time


def _reason_say(request: HttpRequest, row: production.StopTold, seen_end: datetime | None) -> ReasonAssertion:
    return reason_assert(
        equipment_id=row.stop.work_unit_id,
        start_time=row.stop.start_time,
        end_time=seen_end,
        reason_code=request.POST.get("reason", ""),
        by=actor_of(request),
        seen_end=seen_end,
        supersedes=row.said.pk if row.said else None,
        at=tapped_at(request),
    )


def _said_words(found: Sequence[production.StopTold], code: str) -> str:
    offered = selectors.reasons_offered(found[0].stop.work_unit)
    reason = next((each for each in offered if each.code == code), None)
    words = {"reason": reason.name if reason else code, "machine": found[0].stop.work_unit.name}
    if len(found) == 1:
        text = _("%(machine)s: %(reason)s") % words
    else:
        text = ngettext("%(n)d stop: %(reason)s", "%(n)d stops: %(reason)s", len(found)) % {
            **words,
            "n": len(found),
        }
    if reason and reason.opens_request:
        text += ". " + _("Maintenance is called.")
    return text


def _gone(request: HttpRequest, station: Station) -> HttpResponseBase:
    return refused(
        request,
        _("This stop is not there any more: late data from the machine moved or removed it."),
        template="mom/tablet_stale.html",
        station=station,
        seen=_("a stop"),
        now_is=_("no stop at that time"),
        again=reverse("tablet_station"),
    )


def _changed(
    request: HttpRequest, station: Station, stop: Stop, seen_end: datetime | None, zone: ZoneInfo
) -> HttpResponseBase:
    now = production.stop_containing(equipment_id=stop.work_unit_id, at=stop.start_time)
    start = f"{stop.start_time.astimezone(zone):%H:%M:%S}"
    end = _("still going on") if seen_end is None else f"{seen_end.astimezone(zone):%H:%M:%S}"
    return refused(
        request,
        _("This stop changed since the screen was drawn. Nothing was entered."),
        template="mom/tablet_stale.html",
        station=station,
        seen=f"{stop.work_unit.name} {start} – {end}",
        now_is=f"{stop.work_unit.name} {_when(now, zone)}" if now else _("no stop at that time"),
        again=reverse("tablet_stop", args=[now.pk]) if now else reverse("tablet_station"),
    )


def _said_meanwhile(
    request: HttpRequest, station: Station, row: production.StopTold, zone: ZoneInfo
) -> HttpResponseBase:
    what = f"{row.stop.work_unit.name} {_when(row.stop, zone)}"
    said = row.said
    words = (
        {"reason": said.reason.name, "by": said.said_by or said.said_by_rule}
        if said and said.reason
        else None
    )
    now_is = _("“%(reason)s”, said by %(by)s") % words if words else _("no reason")
    return refused(
        request,
        _("Somebody else gave this stop its reason meanwhile. Nothing was entered."),
        template="mom/tablet_stale.html",
        station=station,
        seen=labelled(what, _("another entry, or none")),
        now_is=labelled(what, now_is),
        again=reverse("tablet_stop", args=[row.stop.pk]),
    )


@posts("stop.code")
def micro(request: HttpRequest, code: str = "") -> HttpResponseBase:
    return _micro_code(request, code) if request.method == "POST" else _micro_page(request, code)


def _micro(station: Station, unit: Equipment) -> list[Segment]:
    now = timezone.now()
    reading = line_reading(station.line, revision=selectors.revision_of(station.line.pk), now=now)
    told = reading.accounts.get(unit.pk)
    return micro_segments(told) if told else []


@session.reads
def _micro_page(request: HttpRequest, code: str) -> HttpResponseBase:
    """The micro-stops of the shift by machine; then one reason for those of one machine."""
    station = session.station_of(request)
    if station is None:
        return redirect("tablet_start")
    by_unit = [(unit, _micro(station, unit)) for unit in units_of(station)]
    by_unit = [(unit, segments) for unit, segments in by_unit if segments]
    if not code and len(by_unit) == 1:
        code = by_unit[0][0].code
    chosen = next(((unit, segments) for unit, segments in by_unit if unit.code == code), None)
    if chosen is None:
        groups = [(unit, *_sum(segments)) for unit, segments in by_unit]
        return page(request, "mom/tablet_micro.html", station, groups=groups)
    unit, segments = chosen
    count, seconds = _sum(segments)
    what = ngettext("%(n)d micro-stop", "%(n)d micro-stops", count) % {"n": count}
    return _reasons_page(
        request,
        station,
        unit,
        action=reverse("tablet_micro_unit", args=[unit.code]),
        what=labelled(unit.name, what),
        when=span(seconds),
        seen=" ".join(seen_words(row) for row in _micro_ended(request, unit, segments)),
    )


def _micro_ended(
    request: HttpRequest, unit: Equipment, segments: Sequence[Segment]
) -> list[production.StopTold]:
    """Their stops; the one that is still going on waits for its end."""
    starts = {segment.stop_start for segment in segments if segment.stop_start}
    rows = production.stops(actor_of(request)).filter(work_unit_id=unit.pk, start_time__in=starts)
    return production.told(rows.filter(end_time__isnull=False).order_by("start_time"))


def _sum(segments: Sequence[Segment]) -> tuple[int, int]:
    """How many stops, and their seconds."""
    seconds = sum(segment.duration.total_seconds() for segment in segments)
    return len({segment.stop_start for segment in segments}), round(seconds)


@session.writes("stop.code")
def _micro_code(request: HttpRequest, code: str) -> HttpResponseBase:
    """One reason for each micro-stop the page showed; each keeps its own range.

    Those changed, gone or coded by somebody else since are left as they are: nobody can be asked to tick
    thirty of them again, and the page of a shift that is over does not come back.
    """
    station = session.station_of(request)
    unit = next((each for each in units_of(station) if each.code == code), None) if station else None
    if station is None or unit is None:
        return redirect("tablet_start")
    seen = dict(_seen_read(text) for text in request.POST.get("seen", "").split())
    if not seen:
        message = _("There was no micro-stop on the page to give a reason to. Open it again.")
        return refused(request, message, station=station, again=reverse("tablet_micro"))
    rows = [
        row
        for row in _found(request, [pk for pk in seen if _is_uuid(pk)])
        if row.stop.work_unit_id == unit.pk
    ]
    coded: list[production.StopTold] = []
    entries: list[ReasonAssertion] = []
    with reasons_together(rows, _turn) as in_turn:
        for row in in_turn:
            try:
                said = _micro_say(request, row, seen[str(row.stop.pk)])
            except Refused as refusal:
                return refused(request, str(refusal), station=station)
            if said is not None:
                entries.append(said)
                coded.append(row)
    if not coded:
        message = _("These micro-stops changed, or were given a reason, since the screen was drawn.")
        return refused(request, message, station=station, again=reverse("tablet_micro"))
    text = _said_words(coded, request.POST.get("reason", ""))
    if left := len(seen) - len(coded):
        text += ". " + ngettext(
            "%(n)d changed meanwhile and was left", "%(n)d changed meanwhile and were left", left
        ) % {"n": left}
    return done(request, text, undo=undo_remember(request, entries))


def _micro_say(request: HttpRequest, row: production.StopTold, saw: Seen) -> ReasonAssertion | None:
    """The reason for one of them; None where it is not what the author saw any more."""
    by = actor_of(request)
    if saw.end is None or saw.said is None or _said_unseen(row, saw, by):
        return None
    try:
        return _reason_say(request, row, saw.end)
    except StaleView:
        return None
