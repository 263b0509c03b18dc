"""Decisions, and telling pages that a line changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from plant import audit
from plant.access import Actor
from plant.models import Decision

BUMP = """
INSERT INTO plant_revision (line_id, value) VALUES (%s, 1)
ON CONFLICT (line_id) DO UPDATE SET value = plant_revision.value + 1
"""


class ReasonMissing(ValueError):
    """A decision came without a reason."""

    is_bad_input = True


_together: ContextVar[set[int] | None] = ContextVar("revisions_together", default=None)


def revision_bump(*, line_id: int) -> None:
    """Call in the transaction of the change: pages then redraw, and only then."""
    waiting = _together.get()
    if waiting is not None:
        waiting.add(line_id)
        return
    with connection.cursor() as cursor:
        cursor.execute(BUMP, [line_id])


@contextmanager
def revisions_together() -> Iterator[None]:
    """For many writes in one transaction: each line is told once, at the end.

    A bump locks the line's row until the transaction ends: taken last and in one order, it holds nobody up
    for long, and two such transactions never wait for each other.
    """
    waiting: set[int] = set()
    token = _together.set(waiting)
    try:
        yield
    finally:
        _together.reset(token)
    for line_id in sorted(waiting):
        revision_bump(line_id=line_id)


def decision_record(
    *,
    kind: str,
    line_id: int,
    subject_type: str,
    subject_code: str,
    summary: str,
    why: str,
    by: Actor,
    job_order_code: str = "",
    detail: dict[str, Any] | None = None,
    at: datetime | None = None,
) -> Decision:
    """Keep a decision with who, when and why. Raises ReasonMissing when no reason is given."""
    if not why.strip():
        raise ReasonMissing(f"read {why!r}, expected the reason why {summary!r} was decided")
    decision = Decision.objects.create(
        kind=kind,
        line_id=line_id,
        subject_type=subject_type,
        subject_code=subject_code,
        summary=summary[:200],
        why=why,
        job_order_code=job_order_code,
        detail=detail or {},
        said_by_id=by.person_id,
        said_by_rule="" if by.person_id else by.label[:80],
        said_on_id=by.device_id,
        said_at=at or timezone.now(),
    )
    about = {"subject_type": subject_type, "subject_code": subject_code}
    audit.record(by=by, action="decision.record", **about, why=why, after=detail, at=at)
    revision_bump(line_id=line_id)
    return decision
