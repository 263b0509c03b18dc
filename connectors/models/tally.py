"""What was counted on both sides of the way in: by the runner on its disk, and by ingest."""

from __future__ import annotations

from django.db import models


class IngestTally(models.Model):
    """Values of a connection that ingest counted: each row one delivery, rows of old hours added up.

    Written in the transaction that stores the values, so received = stored + deduplicated + quarantined
    holds in every row; ``told`` is the sender's own count, which it need not agree with.
    """

    connection = models.ForeignKey(
        "connectors.Connection", models.PROTECT, related_name="+", help_text="The connection."
    )
    spool = models.UUIDField(null=True, help_text="The runner's spool file; empty = sent to the API.")
    at = models.DateTimeField(help_text="When they were stored, or the hour (UTC).")
    is_hour = models.BooleanField(default=False, help_text="Whether the row adds up an hour.")
    told = models.BigIntegerField(
        null=True, help_text="Values the runner counted when it wrote them to its disk; empty = it did not."
    )
    received = models.BigIntegerField(help_text="Values and unreadable messages that came.")
    stored = models.BigIntegerField(help_text="Values that were new.")
    deduplicated = models.BigIntegerField(help_text="Values that were there already.")
    quarantined = models.BigIntegerField(help_text="Values and messages set aside as unreadable.")
    ignored = models.BigIntegerField(
        default=0, help_text="Of those set aside, values of addresses somebody decided to ignore: not kept."
    )
    delays = models.JSONField(
        default=dict, help_text="Time from source to database: number of values per half octave of 1 ms."
    )
    least_delay = models.FloatField(
        null=True,
        help_text="Shortest time from source to arrival (s); below 0: its clock is ahead.",
    )

    class Meta:
        indexes = [models.Index(fields=["connection", "at"], name="ingest_tally_by_connection")]

    def __str__(self) -> str:
        return f"{self.connection_id} {self.at}"


class SpoolReport(models.Model):
    """What a runner last said of its spool: what it wrote to its disk for a connection, what it was told is
    stored, what the disk really holds and how full it is. Overwritten by the next report; one that never
    comes again is written off by a person.
    """

    connection = models.ForeignKey(
        "connectors.Connection", models.CASCADE, related_name="+", help_text="The connection."
    )
    spool = models.UUIDField(help_text="The runner's spool file.")
    at = models.DateTimeField(help_text="When the runner said it (UTC).")
    host = models.CharField(max_length=120, blank=True, help_text="The machine the runner is on.")
    received = models.BigIntegerField(help_text="Values ever written to the spool for the connection.")
    confirmed = models.BigIntegerField(help_text="Of them, values the database confirmed.")
    heard_at = models.DateTimeField(
        null=True, help_text="When the report came, by our clock (UTC); empty = before this was kept."
    )
    held = models.BigIntegerField(
        null=True, help_text="Values its disk really held then; empty = the runner does not say."
    )
    held_batches = models.BigIntegerField(null=True, help_text="Batches its disk held then.")
    held_since = models.DateTimeField(
        null=True, help_text="When the oldest of them came to the runner (UTC); empty = nothing waited."
    )
    received_back = models.BigIntegerField(
        default=0, help_text="Values an older copy of the file counted less as written than it had."
    )
    confirmed_back = models.BigIntegerField(
        default=0, help_text="Values an older copy of the file counted less as confirmed than it had."
    )
    lost = models.BigIntegerField(default=0, help_text="Values a person wrote off with the disk.")
    lost_at = models.DateTimeField(
        null=True, help_text="When the disk was written off (UTC); empty = it was not."
    )
    lost_by = models.CharField(max_length=80, blank=True, help_text="Who wrote it off.")
    lost_why = models.CharField(max_length=300, blank=True, help_text="Why it was written off.")
    usage = models.FloatField(help_text="Share of the spool's limit in use, 0 to 1.")
    disk_total = models.BigIntegerField(null=True, help_text="Size of the spool's disk (bytes).")
    disk_free = models.BigIntegerField(null=True, help_text="Room left on the spool's disk (bytes).")
    listening_since = models.DateTimeField(
        null=True, help_text="When the runner began to hear the source (UTC); empty = it did not say yet."
    )
    resumed_from = models.DateTimeField(
        null=True,
        help_text="Up to when it knew the source to be followed before (UTC); empty = it knew of nobody.",
    )
    is_joined = models.BooleanField(
        default=True, help_text="Whether what lay between the runner before and this one was looked at."
    )
    is_full = models.BooleanField(
        default=False, help_text="Whether the runner waits for room and acknowledges nothing."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "spool"], name="spool_report_by_connection")
        ]

    def __str__(self) -> str:
        return f"{self.spool} {self.at}"
