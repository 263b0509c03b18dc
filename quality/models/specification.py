"""What is checked, within which limits, how often and by whom."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from plant.models.base import Configuration, Named


class TestSpecification(Configuration, Named):
    """A characteristic to check on a machine or line for some products, its limits and when a check is due.

    A change of limits makes a new version; each result keeps the version it was judged by, so no change
    judges the past anew.
    """

    __test__ = False

    code = models.CharField(max_length=40, unique=True, help_text="Unique code of the check.")
    equipment = models.ForeignKey(
        "plant.Equipment", models.PROTECT, related_name="+", help_text="The machine or line it is taken at."
    )
    products = models.JSONField(
        default=list, blank=True, help_text="Codes of the products it holds for; empty: all made there."
    )
    department = models.ForeignKey(
        "plant.Department",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who owns the specification and answers for it.",
    )
    unit = models.CharField(max_length=20, blank=True, help_text="Unit of measure, as shown.")
    lower = models.DecimalField(
        max_digits=20,
        decimal_places=6,
        null=True,
        blank=True,
        help_text="Lowest value that passes; empty: none.",
    )
    upper = models.DecimalField(
        max_digits=20,
        decimal_places=6,
        null=True,
        blank=True,
        help_text="Highest value that passes; empty: none.",
    )
    target = models.DecimalField(
        max_digits=20, decimal_places=6, null=True, blank=True, help_text="The value aimed at."
    )
    every_minutes = models.PositiveIntegerField(
        null=True, blank=True, help_text="Due this long after the last one in an order; empty: not by time."
    )
    at_start = models.BooleanField(default=False, help_text="Also due at the start of each order.")
    connection = models.CharField(
        max_length=40, blank=True, help_text="Connection its values arrive by, if a signal gives them."
    )
    address = models.CharField(
        max_length=400, blank=True, help_text="Address of that signal on its connection."
    )
    method = models.TextField(blank=True, help_text="How to measure, for whoever does it.")
    is_active = models.BooleanField(default=True, help_text="Unticked when it is checked no more.")
    recorded_at = models.DateTimeField(auto_now_add=True, help_text="When it was first entered.")

    class Meta:
        ordering = ["equipment", "code"]
        constraints = [
            models.CheckConstraint(
                condition=Q(lower__isnull=True) | Q(upper__isnull=True) | Q(lower__lte=F("upper")),
                name="specification_limits_ordered",
            )
        ]

    def __str__(self) -> str:
        return self.code


class SpecificationVersion(Configuration):
    """The limits of a check from an instant on; appended with every change of them, never rewritten.

    A value is judged by the version in force when it was measured; one older than the first, by the first.
    """

    append_only = True
    specification = models.ForeignKey(
        TestSpecification, models.PROTECT, related_name="versions", help_text="The check."
    )
    number = models.PositiveIntegerField(help_text="1 for the first version of the check.")
    valid_from = models.DateTimeField(help_text="From when on it judges (UTC).")
    lower = models.DecimalField(
        max_digits=20, decimal_places=6, null=True, help_text="Lowest value that passes; empty: none."
    )
    upper = models.DecimalField(
        max_digits=20, decimal_places=6, null=True, help_text="Highest value that passes; empty: none."
    )
    target = models.DecimalField(
        max_digits=20, decimal_places=6, null=True, help_text="The value aimed at; empty: none."
    )
    unit = models.CharField(max_length=20, blank=True, help_text="Unit of measure, as shown.")
    recorded_at = models.DateTimeField(default=timezone.now, help_text="When it was entered (UTC).")

    class Meta:
        ordering = ["specification", "number"]
        constraints = [
            models.UniqueConstraint(fields=["specification", "number"], name="specification_version_once")
        ]

    def __str__(self) -> str:
        return f"{self.specification_id} v{self.number}"
