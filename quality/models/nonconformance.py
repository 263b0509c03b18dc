"""What does not conform, and what is decided about it."""

from __future__ import annotations

from django.db import models

from plant.models.base import Assertion


class Nonconformance(Assertion):
    """Something found that does not conform: a failed check, a defect, a wrong lot. Open until it is decided.

    Its status is that of its last decision; while undecided or held, the lot it names may not be used.
    """

    code = models.CharField(max_length=20, unique=True, help_text="Unique number, such as NC-000012.")
    equipment = models.ForeignKey(
        "plant.Equipment", models.PROTECT, related_name="+", help_text="Where it was found."
    )
    job_order = models.ForeignKey(
        "production.JobOrder",
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="The order it belongs to, if known.",
    )
    lot_code = models.CharField(
        max_length=60, blank=True, db_index=True, help_text="Code of the lot it concerns, if one."
    )
    result = models.OneToOneField(
        "quality.TestResult",
        models.PROTECT,
        null=True,
        related_name="nonconformance",
        help_text="The failed check that opened it, if one did.",
    )
    description = models.TextField(help_text="What is wrong.")
    opened_at = models.DateTimeField(help_text="When it was found (UTC).")

    class Meta:
        ordering = ["opened_at", "id"]
        indexes = [models.Index(fields=["job_order", "opened_at"], name="nonconformance_by_order")]

    def __str__(self) -> str:
        return self.code


class Disposition(Assertion):
    """What is done with a product that does not conform; a later one supersedes it."""

    class Decided(models.TextChoices):
        USE_AS_IS = "use_as_is"
        REWORK = "rework"
        SCRAP = "scrap"
        RETURN = "return"
        HOLD = "hold"

    nonconformance = models.ForeignKey(
        Nonconformance, models.PROTECT, related_name="dispositions", help_text="What it is about."
    )
    decision = models.CharField(max_length=9, choices=Decided, help_text="What is done with the product.")
    quantity = models.DecimalField(
        max_digits=20, decimal_places=6, null=True, help_text="How much it concerns; empty: all of it."
    )
    why = models.TextField(help_text="The reason given.")

    class Meta:
        ordering = ["said_at", "id"]

    def __str__(self) -> str:
        return f"{self.decision} {self.nonconformance_id}"
