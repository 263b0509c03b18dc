"""Closed windows added up, and made again where what they are made from has changed.

The database marks every change in the transaction that makes it; a mark is taken before what it is about is
read, so a change that comes meanwhile leaves its own. Until then readers take the account itself.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from django.db import connection, transaction

from plant import selectors as plant
from production.models import RollupMark, RollupOutput, RollupReach, RollupTime, RollupWindow
from production.selectors.rollup_parts import (
    MONTH_COLUMNS,
    OUTPUT_COLUMNS,
    TIME_COLUMNS,
    WINDOW_COLUMNS,
    known_to,
    line_plan,
    months_derived,
    months_stored,
    times_derived,
    windows_derived,
    windows_stored,
)
from production.selectors.rollups import lines_due, windows_reached
from production.services.derived import Difference, apply, difference
from production.services.stitching import unit_lock

if TYPE_CHECKING:
    from plant.models import Equipment

log = logging.getLogger(__name__)
ROLLUP_LOCK = 52
COLUMNS = {RollupWindow: WINDOW_COLUMNS, RollupTime: TIME_COLUMNS, RollupOutput: OUTPUT_COLUMNS}
# Windows added up at once: a week of shifts.
AT_ONCE = timedelta(days=7)
# A window is closed when the last that usually comes late has come.
SETTLED = timedelta(minutes=10)
LONGEST_SHIFT = timedelta(days=4)
Range = tuple[datetime | None, datetime | None]


class Mark(NamedTuple):
    """``times_only``: no piece was counted otherwise than before."""

    range: Range
    times_only: bool


@dataclass(slots=True)
class Rolled:
    """``windows``: made again; ``rows``: of them, how many changed."""

    windows: int = 0
    rows: int = 0


def rollups_sweep() -> Rolled:
    """Every line with something marked, or a shift that is over. One that fails stops no other."""
    done = Rolled()
    for line_id in lines_due():
        try:
            found = rollups_refresh(line_id=line_id)
        except Exception:
            # Its readers take the account itself meanwhile.
            log.exception("line %s could not be added up, others go on", line_id)
            continue
        done = Rolled(done.windows + found.windows, done.rows + found.rows)
    return done


def rollups_after(*, work_unit_id: int) -> Rolled:
    """What a stitch has just changed in closed windows of a machine, and nothing else."""
    if not RollupMark.objects.filter(equipment_id=work_unit_id).exists():
        return Rolled()
    unit = plant.equipment_for_ids([work_unit_id])[work_unit_id]
    if unit.parent_id is None:
        return Rolled()
    done = Rolled()
    _again(unit.parent_id, [unit], done, whole=False)
    return done


def rollups_refresh(*, line_id: int) -> Rolled:
    """Make a line's marked windows again, then close those that are over. Safe at any time, any number of
    times.
    """
    done = Rolled()
    units = plant.line_work_units(line_id)
    _again(line_id, units, done, whole=True)
    for unit in units:
        _close(line_id, unit, done)
    return done


@transaction.atomic
def _again(line_id: int, units: Sequence[Equipment], done: Rolled, *, whole: bool) -> None:
    """Marked windows of machines of a line. ``whole``: all of them, and what is marked of the line itself."""
    _lock(line_id)
    marks = _marks_take([*([line_id] if whole else []), *(unit.pk for unit in units)])
    for unit in units:
        mine = [*marks.get(unit.pk, ()), *marks.get(line_id, ())]
        times_only = all(mark.times_only for mark in mine)
        for start, end in windows_reached(work_unit_id=unit.pk, ranges=[mark.range for mark in mine]):
            _make(line_id, unit, start, end, done, times_only=times_only)


def _lock(line_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [ROLLUP_LOCK, line_id])


def _marks_take(equipment_ids: Sequence[int]) -> dict[int, list[Mark]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM production_rollupmark WHERE equipment_id = ANY(%s) "
            "RETURNING equipment_id, from_time, to_time, times_only",
            [list(equipment_ids)],
        )
        rows = cursor.fetchall()
    found: dict[int, list[Mark]] = {}
    for equipment_id, start, end, times_only in rows:
        found.setdefault(equipment_id, []).append(Mark((start, end), times_only))
    return found


def _make(
    line_id: int, unit: Equipment, start: datetime, end: datetime, done: Rolled, *, times_only: bool
) -> None:
    """Windows of [start, end), whose edges were windows' edges, as they are now."""
    known = known_to(work_unit_id=unit.pk)
    until = min(known[1], end) if known else start
    for change in unit_differences(line_id, unit, start, end, until, done, times_only=times_only):
        done.rows += apply(change)
    for change in month_differences(unit, start, end):
        apply(change)
    if until < end:
        # What was over goes on again: it is closed once more when it is over.
        last = RollupWindow.objects.filter(work_unit=unit).order_by("-start_time").first()
        RollupReach.objects.filter(work_unit=unit).update(closed_to=last.end_time if last else None)


