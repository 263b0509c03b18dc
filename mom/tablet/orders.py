"""Starting, pausing and finishing the order of a line from the tablet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as late

from mom.pages.changeover_steps import changeover_told
from mom.pages.words import labelled, order_state_word
from mom.tablet import session
from mom.tablet.answers import done, refused
from mom.tablet.outbox import tapped_at
from mom.tablet.page import orders_running, page
from plant.access import actor_of
from production.domain.job_order import IllegalTransition, verbs_allowed
from production.domain.sharing import weights_at
from production.selectors import job_orders
from production.selectors.lookups import job_order_for_code
from production.selectors.sharing import weights_declared
from production.services import (
    Refused,
    Vetoed,
    job_order_pause,
    job_order_resume,
    job_order_start,
    job_order_stop,
)
from production.services.sharing import order_share_assert

if TYPE_CHECKING:
    from mom.tablet.session import Station
    from production.models import JobOrder

COMMANDS: dict[str, Callable[..., JobOrder]] = {
    "start": job_order_start,
    "pause": job_order_pause,
    "resume": job_order_resume,
    "stop": job_order_stop,
}
WORDS = {"start": late("Start"), "pause": late("Pause"), "resume": late("Resume"), "stop": late("Finish")}
ICONS = {"start": "run", "pause": "pause", "resume": "run", "stop": "end"}
SAID = {
    "start": late("Order %(code)s started"),
    "pause": late("Order %(code)s paused"),
    "resume": late("Order %(code)s goes on"),
    "stop": late("Order %(code)s finished"),
}
# What takes a command back by Undo. A start or a finish is a fact; it is not undone.
BACK = {"pause": "resume", "resume": "pause"}
# What an order may weigh by a tap; the API takes more.
WEIGHTS = (1, 2, 3, 4, 5)
OPEN = ("running", "interrupted", "allowed_to_start")


@dataclass(frozen=True, slots=True)
class Verb:
    """A command the order's state allows, as a tile with a key of its own."""

    code: str
    word: str
    icon: str
    main: bool
    key: str


def verbs_of(order: JobOrder) -> list[Verb]:
    return [
        Verb(code, str(WORDS[code]), ICONS[code], code in {"start", "resume"}, session.key_new())
        for code in verbs_allowed(order.state)
        if code in COMMANDS
    ]


def orders_open(station: Station, request: HttpRequest) -> list[JobOrder]:
    """Orders of the line a person can still do something with: the running one first, then by sequence."""
    found = job_orders(actor_of(request)).filter(line_id=station.line.pk, state__in=OPEN)
    rows = list(found.order_by("sequence", "code")[:60])
    return sorted(rows, key=lambda order: OPEN.index(order.state))


@session.reads
def orders(request: HttpRequest) -> HttpResponseBase:
    station = session.station_of(request)
    if station is None:
        return redirect("tablet_start")
    may_look = actor_of(request).may("view", station.line)
    found = orders_open(station, request)
    return page(request, "mom/tablet_orders.html", station, orders=found, may_look=may_look)


def order_here(station: Station, code: str) -> JobOrder:
    try:
        order = job_order_for_code(code)
    except ObjectDoesNotExist:
        raise Http404(code) from None
    if order.line_id != station.line.pk:
        raise Http404(code)
    return order


@session.reads
def order(request: HttpRequest, code: str) -> HttpResponseBase:
    """An order's deep link: what it is, and what can be done with it here."""
    station = session.station_of(request)
    if station is None:
        return redirect("tablet_start")
    found = order_here(station, code)
    running = _other_running(station, found) if found.state == "allowed_to_start" else None
    return page(
        request,
        "mom/tablet_order.html",
        station,
        order=found,
        verbs=verbs_of(found),
        running=running,
        share=share_of(station, found),
        steps=changeover_told(found, timezone.now()).steps if found.state in OPEN else (),
        may_look=actor_of(request).may("view", station.line),
    )


@dataclass(frozen=True, slots=True)
class Share:
    """How much an order weighs among those that run at once on the line."""

    weight: int
    total: int
    choices: tuple[tuple[int, str], ...]


def share_of(station: Station, order: JobOrder) -> Share | None:
    """None where the line runs one order at a time."""
    if station.line.parallel_orders < 2:
        return None
    codes = {order.code, *(other.code for other in orders_running(station))}
    weights = weights_at(weights_declared(codes), codes, timezone.now())
    choices = tuple((weight, session.key_new()) for weight in WEIGHTS)
    return Share(weights[order.code], sum(weights.values()), choices)


@session.writes("order.execute")
def order_share(request: HttpRequest, code: str) -> HttpResponseBase:
    station = session.station_of(request)
    if station is None:
        return redirect("tablet_start")
    found = order_here(station, code)
    raw = request.POST.get("weight", "")
    try:
        order_share_assert(
            job_order_id=found.pk,
            weight=int(raw) if raw.isdecimal() else -1,
            at=tapped_at(request),
            by=actor_of(request),
        )
    except Refused as refusal:
        return refused(request, str(refusal), station=station, status=422)
    words = {"code": code, "weight": raw}
    where = reverse("tablet_order", args=[code])
    return done(request, _("%(code)s counts %(weight)s times from now on") % words, where=where)


@session.writes("order.execute")
def order_verb(request: HttpRequest, code: str, verb: str) -> HttpResponseBase:
    station = session.station_of(request)
    if station is None or verb not in COMMANDS:
        raise Http404(verb)
    found = order_here(station, code)
    now = tapped_at(request)
    if verb == "start" and (other := _other_running(station, found)):
        message = _("Order %(code)s (%(product)s) is running on this line. Finish or pause it first.")
        words = {"code": other.code, "product": other.product.name}
        return refused(
            request, message % words, station=station, back=reverse("tablet_order", args=[other.code])
        )
    try:
        COMMANDS[verb](job_order_id=found.pk, at=now, by=actor_of(request))
    except IllegalTransition:
        return _changed_meanwhile(request, station, found, verb, now)
    except Vetoed as veto:
        return refused(request, str(veto), station=station)
    undo = reverse("tablet_order_verb", args=[code, BACK[verb]]) if verb in BACK else ""
    return done(request, str(SAID[verb]) % {"code": code}, undo=undo)


def _other_running(station: Station, wanted: JobOrder) -> JobOrder | None:
    """An order that must be finished first: a line runs as many at once as is declared, mostly one."""
    beside = (other for other in orders_running(station) if other.pk != wanted.pk)
    running = [other for other in beside if other.state == "running"]
    return running[0] if running and len(running) >= max(station.line.parallel_orders, 1) else None


def _changed_meanwhile(
    request: HttpRequest, station: Station, order: JobOrder, verb: str, now: datetime
) -> HttpResponseBase:
    order.refresh_from_db()
    return refused(
        request,
        _("The order changed since this screen was drawn."),
        template="mom/tablet_stale.html",
        station=station,
        seen=_("“%(verb)s” was possible") % {"verb": WORDS[verb]},
        now_is=labelled(order.code, order_state_word(order.state)),
        again=reverse("tablet_order", args=[order.code]),
    )
