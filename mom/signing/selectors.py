"""Signed shifts, and what was recorded about them after."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from connectors import selectors as connectors
from mom.signing.models import ShiftReport
from plant import selectors as plant
from production import selectors as production


def report_of(*, line_id: int, start: datetime) -> ShiftReport | None:
    """The report in force of the shift that began then."""
    found = ShiftReport.objects.filter(line_id=line_id, start_time=start, superseded_by=None)
    return found.select_related("line", "said_by", "supersedes").first()


def reports_between(*, line_ids: Iterable[int], start: datetime, end: datetime) -> list[ShiftReport]:
    """Reports in force of shifts that began in [start, end), newest first."""
    found = ShiftReport.objects.filter(
        line_id__in=list(line_ids), start_time__gte=start, start_time__lt=end, superseded_by=None
    )
    return list(found.select_related("line", "said_by").prefetch_related("restatements"))


def causes_since(*, report: ShiftReport, since: datetime) -> dict[str, Any]:
    """What was recorded about a shift after an instant: late values, reasons and counts people gave since."""
    units = [unit.pk for unit in plant.line_work_units(report.line_id)]
    window = {"start": report.start_time, "end": report.end_time}
    said = production.said_since(equipment_ids=[report.line_id, *units], since=since, **window)
    late = connectors.late_samples(equipment_ids=units, since=since, **window)
    return {
        "late_values": late,
        "reasons": [
            {
                "at": row.said_at.isoformat(),
                "by": _who(row),
                "reason": row.reason.code if row.reason else None,
            }
            for row in said.reasons
        ],
        "counts": [
            {"at": row.said_at.isoformat(), "by": _who(row), "kind": row.kind, "quantity": str(row.quantity)}
            for row in said.counts
        ],
    }


def _who(row: Any) -> str:
    return str(row.said_by) if row.said_by else str(row.said_by_rule)
