"""Named rules that say a reason from what the machine itself reported."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone

from plant.models.base import Configuration, Named


class ReasonRule(Configuration, Named):
    """When a machine stops with this fault code, or reported it seconds before or after, this is the reason.

    What it says is an entry like any other, marked with the rule; a person's word always holds over it. It
    speaks of stops from ``valid_from`` on, once each: changing it changes nothing that was said.
    """

    code = models.CharField(max_length=40, unique=True, help_text="Short unique code, such as R12.")
    equipment = models.ForeignKey(
        "plant.Equipment",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The machine it is for; empty for all of the class, or for all machines.",
    )
    equipment_class = models.ForeignKey(
        "plant.EquipmentClass",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The class of machines it is for, narrower classes included.",
    )
    fault_code = models.CharField(
        max_length=80, help_text="Fault or alarm code as the machine reports it; E1* is all that begin so."
    )
    reason = models.ForeignKey(
        "plant.Reason", models.PROTECT, related_name="+", help_text="The reason it gives."
    )
    priority = models.PositiveSmallIntegerField(
        default=0, help_text="Where several rules match, the highest speaks."
    )
    look_back = models.DurationField(
        default=timedelta(seconds=5),
        help_text="How far from the start of the stop the code may have been reported.",
    )
    valid_from = models.DateTimeField(
        default=timezone.now, help_text="It speaks of stops that begin from then on (UTC)."
    )
    is_active = models.BooleanField(
        default=True, help_text="Unticked when it no longer speaks; what it said stays."
    )

    class Meta:
        ordering = ["-priority", "code"]
        constraints = [
            models.CheckConstraint(
                condition=Q(equipment__isnull=True) | Q(equipment_class__isnull=True),
                name="reason_rule_machine_or_class",
            ),
            models.CheckConstraint(condition=~Q(fault_code=""), name="reason_rule_has_code"),
            models.CheckConstraint(
                condition=Q(look_back__gte=timedelta()), name="reason_rule_look_back_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return self.code
