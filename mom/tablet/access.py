"""Enrolling a tablet, and badging in and out on it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from mom.tablet import session
from mom.tablet.answers import SeeOther, refusal_message
from mom.tablet.drafts import drafts_waiting
from mom.tablet.outbox import Unbelieved, actor_then, entry_of
from mom.tablet.page import page
from plant import selectors, services
from plant.access import NOBODY, actor_of, public
from plant.selectors.actors import DEVICE_COOKIE
from plant.selectors.devices import device_waiting
from plant.services.devices import BadgeRefused, EnrolmentRefused

if TYPE_CHECKING:
    from plant.models import Device

A_YEAR = timedelta(days=365)


@public
@require_http_methods(["GET", "HEAD", "POST"])
def enrol(request: HttpRequest, secret: str) -> HttpResponseBase:
    """The one-time link of a tablet: looking at it does nothing, the button enrols."""
    now = timezone.now()
    if request.method == "POST":
        try:
            _device, own = services.device_enrol(secret=secret, now=now)
        except EnrolmentRefused:
            return _enrol_page(request, None, status=410)
        answer = SeeOther("/tablet/")
        answer.set_cookie(
            DEVICE_COOKIE, own, max_age=A_YEAR, httponly=True, samesite="Lax", secure=request.is_secure()
        )
        return answer
    device = device_waiting(secret)
    if device is None or (device.expires_at is not None and device.expires_at < now):
        return _enrol_page(request, None, status=410)
    return _enrol_page(request, device)


def _enrol_page(request: HttpRequest, device: Device | None, status: int = 200) -> HttpResponseBase:
    return render(request, "mom/tablet_enrol.html", {"device": device}, status=status)


@public
def start(request: HttpRequest) -> HttpResponseBase:
    """Where a tablet without enrolment ends: says how to enrol it."""
    if session.device_of(request) is not None:
        return redirect("tablet_station")
    actor = actor_of(request)
    context = {"lines": selectors.lines(actor), "may_enrol": actor.may("device.enrol")}
    return render(request, "mom/tablet_start.html", context)


@public
@require_http_methods(["GET", "HEAD", "POST"])
def badge(request: HttpRequest) -> HttpResponseBase:
    """First the badge, scanned or typed; then the PIN. What waited for a person then resumes by itself."""
    device = session.device_of(request)
    if device is None:
        return redirect("login" if actor_of(request) is NOBODY else "tablet_station")
    read = (request.POST.get("badge") or request.GET.get("badge") or "").strip()
    if request.method == "POST" and read and "pin" in request.POST:
        return _pin_try(request, device, read)
    person = selectors.person_at_badge(read) if read else None
    refusal = "unknown_badge" if read and person is None else ""
    return _badge_page(request, read, refusal, status=422 if refusal and request.method == "POST" else 200)


def _pin_try(request: HttpRequest, device: Device, read: str) -> HttpResponseBase:
    pin = request.POST.get("pin", "")
    try:
        person = services.badge_in(device=device, badge=read, pin=pin, now=timezone.now())
    except BadgeRefused as refusal:
        return _badge_page(request, read, refusal.code, status=422)
    session.person_enter(request, person)
    answer = SeeOther(reverse("tablet_drafts" if drafts_waiting(request) else "tablet_station"))
    answer.set_cookie("language", person.language, max_age=A_YEAR, samesite="Lax", secure=request.is_secure())
    return answer


def _badge_page(request: HttpRequest, read: str, refusal: str, status: int = 200) -> HttpResponseBase:
    person = selectors.person_at_badge(read) if read and refusal != "unknown_badge" else None
    context = {
        "badge": read,
        "badging": True,
        "badge_of": person,
        "message": refusal_message(refusal, read),
        "draft": bool(drafts_waiting(request)),
    }
    station = session.station_of(request)
    return page(request, "mom/tablet_badge.html", station, status=status, **context)


@public
@require_POST
def leave(request: HttpRequest) -> HttpResponseBase:
    """Sign out of the tablet; the tablet stays enrolled.

    Told later, because there was no contact, it signs out only who left then: another may have badged in.
    """
    entry = entry_of(request)
    if entry is None:
        session.person_leave(request)
        return SeeOther("/tablet/")
    try:
        left = actor_then(entry, NOBODY, session.device_of(request))
    except Unbelieved:
        left = NOBODY
    if left.person_id == actor_of(request).person_id:
        session.person_leave(request)
    return JsonResponse({"message": _("Signed out")})
