"""What was asked for, every version of the plan, and what was commanded."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from plant.models.base import Configuration, Fact


class JobOrder(Configuration):
    """A production order as it is planned now: this product, this quantity, on this line, by this time.

    The plan columns hold the newest version; every version is kept in JobOrderVersion. State, start and end
    are
    derived from events and from the line's order signal, and can be recomputed at any time.
    """

    is_master_data = False

    class State(models.TextChoices):
        NOT_ALLOWED_TO_START = "not_allowed_to_start"
        ALLOWED_TO_START = "allowed_to_start"
        RUNNING = "running"
        INTERRUPTED = "interrupted"
        ENDED = "ended"
        ABORTED = "aborted"

    code = models.CharField(max_length=40, unique=True, help_text="Order number, as in the ERP.")
    line = models.ForeignKey(
        "plant.Equipment", models.PROTECT, related_name="+", help_text="The line it is planned on."
    )
    product = models.ForeignKey(
        "plant.MaterialDefinition", models.PROTECT, related_name="+", help_text="What to make."
    )
    work_master = models.ForeignKey(
        "production.WorkMaster",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="How to make it.",
    )
    quantity = models.DecimalField(
        max_digits=20, decimal_places=6, help_text="How many good units are asked for."
    )
    unit = models.CharField(max_length=12, help_text="Unit of the quantity.")
    due_time = models.DateTimeField(null=True, blank=True, help_text="When it must be done (UTC).")
    planned_start = models.DateTimeField(null=True, blank=True, help_text="Planned start (UTC).")
    planned_end = models.DateTimeField(null=True, blank=True, help_text="Planned end (UTC).")
    sequence = models.PositiveIntegerField(default=0, help_text="Place in the line's sequence, first lowest.")
    priority = models.SmallIntegerField(default=0, help_text="Higher goes first among equals.")
    options = models.JSONField(
        default=dict, blank=True, help_text="Options of this order, such as label or language."
    )
    external_id = models.CharField(
        max_length=80, blank=True, help_text="Identifier in the system that sent it."
    )
    external_source = models.CharField(max_length=40, blank=True, help_text="The system that sent it.")
    version = models.PositiveIntegerField(default=1, help_text="Number of the plan version shown.")
    state = models.CharField(
        max_length=20,
        choices=State,
        default=State.ALLOWED_TO_START,
        help_text="Derived from its events (OPC 10031-4).",
    )
    started_at = models.DateTimeField(
        null=True, blank=True, help_text="First start (UTC), derived from its events."
    )
    ended_at = models.DateTimeField(null=True, blank=True, help_text="End (UTC), derived from its events.")
    created_at = models.DateTimeField(default=timezone.now, help_text="When it was first stored.")

    class Meta:
        ordering = ["line", "sequence", "code"]
        indexes = [
            models.Index(fields=["line", "state", "sequence"], name="job_order_dispatch"),
            models.Index(fields=["line", "started_at"], name="job_order_history"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(quantity__gt=0), name="job_order_quantity_positive")
        ]

    def __str__(self) -> str:
        return self.code


class Commanded(Fact):
    """Who gave a command, on what device, and why."""

    person = models.ForeignKey(
        "plant.Person", models.PROTECT, null=True, related_name="+", help_text="Who, if a person."
    )
    device = models.ForeignKey(
        "plant.Device", models.PROTECT, null=True, related_name="+", help_text="On which tablet."
    )
    actor = models.CharField(max_length=80, help_text="Account, key or rule it was done with.")
    why = models.TextField(blank=True, help_text="The reason given.")

    class Meta:
        abstract = True


class JobOrderVersion(Commanded):
    """One version of an order's plan, kept for ever from the first one on."""

    class Change(models.TextChoices):
        STORE = "store"
        UPDATE = "update"
        SEQUENCE = "sequence"

    job_order = models.ForeignKey(JobOrder, models.PROTECT, related_name="versions", help_text="The order.")
    version = models.PositiveIntegerField(help_text="Its number, from 1.")
    change = models.CharField(
        max_length=10, choices=Change, help_text="Stored, updated, or moved in the sequence."
    )
    at = models.DateTimeField(help_text="From when it held (UTC).")
    plan = models.JSONField(help_text="The whole plan: product, quantity, times, sequence, options.")

    class Meta:
        ordering = ["job_order", "version"]
        constraints = [
            models.UniqueConstraint(fields=["job_order", "version"], name="job_order_version_once")
        ]

    def __str__(self) -> str:
        return f"{self.job_order_id} v{self.version}"


class JobOrderEvent(Commanded):
    """A command given to an order by a person or a program. What a machine's order signal says is not stored
    here.
    """

    class Verb(models.TextChoices):
        STORE = "store"
        ALLOW = "allow"
        REVOKE = "revoke"
        START = "start"
        PAUSE = "pause"
        RESUME = "resume"
        STOP = "stop"
        ABORT = "abort"

    job_order = models.ForeignKey(JobOrder, models.PROTECT, related_name="events", help_text="The order.")
    verb = models.CharField(max_length=8, choices=Verb, help_text="What was commanded (OPC 10031-4).")
    at = models.DateTimeField(help_text="When it took effect (UTC).")

    class Meta:
        ordering = ["at", "id"]
        indexes = [models.Index(fields=["job_order", "at"], name="job_order_event_time")]

    def __str__(self) -> str:
        return f"{self.verb} {self.job_order_id}"
