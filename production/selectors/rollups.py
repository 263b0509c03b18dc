"""Closed windows, read: which are to be made again, and what they add up to for machines and lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from production.models import RollupWindow
from production.selectors.pacing import Pacing

# Of one instant: it is one statement. ``production/sql/rollup_read.sql``.
READ = """
SELECT * FROM production_rollup_read(
    %(places)s::int[], %(lines)s::bigint[], %(units)s::bigint[], %(since)s::timestamptz[],
    %(until)s::timestamptz[], %(paces)s::bool[], %(leaves)s::bool[],
    %(cut_places)s::int[], %(cuts)s::timestamptz[]
)
"""

DUE = """
SELECT DISTINCT unit.parent_id FROM plant_equipment unit
JOIN production_stitchcheckpoint checkpoint ON checkpoint.work_unit_id = unit.id
LEFT JOIN production_rollupreach reach ON reach.work_unit_id = unit.id
WHERE unit.parent_id IS NOT NULL AND EXISTS (
    SELECT 1 FROM plant_calendarslot slot
    WHERE slot.line_id = unit.parent_id AND slot.kind = 'shift'
      AND slot.end_time > coalesce(reach.closed_to, checkpoint.begun)
      AND slot.end_time <= checkpoint.horizon - interval '10 minutes'
)
UNION
SELECT CASE WHEN place.level = 'line' THEN place.id ELSE place.parent_id END
FROM plant_equipment place JOIN production_rollupmark marked ON marked.equipment_id = place.id
WHERE place.level IN ('line', 'work_unit')
ORDER BY 1
"""


class Counted(NamedTuple):
    """Pieces of one product between two ideal rates. ``seg``: how many of its line's rates had begun in the
    window; 0 where what paces the line never worked on it.
    """

    seg: int
    product_id: int | None
    of_order: bool
    good: Any
    total: Any
    scrap: Any


class Rolled(NamedTuple):
    """What a window of a machine or line adds up to. ``times``: microseconds by class, and whether of an
    order.
    """

    times: dict[tuple[str, bool], int]
    counted: list[Counted]
    failures: int


def lines_due() -> list[int]:
    """Lines with something marked, or a shift that is over and not closed."""
    with connection.cursor() as cursor:
        cursor.execute(DUE)
        return [line_id for (line_id,) in cursor.fetchall() if line_id is not None]


def windows_reached(
    *, work_unit_id: int, ranges: Sequence[tuple[datetime | None, datetime | None]]
) -> list[tuple[datetime, datetime]]:
    """Closed windows that touch any of some ranges (None: without limit), those that touch each other as
    one.
    """
    if not ranges:
        return []
    stored = RollupWindow.objects.filter(work_unit_id=work_unit_id).order_by("start_time")
    lows, highs = zip(*ranges, strict=True)
    if None not in lows:
        stored = stored.filter(end_time__gte=min(lows))
    if None not in highs:
        stored = stored.filter(start_time__lte=max(highs))
    merged: list[tuple[datetime, datetime]] = []
    for start, end in stored.values_list("start_time", "end_time"):
        if not any((low is None or low <= end) and (high is None or high >= start) for low, high in ranges):
            continue
        if merged and merged[-1][1] == start:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged


class Target(NamedTuple):
    """A line, or a machine alone, in [start, end); ``cuts``: where an ideal rate of what paces it begins."""

    pacing: Pacing
    start: datetime
    end: datetime
    cuts: Sequence[datetime]


def rolled_up(targets: Sequence[Target]) -> list[Rolled | None]:
    """What closed windows tell of each; None where they do not make up the whole of it."""
    found: list[Rolled | None] = [Rolled({}, [], 0) for _ in targets]
    if not targets:
        return found
    with connection.cursor() as cursor:
        cursor.execute(READ, _asked(targets))
        for kind, place, seg, number, name, flag, *pieces in cursor.fetchall():
            held = found[place]
            if kind == "window" and not flag:
                found[place] = None
            if held is None:
                continue
            if kind == "time":
                held.times[name, flag] = number
            elif kind == "output":
                held.counted.append(Counted(seg, number, flag, *pieces))
            elif kind == "failed":
                found[place] = held._replace(failures=number)
    return found


def _asked(targets: Sequence[Target]) -> dict[str, list[Any]]:
    rows: list[tuple[Any, ...]] = []
    for place, (pacing, start, end, _) in enumerate(targets):
        line = pacing.paced_by.parent_id
        for unit in _units(pacing):
            rows.append((place, line, unit.pk, start, end, unit in pacing.members, unit in pacing.exits))
    names = ("places", "lines", "units", "since", "until", "paces", "leaves")
    asked = {name: [row[at] for row in rows] for at, name in enumerate(names)}
    cuts = [(place, at) for place, target in enumerate(targets) for at in target.cuts]
    return asked | {"cut_places": [place for place, _ in cuts], "cuts": [at for _, at in cuts]}


def _units(pacing: Pacing) -> Iterable[Any]:
    return {unit.pk: unit for unit in (*pacing.members, *pacing.exits)}.values()
