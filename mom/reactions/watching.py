"""When nobody came in time the plan's call is raised; it is over when the machine runs again."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from mom.calls.models import HelpCall
from mom.calls.selectors import calls_open
from mom.calls.services import CallRefused, call_end, call_raise
from mom.reactions.following import reaction_of
from mom.reactions.models import ReactionPlan
from plant.access import rule
from production import selectors as production

if TYPE_CHECKING:
    from production.selectors import StopTold

log = logging.getLogger(__name__)
RULE = "reaction-plan"
# A stop older than this is looked after by people, or its machine tells nothing any more.
LOOKED_AT = timedelta(hours=12)


def reactions_watch() -> int:
    return reactions_enforce(now=timezone.now())


def reactions_enforce(*, now: datetime) -> int:
    """Raise the call of every plan whose minutes are over, end those whose machine runs. How many raised.

    Each in a transaction of its own: one that fails is logged and stops no other.
    """
    _ended_calls_end(now)
    if not ReactionPlan.objects.filter(is_active=True).exclude(calls="").exists():
        return 0
    going_on = production.stops(rule(RULE)).filter(end_time=None, start_time__gt=now - LOOKED_AT)
    raised = 0
    for told in production.told(going_on):
        try:
            raised += _enforce(told, now)
        except Exception:
            log.exception("reaction plan of stop %s failed, others go on", told.stop.pk)
    return raised


@transaction.atomic
def _enforce(told: StopTold, now: datetime) -> int:
    reaction = reaction_of(told, now=now)
    if reaction is None or not reaction.plan.calls or reaction.kept.state(now) != "late":
        return 0
    kind, unit = reaction.plan.calls, told.stop.work_unit
    if calls_open().filter(kind=kind, equipment_id=unit.pk).exists():
        return 0
    try:
        call_raise(kind=kind, equipment=unit, by=rule(RULE), at=now)
    except CallRefused:
        log.warning("no %s call for stop %s: refused", kind, told.stop.pk)
        return 0
    return 1


def _ended_calls_end(now: datetime) -> None:
    """Calls of plans whose machine has run since: nobody has to come any more."""
    own: list[HelpCall] = list(calls_open().filter(raised_by=None, device=None))
    for call in own:
        stop = production.stop_containing(equipment_id=call.equipment_id, at=call.raised_at)
        if stop is not None and stop.end_time is not None:
            call_end(call=call, at=max(stop.end_time, call.raised_at), by=rule(RULE))
