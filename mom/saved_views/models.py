"""What somebody looks at often, under a name of their own."""

from __future__ import annotations

from django.db import models

from plant.models.base import Configuration


class SavedView(Configuration):
    """The filters of a list as a person left them, opened again with one click; shared with a line or not."""

    is_master_data = False

    class Page(models.TextChoices):
        STOPS = "stops"

    owner = models.ForeignKey(
        "plant.Person", models.CASCADE, related_name="+", help_text="Who saved it and may delete it."
    )
    page = models.CharField(max_length=20, choices=Page, help_text="The list it filters.")
    name = models.CharField(max_length=80, help_text="What its owner calls it.")
    query = models.CharField(
        max_length=500, blank=True, help_text="The filters, as in the address; empty: the list unfiltered."
    )
    line = models.ForeignKey(
        "plant.Equipment",
        models.CASCADE,
        null=True,
        related_name="+",
        help_text="The line whose people see it too; empty: its owner alone.",
    )
    saved_at = models.DateTimeField(help_text="When it was last saved (UTC).")

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "page", "name"], name="saved_view_once_per_name")
        ]

    def __str__(self) -> str:
        return self.name
