"""What a tablet is answered after a write: done with a way back, or refused with what to do instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from mom.tablet.outbox import entry_of
from mom.tablet.page import page
from mom.tablet.session import wants_json
from plant.selectors.actors import PIN_LOCK, PIN_TRIES

if TYPE_CHECKING:
    from mom.tablet.session import Station


class SeeOther(HttpResponse):
    """After a form is done: look there, with GET (RFC 9110 §15.4.4)."""

    status_code = 303

    def __init__(self, where: str) -> None:
        super().__init__(headers={"Location": where})


def done(request: HttpRequest, message: str, *, undo: str = "", where: str = "") -> HttpResponse:
    """The write is kept. ``undo`` is the address that takes it back, offered for ten seconds."""
    where = where or reverse("tablet_station")
    if (entry := entry_of(request)) and entry.is_late:
        return JsonResponse({"message": message, "undo": undo, "where": where})
    messages.success(request, message, extra_tags=f"undo:{undo}" if undo else "")
    if wants_json(request):
        return JsonResponse({"message": message, "undo": undo, "where": where})
    return SeeOther(where)


def refused(
    request: HttpRequest,
    message: str,
    *,
    status: int = 409,
    station: Station | None = None,
    template: str = "mom/tablet_refused.html",
    **context: Any,
) -> HttpResponse:
    """Nothing was written: why, and what can be done instead."""
    return page(request, template, station, status=status, message=message, **context)


def refusal_message(code: str, read: str) -> str:
    """Why a badge or PIN is refused, in words a person at the tablet can act on."""
    if code == "unknown_badge":
        return _("Badge “%(badge)s” is not known here. Scan it again, or ask your supervisor.") % {
            "badge": read
        }
    if code == "wrong_pin":
        return _("Wrong PIN. Try again; after %(tries)d wrong tries it is locked on this tablet.") % {
            "tries": PIN_TRIES
        }
    if code == "locked":
        return _(
            "Locked on this tablet after %(tries)d wrong PINs. Try again in %(minutes)d minutes, "
            "or use another tablet."
        ) % {"tries": PIN_TRIES, "minutes": PIN_LOCK.total_seconds() // 60}
    return ""
