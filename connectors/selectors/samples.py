"""Samples by time range: what production, quality and maintenance pull."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from plant.domain.samples import Value


class SampleRow(NamedTuple):
    signal_id: int
    source_time: datetime
    server_time: datetime | None
    arrival_time: datetime
    quality: int
    historical: bool
    value: Value
    source_key: int


_FIELDS = """signal_id, source_time, server_time, arrival_time, quality, historical,
v_int, v_float, v_bool, v_text, source_key"""
# Served by the primary key of each day's partition.
_BETWEEN = f"""
SELECT {_FIELDS} FROM connectors_signalsample
WHERE signal_id = ANY(%s) AND source_time >= %s AND source_time < %s
ORDER BY source_time, server_time NULLS FIRST, source_key
"""
# Each window is a scan of its own: one condition of both would read the time between them.
_WINDOWS = """
SELECT * FROM ({windows}) AS found ORDER BY source_time, server_time NULLS FIRST, source_key
"""
_WINDOW = f"""SELECT {_FIELDS} FROM connectors_signalsample
WHERE signal_id = ANY(%s) AND source_time >= %s AND source_time < %s"""
# One backward index scan per signal and instant; days are pruned from the latest on.
_BEFORE_EACH = f"""
SELECT wanted.at, found.* FROM unnest(%s::bigint[]) AS signals(id)
CROSS JOIN unnest(%s::timestamptz[]) AS wanted(at) CROSS JOIN LATERAL (
    SELECT {_FIELDS} FROM connectors_signalsample WHERE signal_id = signals.id AND source_time < wanted.at
    ORDER BY source_time DESC, server_time DESC NULLS LAST, source_key DESC LIMIT 1
) AS found
"""
# One backward index scan per signal; days are pruned from the latest on.
_BEFORE = f"""
SELECT found.* FROM unnest(%s::bigint[]) AS wanted(id) CROSS JOIN LATERAL (
    SELECT {_FIELDS} FROM connectors_signalsample WHERE signal_id = wanted.id AND source_time < %s
    ORDER BY source_time DESC, server_time DESC NULLS LAST, source_key DESC LIMIT 1
) AS found
"""
_PAGE = f"""
SELECT {_FIELDS} FROM connectors_signalsample
WHERE signal_id = %s AND source_time >= %s AND source_time < %s AND (source_time, source_key) > (%s, %s)
ORDER BY source_time, source_key LIMIT %s
"""


def samples_between(*, signal_ids: Iterable[int], start: datetime, end: datetime) -> list[SampleRow]:
    """Samples in [start, end), ordered by source time, then server time, then source key: never by
    arrival.
    """
    ids = list(signal_ids)
    if not ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_BETWEEN, [ids, start, end])
        return list(_rows(cursor.fetchall()))


def samples_within(
    *, signal_ids: Iterable[int], windows: Sequence[tuple[datetime, datetime]]
) -> list[SampleRow]:
    """Samples of windows [start, end) that do not overlap, in one read, ordered as ``samples_between``."""
    ids = list(signal_ids)
    if not ids or not windows:
        return []
    query = _WINDOWS.format(windows=" UNION ALL ".join([_WINDOW] * len(windows)))
    with connection.cursor() as cursor:
        cursor.execute(query, [value for start, end in windows for value in (ids, start, end)])
        return list(_rows(cursor.fetchall()))


def last_samples_before_each(
    *, signal_ids: Iterable[int], instants: Iterable[datetime]
) -> dict[datetime, dict[int, SampleRow]]:
    """``last_samples_before`` of several instants, by instant, in one read."""
    ids, wanted = list(signal_ids), list(instants)
    found: dict[datetime, dict[int, SampleRow]] = {at: {} for at in wanted}
    if ids and wanted:
        with connection.cursor() as cursor:
            cursor.execute(_BEFORE_EACH, [ids, wanted])
            raw = cursor.fetchall()
        for (at, *_), row in zip(raw, _rows([one[1:] for one in raw]), strict=True):
            found[at][row.signal_id] = row
    return found


def last_samples_before(*, signal_ids: Iterable[int], at: datetime) -> dict[int, SampleRow]:
    """The last sample of each signal strictly before ``at``, by signal; signals without one are left out."""
    ids = list(signal_ids)
    if not ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_BEFORE, [ids, at])
        return {row.signal_id: row for row in _rows(cursor.fetchall())}


def samples_page(
    *, signal_id: int, start: datetime, end: datetime, after: tuple[datetime, int], limit: int
) -> list[SampleRow]:
    """At most ``limit`` samples of one signal after (source time, source key)."""
    with connection.cursor() as cursor:
        cursor.execute(_PAGE, [signal_id, start, end, *after, limit])
        return list(_rows(cursor.fetchall()))


def _rows(raw: Sequence[tuple[object, ...]]) -> Iterator[SampleRow]:
    for signal, source, server, arrival, quality, historical, v_int, v_float, v_bool, v_text, key in raw:
        value = v_float if v_int is None else int(v_int)  # type: ignore[call-overload]
        if value is None:
            value = v_text if v_bool is None else v_bool
        yield SampleRow(signal, source, server, arrival, quality, historical, value, key)  # type: ignore[arg-type]
