"""How full disks were."""

from __future__ import annotations

from django.db import models


class DiskReading(models.Model):
    """How full a disk was at an hour: from those of a week, when it will be full. Kept for eight days."""

    disk = models.CharField(
        max_length=200, help_text="spool: and the runner's spool file, or database: and its folder."
    )
    at = models.DateTimeField(help_text="The hour it was read in (UTC).")
    share = models.FloatField(
        help_text="In use, 0 to 1: of the disk or of the spool's own limit, whichever is fuller."
    )
    total = models.BigIntegerField(null=True, help_text="Size of the disk then (bytes).")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["disk", "at"], name="disk_reading_once")]

    def __str__(self) -> str:
        return f"{self.disk} {self.at}"
