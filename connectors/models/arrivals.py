"""What keeps arrival honest: watermarks, receipts, numbers seen, and marks of what to derive again."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from plant.models.base import Fact


class Watermark(Fact):
    """Everything a connection was going to say up to this instant has been stored or declared missing."""

    connection = models.ForeignKey(
        "connectors.Connection", models.PROTECT, related_name="+", help_text="The connection."
    )
    at = models.DateTimeField(help_text="The instant (UTC).")

    class Meta:
        ordering = ["connection", "at"]
        constraints = [models.UniqueConstraint(fields=["connection", "at"], name="watermark_once")]

    def __str__(self) -> str:
        return f"{self.connection_id} {self.at}"


class IngestReceipt(models.Model):
    """A batch of a runner's spool that was stored; written with the batch, so that sending it again
    adds nothing.
    """

    spool = models.UUIDField(help_text="The runner's spool file.")
    sequence = models.BigIntegerField(help_text="Number of the batch in that spool.")
    received_at = models.DateTimeField(
        default=timezone.now, db_index=True, help_text="When it was stored (UTC)."
    )
    received = models.IntegerField(help_text="Values in the batch.")
    stored = models.IntegerField(help_text="Values that were new.")
    deduplicated = models.IntegerField(help_text="Values that were there already.")
    quarantined = models.IntegerField(help_text="Values set aside as unreadable.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["spool", "sequence"], name="ingest_receipt_once")]

    def __str__(self) -> str:
        return f"{self.spool}/{self.sequence}"


class ReceivedNumber(models.Model):
    """A message that a device numbered but did not date: its number, so that a repeated one is known."""

    connection = models.ForeignKey(
        "connectors.Connection", models.PROTECT, related_name="+", help_text="The connection."
    )
    key = models.BigIntegerField(help_text="Hash of topic, boot, number and signal.")
    received_at = models.DateTimeField(default=timezone.now, help_text="When it first came (UTC).")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "key"], name="received_number_once")]

    def __str__(self) -> str:
        return f"{self.connection_id}/{self.key}"


class DirtyMark(models.Model):
    """Samples or gaps of a machine landed in this span: derive it again.

    Appended by ingest, taken by stitching.
    """

    work_unit = models.ForeignKey(
        "plant.Equipment", models.CASCADE, related_name="+", help_text="The machine (or line) touched."
    )
    from_time = models.DateTimeField(help_text="Earliest source time that landed (UTC).")
    to_time = models.DateTimeField(help_text="Latest source time that landed (UTC).")
    marked_at = models.DateTimeField(default=timezone.now, help_text="When it landed (UTC).")

    class Meta:
        indexes = [models.Index(fields=["work_unit", "from_time"], name="dirty_by_work_unit")]

    def __str__(self) -> str:
        return f"{self.work_unit_id} {self.from_time}"
