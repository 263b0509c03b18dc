"""What sources said, value by value."""

from __future__ import annotations

from django.db import models


class SignalSample(models.Model):
    """One value of one signal at one instant, as its source gave it; never changed.

    The table is partitioned by day of source time and made by ``sql/signal_sample.sql``; nothing has a
    foreign key to it. One of ``v_int``, ``v_float``, ``v_bool``, ``v_text`` holds the value; none = the
    source said null.
    """

    append_only = True

    signal_id = models.BigIntegerField(help_text="The signal.")
    source_time = models.DateTimeField(help_text="When the source says the value was so (UTC).")
    server_time = models.DateTimeField(null=True, help_text="When the source's server stamped it (UTC).")
    arrival_time = models.DateTimeField(help_text="When it reached the runner (UTC).")
    source_key = models.BigIntegerField(
        help_text="Hash of what tells it from another value of the same signal and instant."
    )
    quality = models.SmallIntegerField(help_text="0 good, 1 uncertain, 2 bad.")
    status_code = models.BigIntegerField(null=True, help_text="The protocol's own status code.")
    historical = models.BooleanField(help_text="Whether the source said it is replaying its own store.")
    v_int = models.DecimalField(
        max_digits=20,
        decimal_places=0,
        null=True,
        help_text="The value, if a whole number (unsigned 64 bits fit).",
    )
    v_float = models.FloatField(null=True, help_text="The value, if a number with a fraction.")
    v_bool = models.BooleanField(null=True, help_text="The value, if true or false.")
    v_text = models.TextField(null=True, help_text="The value, if text.")
    equipment_id = models.BigIntegerField(help_text="The signal's machine when the value was stored.")
    site_id = models.BigIntegerField(help_text="The connection's site.")
    pk = models.CompositePrimaryKey("signal_id", "source_time", "source_key")

    class Meta:
        managed = False
        db_table = "connectors_signalsample"

    def __str__(self) -> str:
        return f"{self.signal_id}@{self.source_time}"
