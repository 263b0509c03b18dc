"""The trail of entries made on tablets, with or without contact at the time."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from plant.models.base import Fact


class TabletEntry(Fact):
    """What became of one entry of a tablet: when it was tapped by the tablet's clock, and when it arrived.

    An entry made without contact waits on the tablet. When it is refused on arrival, nothing is written but
    this; the person who dismisses or corrects it leaves a row of their own under the same key.
    """

    class Outcome(models.TextChoices):
        KEPT = "kept"
        REFUSED = "refused"
        DISMISSED = "dismissed"
        CORRECTED = "corrected"
        TAKEN_BACK = "taken_back"

    key = models.CharField(max_length=80, help_text="The tablet's own key of the entry.")
    outcome = models.CharField(max_length=10, choices=Outcome, help_text="What became of it.")
    device = models.ForeignKey(
        "plant.Device",
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="The tablet; empty for an account.",
    )
    person = models.ForeignKey(
        "plant.Person", models.PROTECT, null=True, related_name="+", help_text="Whose entry it is."
    )
    route = models.CharField(max_length=120, help_text="Address the entry was made for.")
    words = models.CharField(max_length=200, blank=True, help_text="What the person saw on the tile.")
    device_time = models.DateTimeField(
        null=True, help_text="When it was tapped, as the tablet's clock said (UTC)."
    )
    tapped_at = models.DateTimeField(help_text="The same instant by the server's clock (UTC).")
    why = models.TextField(blank=True, help_text="Why it was refused, dismissed or corrected.")

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "tablet entries"
        indexes = [models.Index(fields=["key"], name="tablet_entry_by_key")]
        constraints = [
            models.UniqueConstraint(
                fields=["device", "key"], condition=Q(outcome="kept"), name="tablet_entry_kept_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.outcome} {self.route}"
