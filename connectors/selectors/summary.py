"""Numbers of a signal over a range, reduced in the database: what a small chart needs, whatever the rate."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from plant.domain.samples import Quality


class Bucket(NamedTuple):
    """The good and uncertain numbers of one equal part of the range; ``number`` counts the parts from 0."""

    signal_id: int
    number: int
    count: int  # type: ignore[assignment]
    lowest: float
    average: float
    highest: float


# Called by samples_summary; served by the primary key of each day's partition.
_BUCKETS = """
SELECT signal_id, least(floor(extract(epoch FROM source_time - %s) / %s)::int, %s), count(*),
       min(number), avg(number), max(number)
FROM (SELECT signal_id, source_time, coalesce(v_float, v_int::float8) AS number FROM connectors_signalsample
      WHERE signal_id = ANY(%s) AND source_time >= %s AND source_time < %s AND quality < %s) AS found
WHERE number IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2
"""


def samples_summary(*, signal_ids: Iterable[int], start: datetime, end: datetime, parts: int) -> list[Bucket]:
    """Lowest, average and highest of each of ``parts`` equal parts of [start, end); parts without
    numbers left out.
    """
    ids = list(signal_ids)
    if not ids or end <= start:
        return []
    width = (end - start).total_seconds() / parts
    with connection.cursor() as cursor:
        cursor.execute(_BUCKETS, [start, width, parts - 1, ids, start, end, int(Quality.BAD)])
        return [Bucket(*row) for row in cursor.fetchall()]
