"""Numbers of a signal over a range, reduced where they are stored: what a chart needs, whatever the rate."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from django.db import connection

from connectors.domain.columns import (
    KIND_FLOAT,
    KIND_INT,
    KIND_UINT,
    NO_TIME,
    instant,
    micros,
)
from connectors.selectors.codec import Array, Series
from connectors.selectors.samples import rows_between
from connectors.selectors.segments import IN_RANGE, TABLE, SampleRow, series_between
from plant.domain.samples import Quality

# A larger number is an error of the source, and sums of such would overflow.
LARGEST = 1e150


class Bucket(NamedTuple):
    """The good and uncertain numbers of one equal part of the range, up to ``LARGEST``; ``number`` counts the
    parts from 0. ``last`` and ``last_time``: the last of them, None when not asked for.
    """

    signal_id: int
    number: int
    count: int  # type: ignore[assignment]
    lowest: float
    average: float
    highest: float
    last: float | None = None
    last_time: datetime | None = None


# Called by samples_summary; served by the primary key of each day's partition. The last line: some is packed.
_BUCKETS = f"""
SELECT signal_id, least(floor(extract(epoch FROM source_time - %s) / %s)::int, %s), count(*),
       min(number), sum(number) / count(*), max(number), {{last}}
FROM (SELECT signal_id, source_time, coalesce(v_float, v_int::float8) AS number FROM connectors_signalsample
      WHERE signal_id = ANY(%s) AND source_time >= %s AND source_time < %s AND quality < %s) AS found
