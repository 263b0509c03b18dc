"""Shift reports: figures somebody signed, who took them over, and what became known since."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from plant.models.base import Assertion, Fact


class ShiftReport(Assertion):
    """Someone signed a shift and handed it over. Its figures stay as signed, whatever comes later."""

    line = models.ForeignKey("plant.Equipment", models.PROTECT, related_name="+", help_text="The line.")
    shift_code = models.CharField(max_length=40, help_text="Code of the shift in the line's calendar.")
    production_day = models.DateField(help_text="The day its output counts for.")
    start_time = models.DateTimeField(help_text="Start of the shift (UTC), included.")
    end_time = models.DateTimeField(help_text="End of the shift (UTC), excluded.")
    figures = models.JSONField(help_text="Every figure of the report as it was signed.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the figures in canonical JSON.")
    notes = models.TextField(blank=True, help_text="What the next shift should know, in the author's words.")

    class Meta:
        ordering = ["-start_time", "-id"]
        indexes = [models.Index(fields=["line", "start_time"], name="shift_report_by_line")]
        constraints = [
            models.CheckConstraint(condition=Q(end_time__gt=F("start_time")), name="shift_report_not_empty"),
            models.UniqueConstraint(
                fields=["line", "start_time"], condition=Q(supersedes=None), name="shift_report_first_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.line_id} {self.production_day} {self.shift_code}"


class Acknowledgement(Fact):
    """Someone of the next shift read a report and took the line over."""

    report = models.OneToOneField(
        ShiftReport, models.PROTECT, related_name="acknowledgement", help_text="The report read."
    )
    person = models.ForeignKey(
        "plant.Person", models.PROTECT, null=True, related_name="+", help_text="Who took over."
    )
    actor = models.CharField(max_length=80, help_text="Account or tablet it was done with.")

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.report_id} by {self.actor}"


class Restatement(Fact):
    """What is known of a signed shift changed: which figures, from what to what, and what was recorded."""

    report = models.ForeignKey(
        ShiftReport, models.PROTECT, related_name="restatements", help_text="The report concerned."
    )
    figures = models.JSONField(help_text="Every figure as known then.")
    changes = models.JSONField(help_text="Figure → [before, after], against what was known until then.")
    causes = models.JSONField(help_text="What was recorded in between: late values, reasons, counts.")

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.report_id} at {self.recorded_at:%Y-%m-%d %H:%M}"
