"""What is made and what it is made of (IEC 62264-2 §5.6)."""

from __future__ import annotations

from django.db import models

from plant.models.base import Configuration, Named


class MaterialDefinition(Configuration, Named):
    """A product, ingredient or packaging item as the plant orders and counts it."""

    class Kind(models.TextChoices):
        FINISHED = "finished"
        SEMI_FINISHED = "semi_finished"
        RAW = "raw"
        PACKAGING = "packaging"

    code = models.CharField(max_length=40, unique=True, help_text="Item number, as in the ERP.")
    kind = models.CharField(
        max_length=14, choices=Kind, help_text="Finished, semi-finished, raw or packaging."
    )
    unit = models.CharField(max_length=12, help_text="Unit it is counted in, such as pcs, kg or l.")
    family = models.CharField(
        max_length=40, blank=True, help_text="Products that change over alike, such as one format."
    )

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.code
