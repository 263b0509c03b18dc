"""Actions on losses: open one from where the loss is seen, follow it, close it with a check of its effect."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from mom.improvement.models import Action
from mom.improvement.selectors import open_actions
from mom.improvement.services import ActionRefused, action_close, action_move, action_open
from mom.pages.lookup import page_address
from plant import selectors
from plant.access import actor_of, require, scoped

WEEK = timedelta(days=7)


@require_safe
@require("view")
def actions(request: HttpRequest) -> HttpResponse:
    """Open actions in the reader's scope, soonest due first."""
    found = scoped(open_actions(), actor_of(request))
    if reason := request.GET.get("reason"):
        found = found.filter(reason__code=reason)
    if equipment := request.GET.get("equipment"):
        found = found.filter(equipment__code=equipment)
    rows = list(found)
    for row in rows:
        row.evidence = page_address(row.evidence)
    context = {
        "rows": rows,
        "today": timezone.now().date(),
        "states": [state.value for state in Action.State if state != Action.State.CLOSED],
        "may_edit": actor_of(request).may("action.edit"),
    }
    return render(request, "mom/actions.html", context)


@require_http_methods(["GET", "POST"])
@require("action.edit")
def action_new(request: HttpRequest) -> HttpResponse:
    """Machine, reason and evidence come filled in from the page the loss was seen on."""
    given = request.POST if request.method == "POST" else request.GET
    if request.method == "POST":
        try:
            _open(request)
            return redirect("actions")
        except ActionRefused as refusal:
            messages.error(request, str(refusal))
    context = {"given": given, "evidence": page_address(given.get("evidence", "")), **_choices(request)}
    return render(request, "mom/actions_new.html", context)


def _open(request: HttpRequest) -> None:
    given = request.POST
    try:
        due = date.fromisoformat(given.get("due_on", ""))
    except ValueError:
        text = given.get("due_on", "")
        raise ActionRefused(_("Due: read “%(text)s”, expected a date.") % {"text": text}) from None
    action = action_open(
        title=given.get("title", ""),
        equipment_code=given.get("equipment", ""),
        owner_badge=given.get("owner", ""),
        due_on=due,
        by=actor_of(request),
        at=timezone.now(),
        reason_code=given.get("reason", ""),
        evidence=page_address(given.get("evidence", "")),
    )
    messages.success(request, _("Action opened: %(title)s") % {"title": action.title})


def _choices(request: HttpRequest) -> dict[str, Any]:
    places = selectors.configuration_rows("plant.Equipment", level__in=["line", "work_unit"])
    return {
        "places": scoped(places, actor_of(request), "action.edit", path="path"),
        "reasons": selectors.configuration_rows("plant.Reason", is_active=True),
        "people": selectors.configuration_rows("plant.Person", is_active=True),
        "due_on_text": (timezone.now().date() + WEEK).isoformat(),
    }


@require_POST
@require("action.edit")
def action_change(request: HttpRequest, pk: int) -> HttpResponse:
    """Move an action on, or close it with what the check of its effect showed."""
    by, now, state = actor_of(request), timezone.now(), request.POST.get("state", "")
    try:
        if state == Action.State.CLOSED:
            action_close(action_id=pk, effect=request.POST.get("effect", ""), by=by, at=now)
        else:
            action_move(action_id=pk, state=state, by=by, at=now)
    except ObjectDoesNotExist:
        raise Http404(f"no action {pk}") from None
    except ActionRefused as refusal:
        messages.error(request, str(refusal))
    return redirect("actions")
