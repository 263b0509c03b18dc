"""What retention dropped: said where the values were, remembered where silence and seals depend on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import Sum

from connectors.domain.columns import instant, micros
from connectors.models import HistoryCheck, RetiredHistory
from connectors.selectors.codec import unpack_instants

RETIRED = "connectors_retiredhistory"
_LAST_SEALS = f"""
SELECT wanted.id, segment.id, segment.seal, (retired.seal ->> 0)::bigint, retired.seal ->> 1
FROM unnest(%s::bigint[]) AS wanted(id)
LEFT JOIN LATERAL (
    SELECT id, seal FROM connectors_samplesegment WHERE signal_id = wanted.id ORDER BY id DESC LIMIT 1
) AS segment ON true LEFT JOIN LATERAL (
    SELECT each.seal FROM {RETIRED} AS dropped
    CROSS JOIN LATERAL jsonb_array_elements(dropped.seals) AS each(seal)
    WHERE dropped.signal_id = wanted.id ORDER BY (each.seal ->> 0)::bigint DESC LIMIT 1
) AS retired ON true
"""


@dataclass(frozen=True, slots=True)
class Retired:
    """Days of a signal, [start, end), that were dropped ``at`` an instant, by a rule."""

    signal_id: int
    start_time: datetime
    end_time: datetime
    samples: int
    at: datetime
    rule: str
    why: str


def retired_between(*, signal_ids: Iterable[int], start: datetime, end: datetime) -> list[Retired]:
    """What was dropped of [start, end), by signal and time."""
    found = RetiredHistory.objects.filter(
        signal_id__in=list(signal_ids), start_time__lt=end, end_time__gt=start
    )
    fields = ("signal_id", "start_time", "end_time", "samples", "recorded_at", "rule", "why")
    return [Retired(*row) for row in found.values_list(*fields)]


def retired_of(*, connection_ids: Iterable[int]) -> dict[int, int]:
    """Values dropped, by connection."""
    found = RetiredHistory.objects.filter(connection_id__in=list(connection_ids)).order_by()
    return dict(found.values_list("connection_id").annotate(Sum("samples")))


def latest_checks(*, connection_ids: Iterable[int]) -> dict[int, HistoryCheck]:
    """The last check of each connection's packed history."""
    found = HistoryCheck.objects.filter(connection_id__in=list(connection_ids))
    latest = found.order_by("connection_id", "-pk").distinct("connection_id")
    return {check.connection_id: check for check in latest}


def heard_between(
    *, signal_ids: Iterable[int], start: datetime, end: datetime
) -> list[tuple[int, list[datetime]]]:
    """When signals spoke whose values of [start, end) were dropped, thinned as it was written down."""
    found = RetiredHistory.objects.filter(
        signal_id__in=list(signal_ids), start_time__lt=end, end_time__gt=start
    )
    low, high = micros(start), micros(end)
    heard = []
    for signal, raw in found.values_list("signal_id", "heard"):
        times = unpack_instants(bytes(raw))
        heard.append((signal, [instant(at) for at in times[(times >= low) & (times < high)].tolist()]))
    return heard


def heard_before(*, signal_id: int, at: datetime) -> datetime | None:
    """The last instant before ``at`` at which the signal spoke and what it said was dropped."""
    found = RetiredHistory.objects.filter(signal_id=signal_id, start_time__lt=at).order_by("-end_time")
    latest: int | None = None
    for start, raw in found.values_list("start_time", "heard").iterator(chunk_size=4):
        times = unpack_instants(bytes(raw))
        place = int(np.searchsorted(times, micros(at)))
        if place:
            latest = max(latest or int(times[place - 1]), int(times[place - 1]))
        if latest is not None and micros(start) <= latest:
            break
    return None if latest is None else instant(latest)


def last_seals(signal_ids: Iterable[int]) -> dict[int, bytes]:
    """The last seal of each signal that has one, of a segment that is there or was dropped."""
    with connection.cursor() as cursor:
        cursor.execute(_LAST_SEALS, [list(signal_ids)])
        rows = cursor.fetchall()
    found = {}
    for signal, pk, seal, number, dropped in rows:
        if pk is not None and pk > (number or 0):
            found[signal] = bytes(seal)
        elif dropped:
            found[signal] = bytes.fromhex(dropped)
    return found


def seals_dropped(signal_id: int) -> list[tuple[int, bytes]]:
    """Number and seal of every segment of a signal that was dropped, in order."""
    listed: Iterable[list[Any]] = RetiredHistory.objects.filter(signal_id=signal_id).values_list(
        "seals", flat=True
    )
    return sorted((int(pk), bytes.fromhex(seal)) for seals in listed for pk, seal in seals)


def retired_rows(*, connection_id: int, limit: int = 50) -> list[RetiredHistory]:
    """What was dropped of a connection, the latest first, without what only programs read."""
    found = RetiredHistory.objects.filter(connection_id=connection_id).defer("heard", "seals")
    return list(found.order_by("-pk")[:limit])
