"""Why a machine did not produce: the reason tree people choose from."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.db.models import F, Q

from plant.models.base import Configuration, Named, TimeClass


class Reason(Configuration, Named):
    """One cause an operator can give for a stop or for scrap, its class of time and who owns the loss."""

    class Explains(models.TextChoices):
        STOP = "stop"
        SCRAP = "scrap"

    code = models.CharField(max_length=40, unique=True, help_text="Short unique code.")
    parent = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="children",
        help_text="The group it is listed under.",
    )
    equipment_class = models.ForeignKey(
        "plant.EquipmentClass",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The machines it is offered on; empty for all.",
    )
    explains = models.CharField(
        max_length=5,
        choices=Explains,
        default=Explains.STOP,
        help_text="What it is given for: a stop, or pieces scrapped or sent to rework.",
    )
    department = models.ForeignKey(
        "plant.Department",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who owns this loss.",
    )
    time_class = models.CharField(
        max_length=20,
        choices=TimeClass,
        blank=True,
        help_text="The class of time it gives a stop; empty for a group.",
    )
    opens_request = models.BooleanField(
        default=False, help_text="Choosing it also raises a maintenance request."
    )
    position = models.PositiveSmallIntegerField(
        default=0, help_text="Place on the screen; tiles never move by themselves."
    )
    is_active = models.BooleanField(
        default=True, help_text="Unticked when no longer offered; old entries keep it."
    )
    is_catch_all = models.BooleanField(
        default=False, help_text="Says little, such as Other: its share of the time is watched."
    )
    valid_from = models.DateTimeField(
        null=True, blank=True, help_text="Offered for stops from then on (UTC); empty: always has been."
    )
    valid_to = models.DateTimeField(
        null=True, blank=True, help_text="Offered for stops before then (UTC); empty: still is."
    )
    expected_duration = models.DurationField(
        null=True, blank=True, help_text="How long it usually takes; a longer stop is marked as an overrun."
    )

    class Meta:
        ordering = ["position", "code"]
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_from__isnull=True)
                | Q(valid_to__isnull=True)
                | Q(valid_to__gt=F("valid_from")),
                name="reason_dates_ordered",
            ),
            models.CheckConstraint(
                condition=Q(expected_duration__isnull=True) | Q(expected_duration__gt=timedelta()),
                name="reason_expected_duration_positive",
            ),
        ]

    def __str__(self) -> str:
        return self.code
