"""Lots of material and everything that happened to them."""

from __future__ import annotations

from uuid import uuid4

from django.db import models
from django.db.models import F, Q

from plant.models.base import Fact


def movement_key() -> str:
    return str(uuid4())


class MaterialLot(Fact):
    """A quantity of one material received or made together, told apart by its code (IEC 62264-2 §5.6).

    What is left of it and whether it may be used are derived from its movements and decisions about it.
    """

    code = models.CharField(
        max_length=60, unique=True, help_text="Unique code, as on the label that is scanned."
    )
    material = models.ForeignKey(
        "plant.MaterialDefinition", models.PROTECT, related_name="+", help_text="What it is a lot of."
    )
    place = models.ForeignKey(
        "plant.Equipment",
        models.PROTECT,
        related_name="+",
        help_text="The site or line it was received at or made on; decides who may see it.",
    )
    supplier = models.CharField(max_length=80, blank=True, help_text="Who supplied it, if it was bought.")
    supplier_lot = models.CharField(
        max_length=60, blank=True, db_index=True, help_text="The supplier's own lot number."
    )
    produced_by = models.ForeignKey(
        "production.JobOrder",
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="The production order that made it; empty when it was received.",
    )
    expires_at = models.DateTimeField(
        null=True, help_text="From when on it may not be used (UTC); empty: never."
    )

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.code


class LotMovement(Fact):
    """A quantity of a lot was received, used, made, scrapped, given back, shipped or found to differ.

    Genealogy is derived from these rows: what an order used went into what the same order made, within the
    window of time the made lot names, and within one operation where both name one.
    """

    class Kind(models.TextChoices):
        RECEIVED = "received"
        CONSUMED = "consumed"
        PRODUCED = "produced"
        SCRAPPED = "scrapped"
        RETURNED = "returned"
        SHIPPED = "shipped"
        ADJUSTED = "adjusted"

    kind = models.CharField(max_length=8, choices=Kind, help_text="What happened to the quantity.")
    lot = models.ForeignKey(MaterialLot, models.PROTECT, related_name="movements", help_text="The lot.")
    quantity = models.DecimalField(
        max_digits=20, decimal_places=6, help_text="How much; below zero only for an adjustment."
    )
    unit = models.CharField(max_length=12, help_text="Unit of the quantity: that of the material.")
    at = models.DateTimeField(
        help_text="When it happened (UTC); for a lot made over time, the end of that time."
    )
    window_start = models.DateTimeField(
        null=True,
        help_text="Used or made from then to ``at``; empty: used from ``at`` on, made over the whole order.",
    )
    equipment = models.ForeignKey(
        "plant.Equipment",
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="The machine or line it happened at.",
    )
    job_order = models.ForeignKey(
        "production.JobOrder",
        models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        help_text="The order it happened in.",
    )
    operation = models.CharField(
        max_length=60,
        blank=True,
        help_text="Identifier of the operation (a batch, a tank) that ties what went in to what came out.",
    )
    person = models.ForeignKey(
        "plant.Person", models.PROTECT, null=True, related_name="+", help_text="Who, if a person."
    )
    device = models.ForeignKey(
        "plant.Device", models.PROTECT, null=True, related_name="+", help_text="On which tablet."
    )
    actor = models.CharField(max_length=80, help_text="Account, key or rule it was recorded with.")
    comment = models.TextField(blank=True, help_text="Reason of an adjustment, a scrap or an override.")
    key = models.CharField(
        max_length=80,
        unique=True,
        default=movement_key,
        help_text="Sent twice with one key, it is counted once.",
    )

    class Meta:
        ordering = ["at", "id"]
        indexes = [
            models.Index(fields=["lot", "kind"], name="lot_movement_by_lot"),
            models.Index(fields=["job_order", "kind", "at"], name="lot_movement_by_order"),
            models.Index(fields=["at"], name="lot_movement_by_time"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(quantity__gt=0) | Q(kind="adjusted"), name="lot_movement_positive"
            ),
            models.CheckConstraint(
                condition=Q(window_start__isnull=True)
                | Q(kind__in=["consumed", "produced"], window_start__lt=F("at")),
                name="lot_movement_window",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.quantity} {self.unit}"
