"""Actions on losses: opened from where the loss is seen, done with a result, and whether it helped."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as late
from django.views.decorators.http import require_http_methods, require_safe

from mom.improvement.models import Action
from mom.improvement.selectors import action_by_id, action_effect, actions_closed, open_actions
from mom.improvement.services import ActionRefused, action_close, action_done, action_move, action_open
from mom.pages.lookup import page_address
from plant import selectors
from plant.access import actor_of, posts, require, scoped

if TYPE_CHECKING:
    from mom.improvement.effect import Effect
    from plant.access import Actor

WEEK = timedelta(days=7)
# Closed actions stay listed so long: whoever comes back finds what was learnt.
CLOSED_SHOWN = timedelta(days=90)
# Where the pages that can be evidence name their place, the machine a loss began at first.
PLACES = ("origin", "machine", "equipment", "line")
VERDICT_WORDS = {
    "helped": late("less often than chance explains: it helped"),
    "not_shown": late("not shown: chance alone explains the difference"),
    "worse": late("more often than chance explains: it got worse"),
    "too_early": late("too early to say: the machine has not run since"),
}


@require_safe
@require("view")
def actions(request: HttpRequest) -> HttpResponse:
    """Open actions in the reader's scope, soonest due first; closed ones of the last months where asked."""
    closed = request.GET.get("state") == Action.State.CLOSED
    now = timezone.now()
    found = actions_closed(since=now - CLOSED_SHOWN) if closed else open_actions()
    found = scoped(found, actor_of(request))
    if reason := request.GET.get("reason"):
        found = found.filter(reason__code=reason)
    if equipment := request.GET.get("equipment"):
        found = found.filter(equipment__code=equipment)
    rows = list(found)
    for row in rows:
        row.evidence = page_address(row.evidence)
    context = {
        "rows": rows,
        "closed": closed,
        "today": now.date(),
        "may_edit": actor_of(request).may("action.edit"),
    }
    return render(request, "mom/actions.html", context)


@posts("action.edit")
def action(request: HttpRequest, pk: int) -> HttpResponse:
    return _change(request, pk) if request.method == "POST" else _action(request, pk)


@require_safe
@require("view")
def _action(request: HttpRequest, pk: int) -> HttpResponse:
    """One action: what it is about, what came of it, and the reason's figures before and after."""
    found = _found(actor_of(request), pk)
    now = timezone.now()
    context = {
        "action": found,
        "evidence": page_address(found.evidence),
        "zone": selectors.site_zone(found.equipment),
        "today": now.date(),
        "states": [state.value for state in (Action.State.PLAN, Action.State.DO, Action.State.ACT)],
        "may_edit": actor_of(request).may("action.edit", found.equipment) and not found.closed_at,
        **_effect(found, now),
    }
    return render(request, "mom/action.html", context)


def _found(actor: Actor, pk: int) -> Action:
    try:
        found = action_by_id(pk)
    except ObjectDoesNotExist:
        raise Http404(f"no action {pk}") from None
    if not actor.may("view", found.equipment):
        raise Http404(f"no action {pk}")
    return found


def _effect(found: Action, now: datetime) -> dict[str, Any]:
    effect: Effect | None = action_effect(found, now=now)
    if effect is None:
        return {"effect": None}
    return {
        "effect": effect,
        "spells": [(_("30 days before it was opened"), effect.before), (_after(effect), effect.after)],
        "verdict": VERDICT_WORDS[effect.verdict],
        "ratio": _ratio(effect),
    }


def _after(effect: Effect) -> str:
    days = effect.after.days
    if days >= 30:
        return _("30 days since it was done")
    return _("since it was done: day %(days)s of 30") % {"days": days}


def _ratio(effect: Effect) -> str:
    """The change per hour run and what it may be: −40 % (−70 % to +10 %)."""
    if effect.ratio is None or effect.low is None or effect.high is None:
        return ""
    change, low, high = (f"{100 * (value - 1):+.0f} %" for value in (effect.ratio, effect.low, effect.high))
    text = _("%(change)s per hour run, with 95 %% between %(low)s and %(high)s")
    return (text % {"change": change, "low": low, "high": high}).replace("-", "−")


