"""Who was called to which place, who came, and to whom a call was passed on."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from plant.models.base import Fact


class HelpCall(Fact):
    """Somebody at a station asked for material, maintenance, quality or the team leader to come."""

    class Kind(models.TextChoices):
        MATERIAL = "material"
        MAINTENANCE = "maintenance"
        QUALITY = "quality"
        LEAD = "lead"

    kind = models.CharField(max_length=12, choices=Kind, help_text="Who is asked to come.")
    equipment = models.ForeignKey(
        "plant.Equipment", models.PROTECT, related_name="+", help_text="The machine or line to come to."
    )
    raised_at = models.DateTimeField(help_text="When it was tapped (UTC).")
    raised_by = models.ForeignKey(
        "plant.Person", models.PROTECT, null=True, related_name="+", help_text="Who called."
    )
    device = models.ForeignKey(
        "plant.Device", models.PROTECT, null=True, related_name="+", help_text="On which tablet."
    )
    request_code = models.CharField(
        max_length=40, blank=True, help_text="The maintenance request it raised, for a call of maintenance."
    )

    class Meta:
        ordering = ["-raised_at", "-id"]
        indexes = [models.Index(fields=["equipment", "raised_at"], name="help_call_by_place")]

    def __str__(self) -> str:
        return f"{self.kind} {self.raised_at:%Y-%m-%d %H:%M}"


class HelpCallEvent(Fact):
    """A step of a call: somebody has it, it is done, or it was passed on because nobody came in time."""

    class Kind(models.TextChoices):
        TAKEN = "taken"
        RESOLVED = "resolved"
        PASSED_ON = "passed_on"

    call = models.ForeignKey(
        HelpCall, models.PROTECT, related_name="events", help_text="The call it is a step of."
    )
    kind = models.CharField(max_length=10, choices=Kind, help_text="Which step.")
    at = models.DateTimeField(help_text="When (UTC).")
    person = models.ForeignKey(
        "plant.Person",
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="Who took or resolved it; for a call passed on, to whom, empty when nobody is on shift.",
    )
    device = models.ForeignKey(
        "plant.Device", models.PROTECT, null=True, related_name="+", help_text="On which tablet."
    )
    level = models.PositiveSmallIntegerField(
        default=0, help_text="Passed on: 1 when nobody took it in time, 2 when nobody resolved it in time."
    )

    class Meta:
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["call", "kind"], condition=~Q(kind="passed_on"), name="help_call_step_once"
            ),
            models.UniqueConstraint(
                fields=["call", "level", "person"],
                condition=Q(kind="passed_on"),
                nulls_distinct=False,
                name="help_call_passed_on_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.call_id}"
