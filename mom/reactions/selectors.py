"""The plan that holds for a stop as it is said now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mom.reactions.domain import Rule, plan_for
from mom.reactions.models import ReactionPlan
from plant.access import rule
from production import selectors as production

if TYPE_CHECKING:
    from uuid import UUID

    from mom.calls.models import HelpCall
    from plant.models import Equipment, Reason
    from production.selectors import StopTold

MOST_GROUPS = 10
"""Deeper than any tree of reasons."""


def reaction_rules() -> list[Rule[ReactionPlan]]:
    """Every active plan with when it holds."""
    rows = ReactionPlan.objects.filter(is_active=True).select_related("equipment", "reason", "department")
    return [
        Rule(
            row.equipment.path if row.equipment else "/",
            row.reason.code if row.reason else "",
            row.time_class,
            row,
        )
        for row in rows
    ]


def plan_of(*, equipment: Equipment, reason: Reason | None) -> ReactionPlan | None:
    """The plan for a loss at a place. Without a reason only a plan for any stop holds."""
    rules = reaction_rules()
    if not rules:
        return None
    groups = _groups(reason)
    time_class = reason.time_class if reason else ""
    return plan_for(rules, path=equipment.path, reasons=groups, time_class=time_class)


def _groups(reason: Reason | None) -> list[str]:
    """The reason, then the groups it is listed under."""
    found: list[str] = []
    while reason is not None and len(found) < MOST_GROUPS:
        found.append(reason.code)
        reason = reason.parent
    return found


def plan_of_call(call: HelpCall) -> ReactionPlan | None:
    """The plan whose minutes hold for a call: of the stop it was raised in, where it answers such calls."""
    stop = production.stop_containing(equipment_id=call.equipment_id, at=call.raised_at)
    told = stop_told(stop.pk) if stop is not None else None
    reason = told.said.reason if told is not None and told.said is not None else None
    plan = plan_of(equipment=call.equipment, reason=reason)
    return plan if plan is not None and plan.calls == call.kind else None


def stop_told(stop_id: UUID) -> StopTold | None:
    """A stop with the reason in force, for what the product does by itself."""
    rows = production.told(production.stops(rule("reaction-plan")).filter(pk=stop_id))
    return rows[0] if rows else None