@require_http_methods(["GET", "POST"])
@require("action.edit")
def action_new(request: HttpRequest) -> HttpResponse:
    """Machine, reason and evidence come filled in from the page the loss was seen on."""
    given = request.POST if request.method == "POST" else _asked(request)
    if request.method == "POST":
        try:
            return redirect("action", pk=_open(request))
        except ActionRefused as refusal:
            messages.error(request, str(refusal))
    context = {"given": given, "evidence": page_address(given.get("evidence", "")), **_choices(request)}
    context["title"] = given.get("title") or _title(context)
    context["owner"] = given.get("owner") or _own_badge(actor_of(request))
    return render(request, "mom/actions_new.html", context)


def _asked(request: HttpRequest) -> QueryDict:
    """What the address gives; place and reason also from the query of the page that is the evidence."""
    given = request.GET.copy()
    about = QueryDict(page_address(given.get("evidence", "")).partition("?")[2])
    if not given.get("equipment"):
        named = [*(about.get(key) or "" for key in PLACES), given.get("place", "")]
        known = selectors.configuration_codes("plant.Equipment")
        given["equipment"] = next((code for code in named if code in known), "")
    if not given.get("reason"):
        given["reason"] = about.get("reason") or ""
    return given


def _open(request: HttpRequest) -> int:
    given = request.POST
    try:
        due = date.fromisoformat(given.get("due_on", ""))
    except ValueError:
        text = given.get("due_on", "")
        raise ActionRefused(_("Due: read “%(text)s”, expected a date.") % {"text": text}) from None
    made = action_open(
        title=given.get("title", ""),
        equipment_code=given.get("equipment", ""),
        owner_badge=given.get("owner", ""),
        due_on=due,
        by=actor_of(request),
        at=timezone.now(),
        reason_code=given.get("reason", ""),
        evidence=page_address(given.get("evidence", "")),
    )
    messages.success(request, _("Action opened: %(title)s") % {"title": made.title})
    return made.pk


def _choices(request: HttpRequest) -> dict[str, Any]:
    places = selectors.configuration_rows("plant.Equipment", level__in=["line", "work_unit"])
    return {
        "places": scoped(places, actor_of(request), "action.edit", path="path"),
        "reasons": selectors.configuration_rows("plant.Reason", is_active=True),
        "people": selectors.configuration_rows("plant.Person", is_active=True),
        "due_on_text": (timezone.now().date() + WEEK).isoformat(),
    }


def _title(context: dict[str, Any]) -> str:
    """A first title, so that nobody has to type one: the loss and where it is."""
    given = context["given"]
    place = next((each for each in context["places"] if each.code == given.get("equipment")), None)
    loss = next((each for each in context["reasons"] if each.code == given.get("reason")), None)
    if place is None:
        return ""
    if loss is None and context["given"].get("loss"):
        words = {"loss": context["given"]["loss"], "place": place.name}
        return _("%(loss)s on %(place)s: find the cause and remove it") % words
    if loss is None:
        return _("Find what stops %(place)s, and remove it") % {"place": place.name}
    return _("%(loss)s on %(place)s: find the cause and remove it") % {"loss": loss.name, "place": place.name}


def _own_badge(actor: Actor) -> str:
    if actor.person_id is None:
        return ""
    person: Any = selectors.configuration_rows("plant.Person", pk=actor.person_id).first()
    return person.badge if person else ""


@require_http_methods(["POST"])
@require("action.edit")
def _change(request: HttpRequest, pk: int) -> HttpResponse:
    """Say it is done with a result, close it with what the check of its effect showed, or move it on."""
    by, now, given = actor_of(request), timezone.now(), request.POST
    _found(by, pk)
    state = given.get("state", "")
    try:
        if state == "done":
            action_done(action_id=pk, result=given.get("result", ""), by=by, at=now)
        elif state == Action.State.CLOSED:
            action_close(action_id=pk, effect=given.get("effect", ""), by=by, at=now)
        else:
            action_move(action_id=pk, state=state, by=by, at=now)
    except ActionRefused as refusal:
        messages.error(request, str(refusal))
    return redirect("action", pk=pk)
