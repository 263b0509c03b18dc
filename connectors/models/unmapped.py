"""Addresses a source speaks of and nobody mapped."""

from __future__ import annotations

from django.db import models


class UnmappedAddress(models.Model):
    """An address whose values came and which no signal has: how many, since when, and what one of them said.

    Of each connection those that came most often have a row of their own; the one without an address counts
    all others, however many a source invents. A person may decide that an address is not wanted: its values
    are then counted and no longer kept.
    """

    connection = models.ForeignKey(
        "connectors.Connection",
        models.CASCADE,
        related_name="+",
        help_text="The connection they came through.",
    )
    address = models.CharField(
        max_length=400, blank=True, help_text="Its name at the source; empty = all others together."
    )
    count = models.BigIntegerField(default=0, help_text="How many values came while nobody had mapped it.")
    ignored_count = models.BigIntegerField(
        default=0, help_text="Of them, values that came while it was ignored: counted, not kept."
    )
    first_seen = models.DateTimeField(help_text="When the first came (UTC).")
    last_seen = models.DateTimeField(help_text="When the last came (UTC).")
    example = models.CharField(max_length=120, blank=True, help_text="What one of the last of them said.")
    ignored_at = models.DateTimeField(
        null=True, help_text="When somebody decided that it is not wanted (UTC); empty = nobody did."
    )
    ignored_by = models.CharField(max_length=80, blank=True, help_text="Who decided it.")
    ignored_why = models.CharField(max_length=300, blank=True, help_text="Why it is not wanted.")

    class Meta:
        ordering = ["-count", "address"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "address"], name="unmapped_address_once")
        ]

    def __str__(self) -> str:
        return f"{self.connection_id}:{self.address}"
