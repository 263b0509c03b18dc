"""Imports of history from files: how far each one got."""

from __future__ import annotations

from django.db import models


class HistoryImport(models.Model):
    """An import of months of history from a file: how much of it is stored, and whether it still goes on.

    One that was killed goes on where it stopped when it is called again; its values are counted once.
    """

    connection = models.ForeignKey(
        "connectors.Connection",
        models.CASCADE,
        related_name="+",
        help_text="The connection of its addresses.",
    )
    key = models.UUIDField(unique=True, help_text="Of the file's content and how it is read.")
    file = models.CharField(max_length=255, help_text="The file's name.")
    rows_total = models.BigIntegerField(help_text="Rows in the file.")
    rows = models.BigIntegerField(default=0, help_text="Of them, rows read so far.")
    stored = models.BigIntegerField(default=0, help_text="Values of it that were new.")
    deduplicated = models.BigIntegerField(default=0, help_text="Values of it that were there already.")
    quarantined = models.BigIntegerField(default=0, help_text="Rows and values of it that were set aside.")
    began_at = models.DateTimeField(help_text="When it was first begun (UTC).")
    moved_at = models.DateTimeField(help_text="When it last got on (UTC).")
    ended_at = models.DateTimeField(null=True, help_text="When all of it was read (UTC); empty = not yet.")
    problem = models.CharField(max_length=500, blank=True, help_text="Why it stopped, if it said so.")

    class Meta:
        ordering = ["-moved_at"]

    def __str__(self) -> str:
        return f"{self.connection_id} {self.file}"
