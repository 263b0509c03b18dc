"""Samples by time range: what production, quality and maintenance pull."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection
from psycopg2 import extensions as psycopg

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
SELECT found.* FROM unnest(%(ids)s::bigint[]) AS wanted(id) CROSS JOIN LATERAL (
    SELECT {_FIELDS} FROM connectors_signalsample
    WHERE signal_id = wanted.id AND source_time < %(at)s {{only}}
    ORDER BY source_time DESC, server_time DESC NULLS LAST, source_key DESC LIMIT 1
) AS found
"""
_TOLD = "AND source_time <= arrival_time + %(ahead)s"
_BLANK = r"[ \t\n\r\f\v]*"
# A text is cast only when it is plain digits: the exponent is two digits at most.
_GOOD = rf"""{_TOLD} AND quality <> 2 AND CASE
    WHEN v_int IS NOT NULL THEN abs(v_int) < %(below)s
    WHEN v_float IS NOT NULL THEN abs(v_float) < %(below)s
    WHEN v_bool IS NOT NULL THEN true
    WHEN length(v_text) <= 32
         AND v_text ~ '^{_BLANK}[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{{1,2}})?{_BLANK}$'
    THEN abs(v_text::numeric) < %(below)s END"""
_BEFORE_ANY, _BEFORE_TOLD, _BEFORE_GOOD = (_BEFORE.format(only=only) for only in ("", _TOLD, _GOOD))
_PAGE = f"""
SELECT {_FIELDS} FROM connectors_signalsample
WHERE signal_id = %s AND source_time >= %s AND source_time < %s AND (source_time, source_key) > (%s, %s)
ORDER BY source_time, source_key LIMIT %s
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
    wanted = {"read": list(read_ids), "heard": list(heard_ids), "start": start, "end": end}
    rows = _fetched(_FOLDED, wanted | {"ahead": ahead, "resolution": resolution})
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
    return list(_rows(_fetched(_BETWEEN, [ids, start, end])))


def samples_within(
    *, signal_ids: Iterable[int], windows: Sequence[tuple[datetime, datetime]]
) -> list[SampleRow]:
    """Samples of windows [start, end) that do not overlap, in one read, ordered as ``samples_between``."""
    ids = list(signal_ids)
    if not ids or not windows:
        return []
    query = _WINDOWS.format(windows=" UNION ALL ".join([_WINDOW] * len(windows)))
    return list(_rows(_fetched(query, [value for start, end in windows for value in (ids, start, end)])))


def last_samples_before_each(
    *, signal_ids: Iterable[int], instants: Iterable[datetime]
) -> dict[datetime, dict[int, SampleRow]]:
    """``last_samples_before`` of several instants, by instant, in one read."""
    ids, wanted = list(signal_ids), list(instants)
    found: dict[datetime, dict[int, SampleRow]] = {at: {} for at in wanted}
    if ids and wanted:
        raw = _fetched(_BEFORE_EACH, [ids, wanted])
        for (at, *_), row in zip(raw, _rows([one[1:] for one in raw]), strict=True):
            found[at][row.signal_id] = row
    return found


def last_samples_before(*, signal_ids: Iterable[int], at: datetime) -> dict[int, SampleRow]:
    """The last sample of each signal strictly before ``at``, by signal; signals without one are left out."""
    return _by_signal(_BEFORE_ANY, {"ids": list(signal_ids), "at": at})


def last_told_before(*, signal_ids: Iterable[int], at: datetime, ahead: timedelta) -> dict[int, SampleRow]:
    """``last_samples_before`` without what claims to be later than its own arrival by more than ``ahead``."""
    return _by_signal(_BEFORE_TOLD, {"ids": list(signal_ids), "at": at, "ahead": ahead})


def last_good_before(
    *, signal_ids: Iterable[int], at: datetime, ahead: timedelta, below: int
) -> dict[int, SampleRow]:
    """``last_told_before`` of not bad quality and with a number below ``below`` either side of zero, told as
    a text of up to 32 digits too: hours of bad quality are one scan.
    """
    return _by_signal(_BEFORE_GOOD, {"ids": list(signal_ids), "at": at, "ahead": ahead, "below": below})


def _by_signal(query: str, values: dict[str, Any]) -> dict[int, SampleRow]:
    return {row.signal_id: row for row in _rows(_fetched(query, values))} if values["ids"] else {}


def late_samples(*, equipment_ids: Iterable[int], start: datetime, end: datetime, since: datetime) -> int:
    """How many values of [start, end) of some machines arrived after an instant."""
    query = """
    SELECT count(*) FROM connectors_signalsample
    WHERE signal_id IN (SELECT id FROM connectors_signaldefinition WHERE equipment_id = ANY(%s))
      AND source_time >= %s AND source_time < %s AND arrival_time > %s
    """
    [(count,)] = _fetched(query, [list(equipment_ids), start, end, since])
    return int(count)


def samples_page(
    *, signal_id: int, start: datetime, end: datetime, after: tuple[datetime, int], limit: int
) -> list[SampleRow]:
    """At most ``limit`` samples of one signal after (source time, source key)."""
    return list(_rows(_fetched(_PAGE, [signal_id, start, end, *after, limit])))


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


def _fetched(query: str, values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.cursor.tzinfo_factory = _zone_of
        psycopg.register_type(_whole, cursor.cursor)
        cursor.execute(query, values)
        return cursor.fetchall()


def _value(v_float: float | None, v_bool: bool | None, v_text: str | None) -> Value:
    if v_float is not None:
        return v_float
    return v_text if v_bool is None else v_bool


def _rows(raw: Iterable[tuple[Any, ...]]) -> Iterator[SampleRow]:
    for signal, source, server, arrival, quality, historical, v_int, v_float, v_bool, v_text, key in raw:
        value = v_int if v_int is not None else _value(v_float, v_bool, v_text)
        yield SampleRow(signal, source, server, arrival, quality, historical, value, key)
