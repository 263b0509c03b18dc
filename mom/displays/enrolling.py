"""A display is enrolled once, for a line or a site, and then shows it without anybody signing in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from mom.tablet.access import A_YEAR
from mom.tablet.answers import SeeOther
from plant import selectors, services
from plant.access import actor_of, public, require
from plant.selectors.actors import DEVICE_COOKIE
from plant.selectors.devices import device_waiting
from plant.services.devices import EnrolmentRefused

if TYPE_CHECKING:
    from plant.models import Device, Equipment

ROTATE = 30


def places_of(request: HttpRequest) -> list[Equipment]:
    """Where a display can hang: the sites and lines the supervisor may enrol devices for."""
    actor = actor_of(request)
    places = [*selectors.sites().order_by("path"), *selectors.lines(actor)]
    return [place for place in places if actor.may("device.enrol", place)]


@require("device.enrol")
@require_http_methods(["GET", "HEAD", "POST"])
def tv_displays(request: HttpRequest) -> HttpResponseBase:
    """Making a display shows its one-time link once; it is revoked where tablets are."""
    places, context = places_of(request), {}
    if request.method == "POST":
        wanted = request.POST.get("equipment", "")
        place = next((place for place in places if place.code == wanted), None)
        if place is None:
            raise Http404(f"place: read {wanted!r}, expected a site or line you may enrol displays for")
        label = request.POST.get("label", "").strip()[:80] or _("Display %(place)s") % {"place": place.name}
        device, secret = services.device_create(label=label[:80], equipment=place, by=actor_of(request))
        link = request.build_absolute_uri(reverse("tv_enrol", args=[secret]))
        context = {"made": device, "link": f"{link}?language={get_language() or 'en'}"}
    context |= {"places": places, "wanted": request.GET.get("place", "")}
    return render(request, "mom/tv_displays.html", context)


def screen_of(device: Device) -> str:
    """What an enrolled display shows first: its line, or its site's lines in turn."""
    place = device.equipment
    if place.level == "line":
        return reverse("tv_line", args=[place.code])
    return f"{reverse('tv')}?rotate={ROTATE}"


@public
@require_http_methods(["GET", "HEAD", "POST"])
def tv_enrol(request: HttpRequest, secret: str) -> HttpResponseBase:
    """The one-time link of a display: looking at it does nothing, the button enrols and opens the screen."""
    now = timezone.now()
    if request.method == "POST":
        try:
            enrolled, own = services.device_enrol(secret=secret, now=now)
        except EnrolmentRefused:
            return _page(request, None, status=410)
        answer = SeeOther(screen_of(enrolled))
        kept = {"max_age": A_YEAR, "samesite": "Lax", "secure": request.is_secure()}
        answer.set_cookie(DEVICE_COOKIE, own, httponly=True, **kept)  # type: ignore[arg-type]
        language = request.GET.get("language", "")
        if language in ("en", "fr"):
            answer.set_cookie("language", language, **kept)  # type: ignore[arg-type]
        return answer
    device = device_waiting(secret)
    if device is None or (device.expires_at is not None and device.expires_at < now):
        return _page(request, None, status=410)
    return _page(request, device)


def _page(request: HttpRequest, device: Device | None, status: int = 200) -> HttpResponseBase:
    return render(request, "mom/tv_enrol.html", {"device": device}, status=status)
