"""Actions: what somebody will do about a loss, until when, and whether it helped."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from plant.models.base import Configuration


class Action(Configuration):
    """Something one person will do about a repeated loss of a machine or line until its effect is checked."""

    is_master_data = False

    class State(models.TextChoices):
        PLAN = "plan"
        DO = "do"
        CHECK = "check"
        ACT = "act"
        CLOSED = "closed"

    title = models.CharField(max_length=160, help_text="What will be done, in one line.")
    equipment = models.ForeignKey(
        "plant.Equipment", models.PROTECT, related_name="+", help_text="The machine or line it is about."
    )
    reason = models.ForeignKey(
        "plant.Reason",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The repeated loss it is meant to cure; empty for another matter.",
    )
    owner = models.ForeignKey("plant.Person", models.PROTECT, related_name="+", help_text="Who will do it.")
    due_on = models.DateField(help_text="By when.")
    state = models.CharField(
        max_length=6, choices=State, default=State.PLAN, help_text="Plan, do, check, act, or closed."
    )
    evidence = models.CharField(
        max_length=500,
        blank=True,
        help_text="Page that shows the loss, such as a list of stops.",
    )
    opened_by = models.ForeignKey(
        "plant.Person", models.PROTECT, null=True, related_name="+", help_text="Who opened it."
    )
    opened_at = models.DateTimeField(default=timezone.now, help_text="When it was opened (UTC).")
    done_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When it was done (UTC): what came before and after is compared there.",
    )
    result = models.TextField(blank=True, help_text="What was done and what came of it, said when done.")
    closed_at = models.DateTimeField(null=True, blank=True, help_text="When it was closed (UTC).")
    effect = models.TextField(blank=True, help_text="What the check of its effect showed.")

    class Meta:
        ordering = ["due_on", "id"]
        indexes = [
            models.Index(
                fields=["equipment", "reason"], condition=~Q(state="closed"), name="action_open_by_equipment"
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="closed") | (Q(closed_at__isnull=False) & ~Q(effect="")),
                name="action_closed_with_effect",
            )
        ]

    def __str__(self) -> str:
        return self.title
