"""What lost time and pieces are worth, and when a reject is one of starting up: said from a date on."""

from __future__ import annotations

from django.db import models

from plant.models.base import Configuration


class CostRate(Configuration):
    """What one hour of a line or machine costs, running or not, from a date on. A change is a new row."""

    equipment = models.ForeignKey(
        "plant.Equipment", models.CASCADE, related_name="+", help_text="The line or machine."
    )
    per_hour = models.DecimalField(
        max_digits=14, decimal_places=4, help_text="Cost of one hour: crew, energy, depreciation as agreed."
    )
    currency = models.CharField(max_length=3, default="EUR", help_text="ISO 4217 code, such as EUR.")
    source = models.CharField(
        max_length=160, blank=True, help_text="Who or what says so, such as 'budget 2026'."
    )
    valid_from = models.DateTimeField(
        help_text="From when on (UTC), until a later row of the same equipment."
    )
    recorded_at = models.DateTimeField(auto_now_add=True, help_text="When this was entered.")

    class Meta:
        ordering = ["equipment", "valid_from"]
        constraints = [
            models.UniqueConstraint(fields=["equipment", "valid_from"], name="cost_rate_once"),
            models.CheckConstraint(condition=models.Q(per_hour__gte=0), name="cost_rate_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.per_hour} {self.currency}/h"


class StartUpRule(Configuration):
    """Until when after a start, a changeover or a long stop a reject is one of starting up, from a date on.

    The run-up is over when either its minutes or its pieces are; empty: that one sets no end.
    """

    equipment = models.ForeignKey(
        "plant.Equipment", models.CASCADE, related_name="+", help_text="The line or machine."
    )
    run_up = models.DurationField(null=True, blank=True, help_text="Running time the run-up lasts.")
    pieces = models.PositiveIntegerField(null=True, blank=True, help_text="Pieces the run-up lasts.")
    long_stop = models.DurationField(
        null=True,
        blank=True,
        help_text="A stop of this length or more begins a new run-up; empty: none does.",
    )
    valid_from = models.DateTimeField(
        help_text="From when on (UTC), until a later row of the same equipment."
    )
    recorded_at = models.DateTimeField(auto_now_add=True, help_text="When this was entered.")

    class Meta:
        ordering = ["equipment", "valid_from"]
        constraints = [
            models.UniqueConstraint(fields=["equipment", "valid_from"], name="start_up_rule_once"),
            models.CheckConstraint(
                condition=models.Q(run_up__isnull=False) | models.Q(pieces__isnull=False),
                name="start_up_rule_ends",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.equipment_id}: {self.run_up or self.pieces}"
