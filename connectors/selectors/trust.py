"""What there is to know about a connection before believing its values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import connection as database
from django.db.models import Count as Counted
from django.db.models import Q, Sum

from connectors.domain.balance import Balance, balance
from connectors.domain.delays import percentile, together
from connectors.domain.trust import Checked, Disk, Evidence, Missing, Stuck
from connectors.models import (
    Connection,
    HistoryCheck,
    IngestTally,
    QuarantinedMessage,
    SignalDefinition,
    SpoolReport,
)
from connectors.models.quarantine import UNMAPPED
from connectors.selectors.completeness import connection_freshness
from connectors.selectors.disks import database_disk, fillings_of, spool_disk
from connectors.selectors.retired import latest_checks, retired_of
from connectors.selectors.spools import counts_of, reports_of, spools_told
from connectors.selectors.stuck import stuck_signals
from connectors.selectors.unmapped import unmapped_since

RECENT = timedelta(minutes=15)
SHOWN = timedelta(hours=1)
DAY = timedelta(days=1)

_GAPS = """
SELECT found.connection_id, cause, start_time, end_time, recovered,
       array_remove(array_agg(DISTINCT machine.code ORDER BY machine.code), NULL), max(detail)
FROM (
    SELECT DISTINCT ON (connection_id, key, equipment_id) *
    FROM connectors_gap WHERE connection_id = ANY(%s)
    ORDER BY connection_id, key, equipment_id, end_time NULLS LAST
) AS found LEFT JOIN plant_equipment AS machine ON machine.id = found.equipment_id
WHERE end_time IS NULL OR end_time > %s
GROUP BY found.connection_id, key, cause, start_time, end_time, recovered ORDER BY start_time DESC
"""


def evidence_of(*, connections: Sequence[Connection], now: datetime) -> dict[int, Evidence]:
    """By id of the connection; the runners' counts are read before ours, so that ours is never the older."""
    ids = [connection.pk for connection in connections]
    reports = reports_of(connection_ids=ids)
    counts = counts_of(connection_ids=ids, reports=reports)
    recent = _recent(ids, now)
    gaps = _gaps(ids, now)
    fresh = {item.slug: item for item in connection_freshness(now=now)}
    unread = _unread(ids, now)
    mapped, unmapped = _mapped(ids), unmapped_since(connection_ids=ids, since=now - DAY)
    retired, checks = retired_of(connection_ids=ids), latest_checks(connection_ids=ids)
    # What is down says nothing anyway: that it is stuck would be no news
    down = {pk for pk in ids if any(gap.end_time is None for gap in gaps[pk])}
    stuck = stuck_signals(connection_ids=[pk for pk in ids if pk not in down], now=now)
    disks, found = _disks(ids, reports, now), {}
    for connection in connections:
        pk, said = connection.pk, fresh.get(connection.slug)
        delay, least, rate = recent.get(pk, (None, None, {}))
        found[pk] = Evidence(
            enabled=connection.enabled,
            mapped=mapped.get(pk, 0),
            pushed=bool(counts[pk]) and not any(count.spool for count in counts[pk]),
            balance=balance(counts[pk], retired.get(pk, 0)),
            reported_at=max((report.at for report in reports[pk]), default=None),
            delay=delay,
            least_delay=least,
            last_value=said.last_sample_time if said else None,
            watermark=said.watermark if said else None,
            gaps=tuple(gaps[pk]),
            stuck=tuple(stuck.get(pk, ())),
            disks=disks[pk],
            behind=max((_behind(report, now) for report in reports[pk]), default=timedelta(0)),
            unread=unread.get(pk, 0),
            unmapped=unmapped.get(pk, (0, False))[0],
            unnamed=unmapped.get(pk, (0, False))[1],
            rate=rate,
            checked=_checked(checks.get(pk)),
            spools=tuple(spools_told(reports[pk], counts[pk])),
        )
    return found


