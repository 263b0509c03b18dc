"""Samples of a day that is over, packed: what a signal said, in a twentieth of the room."""

from __future__ import annotations

from django.db import models

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

    class Meta:
        indexes = [
            models.Index(fields=["signal_id", "last_time"], name="segment_by_signal_and_time"),
            models.Index(fields=["day"], name="segment_by_day"),
        ]

    def __str__(self) -> str:
        return f"{self.signal_id} {self.first_time}"
