"""Opening an action, moving it on, closing it with a check of its effect."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from mom.improvement.models import Action
from plant import audit, selectors
from plant.access import Actor
from plant.services import revision_bump

SUBJECT = "action"


class ActionRefused(ValueError):
    """The action cannot be kept as given; the message says what was read and what was expected."""

    is_bad_input = True


@transaction.atomic
def action_open(
    *,
    title: str,
    equipment_code: str,
    owner_badge: str,
    due_on: date,
    by: Actor,
    at: datetime,
    reason_code: str = "",
    evidence: str = "",
) -> Action:
    """Promise something about a loss. Raises ActionRefused, PermissionDenied."""
    equipment = _row("plant.Equipment", code=equipment_code)
    if equipment is None:
        raise ActionRefused(_("unknown equipment %(code)s") % {"code": repr(equipment_code)})
    by.require("action.edit", equipment)
    owner = _row("plant.Person", badge=owner_badge, is_active=True)
    reason = _row("plant.Reason", code=reason_code) if reason_code else None
    if owner is None:
        message = _("unknown owner: read badge %(badge)s, expected an active person's")
        raise ActionRefused(message % {"badge": repr(owner_badge)})
    if reason_code and reason is None:
        raise ActionRefused(_("unknown reason %(code)s") % {"code": repr(reason_code)})
    if not title.strip():
        raise ActionRefused(_("an action says in one line what will be done"))
    if evidence and not evidence.startswith("/"):
        message = _("evidence is a page of this product: read %(page)s, expected /…")
        raise ActionRefused(message % {"page": repr(evidence)})
    action = Action.objects.create(
        title=title.strip()[:160],
        equipment=equipment,
        reason=reason,
        owner=owner,
        due_on=due_on,
        evidence=evidence[:500],
        opened_by_id=by.person_id,
        opened_at=at,
    )
    _written(action, by=by, verb="open", at=at, after={"title": action.title, "due_on": str(due_on)})
    return action


@transaction.atomic
def action_move(*, action_id: int, state: str, by: Actor, at: datetime) -> Action:
    """Move between plan, do, check and act. Raises ActionRefused for another state or a closed action."""
    action = _open_action(action_id, by)
    if state not in Action.State.values or state == Action.State.CLOSED:
        message = _("unknown state %(state)s: expected plan, do, check or act")
        raise ActionRefused(message % {"state": repr(state)})
    before, action.state = action.state, state
    action.save(update_fields=["state"])
    _written(action, by=by, verb="move", at=at, before={"state": before}, after={"state": state})
    return action


@transaction.atomic
def action_done(*, action_id: int, result: str, by: Actor, at: datetime) -> Action:
    """It is done, with a result; its effect is checked from then on. Raises ActionRefused without one."""
    action = _open_action(action_id, by)
    if not result.strip():
        raise ActionRefused(_("an action is done with a result: what was done, and what came of it"))
    if action.done_at is not None:
        words = {"number": action_id, "day": f"{action.done_at:%Y-%m-%d}"}
        raise ActionRefused(_("action %(number)s was done on %(day)s") % words)
    before = action.state
    action.state, action.result, action.done_at = Action.State.CHECK, result.strip(), at
    action.save(update_fields=["state", "result", "done_at"])
    _written(
        action, by=by, verb="done", at=at, why=result, before={"state": before}, after={"state": "check"}
    )
    return action


@transaction.atomic
def action_close(*, action_id: int, effect: str, by: Actor, at: datetime) -> Action:
    """Close with what the check of its effect showed. Raises ActionRefused without one."""
    action = _open_action(action_id, by)
    if not effect.strip():
        raise ActionRefused(_("closing an action needs a check of its effect"))
    before = action.state
    action.state, action.effect, action.closed_at = Action.State.CLOSED, effect.strip(), at
    action.done_at = action.done_at or at
    action.save(update_fields=["state", "effect", "closed_at", "done_at"])
    _written(
        action, by=by, verb="close", at=at, why=effect, before={"state": before}, after={"state": "closed"}
    )
    return action


def _row(model_label: str, **lookup: Any) -> Any:
    return selectors.configuration_rows(model_label, **lookup).first()


def _open_action(action_id: int, by: Actor) -> Action:
    action = Action.objects.select_for_update(of=("self",)).select_related("equipment").get(pk=action_id)
    by.require("action.edit", action.equipment)
    if action.state == Action.State.CLOSED:
        words = {"number": action_id, "day": f"{action.closed_at:%Y-%m-%d}"}
        raise ActionRefused(_("action %(number)s was closed on %(day)s") % words)
    return action


def _written(
    action: Action,
    *,
    by: Actor,
    verb: str,
    at: datetime,
    why: str = "",
    before: dict[str, str] | None = None,
    after: dict[str, str] | None = None,
) -> None:
    audit.record(
        by=by,
        action=f"action.{verb}",
        subject_type=SUBJECT,
        subject_code=str(action.pk),
        why=why,
        before=before,
        after=after,
        at=at,
    )
    line = selectors.line_of(action.equipment)
    if line is not None:
        revision_bump(line_id=line.pk)
