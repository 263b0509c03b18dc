"""Stations run by people: what they said of their work, how far that is known, and who was there."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from plant.models.base import Assertion, Fact


class StateAssertion(Assertion):
    """Someone said what a manual station did: from an instant on, or in a range. Read as a machine's own
    state is.
    """

    equipment = models.ForeignKey(
        "plant.Equipment", models.PROTECT, related_name="+", help_text="The manual station."
    )
    start_time = models.DateTimeField(help_text="From when on (UTC), included.")
    end_time = models.DateTimeField(
        null=True, help_text="End of the range (UTC), excluded; empty: until something else is said."
    )
    state = models.CharField(
        max_length=16, blank=True, help_text="State by PackML's names; empty takes an earlier one back."
    )
    comment = models.TextField(blank=True, help_text="In the author's words.")

    class Meta:
        ordering = ["said_at", "id"]
        indexes = [
            models.Index(fields=["equipment", "start_time"], name="state_assertion_window"),
            models.Index(
                fields=["equipment", "end_time"],
                condition=Q(end_time__isnull=False),
                name="state_assertion_ranges",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(end_time__isnull=True) | Q(end_time__gt=F("start_time")),
                name="state_range_not_empty",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.state or '-'} on {self.equipment_id}"


class StationWatermark(Fact):
    """Entries made at a manual station up to this instant are known: its silence until then counts."""

    equipment = models.ForeignKey(
        "plant.Equipment", models.PROTECT, related_name="+", db_index=False, help_text="The manual station."
    )
    at = models.DateTimeField(help_text="The instant (UTC).")

    class Meta:
        ordering = ["equipment", "at"]
        constraints = [models.UniqueConstraint(fields=["equipment", "at"], name="station_watermark_once")]

    def __str__(self) -> str:
        return f"{self.equipment_id} {self.at}"


class PresenceAssertion(Assertion):
    """Someone clocked on at a station; clocking off says the same again with its end. Nobody is measured by
    it.
    """

    equipment = models.ForeignKey(
        "plant.Equipment", models.PROTECT, related_name="+", help_text="The station or line."
    )
    person = models.ForeignKey("plant.Person", models.PROTECT, related_name="+", help_text="Who was there.")
    start_time = models.DateTimeField(help_text="Clocked on (UTC).")
    end_time = models.DateTimeField(null=True, help_text="Clocked off (UTC); empty while there.")

    class Meta:
        ordering = ["start_time", "id"]
        indexes = [models.Index(fields=["equipment", "start_time"], name="presence_window")]
        constraints = [
            models.CheckConstraint(
                condition=Q(end_time__isnull=True) | Q(end_time__gte=F("start_time")),
                name="presence_range_ordered",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person_id} on {self.equipment_id}"


class OrderShareAssertion(Assertion):
    """The weight an order has among those that run at once on a line: its share of the stations' seconds."""

    job_order = models.ForeignKey(
        "production.JobOrder", models.PROTECT, related_name="+", help_text="The order."
    )
    equipment = models.ForeignKey("plant.Equipment", models.PROTECT, related_name="+", help_text="The line.")
    start_time = models.DateTimeField(help_text="From when on it holds (UTC).")
    weight = models.PositiveIntegerField(help_text="Its weight; 1 each where nothing is said.")

    class Meta:
        ordering = ["start_time", "id"]
        indexes = [models.Index(fields=["job_order", "start_time"], name="order_share_window")]

    def __str__(self) -> str:
        return f"{self.weight} for {self.job_order_id}"
