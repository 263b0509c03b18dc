"""What counting the ends of windows needs of their signals and machines, in one read.

Samples are kept by day: a read that names no earliest day is planned for every day there is, which takes
longer than the read. So the last sample before an instant is looked for in the days next to it, and only
where there is none, by a function with a plan of its own, in all that is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection

from connectors.selectors.samples import FIELDS
from connectors.selectors.segments import (
    TABLE,
    SampleRow,
    merged,
    order_of,
    packed_before,
    packed_between,
)

_NOTHING = ", ".join(["NULL"] * 11)
FOUND = ", ".join(f"coalesce(near.{name}, far.{name}) AS {name}" for name in re.split(r",\s*", FIELDS))
# Days searched before an instant at first: a weekend without production is not the rule, but none is rare.
NEAR = timedelta(days=4)
# One backward index scan per signal and instant, one forward per window; gaps are served by gap_by_equipment.
# The number of a signal, or a window's row of no signal: what is packed must be looked into there.
_EDGES = f"""
SELECT 'before' AS kind, CASE WHEN EXISTS (
    SELECT 1 FROM {TABLE} WHERE signal_id = wanted.id AND first_time < wanted.at
                                AND last_time >= coalesce(found.source_time, '-infinity')
) THEN wanted.id ELSE 0 END AS number, wanted.at, found.*
FROM unnest(%s::bigint[], %s::timestamptz[]) AS wanted(id, at) LEFT JOIN LATERAL (
    SELECT {FIELDS} FROM connectors_signalsample WHERE signal_id = wanted.id AND source_time < wanted.at
      AND source_time >= %s AND source_time < %s
    ORDER BY source_time DESC, server_time DESC NULLS LAST, source_key DESC LIMIT 1
) AS near ON true LEFT JOIN LATERAL connectors_sample_before(
    CASE WHEN near.signal_id IS NULL THEN wanted.id END, wanted.at
) AS far ON true CROSS JOIN LATERAL (SELECT {FOUND}) AS found
UNION ALL
SELECT 'within', wanted.number, NULL, {_NOTHING}
FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[])
     WITH ORDINALITY AS wanted(id, since, until, number)
WHERE EXISTS (SELECT 1 FROM {TABLE} WHERE signal_id = wanted.id AND first_time < wanted.until
                                          AND last_time >= wanted.since)
UNION ALL
SELECT 'within', wanted.number, NULL, found.*
FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[])
     WITH ORDINALITY AS wanted(id, since, until, number)
CROSS JOIN LATERAL (
    SELECT {FIELDS} FROM connectors_signalsample
    WHERE signal_id = wanted.id AND source_time >= wanted.since AND source_time < wanted.until
      AND source_time >= %s AND source_time < %s
) AS found
UNION ALL
SELECT 'gap', 0, gap.end_time, gap.equipment_id, gap.start_time, NULL, gap.start_time, 0, false,
       NULL, NULL, NULL, NULL, 0
FROM (
    SELECT DISTINCT ON (connection_id, key, equipment_id) equipment_id, start_time, end_time, recovered
    FROM connectors_gap WHERE equipment_id = ANY(%s) AND start_time < %s
    ORDER BY connection_id, key, equipment_id, end_time NULLS LAST
) AS gap WHERE gap.recovered = ''
"""


class Window(NamedTuple):
    """[start, end) of one signal."""

    signal_id: int
    start: datetime
    end: datetime


class GapOf(NamedTuple):
    """An unrecovered gap of a machine; ``end_time`` None: still open."""

    equipment_id: int
    start_time: datetime
    end_time: datetime | None


class Edges(NamedTuple):
    """``before``: the last sample of a signal strictly before an instant. ``within``: those of each window,
    ordered as ``samples_between``. ``gaps`` by start.
    """

    before: dict[tuple[int, datetime], SampleRow]
    within: list[list[SampleRow]]
    gaps: list[GapOf]


def samples_at_edges(
    *,
    instants: Iterable[tuple[int, datetime]],
    windows: Sequence[Window],
    equipment_ids: Iterable[int],
    until: datetime,
) -> Edges:
    """``instants``: a signal and when; ``until``: gaps that began before it."""
    wanted = list(instants)
    found = Edges({}, [[] for _ in windows], [])
    since = min((at for _, at in wanted), default=until) - NEAR
    begun = min((window.start for window in windows), default=since)
    ended = max((window.end for window in windows), default=since)
    each = [[window[place] for window in windows] for place in range(3)]
    before = [[signal for signal, _ in wanted], [at for _, at in wanted]]
    last = max((at for _, at in wanted), default=since)
    values: list[Any] = [*before, since, last, *each, *each, begun, ended, list(equipment_ids), until]
    with connection.cursor() as cursor:
        cursor.execute(_EDGES, values)
        rows = cursor.fetchall()
    _take(found, rows, windows)
    for within in found.within:
        within.sort(key=order_of)
    found.gaps.sort(key=lambda gap: gap.start_time)
    return found


def _take(found: Edges, rows: Iterable[Sequence[Any]], windows: Sequence[Window]) -> None:
    packed: list[int] = []
    for kind, number, at, *row in rows:
        known = None if row[0] is None else row
        if kind == "gap":
            found.gaps.append(GapOf(row[0], row[1], at))
        elif kind == "within":
            if known is None:
                packed.append(number - 1)
            else:
                found.within[number - 1].append(_sample(known))
        else:
            _before(found, number, at, None if known is None else _sample(known))
    for place in packed:
        pk, start, end = windows[place]
        more = packed_between(signal_ids=[pk], start=start, end=end)
        found.within[place] = merged(found.within[place], more)


def _before(found: Edges, packed: int, at: datetime, sample: SampleRow | None) -> None:
    """``packed``: the signal, where a packed sample may be later than the one found."""
    if packed:
        sample = packed_before(signal_id=packed, at=at, known=sample)
    if sample is not None:
        found.before[sample.signal_id, at] = sample


def _sample(row: Sequence[Any]) -> SampleRow:
    signal, source, server, arrival, quality, historical, v_int, v_float, v_bool, v_text, key = row
    value = int(v_int) if v_int is not None else v_float if v_float is not None else v_bool
    return SampleRow(
        signal, source, server, arrival, quality, historical, v_text if value is None else value, key
    )
