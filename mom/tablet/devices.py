"""Supervisors enrol and revoke tablets."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import segno
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from mom.tablet.answers import SeeOther
from plant import selectors, services
from plant.access import actor_of, require
from plant.selectors.devices import devices as devices_of

if TYPE_CHECKING:
    from plant.models import Equipment


def qr_svg(text: str, *, scale: int = 6) -> str:
    """A QR code as inline SVG, dark on light in any theme: a scanner needs the contrast."""
    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        out, kind="svg", scale=scale, border=3, light="#fff", xmldecl=False, svgns=True, nl=False
    )
    return out.getvalue().decode()


@require("device.enrol")
@require_http_methods(["GET", "HEAD", "POST"])
def devices(request: HttpRequest) -> HttpResponseBase:
    """Tablets of the supervisor's places; making one shows its one-time link and QR once."""
    actor = actor_of(request)
    context: dict[str, object] = {}
    if request.method == "POST":
        wanted = request.POST.get("equipment", "")
        place = next((place for place in _places(request) if place.code == wanted), None)
        if place is None:
            raise Http404(f"place: read {wanted!r}, expected a line or machine you may enrol tablets for")
        label = request.POST.get("label", "").strip()[:80] or place.name
        device, secret = services.device_create(label=label, equipment=place, by=actor)
        link = request.build_absolute_uri(reverse("tablet_enrol", args=[secret]))
        context = {"made": device, "link": link, "qr": qr_svg(link)}
    context |= {"devices": devices_of(actor), "places": _places(request), "now": timezone.now()}
    return render(request, "mom/tablet_devices.html", context)


def _places(request: HttpRequest) -> list[Equipment]:
    """The lines and machines a tablet can stand at, each line followed by its machines."""
    actor = actor_of(request)
    found: list[Equipment] = []
    for line in selectors.lines(actor):
        found += [
            place for place in (line, *selectors.line_work_units(line.pk)) if actor.may("device.enrol", place)
        ]
    return found


@require("device.enrol")
@require_POST
def device_revoke(request: HttpRequest, pk: int) -> HttpResponseBase:
    actor = actor_of(request)
    device = get_object_or_404(devices_of(actor), pk=pk)
    services.device_revoke(device=device, by=actor, why=request.POST.get("why", ""))
    messages.success(request, _("%(label)s is revoked: it can no longer be used.") % {"label": device.label})
    return SeeOther(reverse("tablet_devices"))
