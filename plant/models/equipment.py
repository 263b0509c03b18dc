"""Where work happens: the role-based equipment hierarchy of ISA-95 part 2 (IEC 62264-2 §5.4)."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from plant.models.base import Configuration, Named


class Department(Configuration, Named):
    """A part of the organisation that owns signals, reasons and specifications, such as maintenance."""

    code = models.CharField(max_length=40, unique=True, help_text="Short unique code.")

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.code


class EquipmentClass(Configuration, Named):
    """A family of machines that share reasons and state meaning, such as all fillers."""

    code = models.CharField(max_length=40, unique=True, help_text="Short unique code.")
    parent = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="children",
        help_text="The wider class it inherits from.",
    )

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.code


class ParallelGroup(Configuration, Named):
    """Machines of a line that do one step side by side; it stands still when fewer than its minimum run."""

    code = models.CharField(max_length=40, unique=True, help_text="Short unique code, such as L1-FILLERS.")
    line = models.ForeignKey(
        "plant.Equipment", models.CASCADE, related_name="+", help_text="The line its machines are part of."
    )
    minimum_running = models.PositiveSmallIntegerField(
        default=1, help_text="How many of its machines must run for the line to go on."
    )

    class Meta:
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(minimum_running__gte=1), name="parallel_group_needs_a_machine"
            )
        ]

    def __str__(self) -> str:
        return self.code


class Equipment(Configuration, Named):
    """A place in the plant that does work, by the role it plays: site, area, line or work unit (machine)."""

    class Level(models.TextChoices):
        ENTERPRISE = "enterprise"
        SITE = "site"
        AREA = "area"
        LINE = "line"
        WORK_UNIT = "work_unit"

    code = models.CharField(max_length=40, unique=True, help_text="Unique code, as painted on the machine.")
    level = models.CharField(max_length=12, choices=Level, help_text="Level in the equipment hierarchy.")
    parent = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="children",
        help_text="What it is part of.",
    )
    path = models.CharField(
        max_length=255,
        unique=True,
        help_text="Codes from the top down, such as /SITE/AREA/LINE/UNIT/; scopes compare it.",
    )
    equipment_class = models.ForeignKey(
        EquipmentClass,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The family it belongs to.",
    )
    position = models.PositiveSmallIntegerField(
        default=0, help_text="Order along the line, first machine lowest."
    )
    time_zone = models.CharField(
        max_length=64, blank=True, help_text="IANA time zone of a site, such as Europe/Paris."
    )
    is_constraint = models.BooleanField(
        default=False, help_text="Declared as the machine that paces its line."
    )
    is_manual = models.BooleanField(
        default=False,
        help_text="Sends no state of its own: people say on the tablet when work starts and stops.",
    )
    parallel_orders = models.PositiveSmallIntegerField(
        default=1, help_text="Of a line of manual stations: how many orders may run at the same time."
    )
    counts_by_hand = models.BooleanField(
        default=False, editable=False, help_text="People have entered counts here; the first one sets it."
    )
    recounts_rework = models.BooleanField(
        default=False,
        help_text="Pieces that are good after rework pass its counters again: they are in its good count.",
    )
    parallel_group = models.ForeignKey(
        ParallelGroup,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="machines",
        help_text="The machines it stands beside, where several do the same step; empty in series.",
    )
    minimum_stop = models.DurationField(
        null=True, blank=True, help_text="Shorter halts are speed loss, not stops (default: the cycle time)."
    )
    registered_stop = models.DurationField(
        null=True,
        blank=True,
        help_text="Stops at least this long need a reason; shorter ones are micro-stops (default 120 s).",
    )
    stale_after = models.DurationField(
        null=True, blank=True, help_text="Silence after which the state is no longer known (default 60 s)."
    )
    no_count_after = models.DurationField(
        null=True,
        blank=True,
        help_text="So long without a piece while it runs means stopped since the last one.",
    )
    no_count_cycles = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="The same in cycles of its slowest ideal rate; of the two the longer holds.",
    )
    slow_below = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="Percent of the ideal rate below which it runs slow (empty: not told apart).",
    )
    slow_over = models.DurationField(
        null=True,
        blank=True,
        help_text="Time over which that rate is taken, in whole five minutes (default 15 min).",
    )

    class Meta:
        ordering = ["path"]
        indexes = [models.Index(fields=["parent", "position"], name="equipment_by_position")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(path__startswith="/") & models.Q(path__endswith="/"),
                name="equipment_path_is_closed",
            ),
        ]

    def __str__(self) -> str:
        return self.code


class EquipmentLink(Configuration):
    """Material flows from one machine to the next, through an accumulation buffer of known size."""

    upstream = models.ForeignKey(
        Equipment, models.CASCADE, related_name="links_out", help_text="The machine that feeds."
    )
    downstream = models.ForeignKey(
        Equipment, models.CASCADE, related_name="links_in", help_text="The machine that is fed."
    )
    buffer_capacity = models.PositiveIntegerField(default=0, help_text="Pieces that fit between the two.")
    transit = models.DurationField(null=True, help_text="Time a piece takes from one to the other.")
    tolerance = models.DurationField(
        null=True,
        blank=True,
        help_text="How far apart the two may report one event (default 3 s; learned as the 95th percentile).",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["upstream", "downstream"], name="equipment_link_once"),
            models.CheckConstraint(
                condition=~models.Q(upstream=models.F("downstream")), name="equipment_link_not_to_itself"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.upstream_id} → {self.downstream_id}"


class Revision(models.Model):
    """A number that grows with every change a line's pages could show; unchanged means nothing to redraw."""

    line = models.OneToOneField(
        Equipment, models.CASCADE, primary_key=True, related_name="+", help_text="The line."
    )
    value = models.BigIntegerField(default=0, help_text="Grows by one with every committed change.")

    def __str__(self) -> str:
        return f"{self.line_id}@{self.value}"


class ConfigurationRevision(models.Model):
    """One value for all master data: another one after every change, whoever made it, by page, file or SQL.

    Written by the database in the transaction of the change; a value never comes back.
    """

    id = models.SmallIntegerField(primary_key=True, default=1, help_text="Always 1: there is one row.")
    value = models.UUIDField(help_text="Drawn anew with every change of master data.")

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="configuration_revision_is_one")]

    def __str__(self) -> str:
        return str(self.value)
