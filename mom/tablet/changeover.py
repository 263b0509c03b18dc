"""The checklist of the changeover to an order, ticked at the line: begun, done, taken back; offline too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as late

from mom.pages.changeover_steps import TICK, changeover_told
from mom.tablet import session
from mom.tablet.answers import done, refused
from mom.tablet.orders import order_here
from mom.tablet.outbox import tapped_at
from mom.tablet.page import page
from plant.access import actor_of, posts
from production.services.assertions import Refused
from production.services.changeover_steps import changeover_step_tick

if TYPE_CHECKING:
    from mom.pages.changeover_steps import ChangeoverTold

SAID = {
    "start": late("%(step)s: begun"),
    "done": late("%(step)s: done"),
    "undo": late("%(step)s: taken back"),
}


@posts(TICK)
def changeover(request: HttpRequest, code: str) -> HttpResponseBase:
    return _tick(request, code) if request.method == "POST" else _steps(request, code)


@session.reads
def _steps(request: HttpRequest, code: str) -> HttpResponseBase:
    station = session.station_of(request)
    if station is None:
        return redirect("tablet_start")
    order = order_here(station, code)
    told = changeover_told(order, timezone.now())
    rows = [(row, session.key_new(), session.key_new()) for row in told.steps]
    left = sum(row.tick is None or row.tick.end_time is None for row in told.steps)
    return page(
        request, "mom/tablet_changeover.html", station, order=order, before=told.before, rows=rows, left=left
    )


@session.writes(TICK)
def _tick(request: HttpRequest, code: str) -> HttpResponseBase:
    station = session.station_of(request)
    if station is None:
        return redirect("tablet_start")
    order = order_here(station, code)
    act, step = request.POST.get("act", ""), request.POST.get("step", "")
    back = reverse("tablet_changeover", args=[code])
    at = tapped_at(request)
    try:
        changeover_step_tick(
            job_order_id=order.pk,
            step_id=int(step) if step.isdecimal() else 0,
            act=act,
            by=actor_of(request),
            at=at,
        )
    except Refused as refusal:
        return refused(request, str(refusal), station=station, back=back)
    text = str(SAID[act]) % {"step": _step_name(changeover_told(order, at), step)}
    return done(request, text, where=back)


def _step_name(told: ChangeoverTold, step: str) -> str:
    found = (row.step.name or row.step.code for row in told.steps if str(row.step.pk) == step)
    return next(found, _("Step"))
