"""Ticking the steps of a changeover: begun, done, taken back. Appended, never changed."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from django.db import connection, transaction
from django.utils.translation import gettext as _

from plant import audit
from plant.access import Actor
from plant.services import revision_bump
from production.models import ChangeoverStep, ChangeoverStepAssertion, JobOrder
from production.services.assertions import Refused

Act = Literal["start", "done", "undo"]
ACTS: tuple[Act, ...] = ("start", "done", "undo")


@transaction.atomic
def changeover_step_tick(
    *, job_order_id: int, step_id: int, act: str, by: Actor, at: datetime
) -> ChangeoverStepAssertion:
    """A step of the changeover to an order began or is done at ``at``, or what was said of it is taken back.

    Done without a beginning says that it was done, not how long it took. Raises Refused, PermissionDenied.
    """
    order = JobOrder.objects.select_related("line").get(pk=job_order_id)
    by.require("stop.code", order.line)
    if act not in ACTS:
        raise Refused(f"act: read {act!r}, expected one of {', '.join(ACTS)}")
    step = ChangeoverStep.objects.filter(changeover__line_id=order.line_id, pk=step_id).first()
    if step is None:
        raise Refused(_("unknown step %(code)s") % {"code": step_id})
    _lock(job_order_id, step.code)
    standing = ChangeoverStepAssertion.objects.filter(
        job_order=order, step__code=step.code, superseded_by=None
    ).first()
    start, end = _times(act, standing, at)
    said = ChangeoverStepAssertion.objects.create(
        equipment=order.line,
        job_order=order,
        step=step,
        is_external=step.is_external,
        start_time=start,
        end_time=end,
        supersedes=standing,
        said_by_id=by.person_id,
        said_by_rule="" if by.person_id else by.label[:80],
        said_on_id=by.device_id,
        said_at=at,
    )
    code = f"{order.code} {step.code}"
    audit.record(
        by=by, action=f"changeover_step.{act}", subject_type="changeover_step", subject_code=code, at=at
    )
    revision_bump(line_id=order.line_id)
    return said


def _lock(job_order_id: int, step_code: str) -> None:
    """Two people ticking one step at once: the second sees what the first said."""
    with connection.cursor() as cursor:
        name = f"{job_order_id} {step_code}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 17))", [name])


def _times(
    act: str, standing: ChangeoverStepAssertion | None, at: datetime
) -> tuple[datetime | None, datetime | None]:
    began = standing.start_time if standing else None
    ended = standing.end_time if standing else None
    if act == "undo":
        if began is None and ended is None:
            raise Refused(_("nothing was said of this step"))
        return None, None
    if ended is not None:
        raise Refused(_("this step is done already; take it back first"))
    if act == "start":
        if began is not None:
            raise Refused(_("this step began already"))
        return at, None
    return (min(began, at) if began else None), at
