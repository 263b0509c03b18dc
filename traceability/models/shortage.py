"""Times in which a machine or line lacked a material."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from plant.models.base import Assertion


class MaterialShortage(Assertion):
    """A machine or line lacked a material for a time. Ended by a later entry that supersedes the open one."""

    equipment = models.ForeignKey(
        "plant.Equipment", models.PROTECT, related_name="+", help_text="The machine or line that lacked it."
    )
    material = models.ForeignKey(
        "plant.MaterialDefinition", models.PROTECT, related_name="+", help_text="What was lacking."
    )
    job_order = models.ForeignKey(
        "production.JobOrder",
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="The order that waited for it, if known.",
    )
    start_time = models.DateTimeField(help_text="Start (UTC), included.")
    end_time = models.DateTimeField(null=True, help_text="End (UTC), excluded; empty while it lasts.")
    comment = models.TextField(blank=True, help_text="In the author's words.")

    class Meta:
        ordering = ["start_time", "id"]
        indexes = [models.Index(fields=["equipment", "start_time"], name="shortage_window")]
        constraints = [
            models.CheckConstraint(
                condition=Q(end_time__isnull=True) | Q(end_time__gt=F("start_time")),
                name="shortage_range_not_empty",
            )
        ]

    def __str__(self) -> str:
        return f"{self.material_id} lacking on {self.equipment_id}"
