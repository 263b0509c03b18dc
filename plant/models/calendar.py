"""When the plant means to work: versioned patterns and the intervals made from them."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from plant.models.base import Configuration, Named


class CalendarVersion(Configuration):
    """The weekly pattern of a line from a date on. A change is a new version; past intervals do not move."""

    line = models.ForeignKey(
        "plant.Equipment", models.CASCADE, related_name="+", help_text="The line it holds for."
    )
    valid_from = models.DateField(help_text="First production day it holds for.")
    pattern = models.JSONField(help_text="Shifts, breaks and closures by weekday, in local time of the site.")
    tz_data = models.CharField(
        max_length=20, blank=True, help_text="Version of the time-zone data the intervals were made with."
    )
    recorded_at = models.DateTimeField(default=timezone.now, help_text="When this version was entered.")

    class Meta:
        ordering = ["line", "valid_from", "recorded_at"]

    def __str__(self) -> str:
        return f"{self.line_id} from {self.valid_from}"


class CalendarSlot(Configuration, Named):
    """One planned interval of a line in UTC: a shift, or a break, meeting, planned maintenance inside it."""

    class Kind(models.TextChoices):
        SHIFT = "shift"
        BREAK = "break"
        MEETING = "meeting"
        PLANNED_MAINTENANCE = "planned_maintenance"

    line = models.ForeignKey("plant.Equipment", models.CASCADE, related_name="+", help_text="The line.")
    version = models.ForeignKey(
        CalendarVersion, models.PROTECT, related_name="slots", help_text="The pattern it was made from."
    )
    kind = models.CharField(
        max_length=20, choices=Kind, help_text="Shift, break, meeting or planned maintenance."
    )
    code = models.CharField(max_length=40, help_text="Code of the shift or break in its pattern.")
    production_day = models.DateField(
        help_text="The day its output is counted for; a night belongs to the day it starts."
    )
    start_time = models.DateTimeField(help_text="Start (UTC), included.")
    end_time = models.DateTimeField(help_text="End (UTC), excluded.")

    class Meta:
        ordering = ["line", "start_time"]
        indexes = [models.Index(fields=["line", "end_time", "start_time"], name="calendar_slot_window")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(end_time__gt=models.F("start_time")), name="calendar_slot_not_empty"
            ),
            models.UniqueConstraint(fields=["line", "kind", "start_time"], name="calendar_slot_once"),
        ]

    def __str__(self) -> str:
        return f"{self.line_id} {self.code} {self.production_day}"
