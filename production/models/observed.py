"""What the machines did, derived from samples, gaps and watermarks; dropped and rebuilt with the same
rows.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from plant.models.base import Derivation


class StateInterval(Derivation):
    """One machine in one state, mode and fault from start to end. Intervals of a machine never overlap."""

    work_unit = models.ForeignKey(
        "plant.Equipment", models.CASCADE, related_name="+", db_index=False, help_text="The machine."
    )
    start_time = models.DateTimeField(help_text="Start (UTC), included.")
    end_time = models.DateTimeField(null=True, help_text="End (UTC), excluded; empty while it lasts.")
    state = models.CharField(max_length=16, help_text="PackML state name, starved, blocked, or unknown.")
    mode = models.CharField(max_length=24, help_text="Operating mode: produce, maintenance, manual…")
    fault_code = models.CharField(
        max_length=80, blank=True, help_text="Fault the machine reported in this time."
    )
    cause = models.CharField(
        max_length=12, blank=True, help_text="Why unknown: silence, gap, quality or unmapped."
    )

    class Meta:
        ordering = ["work_unit", "start_time"]
        # By the end first: what overlaps a window is found without reading all that came before it.
        indexes = [models.Index(fields=["work_unit", "end_time", "start_time"], name="state_interval_window")]
        constraints = [
            models.UniqueConstraint(fields=["work_unit", "start_time"], name="state_interval_once"),
            models.CheckConstraint(
                condition=Q(end_time__isnull=True) | Q(end_time__gt=F("start_time")),
                name="state_interval_not_empty",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.work_unit_id} {self.state} {self.start_time:%Y-%m-%d %H:%M:%S}"


class Stop(Derivation):
    """A machine not running for one and the same sort of reason, without a break. Addressed by machine and
    instant.
    """

    class Size(models.TextChoices):
        SPEED_LOSS = "speed_loss"
        MICRO = "micro"
        REGISTERED = "registered"

    class BaseClass(models.TextChoices):
        OWN = "own"
        IDLE = "idle"
        STARVED = "starved"
        BLOCKED = "blocked"
        SUSPENDED = "suspended"
        PLANNED = "planned"

    id = models.UUIDField(primary_key=True, help_text="Name-based (version 5) from machine code and start.")
    work_unit = models.ForeignKey(
        "plant.Equipment", models.CASCADE, related_name="+", db_index=False, help_text="The machine."
    )
    start_time = models.DateTimeField(help_text="Start (UTC), included.")
    end_time = models.DateTimeField(null=True, help_text="End (UTC), excluded; empty while it lasts.")
    base_class = models.CharField(
        max_length=10, choices=BaseClass, help_text="Own, idle, induced by a neighbour, or planned."
    )
    size = models.CharField(
        max_length=10, choices=Size, help_text="Decided by the whole duration, never by a window."
    )
    fault_code = models.CharField(
        max_length=80, blank=True, help_text="First fault the machine reported in it."
    )
    needs_reason = models.BooleanField(
        help_text="Long enough, the machine's own, and inside planned working time."
    )

    class Meta:
        ordering = ["-start_time"]
        indexes = [
            models.Index(fields=["start_time"], name="stop_by_start"),
            models.Index(fields=["work_unit", "end_time", "start_time"], name="stop_window"),
            models.Index(fields=["work_unit"], condition=Q(end_time__isnull=True), name="stop_open"),
        ]
        constraints = [models.UniqueConstraint(fields=["work_unit", "start_time"], name="stop_once")]

    def __str__(self) -> str:
        return f"{self.work_unit_id} {self.base_class} {self.start_time:%Y-%m-%d %H:%M:%S}"


class OrderSpan(Derivation):
    """The time an equipment worked on one order: by its own order signal, or by the commands given on its
    line.
    """

    class Source(models.TextChoices):
        SIGNAL = "signal"
        EVENTS = "events"

    equipment = models.ForeignKey(
        "plant.Equipment",
        models.CASCADE,
        related_name="+",
        db_index=False,
        help_text="The machine, or the line.",
    )
    order_code = models.CharField(
        max_length=80, help_text="Order number as signalled; it may not be known here."
    )
    start_time = models.DateTimeField(help_text="Start (UTC), included.")
    end_time = models.DateTimeField(null=True, help_text="End (UTC), excluded; empty while it lasts.")
    source = models.CharField(max_length=6, choices=Source, help_text="Order signal or commands.")

    class Meta:
        ordering = ["equipment", "start_time"]
        indexes = [
            models.Index(fields=["order_code", "start_time"], name="order_span_by_order"),
            models.Index(fields=["equipment", "end_time", "start_time"], name="order_span_window"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["equipment", "source", "start_time", "order_code"], name="order_span_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.order_code} on {self.equipment_id}"


class ToolSpan(Derivation):
    """The time a tool (mould, format part, nozzle set) was mounted, as the machine's tool signal says."""

    work_unit = models.ForeignKey(
        "plant.Equipment", models.CASCADE, related_name="+", db_index=False, help_text="The machine."
    )
    signal = models.ForeignKey(
        "connectors.SignalDefinition",
        models.CASCADE,
        related_name="+",
        db_index=False,
        help_text="Its tool signal.",
    )
    tool_code = models.CharField(max_length=80, help_text="Identifier of the tool, as signalled.")
    start_time = models.DateTimeField(help_text="Start (UTC), included.")
    end_time = models.DateTimeField(null=True, help_text="End (UTC), excluded; empty while it lasts.")

    class Meta:
        ordering = ["work_unit", "start_time"]
        indexes = [models.Index(fields=["work_unit", "end_time", "start_time"], name="tool_span_window")]
        constraints = [models.UniqueConstraint(fields=["signal", "start_time"], name="tool_span_once")]

    def __str__(self) -> str:
        return f"{self.tool_code} on {self.work_unit_id}"


