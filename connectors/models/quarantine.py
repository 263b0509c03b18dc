"""Messages nobody could read, kept as they came."""

from __future__ import annotations

from django.db import models

COUNTED_ONLY = "more than can be kept: only counted"
UNKNOWN = "unknown address"
# Not mapped is not unreadable, counted or kept
COUNTED_UNKNOWN = f"{UNKNOWN}: {COUNTED_ONLY}"
UNMAPPED = (UNKNOWN, COUNTED_UNKNOWN)


class QuarantinedMessage(models.Model):
    """A message or values that could not be stored as samples: kept whole with the reason, readable
    again later.
    """

    class Form(models.TextChoices):
        MESSAGE = "message"
        SAMPLES = "samples"

    class Status(models.TextChoices):
        OPEN = "open"
        REPROCESSED = "reprocessed"
        IGNORED = "ignored"

    connection = models.ForeignKey(
        "connectors.Connection", models.PROTECT, related_name="+", help_text="The connection it came through."
    )
    source = models.CharField(max_length=400, help_text="Topic, node or address it came from.")
    reason = models.CharField(max_length=300, help_text="Why it could not be read.")
    form = models.CharField(
        max_length=8,
        choices=Form,
        help_text="The source's own bytes, or values that were read but not understood.",
    )
    raw = models.BinaryField(help_text="What came, byte for byte.")
    digest = models.BinaryField(max_length=16, help_text="Digest of source, reason and bytes.")
    count = models.BigIntegerField(default=1, help_text="How many values or messages like it came.")
    first_arrival = models.DateTimeField(help_text="When the first came (UTC).")
    last_arrival = models.DateTimeField(help_text="When the last came (UTC).")
    configuration_revision = models.BigIntegerField(help_text="The connection's revision when it came.")
    status = models.CharField(
        max_length=11,
        choices=Status,
        default=Status.OPEN,
        help_text="Whether its values were stored after all, or somebody ignores their address.",
    )
    reprocessed_at = models.DateTimeField(null=True, help_text="When its values were stored (UTC).")

    class Meta:
        ordering = ["-last_arrival", "-id"]
        constraints = [models.UniqueConstraint(fields=["connection", "digest"], name="quarantined_once")]
        indexes = [
            models.Index(fields=["connection", "source"], name="quarantine_by_source"),
            models.Index(fields=["connection", "-last_arrival"], name="quarantine_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.source}: {self.reason}"
