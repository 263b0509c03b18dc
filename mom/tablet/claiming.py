"""Was this you? Asked of whoever badges in, about what was typed before."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect
from django.urls import resolve, reverse
from django.views.decorators.http import require_http_methods

from mom.tablet import session
from mom.tablet.answers import SeeOther
from mom.tablet.drafts import Draft, drafts_waiting, drafts_write
from mom.tablet.outbox import TAPPED, draft_trace
from mom.tablet.page import page
from plant.access import actor_of


@session.reads
def _drafts_page(request: HttpRequest) -> HttpResponseBase:
    station = session.station_of(request)
    if station is None:
        return redirect("tablet_start")
    found = drafts_waiting(request)
    if not found or actor_of(request).person_id is None:
        return redirect("tablet_station")
    return page(request, "mom/tablet_drafts.html", station, drafts=found)


@require_http_methods(["GET", "HEAD", "POST"])
def drafts(request: HttpRequest) -> HttpResponseBase:
    return _draft_settle(request) if request.method == "POST" else _drafts_page(request)


drafts.required_action = "view"  # type: ignore[attr-defined]


@session.reads
def _draft_settle(request: HttpRequest) -> HttpResponseBase:
    """Entered as whoever says it was them, at the time it was typed; or thrown away, with a trace."""
    waiting = drafts_waiting(request)
    chosen = next((each for each in waiting if each.id == request.POST.get("draft")), None)
    if chosen is None or actor_of(request).person_id is None:
        return redirect("tablet_station")
    rest = [each for each in waiting if each.id != chosen.id]
    if request.POST.get("what") == "discard":
        draft_trace(request, chosen.path, chosen.words, chosen.at, key=chosen.id)
        answer: Any = SeeOther(reverse("tablet_drafts") if rest else reverse("tablet_station"))
    else:
        answer = _entered(request, chosen)
    # A form shown again holds what was typed; what was refused may be claimed again or thrown away.
    if answer.status_code < 400 or answer.status_code == 422:
        drafts_write(request, answer, rest)
    return answer  # type: ignore[no-any-return]


def _entered(request: HttpRequest, draft: Draft) -> HttpResponseBase:
    body = QueryDict(urlencode(draft.fields), mutable=True)
    request.POST = body  # type: ignore[assignment]
    request.path = request.path_info = draft.path
    setattr(request, TAPPED, draft.at)
    found = resolve(draft.path)
    answer: HttpResponse = found.func(request, *found.args, **found.kwargs)
    return answer
