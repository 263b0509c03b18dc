"""Planned time of a line."""

from __future__ import annotations

from datetime import datetime

from plant.models import CalendarSlot


def calendar_slots(*, line_id: int, start: datetime, end: datetime) -> list[CalendarSlot]:
    """Shifts, breaks, meetings, planned maintenance that overlap [start, end), by start; not clipped."""
    return list(
        CalendarSlot.objects.filter(line_id=line_id, start_time__lt=end, end_time__gt=start).order_by(
            "start_time", "kind"
        )
    )


def shift_at(*, line_id: int, at: datetime) -> CalendarSlot | None:
    """The shift an instant belongs to, None when the line is closed."""
    return CalendarSlot.objects.filter(
        line_id=line_id, kind=CalendarSlot.Kind.SHIFT, start_time__lte=at, end_time__gt=at
    ).first()
