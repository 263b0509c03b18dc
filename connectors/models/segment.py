"""Samples of a day that is over, packed: what a signal said, in a twentieth of the room; and what of it was
dropped.
"""

from __future__ import annotations

from datetime import date, timedelta

from django.db import models
from django.db.models import F, Q

from plant.models.base import Fact


class SampleSegment(Fact):
    """Up to 65,536 samples of one signal on one day, packed by column and compressed; the same samples as the
    rows they replace, to the last bit. Read through the selectors of samples, never by itself.
    """

    signal_id = models.BigIntegerField(help_text="The signal.")
    day = models.DateField(help_text="Day of source time (UTC).")
    first_time = models.DateTimeField(help_text="Source time of its first sample (UTC).")
    last_time = models.DateTimeField(help_text="Source time of its last sample (UTC).")
    last_arrival = models.DateTimeField(help_text="When the last of its samples to arrive did (UTC).")
    count = models.IntegerField(help_text="Samples in it.")
    codec = models.SmallIntegerField(default=1, help_text="How they are packed.")
    data = models.BinaryField(help_text="The packed samples.")
    seal = models.BinaryField(default=b"", help_text="SHA-256 of it and of the signal's seal before it.")

    class Meta:
        indexes = [
            models.Index(fields=["signal_id", "last_time"], name="segment_by_signal_and_time"),
            models.Index(fields=["day"], name="segment_by_day"),
            models.Index(fields=["signal_id", "id"], name="segment_by_signal_and_seal"),
        ]

    def __str__(self) -> str:
        return f"{self.signal_id} {self.first_time}"


class RetiredHistory(Fact):
    """Packed days of one signal that were dropped because they were older than the plant keeps such values.
    What was dropped, by which rule and why stays here for ever, with what breaks silence and
    what seals later days.
    """

    connection = models.ForeignKey(
        "connectors.Connection", models.PROTECT, related_name="+", help_text="Where the values came from."
    )
    signal_id = models.BigIntegerField(help_text="The signal.")
    start_time = models.DateTimeField(help_text="Start of the first day dropped (UTC), included.")
    end_time = models.DateTimeField(help_text="End of the last day dropped (UTC), excluded.")
    samples = models.BigIntegerField(help_text="Values dropped.")
    segments = models.IntegerField(help_text="Packed segments dropped.")
    size = models.BigIntegerField(help_text="Bytes they took.")
    rule = models.CharField(max_length=80, help_text="The rule it was dropped by: role and months kept.")
    why = models.CharField(max_length=200, help_text="What the rule said on that day.")
    checksum = models.CharField(
        max_length=64, help_text="SHA-256 of the seals of the segments, in their order."
    )
    seals = models.JSONField(help_text="Number and seal of each segment: what seals the next is still known.")
    heard = models.BinaryField(
        help_text="Packed instants at which the signal spoke, thinned: silence is still known."
    )

    class Meta:
        ordering = ["signal_id", "start_time"]
        indexes = [models.Index(fields=["signal_id", "end_time"], name="retired_by_signal")]
        constraints = [
            models.CheckConstraint(condition=Q(end_time__gt=F("start_time")), name="retired_not_empty")
        ]

    @property
    def last_day(self) -> date:
        return (self.end_time - timedelta(days=1)).date()

    def __str__(self) -> str:
        return f"{self.signal_id} {self.start_time:%Y-%m-%d} to {self.last_day}"


class HistoryCheck(Fact):
    """The packed history of a connection was read and compared with its seals."""

    connection = models.ForeignKey(
        "connectors.Connection", models.PROTECT, related_name="+", help_text="The connection."
    )
    segments = models.BigIntegerField(help_text="Packed segments read.")
    retired = models.BigIntegerField(help_text="Segments dropped by retention until then.")
    samples = models.BigIntegerField(help_text="Values in them.")
    broken = models.JSONField(help_text="What did not agree: signal, day and what is wrong.")

    class Meta:
        indexes = [models.Index(fields=["connection", "-id"], name="history_check_latest")]

    def __str__(self) -> str:
        return f"{self.connection_id} at {self.recorded_at:%Y-%m-%d %H:%M}"
