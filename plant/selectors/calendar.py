"""Planned time of a line."""

from __future__ import annotations

from datetime import date, datetime

from django.db.models import Max

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


def day_shifts(*, line_id: int, day: date) -> list[CalendarSlot]:
    """The shifts a line's production day is made of, by start; empty when the line did not mean to work."""
    found = CalendarSlot.objects.filter(line_id=line_id, kind=CalendarSlot.Kind.SHIFT, production_day=day)
    return list(found.order_by("start_time"))


def day_ended(*, line_id: int, at: datetime) -> date | None:
    """The last production day of a line whose shifts have all ended; None when none has."""
    shifts = CalendarSlot.objects.filter(line_id=line_id, kind=CalendarSlot.Kind.SHIFT, start_time__lte=at)
    days = shifts.order_by("-production_day").values_list("production_day").annotate(end=Max("end_time"))
    return next((day for day, end in days[:7] if end <= at), None)
