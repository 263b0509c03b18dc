"""The audit trail: one entry per write, in the transaction of the write."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone

from plant.access import Actor
from plant.models import AuditEntry


def record(
    *,
    by: Actor,
    action: str,
    subject_type: str,
    subject_code: str,
    why: str = "",
    before: Any = None,
    after: Any = None,
    at: datetime | None = None,
) -> AuditEntry:
    """Append who did what to what. ``before`` and ``after`` are JSON; None when there was nothing."""
    return AuditEntry.objects.create(
        at=at or timezone.now(),
        person_id=by.person_id,
        device_id=by.device_id,
        actor=by.label[:80],
        action=action,
        subject_type=subject_type,
        subject_code=subject_code,
        why=why,
        before=before,
        after=after,
    )
