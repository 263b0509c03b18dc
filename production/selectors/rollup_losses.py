"""What was lost by cause, machine and shift over months: from closed windows, and the stops behind a cell."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection
from django.db.models import Exists, OuterRef, Q, Sum

from plant import selectors as plant
from production.domain.line.losses import LOST
from production.domain.rollup import MICROSECOND
from production.models import RollupTime, RollupWindow, Stop
from production.selectors.accounts import accounts
from production.selectors.stopped import in_force

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
    fields = ("work_unit_id", "shift_code", "time_class", "reason_code", "uncoded")
    rows: Any = RollupTime.objects.filter(
        work_unit_id__in=whole, start_time__gte=start, start_time__lt=end, time_class__in=LOST
    ).order_by()
    for *key, time, stops in rows.values_list(*fields).annotate(time=Sum("microseconds"), begun=Sum("stops")):
        sums[tuple(key)] = (int(time), stops)  # type: ignore[index]
    found = plant.equipment_for_ids(set(wanted) - whole)
    _told(list(found.values()), start, end, sums)
    lost = [Lost(*key, time * MICROSECOND, stops) for key, (time, stops) in sums.items()]
    return sorted(lost, key=lambda row: (-row.time, row[:5]))


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
    said = in_force([equipment_id]).filter(
        reason__code=reason_code, start_time__gte=start, start_time__lt=end
    )
    shift = RollupWindow.objects.filter(
        work_unit_id=equipment_id,
        shift_code=shift_code,
        start_time__lte=OuterRef("start_time"),
        end_time__gt=OuterRef("start_time"),
    )
    instants = said.filter(Exists(shift)).order_by("-start_time").values_list("start_time", "end_time")
    reached = Q(pk=None)
    for since, until in instants[:limit]:
        reached |= Q(start_time__lt=until or since + MICROSECOND) & (Q(end_time=None) | Q(end_time__gt=since))
    found = Stop.objects.filter(reached, work_unit_id=equipment_id).select_related("work_unit")
    return list(found.order_by("-start_time")[:limit])
