"""Reaction plans: agreed before the loss happens."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.db.models import Q

from mom.calls.models import HelpCall
from plant.models.base import Configuration, Named, Role, TimeClass, bilingual


class ReactionPlan(Configuration, Named):
    """Who reacts to a loss, within how many minutes, with what authority, and who is asked next.

    It holds for one reason (or a group of reasons), else for a class of time, else for any stop; the nearest
    place that has one decides.
    """

    code = models.CharField(max_length=40, unique=True, help_text="Short unique code.")
    equipment = models.ForeignKey(
        "plant.Equipment",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text="The place it holds for, and all below; empty for everywhere.",
    )
    reason = models.ForeignKey(
        "plant.Reason",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text="The reason, or group of reasons, it holds for.",
    )
    time_class = models.CharField(
        max_length=20,
        choices=TimeClass,
        blank=True,
        help_text="Or the class of time; empty with no reason: any stop.",
    )
    department = models.ForeignKey(
        "plant.Department",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The department that reacts.",
    )
    role = models.CharField(max_length=12, choices=Role, blank=True, help_text="Or the role that reacts.")
    calls = models.CharField(
        max_length=12,
        choices=HelpCall.Kind,
        blank=True,
        help_text="The call it answers, and that is raised when nobody came in time; empty for none.",
    )
    within = models.DurationField(help_text="Within how long somebody is there, from when it was asked for.")
    authority_en = models.CharField(
        max_length=200, blank=True, help_text="What whoever comes may decide alone, in English."
    )
    authority_fr = models.CharField(
        max_length=200, blank=True, help_text="What whoever comes may decide alone, in French."
    )
    escalate_after = models.DurationField(
        null=True, blank=True, help_text="The next ones are asked when it is not over after so long."
    )
    escalates_to = models.CharField(max_length=12, choices=Role, blank=True, help_text="Who is asked next.")
    is_active = models.BooleanField(default=True, help_text="Unticked when it no longer holds.")

    class Meta:
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(condition=Q(within__gt=timedelta()), name="reaction_within_positive"),
            models.CheckConstraint(
                condition=Q(escalate_after__isnull=True) | Q(escalate_after__gt=timedelta()),
                name="reaction_escalation_positive",
            ),
            models.CheckConstraint(
                condition=Q(reason__isnull=True) | Q(time_class=""), name="reaction_reason_or_class"
            ),
            models.CheckConstraint(
                condition=Q(department__isnull=False) | ~Q(role=""), name="reaction_names_who"
            ),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def authority(self) -> str:
        return bilingual(self.authority_en, self.authority_fr)
