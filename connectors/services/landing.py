"""Rows into the table of samples, each once, whichever batch, task or worker brings it."""

from __future__ import annotations

import io

import numpy as np
from django.db import connection as database

from connectors.domain.columns import UNDATED, instant
from connectors.models import ReceivedNumber
from connectors.services.context import Context, place_of
from connectors.services.packing import COLUMNS, Array, Rows, copy_bytes

# A connection that brought something twice is asked about first for so many tasks: a COPY that fails is dear
LOOKED_FIRST = 20
_COPY = f"COPY connectors_signalsample ({', '.join(COLUMNS)}) FROM STDIN (FORMAT binary)"
# LATERAL … LIMIT: one probe of a day's primary key a row, however little the planner knows of either side
_THERE = """
SELECT coalesce(string_agg(int8send(n), ''), '')
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) WITH ORDINALITY AS told (signal, at, key, n)
CROSS JOIN LATERAL (
    SELECT FROM connectors_signalsample
    WHERE signal_id = signal AND source_key = key AND source_time BETWEEN %s AND %s
      AND source_time = 'epoch'::timestamptz + at * interval '1 microsecond'
    LIMIT 1
) AS there
"""
_NUMBERS = f"""
INSERT INTO {ReceivedNumber._meta.db_table} (connection_id, key, received_at)
SELECT %s, key, now() FROM unnest(%s::bigint[]) AS key ORDER BY key ON CONFLICT DO NOTHING RETURNING key
"""
_looking: dict[tuple[str, int], int] = {}


def numbers_once(context: Context, rows: Rows) -> Rows:
    """Messages numbered but not dated: arrival differs at each delivery, so their number tells them apart.

    A message may carry several signals under one number, and one of them may be known only later.
    """
    undated = np.flatnonzero(rows.historical & UNDATED)
    if not len(undated):
        return rows
    said = rows.key[undated] + rows.signal_id[undated] * np.int64(0x1E3779B97F4A7C15)
    keys, firsts = np.unique(said, return_index=True)
    with database.cursor() as cursor:
        cursor.execute(_NUMBERS, [context.connection_id, keys.tolist()])
        fresh = np.array([key for (key,) in cursor.fetchall()], np.int64)
    kept = np.ones(len(rows), bool)
    kept[undated] = False
    kept[undated[firsts[np.isin(keys, fresh)]]] = True
    return rows.take(kept)


def rows_copy(context: Context, rows: Rows) -> Rows:
    """The rows that were new. In the common case nothing is there twice, and nobody is asked.

    Raises psycopg2's UniqueViolation: something was; call again in a new transaction after ``look_first``.
    """
    place = place_of(context.connection_id)
    if len(rows) and place in _looking:
        new = _first_and_new(rows)
        _looking[place] = LOOKED_FIRST if len(new) < len(rows) else _looking[place] - 1
        if not _looking[place]:
            del _looking[place]
        rows = new
    if len(rows):
        with database.cursor() as cursor:
            cursor.copy_expert(_COPY, io.BytesIO(copy_bytes(rows)))
    return rows


def look_first(*, connection_id: int) -> None:
    """What a connection brings may be there: its source tells its store again, or its runner's disk was
    copied.
    """
    _looking[place_of(connection_id)] = LOOKED_FIRST


def _first_and_new(rows: Rows) -> Rows:
    """Of rows that are the same the first; of those, the ones that are not stored yet."""
    # Stable: of equal rows the first comes first
    order = np.lexsort((rows.key, rows.source_time, rows.signal_id))
    keys = [column[order] for column in (rows.signal_id, rows.source_time, rows.key)]
    first = np.ones(len(rows), bool)
    first[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in keys])
    order = order[first]
    with database.cursor() as cursor:
        told = [_literal(column[first]) for column in keys]
        ends = instant(int(rows.source_time.min())), instant(int(rows.source_time.max()))
        cursor.execute(_THERE, [*told, *ends])
        there = np.frombuffer(cursor.fetchone()[0], ">i8") - 1
    new = np.zeros(len(rows), bool)
    new[order] = True
    new[order[there]] = False
    return rows.take(new)


def _literal(column: Array) -> str:
    return "{" + ",".join(map(str, column.tolist())) + "}"
