"""What was measured."""

from __future__ import annotations

from uuid import uuid4

from django.db import models

from plant.models.base import Fact


def result_key() -> str:
    return str(uuid4())


class TestResult(Fact):
    """One measured value, judged once by the version of the check in force when it was measured.

    A wrong one is corrected by a new one that supersedes it and says why; both stay.
    """

    __test__ = False

    class Judgement(models.TextChoices):
        PASS = "pass"
        FAIL = "fail"
        NOT_JUDGED = "not_judged"

    class Source(models.TextChoices):
        TABLET = "tablet"
        API = "api"
        SIGNAL = "signal"
        IMPORT = "import"

    specification = models.ForeignKey(
        "quality.TestSpecification", models.PROTECT, related_name="results", help_text="What was checked."
    )
    version = models.ForeignKey(
        "quality.SpecificationVersion",
        models.PROTECT,
        null=True,
        related_name="results",
        help_text="The version it was judged by; empty for results older than versions.",
    )
    supersedes = models.OneToOneField(
        "self",
        models.PROTECT,
        null=True,
        related_name="superseded_by",
        help_text="The earlier result this one corrects.",
    )
    why = models.TextField(blank=True, help_text="Why the earlier result was corrected.")
    equipment = models.ForeignKey(
        "plant.Equipment", models.PROTECT, related_name="+", help_text="Where it was taken."
    )
    job_order = models.ForeignKey(
        "production.JobOrder",
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="The order it was taken in, as far as known when it was recorded.",
    )
    lot_code = models.CharField(
        max_length=60,
        blank=True,
        db_index=True,
        help_text="Code of the lot it speaks for; it may be tested before its first quantity is booked.",
    )
    sample_number = models.PositiveIntegerField(null=True, help_text="Number of the sample, where counted.")
    value = models.DecimalField(max_digits=20, decimal_places=6, help_text="What was measured.")
    unit = models.CharField(max_length=20, blank=True, help_text="Unit of the value.")
    lower = models.DecimalField(
        max_digits=20, decimal_places=6, null=True, help_text="Lower limit it was judged by."
    )
    upper = models.DecimalField(
        max_digits=20, decimal_places=6, null=True, help_text="Upper limit it was judged by."
    )
    target = models.DecimalField(
        max_digits=20, decimal_places=6, null=True, help_text="Target when it was measured."
    )
    judgement = models.CharField(
        max_length=10, choices=Judgement, help_text="Pass, fail, or not judged for want of limits."
    )
    measured_at = models.DateTimeField(help_text="When it was measured (UTC).")
    source = models.CharField(max_length=6, choices=Source, help_text="How it came in.")
    gauge = models.CharField(max_length=60, blank=True, help_text="The gauge it was measured with.")
    person = models.ForeignKey(
        "plant.Person", models.PROTECT, null=True, related_name="+", help_text="Who, if a person."
    )
    device = models.ForeignKey(
        "plant.Device", models.PROTECT, null=True, related_name="+", help_text="On which tablet."
    )
    actor = models.CharField(max_length=80, help_text="Account, key or rule it was recorded with.")
    comment = models.TextField(blank=True, help_text="In the author's words.")
    key = models.CharField(
        max_length=120,
        unique=True,
        default=result_key,
        help_text="Sent twice with one key, it is stored once.",
    )

    class Meta:
        ordering = ["measured_at", "id"]
        indexes = [
            models.Index(fields=["specification", "measured_at"], name="result_by_specification"),
            models.Index(fields=["job_order", "measured_at"], name="result_by_order"),
            models.Index(fields=["equipment", "measured_at"], name="result_by_equipment"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(supersedes__isnull=True) | ~models.Q(why=""),
                name="result_correction_says_why",
            )
        ]

    def __str__(self) -> str:
        return f"{self.value} {self.unit} {self.judgement}"


class CheckImport(Fact):
    """One row of a spreadsheet of quality checks, as it was read, and the result made from it."""

    file_name = models.CharField(max_length=255, help_text="Name of the file it came in first.")
    row_number = models.PositiveIntegerField(help_text="Its row in that file, counted from 1.")
    row = models.JSONField(help_text="The cells by column, as they were read.")
    digest = models.CharField(
        max_length=64, unique=True, help_text="SHA-256 of the cells: a row imported again adds nothing."
    )
    result = models.ForeignKey(
        TestResult, models.PROTECT, related_name="imports", help_text="The result it became."
    )

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.file_name}:{self.row_number}"
