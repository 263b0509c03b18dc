"""What a value means."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from plant.models.base import Configuration, Named


class SignalDefinition(Configuration, Named):
    """An address of a connection, and what its values mean: which machine, which role, which unit."""

    class Role(models.TextChoices):
        STATE = "state", _("State")
        MODE = "mode", _("Mode")
        GOOD_COUNT = "good_count", _("Good count")
        SCRAP_COUNT = "scrap_count", _("Scrap count")
        TOTAL_COUNT = "total_count", _("Total count")
        REWORK_COUNT = "rework_count", _("Rework count")
        SPEED = "speed", _("Speed")
        FAULT_CODE = "fault_code", _("Fault code")
        ALARM = "alarm", _("Alarm")
        ORDER = "order", _("Order")
        LOT = "lot", _("Lot")
        TOOL = "tool", _("Tool")
        PROCESS_VALUE = "process_value", _("Process value")
        SETPOINT = "setpoint", _("Setpoint")

    class ValueType(models.TextChoices):
        ANY = "any"
        INTEGER = "integer"
        NUMBER = "number"
        BOOLEAN = "boolean"
        TEXT = "text"

    connection = models.ForeignKey(
        "connectors.Connection",
        models.CASCADE,
        related_name="signals",
        help_text="Where its values come from.",
    )
    address = models.CharField(
        max_length=400,
        help_text="Its name at the source: nsu=…;s=… (OPC UA), M1/speed (MQTT), group/node/device:metric.",
    )
    equipment = models.ForeignKey(
        "plant.Equipment", models.PROTECT, related_name="+", help_text="The machine or line it speaks about."
    )
    role = models.CharField(max_length=16, choices=Role, help_text="What its values mean to production.")
    unit = models.CharField(max_length=20, blank=True, help_text="Unit of measure, as shown.")
    value_type = models.CharField(
        max_length=8,
        choices=ValueType,
        default=ValueType.ANY,
        help_text="Values of another type are set aside as unreadable.",
    )
    state_map = models.JSONField(
        default=dict, blank=True, help_text="Raw value → state name; empty = the connection's own table."
    )
    setpoint_for = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="setpoints",
        help_text="The process value this setpoint commands.",
    )
    department = models.ForeignKey(
        "plant.Department",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who owns the signal and answers for it.",
    )
    counter_modulus = models.DecimalField(
        max_digits=20,
        decimal_places=0,
        null=True,
        blank=True,
        help_text="Value at which a counter starts again at 0; empty = a fall is a reset.",
    )
    maximum_rate = models.DecimalField(
        max_digits=20,
        decimal_places=6,
        null=True,
        blank=True,
        help_text="Units per hour a counter cannot exceed; empty = twice the machine's highest ideal rate.",
    )
    total_includes_scrap = models.BooleanField(
        null=True, blank=True, help_text="Whether a total count includes defective pieces; empty = not known."
    )

    class Meta:
        ordering = ["connection", "address"]
        constraints = [models.UniqueConstraint(fields=["connection", "address"], name="signal_address_once")]
        indexes = [models.Index(fields=["equipment", "role"], name="signal_by_equipment_role")]

    def __str__(self) -> str:
        return f"{self.connection_id}:{self.address}"
