"""Until when somebody takes a call and resolves it, and who is asked next: by plan, else by settings."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from django.db.models import Min

from mom.calls.models import HelpCall
from mom.reactions.models import ReactionPlan
from mom.reactions.selectors import plan_of_call
from plant import env

Kind = HelpCall.Kind
# Nobody took it, nobody resolved it: minutes after which the next ones are asked where no plan says so.
TAKE = timedelta(minutes=env.integer("CALL_TAKE_MINUTES", 5, minimum=1))
RESOLVE = timedelta(minutes=env.integer("CALL_RESOLVE_MINUTES", 30, minimum=1))
# Whom a call is passed on to, at first and at last.
NEXT: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    Kind.MATERIAL: (("supervisor",), ("supervisor", "engineer")),
    Kind.MAINTENANCE: (("maintenance", "supervisor"), ("supervisor", "engineer")),
    Kind.QUALITY: (("quality", "supervisor"), ("supervisor", "engineer")),
    Kind.LEAD: (("supervisor",), ("engineer",)),
}


class Limits(NamedTuple):
    """Of one call: taken within, over within, the roles asked first and last. ``plan``: whose they are."""

    take: timedelta
    resolve: timedelta
    next: tuple[tuple[str, ...], tuple[str, ...]]
    plan: ReactionPlan | None


def limits_of(call: HelpCall) -> Limits:
    """By the reaction plan of the stop it was raised in. A call the product raised itself, because nobody had
    come in time, is late already.
    """
    plan = plan_of_call(call)
    first, last = NEXT[call.kind]
    if plan is None:
        return Limits(TAKE, RESOLVE, (first, last), None)
    late_already = call.raised_by_id is None and call.device_id is None
    asked_next = (plan.escalates_to,) if plan.escalates_to else last
    return Limits(
        timedelta() if late_already else plan.within,
        plan.escalate_after or max(RESOLVE, plan.within),
        (tuple(dict.fromkeys((*first, *asked_next))) if late_already else first, asked_next),
        plan,
    )


def shortest_take() -> timedelta:
    """No call needs to be looked at that is younger than this."""
    active = ReactionPlan.objects.filter(is_active=True)
    found = active.aggregate(within=Min("within"), after=Min("escalate_after"))
    return min(TAKE, *(limit for limit in found.values() if limit is not None), TAKE)