def unit_differences(
    line_id: int,
    unit: Equipment,
    start: datetime,
    end: datetime,
    until: datetime,
    done: Rolled,
    *,
    times_only: bool = False,
) -> Iterable[Difference]:
    """What windows of [start, end) should hold up to ``until``, against what they hold. ``times_only``: what
    was counted in them has not changed.
    """
    plan = line_plan(line_id=line_id, start=start, end=end)
    windows = [window for window in plan.windows(start, end) if window.end <= until] if plan else []
    begin = start
    while begin < end:
        stop = min(begin + AT_ONCE, end)
        some = [window for window in windows if begin <= window.start < stop]
        stored = windows_stored(work_unit_id=unit.pk, start=begin, end=stop)
        same = times_only and until >= end
        derived = times_derived(unit=unit, windows=some) if same else None
        if derived is None:
            derived = windows_derived(unit=unit, windows=some)
        done.windows += len(some)
        for model, rows in derived.items():
            if change := difference(stored[model], COLUMNS[model], rows):
                yield change
        begin = stop


def month_differences(unit: Equipment, start: datetime, end: datetime) -> Iterable[Difference]:
    """What the months of windows in [start, end) should hold, against what they hold."""
    stored = months_stored(work_unit_id=unit.pk, start=start, end=end)
    derived = months_derived(work_unit_id=unit.pk, start=start, end=end)
    if change := difference(stored, MONTH_COLUMNS, derived):
        yield change


def _close(line_id: int, unit: Equipment, done: Rolled) -> None:
    """Add up what is over since the last time; what changes meanwhile is marked before any of it is read."""
    reserved = _reserve(line_id, unit)
    if reserved is None:
        return
    start, end = reserved
    while start < end:
        start = _close_some(line_id, unit, start, end, done)


@transaction.atomic
def _reserve(line_id: int, unit: Equipment) -> tuple[datetime, datetime] | None:
    known = known_to(work_unit_id=unit.pk)
    if known is None:
        return None
    unit_lock(unit.pk)
    known = known_to(work_unit_id=unit.pk)
    reach = RollupReach.objects.filter(work_unit=unit).first()
    assert known is not None
    begun, until = known
    until -= SETTLED
    since = reach.closed_to if reach and reach.closed_to else None
    plan = line_plan(line_id=line_id, start=(since or begun) - LONGEST_SHIFT, end=until)
    edges = plan.edges() if plan else []
    start = since or max((at for at in edges if at <= begun), default=None)
    end = max((at for at in edges if at <= until), default=None)
    if start is None or end is None or end <= start:
        return None
    if reach is None:
        RollupReach.objects.create(work_unit=unit, watched_to=end)
    elif reach.watched_to < end:
        RollupReach.objects.filter(pk=unit.pk).update(watched_to=end)
    return start, end


@transaction.atomic
def _close_some(line_id: int, unit: Equipment, start: datetime, end: datetime, done: Rolled) -> datetime:
    _lock(line_id)
    known = known_to(work_unit_id=unit.pk)
    until = min(known[1], end) if known else start
    plan = line_plan(line_id=line_id, start=start, end=end)
    edges = [at for at in (plan.edges() if plan else []) if start < at <= until]
    stop = next((at for at in edges if at >= start + AT_ONCE), edges[-1] if edges else start)
    if stop == start:
        return end
    for change in unit_differences(line_id, unit, start, stop, stop, done):
        done.rows += apply(change)
    for change in month_differences(unit, start, stop):
        apply(change)
    RollupReach.objects.filter(work_unit=unit).update(closed_to=stop)
    return stop


def rollups_check(*, write: bool, work_unit_ids: Sequence[int] | None = None) -> list[str]:
    """Every closed window made again from the account; what differed, in words."""
    lines: list[str] = []
    reached = RollupReach.objects.exclude(closed_to=None).select_related("work_unit__parent")
    if work_unit_ids is not None:
        reached = reached.filter(pk__in=work_unit_ids)
    for reach in reached.order_by("pk"):
        unit = reach.work_unit
        first = RollupWindow.objects.filter(work_unit=unit).order_by("start_time").first()
        if first is None or reach.closed_to is None or unit.parent_id is None:
            continue
        with transaction.atomic():
            _lock(unit.parent_id)
            # Marked windows are not read: what they hold is no difference.
            _again_of(unit)
            start, end = first.start_time, reach.closed_to
            changes = unit_differences(unit.parent_id, unit, start, end, end, Rolled())
            for change in chain(changes, month_differences(unit, start, end)):
                lines += [f"{unit.code} {line}" for line in change.lines()]
                if write:
                    apply(change)
    return lines


def _again_of(unit: Equipment) -> None:
    if RollupMark.objects.filter(equipment_id__in=[unit.pk, unit.parent_id]).exists():
        assert unit.parent_id is not None
        _again(unit.parent_id, plant.line_work_units(unit.parent_id), Rolled(), whole=True)
