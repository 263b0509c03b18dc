"""Signed shifts and orders, who took a shift over, and what became known since."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from plant.models.base import Assertion, Fact


class Signed(Assertion):
    """Someone stands for figures, proven again at that moment. They stay as signed, whatever comes later."""

    class SignedWith(models.TextChoices):
        PASSWORD = "password"
        PIN = "pin"

    figures = models.JSONField(help_text="Every figure as it was signed.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the figures in canonical JSON.")
    signed_name = models.CharField(
        max_length=120,
        blank=True,
        help_text="The signer's name as printed then; it stays if the person goes.",
    )
    signed_with = models.CharField(
        max_length=8, choices=SignedWith, blank=True, help_text="How the signer proved who they are."
    )

    class Meta:
        abstract = True

    @property
    def signer(self) -> str:
        return self.signed_name or str(self.said_by or self.said_by_rule)


class Restated(Fact):
    """What is known of something signed changed: which figures, from what to what, and what was recorded."""

    figures = models.JSONField(help_text="Every figure as known then.")
    changes = models.JSONField(help_text="Figure → [before, after], against what was known until then.")
    causes = models.JSONField(help_text="What was recorded in between: late values, reasons, counts.")

    class Meta:
        abstract = True


class ShiftReport(Signed):
    """Someone signed a shift and handed it over. Its figures stay as signed, whatever comes later."""

    line = models.ForeignKey("plant.Equipment", models.PROTECT, related_name="+", help_text="The line.")
    shift_code = models.CharField(max_length=40, help_text="Code of the shift in the line's calendar.")
    production_day = models.DateField(help_text="The day its output counts for.")
    start_time = models.DateTimeField(help_text="Start of the shift (UTC), included.")
    end_time = models.DateTimeField(help_text="End of the shift (UTC), excluded.")
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


class Restatement(Restated):
    """What is known of a signed shift changed: which figures, from what to what, and what was recorded."""

    report = models.ForeignKey(
        ShiftReport, models.PROTECT, related_name="restatements", help_text="The report concerned."
    )

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.report_id} at {self.recorded_at:%Y-%m-%d %H:%M}"


class OrderSignature(Signed):
    """A supervisor stands for a finished order's record. Signing again is a new version; both stay."""

    job_order = models.ForeignKey(
        "production.JobOrder", models.PROTECT, related_name="+", help_text="The order."
    )
    version = models.PositiveIntegerField(help_text="Its number, from 1.")
    provisional = models.BooleanField(
        default=False, help_text="Signed while data could still come without being late."
    )
    notes = models.TextField(
        blank=True, help_text="What the signer adds; for a later version, why it is signed again."
    )

    class Meta:
        ordering = ["job_order", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["job_order", "version"], name="order_signature_version_once"),
            models.CheckConstraint(
                condition=Q(version=1, supersedes=None) | Q(version__gt=1, supersedes__isnull=False),
                name="order_signature_versions_follow",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.job_order_id} v{self.version}"


class OrderRestatement(Restated):
    """What is known of a signed order changed: which figures, from what to what, and what was recorded."""

    signature = models.ForeignKey(
        OrderSignature, models.PROTECT, related_name="restatements", help_text="The signature concerned."
    )

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.signature_id} at {self.recorded_at:%Y-%m-%d %H:%M}"
