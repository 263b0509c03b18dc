"""What arrived late about a window: which signal, how many values, when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import numpy as np
from django.db import connection

from connectors.domain.columns import instant, micros
from connectors.selectors.segments import TABLE, series_between

# Served by the primary key of each day's partition.
_LATE = f"""
SELECT signal.id, signal.role, signal.address, machine.code, source.slug, count(*),
    min(sample.source_time), max(sample.source_time), max(sample.arrival_time)
FROM connectors_signalsample AS sample
JOIN connectors_signaldefinition AS signal ON signal.id = sample.signal_id
JOIN plant_equipment AS machine ON machine.id = signal.equipment_id
JOIN connectors_connection AS source ON source.id = signal.connection_id
WHERE sample.signal_id IN (SELECT id FROM connectors_signaldefinition WHERE equipment_id = ANY(%s))
  AND sample.source_time >= %s AND sample.source_time < %s AND sample.arrival_time > %s
GROUP BY signal.id, signal.role, signal.address, machine.code, source.slug
UNION ALL
SELECT signal.id, signal.role, signal.address, machine.code, source.slug, NULL, NULL, NULL, NULL
FROM connectors_signaldefinition AS signal
JOIN plant_equipment AS machine ON machine.id = signal.equipment_id
JOIN connectors_connection AS source ON source.id = signal.connection_id
WHERE signal.equipment_id = ANY(%s) AND EXISTS (
    SELECT 1 FROM {TABLE} WHERE signal_id = signal.id AND first_time < %s AND last_time >= %s
                                AND last_arrival > %s)
"""


class LateValues(NamedTuple):
    """Values of one signal whose source times lie from ``first`` to ``last`` and that came afterwards."""

    signal_id: int
    role: str
    address: str
    equipment_code: str
    connection: str
    values: int
    first: datetime
    last: datetime
    arrived: datetime


def late_values(
    *, equipment_ids: Iterable[int], start: datetime, end: datetime, since: datetime
) -> list[LateValues]:
    """Values of [start, end) of some machines that arrived after an instant, by signal."""
    places = list(equipment_ids)
    with connection.cursor() as cursor:
        cursor.execute(_LATE, [places, start, end, since, places, end, start, since])
        rows = cursor.fetchall()
    found = {row[0]: LateValues(*row) for row in rows if row[5] is not None}
    for row in rows:
        if row[5] is None:
            told = _with_packed(LateValues(*row), found.get(row[0]), start, end, since)
            found |= {} if told is None else {told.signal_id: told}
    return sorted(found.values(), key=lambda late: (late.equipment_code, late.role, late.signal_id))


def _with_packed(
    about: LateValues, rows: LateValues | None, start: datetime, end: datetime, since: datetime
) -> LateValues | None:
    """What the rows gave (None: nothing) and what is packed of the same signal."""
    parts = [rows] if rows is not None else []
    for _, series in series_between(signal_ids=[about.signal_id], start=start, end=end):
        late = series.take(series.arrival_time > micros(since))
        if len(late):
            ends = [late.source_time[0], late.source_time[-1], np.max(late.arrival_time)]
            first, last, arrived = (instant(int(value)) for value in ends)
            parts.append(about._replace(values=len(late), first=first, last=last, arrived=arrived))
    if not parts:
        return None
    return about._replace(
        values=sum(part.values for part in parts),
        first=min(part.first for part in parts),
        last=max(part.last for part in parts),
        arrived=max(part.arrived for part in parts),
    )
