"""Scanning anywhere: a lot is used in the running order, an order opens, a badge asks for its PIN."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from mom.pages.words import piece_word
from mom.pages.words import quantity as quantity_word
from mom.tablet import session
from mom.tablet.answers import done, refusal_message, refused
from mom.tablet.outbox import tapped_at
from mom.tablet.page import page, running_order
from mom.tablet.session import go
from plant import selectors, services
from plant.access import actor_of, posts
from plant.selectors.material import materials_for_ids
from plant.services.devices import BadgeRefused
from production.selectors.lookups import bill_of_materials, job_order_for_code
from traceability import selectors as traceability
from traceability import services as lots

if TYPE_CHECKING:
    from mom.tablet.session import Station
    from plant.access import Actor
    from production.models import JobOrder
    from traceability.models import MaterialLot

LINK = re.compile(r"/(?:tablet/)?(?P<kind>orders|lots)/(?P<code>[^/]+)/?$")
LARGEST = Decimal(10) ** 13
PREFIX = re.compile(r"^(?P<kind>lot|order)[:=]\s*(?P<code>.+)$", re.IGNORECASE)


class Read(NamedTuple):
    """What a code says it is: ``lots``, ``orders``, or nothing when it is a bare code."""

    kind: str
    code: str


def read_code(text: str) -> Read:
    """The code in what a scanner read: a deep link's last part, a prefixed code, or the text itself."""
    text = text.strip()
    if found := LINK.search(urlsplit(text).path if "/" in text else ""):
        return Read(found["kind"], unquote(found["code"]))
    if found := PREFIX.match(text):
        return Read(f"{found['kind'].lower()}s", found["code"].strip())
    return Read("", text)


@session.reads
def scan_page(request: HttpRequest) -> HttpResponseBase:
    station = session.station_of(request)
    if station is None:
        return redirect("tablet_start")
    return page(request, "mom/tablet_scan.html", station)


@posts("lot.move")
def scan(request: HttpRequest) -> HttpResponseBase:
    """What was scanned. A badge needs nobody signed in; everything else does."""
    if request.method != "POST":
        return scan_page(request)
    read = read_code(request.POST.get("code", ""))
    if session.device_of(request) and not read.kind and selectors.person_at_badge(read.code):
        return go(request, f"{reverse('tablet_badge')}?badge={read.code}")
    return _scan_write(request)


@session.writes("lot.move")
def _scan_write(request: HttpRequest) -> HttpResponseBase:
    station = session.station_of(request)
    if station is None:
        return redirect("tablet_start")
    read = read_code(request.POST.get("code", ""))
    lot = _lot(request, read) if read.kind != "orders" else None
    if lot is not None:
        return _lot_scanned(request, station, lot)
    order = _order(read) if read.kind != "lots" else None
    if order is not None and order.line_id == station.line.pk:
        return go(request, reverse("tablet_order", args=[order.code]))
    if order is not None:
        message = _("Order %(code)s is planned on line %(line)s; this tablet stands at %(here)s.")
        words = {"code": order.code, "line": order.line.code, "here": station.line.code}
        return refused(request, message % words, station=station)
    return _unknown(request, station, read.code)


def _lot(request: HttpRequest, read: Read) -> MaterialLot | None:
    """A lot this tablet may know of: another site's is as unknown as one that does not exist."""
    known = traceability.lots(actor_of(request))
    try:
        return traceability.lot_by_code(read.code, among=known) if read.code else None
    except (ObjectDoesNotExist, traceability.LotAmbiguous):
        return None


def _order(read: Read) -> JobOrder | None:
    try:
        return job_order_for_code(read.code)
    except ObjectDoesNotExist:
        return None


def _unknown(request: HttpRequest, station: Station, code: str) -> HttpResponseBase:
    order = running_order(station)
    expected = _("the code of a lot, an order or a badge")
    if order is not None and (materials := _expected(order)):
        expected = _("a lot of %(materials)s, an order or a badge") % {"materials": materials}
    return refused(
        request,
        _("“%(code)s” is not known here.") % {"code": code},
        template="mom/tablet_lot_refused.html",
        station=station,
        read=code or "–",
        expected=expected,
        status=422,
    )


