"""What the states and modes of a family of machines count as."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models

from plant.domain.time_model import modes_refused, states_refused
from plant.models.base import Configuration, Named


def states_known(value: object) -> None:
    """Raises ValidationError for a state or a meaning that is not known."""
    _refuse("states", list(states_refused(value)))


def modes_known(value: object) -> None:
    """Raises ValidationError for a mode that cannot be, or a class that is not known."""
    _refuse("modes", list(modes_refused(value)))


def _refuse(name: str, refused: list[tuple[str, str]]) -> None:
    if refused:
        raise ValidationError([f"{name}: read {key!r}, expected {expected}" for key, expected in refused])


class TimeModel(Configuration, Named):
    """What the states and modes of a family of machines count as, from a date on. A change is a new row.

    What it does not name is as the wider family says, else as ISA-TR88.00.02 means it.
    """

    equipment_class = models.ForeignKey(
        "plant.EquipmentClass",
        models.CASCADE,
        related_name="time_models",
        help_text="The family of machines it holds for, and the families within it.",
    )
    valid_from = models.DateTimeField(
        help_text="For states that begin from then on (UTC), until a later row of the family."
    )
    states = models.JSONField(
        default=dict,
        blank=True,
        validators=[states_known],
        help_text="What each named state counts as, such as idle: own, or idle: suspended.",
    )
    modes = models.JSONField(
        default=dict,
        blank=True,
        validators=[modes_known],
        help_text="What a standstill in each mode is, such as cleaning: planned_maintenance.",
    )
    recorded_at = models.DateTimeField(auto_now_add=True, help_text="When this was entered.")

    class Meta:
        ordering = ["equipment_class", "valid_from"]
        constraints = [
            models.UniqueConstraint(fields=["equipment_class", "valid_from"], name="time_model_once"),
        ]

    def __str__(self) -> str:
        return f"{self.equipment_class_id} from {self.valid_from:%Y-%m-%d}"
