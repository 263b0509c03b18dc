"""Signals that say the same for unusually long while their machine runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection as database

from connectors.domain.state_map import state_of
from connectors.domain.trust import Stuck
from connectors.models import SignalDefinition
from connectors.selectors.signals import state_map_of

LEAST = timedelta(minutes=10)
TIMES_USUAL = 20
LOOKED_AT = timedelta(hours=2)
Role = SignalDefinition.Role
MOVING = (
    Role.GOOD_COUNT,
    Role.SCRAP_COUNT,
    Role.TOTAL_COUNT,
    Role.REWORK_COUNT,
    Role.SPEED,
    Role.PROCESS_VALUE,
)
# Two backward index scans per signal: the second ends at the first value that differs.
_UNCHANGED = """
SELECT wanted.id, last.source_time, last.v_int, last.v_float, last.v_bool, last.v_text, changed.source_time
FROM unnest(%(ids)s::bigint[]) AS wanted(id)
CROSS JOIN LATERAL (
    SELECT source_time, v_int, v_float, v_bool, v_text FROM connectors_signalsample
    WHERE signal_id = wanted.id AND source_time > %(start)s AND source_time <= %(now)s
    ORDER BY source_time DESC, server_time DESC NULLS LAST, source_key DESC LIMIT 1
) AS last
LEFT JOIN LATERAL (
    SELECT source_time FROM connectors_signalsample
    WHERE signal_id = wanted.id AND source_time > %(start)s AND source_time < last.source_time
      AND (v_int, v_float, v_bool, v_text)
          IS DISTINCT FROM (last.v_int, last.v_float, last.v_bool, last.v_text)
    ORDER BY source_time DESC LIMIT 1
) AS changed ON true
"""
_CHANGES = """
SELECT count(*) FILTER (WHERE said IS DISTINCT FROM before), min(source_time) FROM (
    SELECT source_time, said, lag(said) OVER (ORDER BY source_time) AS before FROM (
        SELECT source_time, coalesce(v_int::text, v_float::text, v_bool::text, v_text) AS said
        FROM connectors_signalsample
        WHERE signal_id = %s AND source_time > %s AND source_time <= %s
        ORDER BY source_time DESC LIMIT 5000
    ) AS latest
) AS told
"""


class _Unchanged(NamedTuple):
    """``since``: the last other value; None = none in the time looked at."""

    at: datetime
    value: Any
    since: datetime | None


def stuck_signals(*, connection_ids: Iterable[int], now: datetime) -> dict[int, list[Stuck]]:
    """By connection: counts, speeds and process values that changed often before, and do not any more."""
    wanted = [*MOVING, Role.STATE]
    signals = list(
        SignalDefinition.objects.filter(connection_id__in=list(connection_ids), role__in=wanted)
        .select_related("connection", "equipment")
        .order_by("pk")
    )
    said = _unchanged([signal.pk for signal in signals if signal.role == Role.STATE], now)
    running = {
        signal.equipment_id: said[signal.pk].since or now - LOOKED_AT
        for signal in signals
        if signal.pk in said and state_of(said[signal.pk].value, state_map_of(signal)) == "execute"
    }
    moving = [signal for signal in signals if signal.role != Role.STATE and signal.equipment_id in running]
    values = _unchanged([signal.pk for signal in moving], now)
    found: dict[int, list[Stuck]] = defaultdict(list)
    for signal in moving:
        kept = values.get(signal.pk)
        if kept is None or kept.since is None:
            continue  # never changed in the time looked at: that is its usual
        lasted = now - max(kept.since, running[signal.equipment_id])
        usual = _usual(signal.pk, kept.since) if lasted >= LEAST else None
        if usual is not None and lasted >= usual * TIMES_USUAL:
            found[signal.connection_id].append(
                Stuck(signal.pk, signal.address, signal.equipment.code, kept.value, kept.since, lasted, usual)
            )
    return found


def _unchanged(ids: list[int], now: datetime) -> dict[int, _Unchanged]:
    with database.cursor() as cursor:
        cursor.execute(_UNCHANGED, {"ids": ids, "start": now - LOOKED_AT, "now": now})
        return {
            pk: _Unchanged(at, next((value for value in values if value is not None), None), since)
            for pk, at, *values, since in cursor.fetchall()
        }


def _usual(signal_id: int, until: datetime) -> timedelta | None:
    """Time between changes before it stopped changing; None when it hardly changed."""
    with database.cursor() as cursor:
        cursor.execute(_CHANGES, [signal_id, until - LOOKED_AT, until])
        changes, first = cursor.fetchone()
    return (until - first) / changes if changes >= 5 else None
