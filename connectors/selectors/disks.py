"""Disks that must not fill: those of the runners' spools, and the database's where it is on this host."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db import connection as database
from django.db.models.functions import Coalesce
from django.utils import timezone

from connectors.domain.filling import HOUR, WEEK, Filling, Reading, filling
from connectors.domain.trust import Disk
from connectors.models import DiskReading, SpoolReport

DAY = timedelta(days=1)


def database_disk() -> Disk | None:
    """None where the database is on another host or hides its folder from this role."""
    folder = _database_folder()
    if folder is None:
        return None
    usage = shutil.disk_usage(folder)
    # As df: without what the file system keeps for itself
    total = usage.used + usage.free
    key = f"database:{folder}"
    return Disk("database", str(folder), share_of(total, usage.free), usage.free, key=key, total=total)


def _database_folder() -> Path | None:
    found: list[Path] = []
    with suppress(DatabaseError), transaction.atomic(), database.cursor() as cursor:
        cursor.execute("SELECT current_setting('data_directory')")
        found.append(Path(cursor.fetchone()[0]))
    # The embedded server hides its folder from the application's role
    own = settings.DATA_DIR / "postgres"
    if str(database.settings_dict.get("HOST", "")).startswith("/") or _is_served_from(own / "cluster"):
        found.append(own)
    for folder in found:
        with suppress(OSError):
            if folder.is_dir():
                return folder
    return None


def _is_served_from(cluster: Path) -> bool:
    """Whether the server we are connected to is the one that runs on this cluster: by its port."""
    with suppress(OSError):
        said = (cluster / "postmaster.pid").read_text().splitlines()
        local = database.settings_dict.get("HOST") in ("127.0.0.1", "localhost", "::1")
        return local and said[3:4] == [str(database.settings_dict.get("PORT"))]
    return False


def spool_disks(connection_ids: Iterable[int] | None = None) -> list[Disk]:
    """Of every spool a runner reported within a day: its own limit or its disk, whichever is fuller."""
    heard = Coalesce("heard_at", "at")
    recent = SpoolReport.objects.alias(heard=heard).filter(heard__gt=timezone.now() - DAY, lost_at=None)
    reports = recent.order_by("host", "spool", "-at")
    if connection_ids is not None:
        reports = reports.filter(connection_id__in=list(connection_ids))
    newest = {report.spool: report for report in reversed(reports)}
    return [spool_disk(report) for report in newest.values()]


def spool_disk(report: SpoolReport) -> Disk:
    return Disk(
        "spool",
        report.host or str(report.spool)[:8],
        spool_share(report.usage, report.disk_total, report.disk_free),
        report.disk_free,
        report.is_full,
        key=spool_key(report.spool),
        total=report.disk_total,
    )


def spool_key(spool: UUID) -> str:
    return f"spool:{spool}"


def spool_share(usage: float, total: int | None, free: int | None) -> float:
    """Of its own limit or of its disk, whichever is fuller."""
    return max(usage, share_of(total or 0, free or 0))


def fillings_of(*, keys: Iterable[str], now: datetime) -> dict[str, Filling | None]:
    """When each will be full, as far as its readings of a week tell."""
    found: dict[str, list[Reading]] = defaultdict(list)
    rows = DiskReading.objects.filter(disk__in=list(keys), at__gt=now - DAY * WEEK - HOUR)
    for key, at, share, total in rows.values_list("disk", "at", "share", "total"):
        found[key].append(Reading(at, share, total))
    return {key: filling(readings, now) for key, readings in found.items()}


def share_of(total: int, free: int) -> float:
    """0 where it is unknown. Of a large disk too: a fast source fills a terabyte's last part in hours."""
    return (total - free) / total if total else 0.0
