"""What the runners' disks were counted to hold, beside what the database counted of them."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection as database
from django.db.models import Max

from connectors.domain.balance import Count, Spool
from connectors.models import IngestTally, SpoolReport

_TOLD = """
SELECT connection_id, spool, told IS NOT NULL, coalesce(sum(told), 0)::bigint, sum(received)::bigint,
       sum(stored)::bigint, sum(deduplicated)::bigint, sum(quarantined)::bigint,
       sum(ignored)::bigint
FROM connectors_ingesttally WHERE connection_id = ANY(%s) GROUP BY 1, 2, 3
"""


def reports_of(*, connection_ids: Sequence[int]) -> dict[int, list[SpoolReport]]:
    """The last word of each spool, latest first, by connection."""
    found: dict[int, list[SpoolReport]] = defaultdict(list)
    for report in SpoolReport.objects.filter(connection_id__in=connection_ids).order_by("-at", "spool"):
        found[report.connection_id].append(report)
    return found


def counts_of(
    *, connection_ids: Sequence[int], reports: Mapping[int, Sequence[SpoolReport]]
) -> dict[int, list[Count]]:
    parts: dict[tuple[int, str], dict[str, Any]] = defaultdict(lambda: defaultdict(int))
    for pk, listed in reports.items():
        for report in listed:
            parts[pk, str(report.spool)].update(
                written=report.received + report.received_back,
                confirmed=report.confirmed + report.confirmed_back,
                held=report.held,
                lost=report.lost,
            )
    with database.cursor() as cursor:
        cursor.execute(_TOLD, [list(connection_ids)])
        for pk, spool, stamped, told, received, stored, *rest in cursor.fetchall():
            part = parts[pk, str(spool or "")]
            part["told"] += told
            part["uncounted"] += 0 if stamped else received
            part["stored"] += stored
            for name, count in zip(("deduplicated", "quarantined", "ignored"), rest, strict=True):
                part[name] += count
    found: dict[int, list[Count]] = {pk: [] for pk in connection_ids}
    for (pk, spool), part in parts.items():
        found[pk].append(Count(spool=spool, **part))
    return found


def spools_told(reports: Sequence[SpoolReport], counts: Sequence[Count]) -> list[Spool]:
    """Of one connection, the latest word first."""
    by_spool = {count.spool: count for count in counts}
    found = [_spool(report, by_spool[str(report.spool)]) for report in reports]
    return sorted(found, key=lambda one: one.heard_at, reverse=True)


def spools_of(*, connection_ids: Sequence[int]) -> dict[int, list[Spool]]:
    reports = reports_of(connection_ids=connection_ids)
    counts = counts_of(connection_ids=connection_ids, reports=reports)
    return {pk: spools_told(reports[pk], counts[pk]) for pk in connection_ids}


def last_stored(*, connection_id: int, spool: uuid.UUID) -> datetime | None:
    """When the last values of a spool were stored."""
    rows = IngestTally.objects.filter(connection_id=connection_id, spool=spool)
    found: datetime | None = rows.aggregate(at=Max("at"))["at"]
    return found


def _spool(report: SpoolReport, count: Count) -> Spool:
    return Spool(
        spool=str(report.spool),
        host=report.host,
        heard_at=report.heard_at or report.at,
        waiting=count.waiting,
        since=report.held_since if count.waiting else None,
        astray=count.astray,
        back=report.received_back,
        lost=min(report.lost, count.waiting),
        lost_at=report.lost_at,
        lost_by=report.lost_by,
        lost_why=report.lost_why,
    )
