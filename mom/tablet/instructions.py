"""How the running order is to be made: one step per screen, and "I have read it"."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from mom.pages.plain_text import html_of
from mom.tablet import session
from mom.tablet.answers import done, refused
from mom.tablet.outbox import tapped_at
from mom.tablet.page import orders_running, page
from plant.access import actor_of, posts, require
from production.domain.instruction import steps
from production.selectors.instructions import InstructionOfOrder, instruction_for_id, order_instructions
from production.services.assertions import Refused
from production.services.instructions import instruction_read

if TYPE_CHECKING:
    from mom.tablet.session import Station
    from plant.access import Actor
    from plant.models import Equipment
    from production.models import JobOrder


def units_here(station: Station) -> list[Equipment]:
    return [unit for unit in station.units if unit.path.startswith(station.equipment.path)]


def of_orders(
    station: Station, orders: list[JobOrder], now: datetime
) -> list[tuple[JobOrder, InstructionOfOrder]]:
    units = units_here(station)
    return [(order, told) for order in orders for told in order_instructions(order, now=now, units=units)]


def unread(station: Station, orders: list[JobOrder], actor: Actor, now: datetime) -> int:
    """How many instructions in force nobody, or the person signed in, has confirmed yet."""
    found = of_orders(station, orders, now)
    return sum(1 for _order, told in found if told.current and not told.is_read_by(actor.person_id))


@session.reads
def instructions(request: HttpRequest) -> HttpResponseBase:
    station = session.station_of(request)
    if station is None:
        return redirect("tablet_start")
    now, actor = timezone.now(), actor_of(request)
    orders = orders_running(station, now)
    found = [
        (order, told, told.is_read_by(actor.person_id)) for order, told in of_orders(station, orders, now)
    ]
    return page(request, "mom/tablet_instructions.html", station, orders=orders, found=found)


@posts("note.write")
def instruction(request: HttpRequest, pk: int) -> HttpResponseBase:
    return _read_say(request, pk) if request.method == "POST" else _instruction_page(request, pk)


def _found(
    request: HttpRequest, station: Station, pk: int, at: datetime
) -> tuple[JobOrder, InstructionOfOrder]:
    """The order it is read for and what is asked there; 404 for what no order here is made by."""
    wanted = request.POST.get("order") or request.GET.get("order", "")
    for order, told in of_orders(station, orders_running(station, at), at):
        if told.shown.pk == pk and wanted in ("", order.code):
            return order, told
    raise Http404(pk)


@session.reads
def _instruction_page(request: HttpRequest, pk: int) -> HttpResponseBase:
    station = session.station_of(request)
    if station is None:
        return redirect("tablet_start")
    order, told = _found(request, station, pk, timezone.now())
    screens = steps(told.shown.text) or [""]
    raw = request.GET.get("step", "")
    number = min(max(int(raw) if raw.isdecimal() else 1, 1), len(screens))
    return page(
        request,
        "mom/tablet_instruction.html",
        station,
        order=order,
        told=told,
        shown=told.shown,
        text=html_of(screens[number - 1]),
        number=number,
        last=len(screens),
        before=number - 1,
        after=number + 1 if number < len(screens) else 0,
        is_read=told.is_read_by(actor_of(request).person_id),
        has_image=bool(told.shown.image_type) and number == 1,
    )


@session.writes("note.write")
def _read_say(request: HttpRequest, pk: int) -> HttpResponseBase:
    station = session.station_of(request)
    if station is None:
        return redirect("tablet_start")
    at = tapped_at(request)
    try:
        order, told = _found(request, station, pk, at)
    except Http404:
        message = _("A newer version is in force, or the order has ended. Open the instructions again.")
        return refused(request, message, station=station, back=reverse("tablet_instructions"))
    try:
        instruction_read(
            job_order_id=order.pk,
            instruction_id=told.shown.pk,
            equipment_id=station.equipment.pk,
            by=actor_of(request),
            at=at,
        )
    except Refused as refusal:
        return refused(request, str(refusal), station=station, back=reverse("tablet_instructions"))
    words = {"name": told.shown.name, "version": told.shown.version}
    text = _("%(name)s, version %(version)d: read") % words
    left = unread(station, orders_running(station, at), actor_of(request), at)
    return done(request, text, where=reverse("tablet_instructions" if left else "tablet_station"))


@require("view")
def image(request: HttpRequest, pk: int) -> HttpResponse:
    """The picture of one version; it never changes."""
    try:
        found = instruction_for_id(pk)
    except ObjectDoesNotExist:
        raise Http404(pk) from None
    if not found.image_type:
        raise Http404(pk)
    answer = HttpResponse(bytes(found.image), content_type=found.image_type)
    answer.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    return answer