def _disks(
    ids: list[int], reports: Mapping[int, Sequence[SpoolReport]], now: datetime
) -> dict[int, tuple[Disk, ...]]:
    """Those of its runners, and the database's."""
    server = database_disk()
    spools = {pk: [spool_disk(report) for report in reports[pk] if _is_there(report, now)] for pk in ids}
    disks = {pk: [*spools[pk], *([server] if server else ())] for pk in ids}
    fillings = fillings_of(keys={disk.key for listed in disks.values() for disk in listed}, now=now)
    return {
        pk: tuple(replace(disk, filling=fillings.get(disk.key)) for disk in listed)
        for pk, listed in disks.items()
    }


def _is_there(report: SpoolReport, now: datetime) -> bool:
    """Whether its disk's room still concerns anybody."""
    return report.lost_at is None and now - (report.heard_at or report.at) < DAY


def _behind(report: SpoolReport, now: datetime) -> timedelta:
    """How far its runner's clock was behind ours."""
    if report.heard_at is None or not _is_there(report, now):
        return timedelta(0)
    return max(report.heard_at - report.at, timedelta(0))


def _checked(check: HistoryCheck | None) -> Checked | None:
    if check is None:
        return None
    return Checked(check.recorded_at, check.segments, check.samples, len(check.broken))


Recent = tuple[tuple[float, float] | None, float | None, dict[datetime, int]]


def _recent(ids: list[int], now: datetime) -> dict[int, Recent]:
    """Delays and the clock of the last minutes, values per minute of the last hour."""
    delays: dict[int, list[dict[str, int]]] = defaultdict(list)
    least: dict[int, float] = {}
    rate: dict[int, dict[datetime, int]] = defaultdict(dict)
    rows = IngestTally.objects.filter(connection_id__in=ids, at__gt=now - SHOWN, is_hour=False)
    for pk, at, received, parts, shortest in rows.values_list(
        "connection_id", "at", "received", "delays", "least_delay"
    ):
        minute = at.replace(second=0, microsecond=0)
        rate[pk][minute] = rate[pk].get(minute, 0) + received
        if at > now - RECENT:
            delays[pk].append(parts)
            if shortest is not None:
                least[pk] = min(shortest, least.get(pk, shortest))
    found: dict[int, Recent] = {}
    for pk, minutes in rate.items():
        counted = together(delays[pk])
        half, most = percentile(counted, 0.5), percentile(counted, 0.95)
        delay = None if half is None or most is None else (half, most)
        found[pk] = (delay, least.get(pk), minutes)
    return found


def _gaps(ids: list[int], now: datetime) -> dict[int, list[Missing]]:
    """Going on, or of the last 24 hours; one row a gap, with its machines."""
    found: dict[int, list[Missing]] = {pk: [] for pk in ids}
    with database.cursor() as cursor:
        cursor.execute(_GAPS, [ids, now - DAY])
        for pk, cause, start, end, recovered, machines, detail in cursor.fetchall():
            found[pk].append(Missing(cause, start, end, recovered, tuple(machines), detail))
    return found


def _unread(ids: list[int], now: datetime) -> dict[int, int]:
    """Messages and values set aside within the last 24 hours (older hours whole) and still not read.

    A row that was there before counts what came in all its time: no more than was set aside within the day.
    """
    since = now - DAY
    still = QuarantinedMessage.objects.filter(
        connection_id__in=ids, status=QuarantinedMessage.Status.OPEN, last_arrival__gt=since
    ).exclude(reason__in=UNMAPPED)
    hours = Q(is_hour=True, at__gt=since - timedelta(hours=1))
    aside = IngestTally.objects.filter(Q(at__gt=since) | hours, connection_id__in=ids)
    counted = dict(aside.order_by().values_list("connection_id").annotate(Sum("quarantined")))
    found = still.order_by().values_list("connection_id").annotate(Sum("count"))
    return {pk: min(count, counted.get(pk, 0)) for pk, count in found}


def _mapped(ids: Iterable[int]) -> dict[int, int]:
    signals = SignalDefinition.objects.filter(connection_id__in=ids).order_by()
    return dict(signals.values_list("connection_id").annotate(Counted("pk")))


__all__ = ["Balance", "Disk", "Evidence", "Stuck", "evidence_of"]
