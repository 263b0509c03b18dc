"""Counts and notes from the station."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as late

from mom.pages.words import piece_word, quantity
from mom.tablet import session
from mom.tablet.answers import done, refused
from mom.tablet.outbox import tapped_at
from mom.tablet.page import orders_running, page, running_order
from mom.tablet.scan import number_read
from mom.tablet.sure import SURE, most_makeable
from mom.tablet.undo import undo_remember
from plant import selectors
from plant.access import actor_of, posts
from production import selectors as production
from production.selectors.scrap import scrap_reasons
from production.services import StaleView
from production.services.assertions import Refused, count_assert, note_assert

if TYPE_CHECKING:
    from mom.tablet.session import Station
    from production.models import CountAssertion, JobOrder

REWORK = ("rework", "rework_good", "rework_scrap")
KINDS = ("good", "scrap", *REWORK)
KIND_WORDS = {
    "good": late("good"),
    "scrap": late("scrap"),
    "rework": late("rework"),
    "rework_good": late("good after rework"),
    "rework_scrap": late("scrapped after rework"),
}
FIELD_WORDS = {
    "good": late("Good"),
    "scrap": late("Scrap"),
    "rework": late("To rework"),
    "rework_good": late("Good after rework"),
    "rework_scrap": late("Scrapped after rework"),
}
SHOWN = 6
TILES = 12


@posts("count.enter")
def count(request: HttpRequest) -> HttpResponseBase:
    return _count_enter(request) if request.method == "POST" else _count_page(request)


def counted_since(station: Station, order: JobOrder) -> datetime:
    """Where the next count begins: at the end of the last one entered for the order, else at its start."""
    ends = [entry.end_time for entry in production.counts_said(job_order_id=order.pk)]
    return max(ends, default=order.started_at or timezone.now())


@session.reads
def _count_page(request: HttpRequest) -> HttpResponseBase:
    station = session.station_of(request)
    if station is None:
        return redirect("tablet_start")
    order = _order_counted(request, station, timezone.now())
    if order is None:
        return refused(
            request, _("No order is running here, so there is nothing to count for."), station=station
        )
    return _count_form(request, station, order)


def _order_counted(request: HttpRequest, station: Station, at: datetime) -> JobOrder | None:
    """The order the count names; where it names none, the one that runs."""
    running = orders_running(station, at)
    wanted = request.POST.get("order") or request.GET.get("order", "")
    return next((order for order in running if order.code == wanted), running[0] if running else None)


def _count_form(
    request: HttpRequest,
    station: Station,
    order: JobOrder,
    *,
    message: str = "",
    asked: str = "",
    status: int = 200,
) -> HttpResponseBase:
    entries = production.counts_said(job_order_id=order.pk)
    corrected = _entry_named(request, entries)
    most = _most(request, station, order, corrected)
    return page(
        request,
        "mom/tablet_count.html",
        station,
        status=status,
        order=order,
        orders=orders_running(station),
        unit=piece_word(order.unit),
        since_text=_since_text(station, order, corrected),
        corrected=corrected,
        entered=[(entry, KIND_WORDS[entry.kind]) for entry in entries[::-1][:SHOWN]],
        fields=_fields(request, corrected),
        is_rework=_is_rework(request),
        reasons=scrap_reasons(station.equipment)[:TILES],
        reason=request.POST.get("reason", corrected.reason.code if corrected and corrected.reason else ""),
        decimals=order.unit not in ("", "pcs", "pc"),
        message=message,
        most=most,
        asked=asked,
        question=_("is more than ten times what can have been made (%(most)s). Is it right?")
        % {"most": quantity((most / 10).quantize(Decimal(1)))},
    )


def _since_text(station: Station, order: JobOrder, corrected: CountAssertion | None) -> str:
    if corrected:
        words = {"kind": KIND_WORDS[corrected.kind], "n": quantity(corrected.quantity)}
        return _("Corrects: %(kind)s %(n)s") % words
    since = counted_since(station, order).astimezone(selectors.site_zone(station.line))
    return _("Pieces since %(at)s") % {"at": f"{since:%d/%m %H:%M}"}


def _is_rework(request: HttpRequest) -> bool:
    return "rework" in request.GET or any(kind in request.POST for kind in REWORK)


def _fields(request: HttpRequest, corrected: CountAssertion | None) -> list[tuple[str, object, str]]:
    """The numbers asked for: name, word and what was typed."""
    kinds: tuple[str, ...] = REWORK if _is_rework(request) else KINDS[:2]
    if corrected is not None:
        kinds = (corrected.kind,)
    return [(kind, FIELD_WORDS[kind], request.POST.get(kind, "")) for kind in kinds]


def _most(
    request: HttpRequest, station: Station, order: JobOrder, corrected: CountAssertion | None
) -> Decimal:
    """More than this is asked about before it is kept."""
    now = tapped_at(request)
    if corrected is not None:
        return most_makeable(station, order, corrected.start_time, corrected.end_time)
    return most_makeable(station, order, min(counted_since(station, order), now), now)


def _entry_named(request: HttpRequest, entries: list[CountAssertion]) -> CountAssertion | None:
    """The count that is to be corrected, as long as it stands; None where a new one is entered."""
    wanted = request.POST.get("entry") or request.GET.get("entry", "")
    return next((entry for entry in entries if str(entry.pk) == wanted), None)


@session.writes("count.enter")
def _count_enter(request: HttpRequest) -> HttpResponseBase:
    """Good and scrap in one submit; an empty field says nothing, 0 says none."""
    station = session.station_of(request)
    order = _order_counted(request, station, tapped_at(request)) if station else None
    wanted = request.POST.get("order", "")
    if station is None or order is None:
        return refused(
            request, _("No order is running here, so there is nothing to count for."), station=station
        )
    if wanted and wanted != order.code:
        message = _("Order %(code)s does not run here any more. Count for the order that does.")
        return refused(request, message % {"code": wanted}, station=station, back=reverse("tablet_count"))
    typed = {kind: request.POST.get(kind, "").strip() for kind in KINDS}
    values = {kind: number_read(text) for kind, text in typed.items() if text}
    wrong = [typed[kind] for kind, value in values.items() if value is None or value < 0]
    if wrong or not values:
        message = (
            _("Read “%(text)s”, expected a number of 0 or more.") % {"text": wrong[0]}
            if wrong
            else _("Enter good, scrap, or both.")
        )
        return _count_form(request, station, order, message=message, status=422)
    known = {kind: value for kind, value in values.items() if value is not None}
    entry = _entry_named(request, production.counts_said(job_order_id=order.pk))
    if SURE not in request.POST and max(known.values()) > _most(request, station, order, entry):
        return _count_form(request, station, order, asked=quantity(max(known.values())), status=422)
    return _count_keep(request, station, order, known)


def _count_keep(
    request: HttpRequest, station: Station, order: JobOrder, values: dict[str, Decimal]
) -> HttpResponseBase:
    if request.POST.get("entry"):
        return _count_correct(request, station, order, values)
    now = tapped_at(request)
    since = min(counted_since(station, order), now)
    try:
        entries = [
            count_assert(
                equipment_id=station.equipment.pk,
                start_time=since,
                end_time=now,
                kind=kind,
                quantity=value,
                by=actor_of(request),
                job_order_id=order.pk,
                reason_code=_reason(request, kind),
                at=now,
            )
            for kind, value in values.items()
        ]
    except Refused as refusal:
        return _count_form(request, station, order, message=str(refusal), status=422)
    return _counted(request, order, values, entries)


def _reason(request: HttpRequest, kind: str) -> str:
    """Why the pieces were scrapped, if that was tapped too."""
    return request.POST.get("reason", "") if kind in ("scrap", "rework_scrap") else ""


def _counted(
    request: HttpRequest, order: JobOrder, values: dict[str, Decimal], entries: list[CountAssertion]
) -> HttpResponseBase:
    told = ", ".join(f"{quantity(value)} {KIND_WORDS[kind]}" for kind, value in values.items())
    words = {"order": order.code, "counts": told}
    return done(request, _("%(order)s: %(counts)s") % words, undo=undo_remember(request, entries))


def _count_correct(
    request: HttpRequest, station: Station, order: JobOrder, values: dict[str, Decimal]
) -> HttpResponseBase:
    """The same range counted anew: the first number stays in the history, with who said otherwise."""
    entry = _entry_named(request, production.counts_said(job_order_id=order.pk))
    if entry is None or entry.kind not in values:
        message = _("This count was corrected meanwhile. Look at it again.")
        return refused(request, message, station=station, back=reverse("tablet_count"))
    try:
        said = count_assert(
            equipment_id=entry.equipment_id,
            start_time=entry.start_time,
            end_time=entry.end_time,
            kind=entry.kind,
            quantity=values[entry.kind],
            by=actor_of(request),
            job_order_id=order.pk,
            reason_code=_reason(request, entry.kind),
            supersedes=entry.pk,
            comment=_("corrected"),
            at=tapped_at(request),
        )
    except (StaleView, Refused) as refusal:
        return refused(request, str(refusal), station=station, back=reverse("tablet_count"))
    return _counted(request, order, {entry.kind: values[entry.kind]}, [said])


@posts("note.write")
def note(request: HttpRequest) -> HttpResponseBase:
    return _note_keep(request) if request.method == "POST" else _note_page(request)


@session.reads
def _note_page(request: HttpRequest) -> HttpResponseBase:
    station = session.station_of(request)
    if station is None:
        return redirect("tablet_start")
    return page(request, "mom/tablet_note.html", station, order=running_order(station))


@session.writes("note.write")
def _note_keep(request: HttpRequest) -> HttpResponseBase:
    station = session.station_of(request)
    if station is None:
        return redirect("tablet_start")
    at = tapped_at(request)
    order, text = running_order(station, at), request.POST.get("text", "")[:2000]
    try:
        note_assert(
            equipment_id=station.equipment.pk,
            start_time=at,
            text=text,
            by=actor_of(request),
            job_order_id=order.pk if order else None,
            at=at,
        )
    except Refused:
        message = _("The note is empty.")
        return page(request, "mom/tablet_note.html", station, status=422, order=order, message=message)
    return done(request, _("The note is kept"))
