"""Counting what came in, on both sides, so that the two can be compared."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db import connection as database
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from connectors.domain.columns import Columns, instant, micros
from connectors.domain.delays import LAST
from connectors.models import Connection, IngestTally, SpoolReport
from connectors.selectors.disks import spool_key, spool_share
from connectors.services.disks import disk_reading_keep

# Rows of single deliveries are kept this long, for the rate per minute; then an hour is one row.
KEPT_SINGLE = timedelta(hours=2)
# Clocks of two hosts may differ by this and a report still be the newest
AHEAD = timedelta(seconds=10)
NOT_LOST: dict[str, Any] = {"lost": 0, "lost_at": None, "lost_by": "", "lost_why": ""}

_FOLD = """
WITH old AS (DELETE FROM connectors_ingesttally WHERE at < %s AND NOT is_hour RETURNING *)
INSERT INTO connectors_ingesttally
    (connection_id, spool, at, is_hour, told, received, stored, deduplicated, quarantined, ignored, delays)
SELECT connection_id, spool, date_trunc('hour', at, 'UTC'), true, sum(told), sum(received), sum(stored),
       sum(deduplicated), sum(quarantined), sum(ignored), '{}' FROM old GROUP BY 1, 2, 3, told IS NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """One delivery as counted; ``told`` by its sender, None when it did not count."""

    spool: uuid.UUID | None
    told: int | None
    received: int
    stored: int
    deduplicated: int
    quarantined: int
    samples: Columns
    ignored: int = 0


def tally_append(*, connection_id: int, counted: Sequence[Counted], now: datetime) -> None:
    """Appended, never updated: two deliveries of one connection must not wait for each other."""
    rows = []
    for spool, stamped in sorted({(one.spool, one.told is not None) for one in counted}, key=str):
        ours = [one for one in counted if (one.spool, one.told is not None) == (spool, stamped)]
        received = sum(one.received for one in ours)
        if not received and not any(one.told for one in ours):
            continue
        delays, least = _delays([one.samples for one in ours if one.stored or one.quarantined], now)
        row = IngestTally(
            connection_id=connection_id,
            spool=spool,
            at=now,
            told=sum(one.told or 0 for one in ours) if stamped else None,
            received=received,
            stored=sum(one.stored for one in ours),
            deduplicated=sum(one.deduplicated for one in ours),
            quarantined=sum(one.quarantined for one in ours),
            ignored=sum(one.ignored for one in ours),
            delays=delays,
            least_delay=least,
        )
        rows.append(row)
    IngestTally.objects.bulk_create(rows)


def _delays(parts: Sequence[Columns], now: datetime) -> tuple[dict[str, int], float | None]:
    """Of what the source told as it happened: a replay of its own store is late by design."""
    found = np.zeros(LAST + 1, np.int64)
    least: float | None = None
    for samples in parts:
        source = np.frombuffer(samples.source_time, np.int64)
        live = np.frombuffer(samples.historical, np.uint8) == 0
        if not live.any():
            continue
        taken = np.maximum((micros(now) - source[live]) / 1000, 1.0)
        steps = np.clip(np.floor(2 * np.log2(taken)), 0, LAST).astype(np.int64)
        found += np.bincount(steps, minlength=LAST + 1)
        arrival = np.minimum(np.frombuffer(samples.arrival_time, np.int64), micros(now))
        shortest = float((arrival - source)[live].min()) / 1e6
        least = shortest if least is None else min(least, shortest)
    return {str(step): int(found[step]) for step in np.nonzero(found)[0]}, least


def tallies_fold(*, now: datetime) -> int:
    """One row an hour for what is older than the rate per minute shows; the sums stay what they were."""
    before = (now - KEPT_SINGLE).replace(minute=0, second=0, microsecond=0)
    with database.cursor() as cursor:
        cursor.execute(_FOLD, [before])
        return int(cursor.rowcount)


@transaction.atomic
def spool_report(*, spool: uuid.UUID, report: dict[str, Any], heard_at: datetime | None = None) -> None:
    """Keep what a runner said of its spool; an older word never replaces a newer one, unless that one was
    said by a clock that was ahead. ``heard_at``: when it was sent, by our clock; None = now.
    """
    heard_at = heard_at or timezone.now()
    is_older = Q(at__lt=datetime.fromisoformat(report["at"])) | Q(at__gt=timezone.now() + AHEAD)
    known = dict(Connection.objects.filter(slug__in=report["counted"]).values_list("slug", "pk"))
    at = datetime.fromisoformat(report["at"])
    # A runner of before this was told has no beginning to join
    is_told = "listening" in report
    total, free = report["disk"]
    share = spool_share(report["usage"], total, free)
    disk_reading_keep(disk=spool_key(spool), share=share, total=total, now=heard_at)
    for slug, (received, confirmed) in sorted(report["counted"].items()):
        if slug not in known:
            continue
        said = {
            "at": at,
            "host": str(report["host"])[:120],
            "received": received,
            "confirmed": confirmed,
            "usage": report["usage"],
            "disk_total": total,
            "disk_free": free,
            "is_full": report["full"],
        }
        newer = SpoolReport.objects.filter(connection_id=known[slug], spool=spool)
        before = newer.select_for_update().first()
        said |= {"heard_at": heard_at, **_held_said(before, said, report.get("held", {}).get(slug))}
        said |= _listening_said(before, report.get("listening", {}).get(slug))
        if not newer.filter(is_older).update(**said) and not newer.exists():
            SpoolReport.objects.bulk_create(
                [SpoolReport(connection_id=known[slug], spool=spool, is_joined=not is_told, **said)],
                ignore_conflicts=True,
            )


def _listening_said(before: SpoolReport | None, listening: Any) -> dict[str, Any]:
    """The first word of a new spool: since when it hears the source, and up to when it knows another did."""
    if listening is None or (before is not None and before.listening_since is not None):
        return {}
    since, resumed = (None if at is None else datetime.fromisoformat(at) for at in listening)
    return {"listening_since": since, "resumed_from": resumed}


def _held_said(before: SpoolReport | None, said: dict[str, Any], held: Any) -> dict[str, Any]:
    """What the disk really holds, and how far its counts went back since the last report: an older copy of
    the file was put back. One that reports again is not lost.
    """
    values, batches, since = held or (None, None, None)
    found: dict[str, Any] = {
        "held": values,
        "held_batches": batches,
        "held_since": None if since is None else instant(since),
        **NOT_LOST,
    }
    for name in ("received", "confirmed") if before else ():
        back = max(getattr(before, name) - said[name], 0)
        found[f"{name}_back"] = getattr(before, f"{name}_back") + back
    return found
