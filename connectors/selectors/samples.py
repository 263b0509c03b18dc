"""Samples by time range: what production, quality and maintenance pull."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

from django.db import connection
from psycopg2 import extensions as psycopg

from connectors.domain.columns import EPOCH
from connectors.selectors.late import late_values
from connectors.selectors.retired import heard_between
from connectors.selectors.segments import (
    IN_RANGE,
    SampleRow,
    merged,
    order_of,
    packed_between,
    packed_page,
)
from plant.domain.samples import Quality, Value

FIELDS = """signal_id, source_time, server_time, arrival_time, quality, historical,
v_int, v_float, v_bool, v_text, source_key"""
# One row of nothing, the last: some of what is asked for is packed.
_PACKED = f"SELECT {', '.join(['NULL'] * 11)} WHERE {IN_RANGE}"
# Served by the primary key of each day's partition.
_BETWEEN = f"""
SELECT {FIELDS} FROM connectors_signalsample
WHERE signal_id = ANY(%s) AND source_time >= %s AND source_time < %s
UNION ALL {_PACKED} ORDER BY source_time, server_time NULLS FIRST, source_key
"""
# Each window is a scan of its own: one condition of both would read the time between them.
_WINDOWS = """
SELECT * FROM ({windows}) AS found ORDER BY source_time, server_time NULLS FIRST, source_key
"""
_WINDOW = f"""SELECT {FIELDS} FROM connectors_signalsample
WHERE signal_id = ANY(%s) AND source_time >= %s AND source_time < %s UNION ALL {_PACKED}"""
_PAGE = f"""
(SELECT {FIELDS} FROM connectors_signalsample
WHERE signal_id = %s AND source_time >= %s AND source_time < %s AND (source_time, source_key) > (%s, %s)
ORDER BY source_time, source_key LIMIT %s)
UNION ALL {_PACKED} ORDER BY source_time, source_key
"""
# Of signals whose values drive nothing, the first and last instant of every ``resolution``: silence longer
# than that begins and ends at one of them.
_FOLDED = """
SELECT source_time, signal_id, v_int, v_float, v_bool, v_text, bad FROM (
    SELECT source_time, server_time, source_key, signal_id, v_int, v_float, v_bool, v_text,
           quality = 2 OR num_nonnulls(v_int, v_float, v_bool, v_text) = 0 AS bad
    FROM connectors_signalsample
    WHERE signal_id = ANY(%(read)s) AND source_time >= %(start)s AND source_time < %(end)s
          AND source_time <= arrival_time + %(ahead)s
    UNION ALL
    SELECT unnest(instants), NULL, NULL, signal_id, NULL, NULL, NULL, NULL, false FROM (
        SELECT signal_id, CASE WHEN min(source_time) = max(source_time) THEN ARRAY[min(source_time)]
                               ELSE ARRAY[min(source_time), max(source_time)] END AS instants
        FROM connectors_signalsample
        WHERE signal_id = ANY(%(heard)s) AND source_time >= %(start)s AND source_time < %(end)s
              AND source_time <= arrival_time + %(ahead)s
        GROUP BY signal_id, date_bin(%(resolution)s, source_time, TIMESTAMPTZ '1970-01-01 00:00Z')
    ) AS heard
    UNION ALL
    SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL WHERE EXISTS (
        SELECT 1 FROM connectors_samplesegment
        WHERE signal_id = ANY(%(all)s) AND first_time < %(end)s AND last_time >= %(start)s
    ) OR EXISTS (
        SELECT 1 FROM connectors_retiredhistory
        WHERE signal_id = ANY(%(heard)s) AND start_time < %(end)s AND end_time > %(start)s
    )
) AS found ORDER BY source_time, server_time NULLS FIRST, source_key
"""
# The session's zone is UTC, and v_int has no decimals: read by C alone, at a third of the cost.
_zone_of = {timedelta(0): UTC}.__getitem__
_whole = psycopg.new_type((1700,), "whole", psycopg.LONGINTEGER)


def samples_folded(
    *,
    read_ids: Iterable[int],
    heard_ids: Iterable[int],
    start: datetime,
    end: datetime,
    ahead: timedelta,
    resolution: timedelta,
) -> list[tuple[datetime, int, object, bool]]:
    """What a fold reads of [start, end): (source time, signal, value, bad), ordered as ``samples_between``.

    Every sample of ``read_ids``; of ``heard_ids`` only so many that no silence longer than ``resolution``
    is missed, without values. Left out: what claims to be later than its own arrival by more than ``ahead``.
    A null value counts as bad.
    """
    read, heard = list(read_ids), list(heard_ids)
    wanted = {"read": read, "heard": heard, "all": read + heard, "start": start, "end": end}
    rows = fetched(_FOLDED, wanted | {"ahead": ahead, "resolution": resolution})
    if rows and rows[-1][0] is None:
        return _folded_with_packed(read, heard, start, end, ahead, resolution)
    return [
        (at, signal, v_int if v_int is not None else _value(v_float, v_bool, v_text), bad)
        for at, signal, v_int, v_float, v_bool, v_text, bad in rows
    ]


def samples_between(*, signal_ids: Iterable[int], start: datetime, end: datetime) -> list[SampleRow]:
    """Samples in [start, end), ordered by source time, then server time, then source key: never by
    arrival.
    """
    ids = list(signal_ids)
    if not ids:
        return []
    rows, is_packed = _told(fetched(_BETWEEN, [ids, start, end, ids, end, start]))
    return merged(rows, packed_between(signal_ids=ids, start=start, end=end)) if is_packed else list(rows)


def rows_between(*, signal_ids: Iterable[int], start: datetime, end: datetime) -> list[SampleRow]:
    """As ``samples_between``, without what is packed."""
    ids = list(signal_ids)
    rows, _ = _told(fetched(_BETWEEN, [ids, start, end, ids, end, start]))
    return list(rows)


def samples_within(
    *, signal_ids: Iterable[int], windows: Sequence[tuple[datetime, datetime]]
) -> list[SampleRow]:
    """Samples of windows [start, end) that do not overlap, in one read, ordered as ``samples_between``."""
    ids = list(signal_ids)
    if not ids or not windows:
        return []
    query = _WINDOWS.format(windows=" UNION ALL ".join([_WINDOW] * len(windows)))
    values = [value for start, end in windows for value in (ids, start, end, ids, end, start)]
    rows, is_packed = _told(fetched(query, values))
    if not is_packed:
        return list(rows)
    parts = (packed_between(signal_ids=ids, start=start, end=end) for start, end in windows)
    return merged(rows, chain.from_iterable(parts))


def _folded_with_packed(
    read: list[int], heard: list[int], start: datetime, end: datetime, ahead: timedelta, resolution: timedelta
) -> list[tuple[datetime, int, object, bool]]:
    """What ``_FOLDED`` gives, from rows and segments."""
    found = [
        ((*order_of(row)[:3], False, row.source_key), row.signal_id, row.value, _is_bad(row))
        for row in samples_between(signal_ids=read, start=start, end=end)
        if row.source_time <= row.arrival_time + ahead
    ]
    rows = samples_between(signal_ids=heard, start=start, end=end)
    spoke = [(row.signal_id, row.source_time) for row in rows if row.source_time <= row.arrival_time + ahead]
    for signal, dropped in heard_between(signal_ids=heard, start=start, end=end):
        spoke += [(signal, at) for at in dropped]
    ends: dict[tuple[int, int], tuple[datetime, datetime]] = {}
    for signal, at in spoke:
        place = signal, (at - EPOCH) // resolution
        first, last = ends.get(place, (at, at))
        ends[place] = min(first, at), max(last, at)
    for (signal, _), instants in ends.items():
        found += [((at, False, at, True, 0), signal, None, False) for at in sorted(set(instants))]
    found.sort(key=lambda one: one[0])
    return [(order[0], signal, value, bad) for order, signal, value, bad in found]


def _is_bad(row: SampleRow) -> bool:
    return row.quality == Quality.BAD or row.value is None


def late_samples(*, equipment_ids: Iterable[int], start: datetime, end: datetime, since: datetime) -> int:
    """How many values of [start, end) of some machines arrived after an instant."""
    return sum(
        late.values for late in late_values(equipment_ids=equipment_ids, start=start, end=end, since=since)
    )


def samples_page(
    *, signal_id: int, start: datetime, end: datetime, after: tuple[datetime, int], limit: int
) -> list[SampleRow]:
    """At most ``limit`` samples of one signal after (source time, source key)."""
    values = [signal_id, start, end, *after, limit, [signal_id], end, max(start, after[0])]
    rows, is_packed = _told(fetched(_PAGE, values))
    if not is_packed:
        return list(rows)
    packed = packed_page(signal_id=signal_id, start=start, end=end, after=after, limit=limit)
    found = {(row.source_time, row.source_key): row for row in (*packed, *rows)}
    return [found[place] for place in sorted(found)][:limit]


def samples_each(
    *, signal_id: int, start: datetime, end: datetime, at_once: int = 10_000
) -> Iterator[SampleRow]:
    """Samples of one signal in [start, end), oldest first, ``at_once`` held at a time."""
    after = (start, -(2**63))
    while True:
        page = samples_page(signal_id=signal_id, start=start, end=end, after=after, limit=at_once)
        yield from page
        if len(page) < at_once:
            return
        after = (page[-1].source_time, page[-1].source_key)


def fetched(query: str, values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.cursor.tzinfo_factory = _zone_of
        psycopg.register_type(_whole, cursor.cursor)
        cursor.execute(query, values)
        return cursor.fetchall()


def _value(v_float: float | None, v_bool: bool | None, v_text: str | None) -> Value:
    if v_float is not None:
        return v_float
    return v_text if v_bool is None else v_bool


def _told(raw: list[tuple[Any, ...]]) -> tuple[Iterator[SampleRow], bool]:
    """The rows, and whether some of what was asked for is packed."""
    is_packed = bool(raw) and raw[-1][0] is None
    return sample_rows(row for row in raw if row[0] is not None) if is_packed else sample_rows(raw), is_packed


def sample_rows(raw: Iterable[tuple[Any, ...]]) -> Iterator[SampleRow]:
    for signal, source, server, arrival, quality, historical, v_int, v_float, v_bool, v_text, key in raw:
        value = v_int if v_int is not None else _value(v_float, v_bool, v_text)
        yield SampleRow(signal, source, server, arrival, quality, historical, value, key)
