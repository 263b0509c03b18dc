"""What people said about a machine's time and counts: on the time axis, never about a derived row."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from plant.models.base import Assertion


class ReasonAssertion(Assertion):
    """Someone, or a named rule, said why a machine did not run in a range of time. A split is two of
    these.
    """

    equipment = models.ForeignKey(
        "plant.Equipment", models.PROTECT, related_name="+", help_text="The machine."
    )
    start_time = models.DateTimeField(help_text="Start of the range (UTC), included.")
    end_time = models.DateTimeField(
        null=True, help_text="End of the range (UTC), excluded; empty: until the stop ends."
    )
    reason = models.ForeignKey(
        "plant.Reason",
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="The reason; empty takes an earlier one back.",
    )
    comment = models.TextField(blank=True, help_text="In the author's words.")
    rule = models.ForeignKey(
        "production.ReasonRule",
        models.PROTECT,
        null=True,
        db_index=False,
        related_name="+",
        help_text="The rule that said it, if a rule did.",
    )
    together = models.UUIDField(
        null=True, help_text="Names the split, merge or undo this entry was said in, with its others."
    )

    class Meta:
        ordering = ["said_at", "id"]
        indexes = [
            models.Index(fields=["equipment", "start_time"], name="reason_assertion_window"),
            models.Index(fields=["equipment", "end_time", "start_time"], name="reason_assertion_reach"),
            models.Index(
                fields=["together"], condition=Q(together__isnull=False), name="reason_assertion_together"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(end_time__isnull=True) | Q(end_time__gt=F("start_time")),
                name="reason_range_not_empty",
            ),
            models.UniqueConstraint(
                fields=["equipment", "start_time"],
                condition=Q(rule__isnull=False),
                name="reason_by_rule_once_per_stop",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reason_id} on {self.equipment_id}"


class NoteAssertion(Assertion):
    """A free note about a machine or line, an instant or a range, and perhaps an order."""

    equipment = models.ForeignKey(
        "plant.Equipment", models.PROTECT, related_name="+", help_text="The machine or line."
    )
    start_time = models.DateTimeField(help_text="The instant, or the start of the range (UTC).")
    end_time = models.DateTimeField(
        null=True, help_text="End of the range (UTC), excluded; empty for an instant."
    )
    job_order = models.ForeignKey(
        "production.JobOrder",
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="The order it is about, if one.",
    )
    text = models.TextField(help_text="The note.")

    class Meta:
        ordering = ["start_time", "id"]
        indexes = [models.Index(fields=["equipment", "start_time"], name="note_assertion_window")]

    def __str__(self) -> str:
        return self.text[:60]


class CountAssertion(Assertion):
    """A quantity a person counted on a machine in a range, perhaps for an order. Where the machine counts
    that itself it stands beside; where it does not, it is the machine's quantity. Scrap may carry its reason.
    """

    class Kind(models.TextChoices):
        GOOD = "good"
        SCRAP = "scrap"
        REWORK = "rework"
        # What became of pieces that were sent to rework.
        REWORK_GOOD = "rework_good"
        REWORK_SCRAP = "rework_scrap"

    equipment = models.ForeignKey(
        "plant.Equipment", models.PROTECT, related_name="+", help_text="The machine or line."
    )
    job_order = models.ForeignKey(
        "production.JobOrder",
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="The order it counts for.",
    )
    start_time = models.DateTimeField(help_text="Start of the range counted (UTC), included.")
    end_time = models.DateTimeField(help_text="End of the range counted (UTC), excluded.")
    kind = models.CharField(
        max_length=12,
        choices=Kind,
        help_text="Good, scrap, sent to rework, or good or scrapped after rework.",
    )
    quantity = models.DecimalField(max_digits=20, decimal_places=6, help_text="How many.")
    reason = models.ForeignKey(
        "plant.Reason",
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="Why scrapped or reworked, if said.",
    )
    comment = models.TextField(blank=True, help_text="In the author's words.")
    together = models.UUIDField(
        null=True, help_text="Names the split this entry was said in, with its others."
    )

    class Meta:
        ordering = ["said_at", "id"]
        indexes = [
            models.Index(fields=["equipment", "start_time"], name="count_assertion_window"),
            models.Index(fields=["equipment", "end_time"], name="count_assertion_end"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gte=0), name="count_not_negative"),
            models.CheckConstraint(condition=Q(end_time__gte=F("start_time")), name="count_range_ordered"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} {self.kind}"


class ChangeoverStepAssertion(Assertion):
    """Someone ticked a step of the changeover to an order: when it began, when it was done. Neither takes an
    earlier tick back.
    """

    equipment = models.ForeignKey(
        "plant.Equipment", models.PROTECT, related_name="+", help_text="The line that was changed over."
    )
    job_order = models.ForeignKey(
        "production.JobOrder",
        models.PROTECT,
        related_name="+",
        help_text="The order the line was changed over to.",
    )
    step = models.ForeignKey(
        "production.ChangeoverStep", models.PROTECT, related_name="+", help_text="The step."
    )
    is_external = models.BooleanField(help_text="Whether the step was external when this was said.")
    start_time = models.DateTimeField(
        null=True, help_text="When it began (UTC), included; empty: nobody said."
    )
    end_time = models.DateTimeField(
        null=True, help_text="When it was done (UTC), excluded; empty while it goes on."
    )

    class Meta:
        ordering = ["said_at", "id"]
        indexes = [models.Index(fields=["job_order", "step"], name="changeover_step_by_order")]
        constraints = [
            models.CheckConstraint(
                condition=Q(start_time__isnull=True)
                | Q(end_time__isnull=True)
                | Q(end_time__gte=F("start_time")),
                name="changeover_step_range_ordered",
            )
        ]

    def __str__(self) -> str:
        return f"{self.step_id} for {self.job_order_id}"
