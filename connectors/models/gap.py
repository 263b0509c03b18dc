"""When values may be missing."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Coalesce

from plant.models.base import Fact


class Gap(Fact):
    """A span in which values of a machine may be missing, and why.

    Opened by one row, closed by another of the same key. ``recovered`` says how the values came after all
    (the source's history, the broker's queue); then nothing is missing.
    """

    connection = models.ForeignKey(
        "connectors.Connection",
        models.PROTECT,
        related_name="+",
        help_text="The connection that lost values.",
    )
    equipment = models.ForeignKey(
        "plant.Equipment",
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="The machine whose signals were touched; empty when no signal was mapped.",
    )
    key = models.UUIDField(help_text="Tells one gap from another; the closing row repeats it.")
    cause = models.CharField(
        max_length=40, help_text="connection_down, seq_jump, overflow, death_to_birth, process_down…"
    )
    start_time = models.DateTimeField(help_text="From when values may be missing (UTC).")
    end_time = models.DateTimeField(null=True, help_text="Until when (UTC); empty = still going.")
    scope = models.CharField(
        max_length=400, blank=True, help_text="Beginning of the addresses touched; empty = all."
    )
    detail = models.CharField(max_length=500, blank=True, help_text="What was noticed.")
    recovered = models.CharField(
        max_length=40, blank=True, help_text="How the missing values came after all; empty = they did not."
    )

    class Meta:
        ordering = ["start_time", "id"]
        indexes = [models.Index(fields=["equipment", "start_time"], name="gap_by_equipment")]
        constraints = [
            models.UniqueConstraint(
                "connection",
                "key",
                Coalesce("equipment", models.Value(0, models.BigIntegerField())),
                models.ExpressionWrapper(models.Q(end_time__isnull=True), models.BooleanField()),
                name="gap_opened_and_closed_once",
            ),
            models.CheckConstraint(
                condition=models.Q(end_time__isnull=True) | models.Q(end_time__gte=models.F("start_time")),
                name="gap_ends_after_it_starts",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.cause} {self.start_time}"
