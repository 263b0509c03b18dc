"""Disks that must not fill: those of the runners' spools, and the database's where it is on this host."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db import connection as database
from django.utils import timezone

from connectors.domain.trust import Disk
from connectors.models import SpoolReport

DAY = timedelta(days=1)


def database_disk() -> Disk | None:
    """None where the database is on another host or hides its folder from this role."""
    folder = _database_folder()
    if folder is None:
        return None
    usage = shutil.disk_usage(folder)
    # As df: without what the file system keeps for itself
    return Disk("database", str(folder), _share(usage.used + usage.free, usage.free), usage.free)


def _database_folder() -> Path | None:
    found: list[Path] = []
    with suppress(DatabaseError), transaction.atomic(), database.cursor() as cursor:
        cursor.execute("SELECT current_setting('data_directory')")
        found.append(Path(cursor.fetchone()[0]))
    if str(database.settings_dict.get("HOST", "")).startswith("/"):
        # The embedded server hides its folder from the application's role
        found.append(settings.DATA_DIR / "postgres")
    for folder in found:
        with suppress(OSError):
            if folder.is_dir():
                return folder
    return None


def spool_disks(connection_ids: Iterable[int] | None = None) -> list[Disk]:
    """Of every spool a runner reported within a day: its own limit or its disk, whichever is fuller."""
    recent = SpoolReport.objects.filter(at__gt=timezone.now() - DAY, lost_at=None)
    reports = recent.order_by("host", "spool", "-at")
    if connection_ids is not None:
        reports = reports.filter(connection_id__in=list(connection_ids))
    newest = {report.spool: report for report in reversed(reports)}
    return [spool_disk(report) for report in newest.values()]


def spool_disk(report: SpoolReport) -> Disk:
    of_disk = _share(report.disk_total or 0, report.disk_free or 0)
    share = max(report.usage, of_disk)
    return Disk("spool", report.host or str(report.spool)[:8], share, report.disk_free, report.is_full)


def _share(total: int, free: int) -> float:
    """0 where it is unknown. Of a large disk too: a fast source fills a terabyte's last part in hours."""
    return (total - free) / total if total else 0.0
