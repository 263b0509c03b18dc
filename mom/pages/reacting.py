"""The reaction plan of a stop in words, and what whoever reads it can do: call, or take it on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as late
from django.views.decorators.http import require_POST

from mom.calls.services import CallRefused, call_raise, call_take
from mom.pages import words
from mom.reactions.following import Reaction, reaction_of
from mom.reactions.selectors import stop_told
from plant.access import actor_of, require
from production import selectors as production

if TYPE_CHECKING:
    from mom.reactions.models import ReactionPlan
    from production.selectors import StopTold

ROLE_WORDS = {
    "operator": late("Operator"),
    "supervisor": late("Supervisor"),
    "engineer": late("Engineer"),
    "quality": late("Quality"),
    "maintenance": late("Maintenance"),
    "admin": late("Administrator"),
}
# What is abnormal is marked; a plan that was kept, or is being kept, is not.
LATE, OPEN = frozenset({"late", "missed", "came_late"}), frozenset({"waiting", "late"})
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ReactionShown:
    """``promise``: who within how long; ``told``: how that stands; ``next``: who is asked when it lasts."""

    code: str
    name: str
    promise: str
    told: str
    state: str
    is_late: bool
    authority: str
    next: str
    may_call: bool
    may_take: bool


def reaction_shown(told: StopTold, reaction: Reaction | None, *, now: datetime) -> ReactionShown | None:
    """None where no plan holds."""
    if reaction is None:
        return None
    plan, state = reaction.plan, reaction.kept.state(now)
    going_on = told.stop.end_time is None
    nobody_yet = bool(plan.calls) and going_on and state in OPEN
    return ReactionShown(
        code=plan.code,
        name=plan.name,
        promise=_("%(who)s within %(time)s") % {"who": who_reacts(plan), "time": minutes(plan.within)},
        told=_told(reaction, now),
        state=state,
        is_late=state in LATE,
        authority=plan.authority,
        next=_next(plan),
        may_call=nobody_yet and not reaction.is_called,
        may_take=nobody_yet,
    )


def who_reacts(plan: ReactionPlan) -> str:
    return plan.department.name if plan.department else str(ROLE_WORDS[plan.role])


def minutes(time: timedelta) -> str:
    return words.span_minutes(time)


def _told(reaction: Reaction, now: datetime) -> str:
    kept = reaction.kept
    margin = kept.margin(now) or timedelta()
    came = kept.within - margin
    texts = {
        "not_asked": _("nobody was asked while it stood"),
        "waiting": _("%(time)s left") % {"time": minutes(_up(margin))},
        "late": _("%(time)s late") % {"time": minutes(-margin)},
        "in_time": _("came after %(time)s") % {"time": minutes(came)},
        "came_late": _("came after %(time)s, %(late)s late")
        % {"time": minutes(came), "late": minutes(-margin)},
        "not_needed": _("it ran again before"),
        "missed": _("nobody came, it ran again after %(time)s") % {"time": minutes(came)},
    }
    text = texts[kept.state(now)]
    return words.joined([text, reaction.came_by]) if reaction.came_by else text


def _up(time: timedelta) -> timedelta:
    """Time left is rounded up, so that the last minute reads 1 and not 0."""
    return -(-time // MINUTE) * MINUTE if time >= MINUTE else time


def _next(plan: ReactionPlan) -> str:
    if not plan.escalate_after:
        return ""
    who = str(ROLE_WORDS[plan.escalates_to]) if plan.escalates_to else _("the next ones on shift")
    return _("after %(time)s: %(who)s") % {"time": minutes(plan.escalate_after), "who": who}


def reaction_by_id(stop_id: UUID) -> tuple[StopTold, ReactionShown] | None:
    """Of one stop, for a partial that knows only its address."""
    now = timezone.now()
    told = stop_told(stop_id)
    shown = reaction_shown(told, reaction_of(told, now=now), now=now) if told is not None else None
    return (told, shown) if told is not None and shown is not None else None


@require_POST
@require("maintenance.request")
def stop_react(request: HttpRequest, stop_id: UUID) -> HttpResponse:
    """Call whoever the plan names, or take it on: a call nobody made yet is made by whoever takes it."""
    actor, now = actor_of(request), timezone.now()
    rows = production.told(production.stops(actor).filter(pk=stop_id))
    reaction = reaction_of(rows[0], now=now) if rows else None
    if not rows or reaction is None or not reaction.plan.calls:
        raise Http404(f"no reaction plan for stop {stop_id}")
    unit = rows[0].stop.work_unit
    try:
        call = call_raise(kind=reaction.plan.calls, equipment=unit, by=actor, at=now)
        if request.POST.get("act") == "take":
            call_take(call_id=call.pk, by=actor, at=now)
    except CallRefused as refusal:
        messages.error(request, str(refusal))
    else:
        taken = request.POST.get("act") == "take"
        who = {"who": who_reacts(reaction.plan), "place": unit.name}
        text = _("You have this call") if taken else _("%(who)s is called to %(place)s") % who
        messages.success(request, text)
    return redirect("stop", stop_id=stop_id)