def _expected(order: JobOrder) -> str:
    materials = materials_for_ids(bill_of_materials(job_order_id=order.pk)).values()
    return ", ".join(f"{material.name} ({material.code})" for material in materials)


def quantity_offered(order: JobOrder, lot: MaterialLot) -> Decimal | None:
    """What a scan uses when nobody types it: what is left in the lot, at most what the order needs."""
    on_hand = traceability.lot_balance(lot).on_hand
    if on_hand <= 0:
        return None
    per_unit = bill_of_materials(job_order_id=order.pk).get(lot.material_id)
    if per_unit is None:
        return on_hand
    used = sum(
        (
            row.used - row.returned
            for row in traceability.order_material_balance(job_order_id=order.pk)
            if row.material_id == lot.material_id
        ),
        Decimal(0),
    )
    needed = per_unit * order.quantity - used
    return min(on_hand, needed) if needed > 0 else on_hand


def _lot_scanned(request: HttpRequest, station: Station, lot: MaterialLot) -> HttpResponseBase:
    order = running_order(station, tapped_at(request))
    if order is None:
        message = _("Lot %(lot)s was read, but no order is running here. Start the order first.")
        return refused(request, message % {"lot": lot.code}, station=station)
    quantity = quantity_offered(order, lot)
    if quantity is None and lot.material_id in bill_of_materials(job_order_id=order.pk):
        return go(request, reverse("tablet_lot", args=[lot.code]))
    return _use(request, station, order, lot, quantity or Decimal(1))


def _use(
    request: HttpRequest, station: Station, order: JobOrder, lot: MaterialLot, quantity: Decimal
) -> HttpResponseBase:
    actor = actor_of(request)
    try:
        movement = lots.lot_consume(
            job_order_id=order.pk,
            lot_code=lot.code,
            equipment_id=station.equipment.pk,
            quantity=quantity,
            at=tapped_at(request),
            by=actor,
        )
    except lots.LotNotInBom:
        return _not_expected(request, station, order, lot, quantity)
    except lots.LotInputRefused as refusal:
        return refused(request, str(refusal), station=station)
    words = _used_words(lot, quantity, order)
    undo = reverse("tablet_lot_return", args=[lot.code, movement.pk])
    return done(request, words, undo=undo)


def _used_words(lot: MaterialLot, quantity: Decimal, order: JobOrder) -> str:
    return _("Lot %(lot)s: %(n)s %(unit)s of %(material)s used in %(order)s") % {
        "lot": lot.code,
        "n": quantity_word(quantity),
        "unit": piece_word(lot.material.unit),
        "material": lot.material.name,
        "order": order.code,
    }


def _not_expected(
    request: HttpRequest,
    station: Station,
    order: JobOrder,
    lot: MaterialLot,
    quantity: Decimal,
    problem: str = "",
) -> HttpResponseBase:
    message = _("This lot does not belong in order %(order)s (%(product)s).")
    return refused(
        request,
        problem or message % {"order": order.code, "product": order.product.name},
        template="mom/tablet_lot_refused.html",
        station=station,
        title=_("Wrong material"),
        read=_("lot %(lot)s: %(material)s (%(code)s)")
        % {"lot": lot.code, "material": lot.material.name, "code": lot.material.code},
        expected=_expected(order),
        can_override=station.device is not None or actor_of(request).may("lot.override", station.line),
        lot_code=lot.code,
        order_code=order.code,
        quantity=quantity,
        key=session.key_new(),
    )


@session.reads
def lot_page(request: HttpRequest, code: str) -> HttpResponseBase:
    """A lot's deep link: what it is, what is left, and using it with a typed quantity."""
    station = session.station_of(request)
    if station is None:
        return redirect("tablet_start")
    lot = _lot(request, Read("lots", code))
    if lot is None:
        return _unknown(request, station, code)
    order = running_order(station)
    return page(
        request,
        "mom/tablet_lot.html",
        station,
        lot=lot,
        order=order,
        on_hand=traceability.lot_balance(lot).on_hand,
        lot_status=traceability.lot_status(lot, now=timezone.now()),
        offered=quantity_offered(order, lot) if order else None,
    )


