"""The loss trail of one stop: from the signal to the action, as its page shows it and as the API tells it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as late
from django.views.decorators.http import require_POST
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mom.improvement.hops import Hop, Step
from mom.improvement.trail import SUBJECT, LossTrail, loss_trail
from mom.pages import words
from mom.pages.reacting import reaction_shown
from mom.tablet.calls import KINDS
from plant import selectors, services
from plant.access import actor_of, require
from production import selectors as production
from production.domain.oee import seconds
from production.selectors.lookups import job_order_running

if TYPE_CHECKING:
    from production.selectors import StopTold

DECIDE = "action.edit"
HOP_WORDS = {
    "signal": late("Signal"),
    "stop": late("Stop"),
    "reason": late("Reason"),
    "call": late("Call"),
    "repair": late("Repair"),
    "decision": late("Decision"),
    "action": late("Action"),
}
# What a missing hop says where something asked for it, and where nothing did.
MISSING_WORDS = {
    "signal": (late("no signal kept from that time"), late("no signal")),
    "stop": (late("not detected"), late("not detected")),
    "reason": (late("nobody has said why"), late("too short, or outside planned time: nobody is asked")),
    "call": (late("its reason or plan asks for a call, nobody was called"), late("nothing asked for a call")),
    "repair": (late("asked for, nobody has taken it"), late("no repair was asked for")),
    "decision": (late("nobody decided anything"), late("nobody decided anything")),
    "action": (late("comes back, and nobody acts on it"), late("nobody acts on it")),
}
STEP_WORDS = {
    "state": late("the machine said"),
    "fault_code": late("fault"),
    "alarm": late("alarm"),
    "stopped": late("stood still"),
    "said": late("said why"),
    "called": late("called"),
    "call_taken": late("call taken"),
    "call_done": late("call done"),
    "requested": late("maintenance request"),
    "taken": late("request taken"),
    "repair_started": late("repair began"),
    "repair_ended": late("repair done"),
    "closed": late("request closed"),
    "decided": late("decided"),
    "decided_meanwhile": late("decided while it stood"),
    "acted": late("action opened on it"),
    "acted_reason": late("action on its reason"),
    "acted_done": late("action done"),
}


@dataclass(frozen=True, slots=True)
class StepShown:
    word: str
    step: Step
    text: str
    anchor: str


@dataclass(frozen=True, slots=True)
class HopShown:
    """``missing``: why nothing is there; empty where something is."""

    key: str
    word: str
    hop: Hop
    delay: str
    is_earlier: bool
    missing: str
    steps: tuple[StepShown, ...]


def trail_shown(trail: LossTrail) -> list[HopShown]:
    return [_hop(hop) for hop in trail.hops]


def _hop(hop: Hop) -> HopShown:
    missing = MISSING_WORDS[hop.key][0 if hop.asked else 1] if hop.is_missing else ""
    delay = hop.delay
    return HopShown(
        key=hop.key,
        word=str(HOP_WORDS[hop.key]),
        hop=hop,
        delay=words.span(abs(delay)) if delay is not None else "",
        is_earlier=delay is not None and delay < timedelta(),
        missing=str(missing),
        steps=tuple(_step(step) for step in hop.steps),
    )


def _step(step: Step) -> StepShown:
    text = str(KINDS[step.what]) if step.kind in ("called", "call_taken", "call_done") else step.what  # type: ignore[index]
    anchor = step.href.partition("#")[2] if step.kind == "decided" else ""
    return StepShown(str(STEP_WORDS[step.kind]), step, text, anchor)


@require_POST
@require(DECIDE)
def stop_decide(request: HttpRequest, stop_id: UUID) -> HttpResponse:
    """What somebody decided because of a stop, with who, when and why."""
    found = _stop(request, stop_id)
    actor, unit = actor_of(request), found.stop.work_unit
    line = selectors.line_of(unit)
    actor.require(DECIDE, unit)
    summary, why = request.POST.get("summary", "").strip(), request.POST.get("why", "").strip()
    if not summary or not why or line is None:
        messages.error(request, _("A decision says what is decided, and why."))
        return redirect("stop", stop_id=stop_id)
    order = job_order_running(equipment_ids=[unit.pk, line.pk], at=found.stop.start_time)
    services.decision_record(
        kind="other",
        line_id=line.pk,
        subject_type=SUBJECT,
        subject_code=str(stop_id),
        job_order_code=order.code if order else "",
        summary=summary,
        why=why,
        by=actor,
    )
    messages.success(request, _("The decision is recorded."))
    return redirect("stop", stop_id=stop_id)


def _stop(request: HttpRequest, stop_id: UUID) -> StopTold:
    rows = production.told(production.stops(actor_of(request)).filter(pk=stop_id))
    if not rows:
        raise Http404(f"no stop {stop_id}")
    return rows[0]


class TrailStepSerializer(serializers.Serializer):
    """One row of a hop."""

    at = serializers.DateTimeField()
    kind = serializers.ChoiceField(choices=sorted(STEP_WORDS), help_text="What sort of row.")
    who = serializers.CharField(allow_blank=True)
    what = serializers.CharField(allow_blank=True)
    href = serializers.CharField(allow_blank=True, help_text="Page of this product the row stands on.")


class TrailHopSerializer(serializers.Serializer):
    """One hop. ``delay_seconds``: since the last known hop before it; less than zero: it came earlier."""

    hop = serializers.ChoiceField(choices=sorted(HOP_WORDS))
    at = serializers.DateTimeField(allow_null=True)
    delay_seconds = serializers.DecimalField(max_digits=20, decimal_places=6, allow_null=True)
    missing = serializers.BooleanField()
    asked = serializers.BooleanField(help_text="Something asks for this hop; a missing one is then a gap.")
    steps = TrailStepSerializer(many=True)


class StopReactionSerializer(serializers.Serializer):
    """The reaction plan of the stop, and how it is kept."""

    plan = serializers.CharField()
    state = serializers.ChoiceField(
        choices=["not_asked", "waiting", "late", "in_time", "came_late", "not_needed", "missed"],
        help_text="Waiting and late: nobody came yet. Missed: it ran again without anybody.",
    )
    within_seconds = serializers.DecimalField(max_digits=20, decimal_places=6)
    asked_at = serializers.DateTimeField(allow_null=True)
    due_at = serializers.DateTimeField(allow_null=True)
    came_at = serializers.DateTimeField(allow_null=True)
    left_seconds = serializers.DecimalField(
        max_digits=20, decimal_places=6, allow_null=True, help_text="To spare; less than zero: late."
    )
    authority = serializers.CharField(allow_blank=True)


class StopTrailSerializer(serializers.Serializer):
    """A stop from its signal to the action."""

    stop = serializers.UUIDField()
    equipment = serializers.CharField()
    start_time = serializers.DateTimeField()
    end_time = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField(allow_null=True, help_text="The reason in force.")
    reason_count_30_days = serializers.IntegerField(help_text="On this machine, this stop included.")
    hops = TrailHopSerializer(many=True)
    missing = serializers.ListField(child=serializers.CharField(), help_text="Hops with nothing in them.")
    reaction = StopReactionSerializer(allow_null=True)


class StopTrailView(APIView):
    """The loss trail of one stop, as its page shows it."""

    required_action = "view"

    @extend_schema(operation_id="stops_trail", tags=["stops"], responses=StopTrailSerializer)
    def get(self, request: Request, pk: UUID) -> Response:
        rows = production.told(production.stops(actor_of(request._request)).filter(pk=pk))
        if not rows:
            raise NotFound(f"no stop {pk}")
        now = timezone.now()
        return Response(StopTrailSerializer(trail_answer(loss_trail(rows[0], now=now), now=now)).data)


def trail_answer(trail: LossTrail, *, now: datetime) -> dict[str, Any]:
    stop, said = trail.told.stop, trail.told.said
    return {
        "stop": stop.pk,
        "equipment": stop.work_unit.code,
        "start_time": stop.start_time,
        "end_time": stop.end_time,
        "reason": said.reason.code if said and said.reason else None,
        "reason_count_30_days": trail.reason_count,
        "hops": [_hop_answer(hop) for hop in trail.hops],
        "missing": trail.missing,
        "reaction": _reaction_answer(trail, now),
    }


def _hop_answer(hop: Hop) -> dict[str, Any]:
    return {
        "hop": hop.key,
        "at": hop.at,
        "delay_seconds": None if hop.delay is None else seconds(hop.delay),
        "missing": hop.is_missing,
        "asked": hop.asked,
        "steps": hop.steps,
    }


def _reaction_answer(trail: LossTrail, now: datetime) -> dict[str, Any] | None:
    shown = reaction_shown(trail.told, trail.reaction, now=now)
    if trail.reaction is None or shown is None:
        return None
    kept = trail.reaction.kept
    margin = kept.margin(now)
    return {
        "plan": shown.code,
        "state": shown.state,
        "within_seconds": seconds(kept.within),
        "asked_at": kept.asked_at,
        "due_at": kept.due,
        "came_at": kept.came_at,
        "left_seconds": None if margin is None else seconds(margin),
        "authority": shown.authority,
    }
