"""Keeping how full disks were, an hour at a time."""

from __future__ import annotations

from datetime import datetime, timedelta

from connectors.models import DiskReading
from connectors.selectors.disks import database_disk

KEPT = timedelta(days=8)


def disk_reading_keep(*, disk: str, share: float, total: int | None, now: datetime) -> None:
    """The first of each hour."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    row = DiskReading(disk=disk[:200], at=hour, share=share, total=total)
    DiskReading.objects.bulk_create([row], ignore_conflicts=True)


def disk_readings_keep(*, now: datetime) -> None:
    """The database's disk, where it can be seen from here; what is older than the pace needs is dropped."""
    found = database_disk()
    if found is not None:
        disk_reading_keep(disk=found.key, share=found.share, total=found.total, now=now)
    DiskReading.objects.filter(at__lt=now - KEPT).delete()
