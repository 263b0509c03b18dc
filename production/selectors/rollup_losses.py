"""What was lost by cause, machine and shift over months: from closed windows, and the stops behind a cell."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection
from django.db.models import Q, Sum

from plant import selectors as plant
from production.domain.line.losses import LOST
from production.domain.rollup import MICROSECOND
from production.models import RollupMonth, RollupTime, Stop
from production.selectors.accounts import accounts

if TYPE_CHECKING:
    from plant.models import Equipment

EVENTS = 200
# What is not added up is read so much at once: accounts of months would be held in memory.
AT_ONCE = timedelta(days=7)
# Whole windows with nothing marked in them, by machine.
WHOLE = """
SELECT unit FROM unnest(%(units)s::bigint[]) AS asked (unit)
WHERE EXISTS (
    SELECT 1 FROM production_rollupwindow closed
    WHERE work_unit_id = unit AND start_time >= %(start)s AND start_time < %(end)s
    HAVING min(start_time) = %(start)s AND max(end_time) = %(end)s
       AND sum(end_time - start_time) = %(end)s::timestamptz - %(start)s::timestamptz
)
AND NOT EXISTS (
    SELECT 1 FROM production_rollupmark marked JOIN plant_equipment place ON place.id = unit
    WHERE marked.equipment_id IN (unit, place.parent_id)
      AND (from_time IS NULL OR from_time <= %(end)s) AND (to_time IS NULL OR to_time >= %(start)s)
)
"""
# What was said that began in a shift of this code, the newest first, and the stops it reaches: the one that
# goes on at its start, and those that begin within it. One index probe each.
BEHIND = """
WITH said AS (
    SELECT start_time, coalesce(end_time, start_time + interval '1 microsecond') AS end_time
    FROM production_reasonassertion spoken
    WHERE equipment_id = %s AND reason_id = (SELECT id FROM plant_reason WHERE code = %s)
      AND start_time >= %s AND start_time < %s
      AND NOT EXISTS (SELECT 1 FROM production_reasonassertion later WHERE later.supersedes_id = spoken.id)
      AND EXISTS (
          SELECT 1 FROM (
              SELECT shift_code FROM production_rollupwindow closed
              WHERE work_unit_id = %s AND closed.start_time <= spoken.start_time
              ORDER BY closed.start_time DESC LIMIT 1
          ) AS shift WHERE shift_code = %s
      )
    ORDER BY start_time DESC LIMIT %s
)
SELECT reached.id FROM said CROSS JOIN LATERAL (
    SELECT id FROM (
        SELECT id, end_time FROM production_stop stop
        WHERE work_unit_id = %s AND stop.start_time <= said.start_time
        ORDER BY stop.start_time DESC LIMIT 1
    ) AS last WHERE last.end_time IS NULL OR last.end_time > said.start_time
    UNION
    SELECT id FROM production_stop stop
    WHERE work_unit_id = %s AND stop.start_time >= said.start_time AND stop.start_time < said.end_time
) AS reached
"""
FIELDS = ("work_unit_id", "shift_code", "time_class", "reason_code", "uncoded")
Key = tuple[int, str, str, str, bool]


class Lost(NamedTuple):
    """Time one machine lost to one cause in one sort of shift, and how many stops began in it."""

    work_unit_id: int
    shift_code: str
    time_class: str
    reason_code: str
    uncoded: bool
    time: timedelta
    stops: int


def losses_by_reason(
    *, equipment_ids: Iterable[int], start: datetime, end: datetime, closed: bool = True
) -> list[Lost]:
    """Lost time of machines in [start, end) by machine, shift, class and reason, the most first.

    From closed windows where they make up the whole, else from the account, machine by machine. ``closed``
    False: from the account, whatever is added up already.
    """
    wanted = sorted(set(equipment_ids))
    whole = _whole(wanted, start, end) if closed else set()
    sums: dict[Key, tuple[int, int]] = {}
    _closed(whole, start, end, sums)
    found = plant.equipment_for_ids(set(wanted) - whole)
    _told(list(found.values()), start, end, sums)
    lost = [Lost(*key, time * MICROSECOND, stops) for key, (time, stops) in sums.items()]
    return sorted(lost, key=lambda row: (-row.time, row[:5]))


def _closed(
    work_unit_ids: set[int], start: datetime, end: datetime, sums: dict[Key, tuple[int, int]]
) -> None:
    """Months that lie whole in [start, end) from their sums, what is before and after from its windows."""
    first = _month_from(start)
    last = max(first, _month_from(end + MICROSECOND, back=True))
    first = min(first, last, end)
    lost = {"work_unit_id__in": work_unit_ids, "time_class__in": LOST}
    ends = Q(start_time__gte=start, start_time__lt=first) | Q(start_time__gte=last, start_time__lt=end)
    months = RollupMonth.objects.filter(month__gte=first.date(), month__lt=last.date(), **lost)
    for rows in (RollupTime.objects.filter(ends, **lost), months):
        found: Any = rows.order_by().values_list(*FIELDS)
        for *key, time, begun in found.annotate(time=Sum("microseconds"), begun=Sum("stops")):
            held, stops = sums.get(tuple(key), (0, 0))
            sums[tuple(key)] = (held + int(time), stops + begun)


def _month_from(at: datetime, *, back: bool = False) -> datetime:
    """The first instant of a month at or after an instant; ``back``: the last one before it."""
    day = at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    if back or day == at:
        return day
    return (day + timedelta(days=32)).replace(day=1)


def _whole(work_unit_ids: list[int], start: datetime, end: datetime) -> set[int]:
    """Machines whose closed windows make up all of [start, end)."""
    with connection.cursor() as cursor:
        cursor.execute(WHOLE, {"units": work_unit_ids, "start": start, "end": end})
        return {unit for (unit,) in cursor.fetchall()}


def _told(
    equipment: list[Equipment], start: datetime, end: datetime, sums: dict[Key, tuple[int, int]]
) -> None:
    cuts = [start]
    while cuts[-1] < end:
        cuts.append(min(cuts[-1] + AT_ONCE, end))
    for since, until in pairwise(cuts) if equipment else ():
        for unit, account in accounts(equipment=equipment, start=since, end=until).items():
            for part in account.segments:
                if part.time_class in LOST:
                    key = (unit, part.shift_code, part.time_class, part.reason_code, part.uncoded)
                    time, stops = sums.get(key, (0, 0))
                    begun = part.stop_start == part.start
                    sums[key] = (time + part.duration // MICROSECOND, stops + begun)


def loss_events(
    *,
    equipment_id: int,
    reason_code: str,
    shift_code: str,
    start: datetime,
    end: datetime,
    limit: int = EVENTS,
) -> list[Stop]:
    """Stops of one machine that began in shifts of one code and were given one reason, the newest first."""
    asked: list[Any] = [
        equipment_id,
        reason_code,
        start,
        end,
        equipment_id,
        shift_code,
        limit,
        equipment_id,
        equipment_id,
    ]
    with connection.cursor() as cursor:
        cursor.execute(BEHIND, asked)
        ids = [stop_id for (stop_id,) in cursor.fetchall()]
    found = Stop.objects.filter(pk__in=ids).select_related("work_unit")
    return list(found.order_by("-start_time")[:limit])
