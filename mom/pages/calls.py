"""Calls for help of the places one may see: for those who come, at a desk or on a phone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from mom.calls.limits import limits_of
from mom.calls.selectors import CallTold, calls_shown
from mom.calls.services import RESOLVE, TAKE, CallRefused
from mom.pages.reacting import minutes
from mom.tablet.calls import STEPS, call_card
from plant import selectors
from plant.access import actor_of, require

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


@require("view")
@require_safe
def calls(request: HttpRequest) -> HttpResponseBase:
    """Open calls first to last, and those answered in the last half hour."""
    actor, now = actor_of(request), timezone.now()
    zones: dict[str, ZoneInfo] = {}
    rows = []
    for told in calls_shown(actor, now=now):
        place = told.call.equipment
        site = place.path.split("/")[1]
        if site not in zones:
            zones[site] = selectors.site_zone(place)
        card, zone = call_card(told, zones[site]), zones[site]
        rows.append((card, place, zone, actor.may("maintenance.request", place), due_words(told, now)))
    settled = {"take": TAKE.total_seconds() // 60, "resolve": RESOLVE.total_seconds() // 60}
    template = "mom/calls_live.html" if "X-Poll" in request.headers else "mom/calls.html"
    return render(request, template, {"rows": rows, **settled})


def due_words(told: CallTold, now: datetime) -> tuple[str, bool]:
    """By the plan of its loss, how long is left to take it (then to be done with it); and whether it is late.

    Nothing once it is done, or for a call the product raised because its plan was not kept: it is late.
    """
    if told.resolved_at is not None:
        return "", False
    limits = limits_of(told.call)
    left = told.call.raised_at + (limits.take if told.taken_at is None else limits.resolve) - now
    if told.taken_at is None and not limits.take:
        return _("nobody came in time"), True
    words = {"time": minutes(abs(left))}
    if left < timedelta():
        return _("%(time)s late") % words, True
    if told.taken_at is None:
        return _("to be taken, %(time)s left") % words, False
    return _("to be done, %(time)s left") % words, False


@require("maintenance.request")
@require_POST
def call_answer(request: HttpRequest, pk: int, step: str) -> HttpResponseBase:
    actor = actor_of(request)
    if step not in STEPS or pk not in {each.call.pk for each in calls_shown(actor, now=timezone.now())}:
        raise Http404(step)
    try:
        STEPS[step](call_id=pk, by=actor, at=timezone.now())
    except CallRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("You have this call") if step == "take" else _("The call is done"))
    return redirect("calls")