class LotSpan(Derivation):
    """The time a machine said it worked with a lot, by its lot signal: evidence beside what people book."""

    work_unit = models.ForeignKey(
        "plant.Equipment", models.CASCADE, related_name="+", db_index=False, help_text="The machine."
    )
    signal = models.ForeignKey(
        "connectors.SignalDefinition",
        models.CASCADE,
        related_name="+",
        db_index=False,
        help_text="Its lot signal.",
    )
    lot_code = models.CharField(
        max_length=80, db_index=True, help_text="Lot as signalled; it may not be known here."
    )
    start_time = models.DateTimeField(help_text="Start (UTC), included.")
    end_time = models.DateTimeField(null=True, help_text="End (UTC), excluded; empty while it lasts.")

    class Meta:
        ordering = ["work_unit", "start_time"]
        indexes = [models.Index(fields=["work_unit", "end_time", "start_time"], name="lot_span_window")]
        constraints = [models.UniqueConstraint(fields=["signal", "start_time"], name="lot_span_once")]

    def __str__(self) -> str:
        return f"{self.lot_code} on {self.work_unit_id}"


class AlarmInterval(Derivation):
    """An alarm or fault of a machine: raised, perhaps acknowledged, cleared."""

    work_unit = models.ForeignKey(
        "plant.Equipment", models.CASCADE, related_name="+", db_index=False, help_text="The machine."
    )
    signal = models.ForeignKey(
        "connectors.SignalDefinition",
        models.CASCADE,
        related_name="+",
        db_index=False,
        help_text="The signal it came by.",
    )
    code = models.CharField(
        max_length=80, help_text="Alarm code, or the address of a two-state alarm signal."
    )
    text = models.CharField(
        max_length=200,
        blank=True,
        default="",
        help_text="The machine's own words when it was raised, in its own language; empty if it sent none.",
    )
    start_time = models.DateTimeField(help_text="Raised (UTC).")
    acknowledged_at = models.DateTimeField(
        null=True, help_text="Acknowledged at the machine (UTC), if it says so."
    )
    end_time = models.DateTimeField(null=True, help_text="Cleared (UTC); empty while active.")

    class Meta:
        ordering = ["work_unit", "start_time"]
        indexes = [models.Index(fields=["work_unit", "end_time", "start_time"], name="alarm_window")]
        constraints = [models.UniqueConstraint(fields=["signal", "start_time"], name="alarm_once")]

    def __str__(self) -> str:
        return f"{self.code} on {self.work_unit_id}"


class QuantityActual(Derivation):
    """Pieces a counter counted in five minutes, or one flagged step of it. Time is that of the later
    sample.
    """

    class Kind(models.TextChoices):
        GOOD = "good"
        SCRAP = "scrap"
        REWORK = "rework"
        TOTAL = "total"

    class Flag(models.TextChoices):
        NONE = ""
        RESET = "reset"
        ROLLOVER = "rollover"
        GAP = "gap"
        IMPLAUSIBLE = "implausible"
        BACKWARDS = "backwards"

    work_unit = models.ForeignKey(
        "plant.Equipment", models.CASCADE, related_name="+", db_index=False, help_text="The machine."
    )
    signal = models.ForeignKey(
        "connectors.SignalDefinition",
        models.CASCADE,
        related_name="+",
        db_index=False,
        help_text="The counter.",
    )
    kind = models.CharField(max_length=6, choices=Kind, help_text="What the counter counts.")
    start_time = models.DateTimeField(
        help_text="Start of the five minutes, or the sample before a flagged step (UTC)."
    )
    end_time = models.DateTimeField(
        help_text="End of the five minutes, or the sample of a flagged step (UTC)."
    )
    flag = models.CharField(
        max_length=12, blank=True, choices=Flag, help_text="What is odd about a step, if anything."
    )
    quantity = models.DecimalField(
        max_digits=20, decimal_places=6, help_text="Pieces; 0 for steps that cannot be counted."
    )

    class Meta:
        ordering = ["work_unit", "start_time"]
        indexes = [models.Index(fields=["work_unit", "end_time"], name="quantity_window")]
        constraints = [
            models.UniqueConstraint(fields=["signal", "end_time", "flag", "start_time"], name="quantity_once")
        ]

    def __str__(self) -> str:
        return f"{self.quantity} {self.kind} on {self.work_unit_id}"


class StitchCheckpoint(Derivation):
    """How far a machine's samples are folded into the rows above; committed together with them."""

    work_unit = models.OneToOneField(
        "plant.Equipment", models.CASCADE, primary_key=True, related_name="+", help_text="The machine."
    )
    begun = models.DateTimeField(help_text="From where on its samples are folded (UTC).")
    folded_to = models.DateTimeField(help_text="Source time of the newest sample folded (UTC).")
    horizon = models.DateTimeField(
        help_text="Until when its silence is known (UTC): last watermark or sample."
    )

    def __str__(self) -> str:
        return f"{self.work_unit_id} to {self.folded_to}"


class StitchFailure(Derivation):
    """A machine whose samples could not be folded, while that lasts: its rows stand still, other machines go
    on.
    """

    work_unit = models.OneToOneField(
        "plant.Equipment", models.CASCADE, primary_key=True, related_name="+", help_text="The machine."
    )
    failed_since = models.DateTimeField(help_text="First failure since it last went well (UTC).")
    error = models.CharField(max_length=400, help_text="What the program said, its first line.")

    def __str__(self) -> str:
        return f"{self.work_unit_id} since {self.failed_since}"