@session.writes("lot.move")
def lot_use(request: HttpRequest, code: str) -> HttpResponseBase:
    station = session.station_of(request)
    lot = _lot(request, Read("lots", code))
    order = running_order(station, tapped_at(request)) if station else None
    if station is None or lot is None or order is None:
        return refused(request, _("No order is running here, or the lot is not known."), station=station)
    typed = request.POST.get("quantity", "")
    quantity = number_read(typed)
    if quantity is None or quantity <= 0:
        message = _("Quantity: read “%(typed)s”, expected a number above 0.") % {"typed": typed}
        return refused(request, message, station=station, status=422)
    return _use(request, station, order, lot, quantity)


def number_read(text: str) -> Decimal | None:
    """A number as typed in either language; None when it is none, too large, or finer than six decimals."""
    try:
        number = Decimal(text.strip().replace("\u202f", "").replace(" ", "").replace(",", "."))
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number) >= LARGEST or number != round(number, 6):
        return None
    return number


@session.writes("lot.move")
def lot_return(request: HttpRequest, code: str, movement_id: int) -> HttpResponseBase:
    """Takes a scan back: the quantity is returned to the lot; both stay in the lot's history."""
    found = traceability.movements(actor_of(request)).filter(pk=movement_id, lot__code=code).first()
    if found is None or found.kind != "consumed":
        return refused(request, _("There is nothing to take back."), status=404)
    try:
        lots.lot_move(
            kind="returned",
            lot_code=code,
            quantity=found.quantity,
            at=tapped_at(request),
            by=actor_of(request),
            equipment_id=found.equipment_id,
            job_order_id=found.job_order_id,
            comment=_("scan taken back"),
            key=f"return:{movement_id}",
        )
    except lots.LotInputRefused as refusal:
        return refused(request, str(refusal))
    return done(request, _("Taken back: lot %(lot)s is not used.") % {"lot": code})


@session.writes("lot.move")
def lot_override(request: HttpRequest, code: str) -> HttpResponseBase:
    """Someone who may override says why, with their own badge and PIN; it is kept as a decision."""
    station = session.station_of(request)
    lot, order = _lot(request, Read("lots", code)), _order(Read("orders", request.POST.get("order", "")))
    if station is None or lot is None or order is None:
        return refused(request, _("The lot or the order is not known."), station=station, status=404)
    quantity = number_read(request.POST.get("quantity", "")) or Decimal(1)
    actor, problem = _overrider(request, station)
    if actor is None:
        return _not_expected(request, station, order, lot, quantity, problem)
    why = request.POST.get("why", "").strip()
    if not why:
        return _not_expected(request, station, order, lot, quantity, _("Say why: it is kept as a decision."))
    try:
        lots.lot_consume(
            job_order_id=order.pk,
            lot_code=lot.code,
            equipment_id=station.equipment.pk,
            quantity=quantity,
            at=tapped_at(request),
            by=actor,
            override_why=why,
        )
    except lots.LotInputRefused as refusal:
        return refused(request, str(refusal), station=station)
    return done(request, _used_words(lot, quantity, order))


def _overrider(request: HttpRequest, station: Station) -> tuple[Actor | None, str]:
    """Who overrides: the badge and PIN typed, else the person signed in where they may."""
    badge, pin = request.POST.get("badge", "").strip(), request.POST.get("pin", "")
    actor = actor_of(request)
    if station.device is not None and badge:
        try:
            person = services.badge_in(device=station.device, badge=badge, pin=pin, now=timezone.now())
        except BadgeRefused as refusal:
            return None, refusal_message(refusal.code, badge)
        actor = selectors.actor_for_person(person, device=station.device)
    if not actor.may("lot.override", station.line):
        return None, _("%(who)s may not decide this. Ask a supervisor or quality.") % {"who": actor.label}
    return actor, ""