WHERE number BETWEEN -{LARGEST} AND {LARGEST} GROUP BY 1, 2
UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL WHERE {IN_RANGE}
"""
_LAST = "(max(ARRAY[extract(epoch FROM source_time), number::numeric]))[2]::float8, max(source_time)"
_NO_LAST = "NULL::float8, NULL::timestamptz"
_REACH = (
    f"SELECT max(last_time) FROM {TABLE} WHERE signal_id = ANY(%s) AND first_time < %s AND last_time >= %s"
)


def samples_summary(
    *, signal_ids: Iterable[int], start: datetime, end: datetime, parts: int, last: bool = False
) -> list[Bucket]:
    """Lowest, average and highest of each of ``parts`` equal parts of [start, end); parts without
    numbers left out.
    """
    ids = list(signal_ids)
    if not ids or end <= start:
        return []
    found, is_packed = _of_rows(ids, start, start, end, end, parts, last)
    if not is_packed:
        return sorted(found)
    reach = _reach(ids, start, end)
    # Rows of packed days may be there twice: they are few, and taken with the segments
    found, _ = _of_rows(ids, start, reach, end, end, parts, last) if reach < end else ([], False)
    for signal in ids:
        found += _of_packed(signal, start, reach, end, parts, last)
    return sorted(_added(found))


def _reach(ids: list[int], start: datetime, end: datetime) -> datetime:
    """Until when there are packed samples in the range."""
    with connection.cursor() as cursor:
        cursor.execute(_REACH, [ids, end, start])
        (latest,) = cursor.fetchone()
    return min(latest + timedelta(microseconds=1), end)


def _of_rows(
    ids: list[int], start: datetime, since: datetime, until: datetime, end: datetime, parts: int, last: bool
) -> tuple[list[Bucket], bool]:
    """Of the rows of [since, until), in parts of [start, end); and whether some of it is packed."""
    width = (end - start).total_seconds() / parts
    query = _BUCKETS.format(last=_LAST if last else _NO_LAST)
    values: list[Any] = [start, width, parts - 1, ids, since, until, int(Quality.BAD), ids, until, since]
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        rows = cursor.fetchall()
    return [Bucket(*row) for row in rows if row[0] is not None], any(row[0] is None for row in rows)


def _of_packed(
    signal: int, start: datetime, until: datetime, end: datetime, parts: int, last: bool
) -> list[Bucket]:
    """Of the packed samples of [start, until) and the rows beside them, each once."""
    rows = rows_between(signal_ids=[signal], start=start, end=until)
    series = [series for _, series in series_between(signal_ids=[signal], start=start, end=until)]
    pieces = [_numbers(part) for part in series]
    if rows:
        keys = [set(zip(part.source_time.tolist(), part.key.tolist(), strict=True)) for part in series]
        fresh = [row for row in rows if not any((micros(row.source_time), row.source_key) in k for k in keys)]
        pieces.append(_numbers_of_rows(fresh))
    if not pieces:
        return []
    times, order, numbers = (np.concatenate(part) for part in zip(*pieces, strict=True))
    if not len(times):
        return []
    if (times[1:] <= times[:-1]).any():
        placed = np.lexsort((order, times))
        times, numbers = times[placed], numbers[placed]
    width = (end - start).total_seconds() / parts
    bucket = np.minimum(np.floor((times - micros(start)) / 1e6 / width), parts - 1).astype(np.int64)
    first = np.flatnonzero(np.diff(bucket, prepend=-1))
    final = np.append(first[1:], len(bucket)) - 1
    counts = final - first + 1
    columns = (
        bucket[first],
        counts,
        np.minimum.reduceat(numbers, first),
        np.add.reduceat(numbers, first) / counts,
        np.maximum.reduceat(numbers, first),
        _largest_last(times, numbers, final),
        times[final],
    )
    return [
        Bucket(signal, *told[:5], *((told[5], instant(told[6])) if last else (None, None)))
        for told in zip(*(column.tolist() for column in columns), strict=True)
    ]


def _largest_last(times: Array, numbers: Array, final: Array) -> Array:
    """The largest where several share the last instant, as in the database."""
    found = numbers[final].copy()
    for place in np.flatnonzero(times[np.maximum(final - 1, 0)] == times[final]):
        same = times == times[final[place]]
        found[place] = numbers[same].max()
    return found


def _numbers(series: Series) -> tuple[Array, Array, Array]:
    """Time, order and number of what is one, of a possible size and not bad."""
    taken = (series.quality < int(Quality.BAD)) & np.isin(series.kind, (KIND_INT, KIND_UINT, KIND_FLOAT))
    if not taken.all():
        series = series.take(taken)
    numbers = np.where(series.kind == KIND_FLOAT, series.bits.view(np.float64), series.bits)
    numbers = np.where(series.kind == KIND_UINT, series.bits.view(np.uint64), numbers)
    finite = np.abs(numbers) <= LARGEST
    return series.source_time[finite], series.server_time[finite], numbers[finite]


def _numbers_of_rows(rows: Iterable[SampleRow]) -> tuple[Array, Array, Array]:
    kept = [
        (row, float(row.value))
        for row in rows
        if isinstance(row.value, int | float)
        and not isinstance(row.value, bool)
        and row.quality < Quality.BAD
    ]
    times = np.array([micros(row.source_time) for row, _ in kept], np.int64)
    order = [NO_TIME if row.server_time is None else micros(row.server_time) for row, _ in kept]
    numbers = np.array([number for _, number in kept], np.float64)
    finite = np.abs(numbers) <= LARGEST
    return times[finite], np.array(order, np.int64)[finite], numbers[finite]


def _added(buckets: Iterable[Bucket]) -> list[Bucket]:
    """One of each part, where rows and segments meet in it."""
    found: dict[tuple[int, int], Bucket] = {}
    for one in buckets:
        other = found.get((one.signal_id, one.number))
        found[one.signal_id, one.number] = one if other is None else _sum(one, other)
    return list(found.values())


def _sum(one: Bucket, other: Bucket) -> Bucket:
    count = one.count + other.count
    latest = one
    if one.last_time is not None and other.last_time is not None and other.last_time > one.last_time:
        latest = other
    return Bucket(
        one.signal_id,
        one.number,
        count,
        min(one.lowest, other.lowest),
        (one.average * one.count + other.average * other.count) / count,
        max(one.highest, other.highest),
        latest.last,
        latest.last_time,
    )
