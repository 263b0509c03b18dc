"""Reading who did what, and whether a line changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from plant.models import AuditEntry, Decision, Equipment
from plant.selectors.configuration import revised, revision_text


def revision_of(line_id: int) -> str:
    """Another with every change the line's pages could show, master data included; one indexed read."""
    found: Any = revised(Equipment.objects.filter(pk=line_id))
    return next((revision_text(*row) for row in found.values_list("changed", "configured")), "")


def decisions_of(*, job_order_code: str) -> QuerySet[Decision]:
    """Decisions about one production order, oldest first."""
    return Decision.objects.filter(job_order_code=job_order_code).select_related("said_by")


def decisions_between(*, line_id: int, start: datetime, end: datetime) -> QuerySet[Decision]:
    """Decisions about a line said in [start, end), oldest first."""
    return Decision.objects.filter(
        line_id=line_id, said_at__gte=start, said_at__lt=end, superseded_by=None
    ).select_related("said_by")


def audit_of(*, subject_type: str, subject_code: str) -> QuerySet[AuditEntry]:
    return AuditEntry.objects.filter(subject_type=subject_type, subject_code=subject_code).select_related(
        "person"
    )
