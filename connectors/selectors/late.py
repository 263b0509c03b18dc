"""What arrived late about a window: which signal, how many values, when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.db import connection

# Served by the primary key of each day's partition.
_LATE = """
SELECT signal.id, signal.role, signal.address, machine.code, source.slug, count(*),
    min(sample.source_time), max(sample.source_time), max(sample.arrival_time)
FROM connectors_signalsample AS sample
JOIN connectors_signaldefinition AS signal ON signal.id = sample.signal_id
JOIN plant_equipment AS machine ON machine.id = signal.equipment_id
JOIN connectors_connection AS source ON source.id = signal.connection_id
WHERE sample.signal_id IN (SELECT id FROM connectors_signaldefinition WHERE equipment_id = ANY(%s))
  AND sample.source_time >= %s AND sample.source_time < %s AND sample.arrival_time > %s
GROUP BY signal.id, signal.role, signal.address, machine.code, source.slug
ORDER BY machine.code, signal.role, signal.id
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
    with connection.cursor() as cursor:
        cursor.execute(_LATE, [list(equipment_ids), start, end, since])
        return [LateValues(*row) for row in cursor.fetchall()]
