"""Closed windows, read: which are to be made again, and what they add up to for machines and lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from production.models import RollupWindow
from production.selectors.pacing import Pacing

# One statement, so that all of it is of one instant: whole windows with nothing marked in them, nor samples
# that are not folded yet; times by class; pieces by order, on the part of the pacing machine's time that is
# of the same order (none: ``seg`` empty); starts of breakdowns. ``seg``: between which two ideal rates.
READ = """
WITH asked AS (
    SELECT * FROM unnest(
        %(places)s::int[], %(lines)s::bigint[], %(units)s::bigint[], %(since)s::timestamptz[],
        %(until)s::timestamptz[], %(paces)s::bool[], %(leaves)s::bool[]
    ) AS asked (place, line, unit, since, until, paces, leaves)
), cuts AS (
    SELECT * FROM unnest(%(cut_places)s::int[], %(cuts)s::timestamptz[]) AS cuts (place, at)
), timed AS MATERIALIZED (
    SELECT place,
           (SELECT count(*) FROM cuts WHERE cuts.place = asked.place AND at <= rolled.start_time) AS seg,
           order_code, time_class, sum(microseconds) AS microseconds
    FROM asked JOIN production_rolluptime rolled
      ON rolled.work_unit_id = unit AND rolled.start_time >= since AND rolled.start_time < until
    WHERE paces GROUP BY 1, 2, 3, 4
), worked AS (
    SELECT place, order_code, array_agg(DISTINCT seg) AS segs FROM timed GROUP BY 1, 2
), counted AS (
    SELECT place,
           (SELECT count(*) FROM cuts WHERE cuts.place = asked.place AND at <= rolled.start_time) AS seg,
           order_code, sum(good) FILTER (WHERE leaves) AS good, sum(total) FILTER (WHERE paces) AS total,
           sum(scrap) FILTER (WHERE paces) AS scrap
    FROM asked JOIN production_rollupoutput rolled
      ON rolled.work_unit_id = unit AND rolled.start_time >= since AND rolled.start_time < until
    GROUP BY 1, 2, 3
)
SELECT 'window' AS kind, place, NULL::bigint, NULL::bigint, NULL::text, bool_and(
    EXISTS (
        SELECT 1 FROM production_rollupwindow closed
        WHERE work_unit_id = unit AND start_time >= since AND start_time < until
        HAVING min(start_time) = since AND max(end_time) = until
           AND sum(end_time - start_time) = until - since AND count(DISTINCT counters) = 1
           AND NOT bool_or(shared_instant AND start_time > since)
    )
    AND NOT EXISTS (
        SELECT 1 FROM production_rollupmark marked WHERE equipment_id IN (unit, line)
          AND (from_time IS NULL OR from_time <= until) AND (to_time IS NULL OR to_time >= since)
    )
    AND NOT EXISTS (SELECT 1 FROM connectors_dirtymark WHERE work_unit_id = unit AND from_time < until)
), NULL::numeric, NULL::numeric, NULL::numeric
FROM asked GROUP BY place
UNION ALL
SELECT 'time', place, NULL, sum(microseconds)::bigint, time_class, order_code <> '', NULL, NULL, NULL
FROM timed GROUP BY place, time_class, order_code <> ''
UNION ALL
SELECT 'output', place, laid.seg, product_id, NULL, counted.order_code <> '', sum(good), sum(total),
       sum(scrap)
FROM counted LEFT JOIN worked USING (place, order_code)
LEFT JOIN LATERAL (
    SELECT CASE WHEN counted.seg = ANY(segs) THEN counted.seg
                ELSE (SELECT one FROM unnest(segs) AS one ORDER BY abs(one - counted.seg) LIMIT 1) END AS seg
) AS laid ON true
LEFT JOIN production_joborder ON code = counted.order_code AND counted.order_code <> ''
GROUP BY place, laid.seg, product_id, counted.order_code <> ''
UNION ALL
SELECT 'failed', place, NULL, count(DISTINCT start)::bigint, NULL, NULL, NULL, NULL, NULL
FROM asked JOIN production_rollupwindow closed
  ON work_unit_id = unit AND start_time >= since AND start_time < until AND failed <> ''
CROSS JOIN LATERAL (SELECT unnest(string_to_array(failed, ','))::bigint) AS told (start)
WHERE paces AND start >= (extract(epoch FROM since) * 1000000)::bigint
GROUP BY place
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
    """Pieces of one product between two ideal rates; ``seg`` None: what paces the line never worked on it."""

    seg: int | None
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
