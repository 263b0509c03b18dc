"""The time account of closed windows, added up once: a cache that always equals the account it is made of."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from plant.models.base import Derivation


class RollupWindow(Derivation):
    """A shift of a machine, or the time between two, over and added up. A machine's windows touch."""

    work_unit = models.ForeignKey(
        "plant.Equipment", models.CASCADE, related_name="+", db_index=False, help_text="The machine."
    )
    start_time = models.DateTimeField(help_text="Start (UTC), included.")
    end_time = models.DateTimeField(help_text="End (UTC), excluded.")
    shift_code = models.CharField(max_length=40, blank=True, help_text="The shift; empty between shifts.")
    production_day = models.DateField(null=True, help_text="The day the shift counts for.")
    failed = models.TextField(
        blank=True,
        help_text="Starts of the stops that were a breakdown in it, microseconds since 1970, by commas.",
    )
    counters = models.CharField(
        max_length=200, blank=True, help_text="Ids of the counters that had spoken by its end."
    )
    shared_instant = models.BooleanField(
        help_text="Pieces were counted at the very instant of its start, where the order changed too."
    )

    class Meta:
        ordering = ["work_unit", "start_time"]
        constraints = [
            models.UniqueConstraint(fields=["work_unit", "start_time"], name="rollup_window_once"),
            models.CheckConstraint(condition=Q(end_time__gt=F("start_time")), name="rollup_window_not_empty"),
        ]

    def __str__(self) -> str:
        return f"{self.work_unit_id} {self.shift_code} {self.start_time:%Y-%m-%d %H:%M}"


class RollupTime(Derivation):
    """Time of one class, order and reason in a closed window of a machine, and how many stops began in it.

    All rows of a window add up to it exactly. The product follows from the order.
    """

    work_unit = models.ForeignKey(
        "plant.Equipment", models.CASCADE, related_name="+", db_index=False, help_text="The machine."
    )
    start_time = models.DateTimeField(help_text="Start of the window (UTC).")
    shift_code = models.CharField(max_length=40, blank=True, help_text="Its shift; empty between shifts.")
    order_code = models.CharField(max_length=80, blank=True, help_text="The order worked on, if any.")
    time_class = models.CharField(max_length=20, help_text="What the time counts as.")
    reason_code = models.CharField(max_length=40, blank=True, help_text="The reason in force, if any.")
    uncoded = models.BooleanField(help_text="In stops that ask for a reason and have none.")
    microseconds = models.BigIntegerField(help_text="How long.")
    stops = models.PositiveIntegerField(help_text="Stops that began in this time.")

    class Meta:
        ordering = ["work_unit", "start_time"]
        constraints = [
            models.UniqueConstraint(
                fields=["work_unit", "start_time", "order_code", "time_class", "reason_code", "uncoded"],
                name="rollup_time_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.work_unit_id} {self.time_class} {self.start_time:%Y-%m-%d %H:%M}"


class RollupMonth(Derivation):
    """Time of one class and reason in the closed windows of a machine that begin in one month, by the code
    of the shift: what questions over a year are read from.
    """

    work_unit = models.ForeignKey(
        "plant.Equipment", models.CASCADE, related_name="+", db_index=False, help_text="The machine."
    )
    month = models.DateField(help_text="First day of the month (UTC).")
    shift_code = models.CharField(max_length=40, blank=True, help_text="The shift; empty between shifts.")
    time_class = models.CharField(max_length=20, help_text="What the time counts as.")
    reason_code = models.CharField(max_length=40, blank=True, help_text="The reason in force, if any.")
    uncoded = models.BooleanField(help_text="In stops that ask for a reason and have none.")
    microseconds = models.BigIntegerField(help_text="How long.")
    stops = models.PositiveIntegerField(help_text="Stops that began in this time.")

    class Meta:
        ordering = ["work_unit", "month"]
        constraints = [
            models.UniqueConstraint(
                fields=["work_unit", "month", "shift_code", "time_class", "reason_code", "uncoded"],
                name="rollup_month_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.work_unit_id} {self.time_class} {self.month:%Y-%m}"


class RollupOutput(Derivation):
    """Pieces a machine counted for one order in a closed window. Empty: none of its counters tells."""

    work_unit = models.ForeignKey(
        "plant.Equipment", models.CASCADE, related_name="+", db_index=False, help_text="The machine."
    )
    start_time = models.DateTimeField(help_text="Start of the window (UTC).")
    order_code = models.CharField(max_length=80, blank=True, help_text="The order; empty between orders.")
    good = models.DecimalField(max_digits=20, decimal_places=6, null=True, help_text="Good pieces.")
    total = models.DecimalField(
        max_digits=20,
        decimal_places=6,
        null=True,
        help_text="All pieces; the good ones where all are not counted.",
    )
    scrap = models.DecimalField(max_digits=20, decimal_places=6, null=True, help_text="Rejected pieces.")

    class Meta:
        ordering = ["work_unit", "start_time"]
        constraints = [
            models.UniqueConstraint(
                fields=["work_unit", "start_time", "order_code"], name="rollup_output_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.work_unit_id} {self.order_code} {self.start_time:%Y-%m-%d %H:%M}"


class RollupMark(Derivation):
    """What closed windows are made from has changed here: they are not read until they are made again.

    Written by the database itself, in the transaction that changed it.
    """

    equipment_id = models.BigIntegerField(help_text="The machine, or the line.")
    from_time = models.DateTimeField(null=True, help_text="Earliest instant touched (UTC); empty: all.")
    to_time = models.DateTimeField(null=True, help_text="Latest instant touched (UTC); empty: all.")
    times_only = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Only what the time counts as has changed; pieces are counted as before.",
    )

    class Meta:
        indexes = [models.Index(fields=["equipment_id"], name="rollup_mark_of")]

    def __str__(self) -> str:
        return f"{self.equipment_id} {self.from_time}"


class RollupReach(Derivation):
    """How far a machine's windows are closed, and up to where changes to its rows are marked."""

    work_unit = models.OneToOneField(
        "plant.Equipment", models.CASCADE, primary_key=True, related_name="+", help_text="The machine."
    )
    closed_to = models.DateTimeField(null=True, help_text="End of its last closed window (UTC).")
    watched_to = models.DateTimeField(help_text="Changes that begin before it are marked (UTC).")

    def __str__(self) -> str:
        return f"{self.work_unit_id} to {self.closed_to}"
