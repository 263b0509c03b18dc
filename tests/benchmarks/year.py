"""A year of fifty machines: effectiveness, Pareto and timelines in server time, against the account itself.

``BENCH_YEAR_DIR`` keeps the year and its closed shifts for the next run; ``BENCH_YEAR_SCALE`` makes it
smaller. Every figure read from closed shifts is compared with the account's before it is timed.
"""

from __future__ import annotations

import gzip
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from mom.pages import board, svg
from plant import selectors as plant
from plant.domain.intervals import Interval
from plant.models import CalendarSlot, Equipment
from production import selectors
from production.domain.stops import stop_id
from production.models import RollupTime, RollupWindow, StateInterval, Stop
from production.selectors.effectiveness import Effectiveness, effectiveness
from production.selectors.rollup_losses import Lost, loss_events, losses_by_reason
from production.selectors.rollups import lines_due
from production.services.rollups import rollups_after, rollups_refresh
from tests.benchmarks.result import Ratio
from tests.benchmarks.timing import Took, against, allowed, took
from tests.benchmarks.year_data import CONSTRAINT
from tests.benchmarks.year_place import Place, each_line, scale, year_place

SHIFT_MS, DAY_MS, MONTH_MS, REFRESH_MS = 5, 10, 50, 50
PARETO_MS, DRILL_MS, TIMELINE_MS, TIMELINE_KB = 300, 100, 300, 150
MACHINES, HOURS, MONTH_DAYS = 20, 24, 30


@dataclass(frozen=True)
class Windows:
    """A shift, a production day and a month of the year, whole, well inside it."""

    site: Equipment
    line: Equipment
    unit: Equipment
    shift: tuple[datetime, datetime]
    day: tuple[datetime, datetime]
    month: tuple[datetime, datetime]
    year: tuple[datetime, datetime]


def run() -> list[Ratio]:
    with year_place() as place, place.used():
        _rolled_up(place)
        found = _windows()
        return [
            *_effectiveness(found),
            *_refresh(found),
            *_pareto(found),
            *_timeline(found),
        ]


def _rolled_up(place: Place) -> None:
    """Closes what is not closed yet, as the worker does in the course of the year; a line per processor."""
    began = time.monotonic()
    lines = list(Equipment.objects.filter(pk__in=lines_due()).order_by("path"))
    windows = sum(each_line(_line_rolled_up, lines))
    if windows:
        with place.used(owner=True), connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
        print(f"  {windows:,} windows closed in {time.monotonic() - began:,.0f} s", file=sys.stderr)
    held = f"{RollupWindow.objects.count():,} windows, {RollupTime.objects.count():,} sums of time"
    print(f"  scale {scale():g}: {StateInterval.objects.count():,} states, {held}", file=sys.stderr)


def _line_rolled_up(line: Equipment) -> int:
    return rollups_refresh(line_id=line.pk).windows


def _windows() -> Windows:
    line = Equipment.objects.get(code="Y02")
    days = sorted(
        set(CalendarSlot.objects.filter(line=line, kind="shift").values_list("production_day", flat=True))
    )
    last = min(len(days) * 2 // 3, len(days) - 2)
    first = max(1, last - round(MONTH_DAYS * 6 / 7))
    shifts = plant.day_shifts(line_id=line.pk, day=days[last])
    windows = RollupWindow.objects.filter(work_unit__parent=line).order_by("start_time")
    start, end = windows[0].start_time, windows.latest("end_time").end_time
    return Windows(
        site=Equipment.objects.get(code="YEAR"),
        line=line,
        unit=plant.line_work_units(line.pk)[CONSTRAINT],
        shift=(shifts[0].start_time, shifts[0].end_time),
        day=(shifts[0].start_time, shifts[-1].end_time),
        month=(plant.day_shifts(line_id=line.pk, day=days[first])[0].start_time, shifts[-1].end_time),
        year=(start, end),
    )


def _effectiveness(found: Windows) -> list[Ratio]:
    asked = (
        ("OEE of a machine's shift", found.unit, found.shift, SHIFT_MS, 5),
        ("OEE of a line's day", found.line, found.day, DAY_MS, 3),
        ("OEE of a site's month", found.site, found.month, MONTH_MS, 1),
    )
    ratios: list[Ratio] = []
    for name, place, (start, end), most, naive_times in asked:
        read = _reading(place, start, end, closed=True)
        naive = _reading(place, start, end, closed=False)
        rolled, told = read(), naive()
        assert rolled is not None
        assert told is not None
        assert rolled.closed, f"{name}: not read from closed shifts"
        for field in ("durations", "trs", "oee", "figures", "lines"):
            assert getattr(rolled, field) == getattr(told, field), (name, field)
        ours, theirs = took(read), took(naive, times=naive_times)
        ratios += [allowed(name, ours.best, most), against(name, ours, theirs)]
    return ratios


def _reading(
    place: Equipment, start: datetime, end: datetime, *, closed: bool
) -> Callable[[], Effectiveness | None]:
    return lambda: effectiveness(equipment_id=place.pk, start=start, end=end, closed=closed)


def _refresh(found: Windows) -> list[Ratio]:
    """A stop that was not known, in a shift of the month; each time anew, and taken back."""
    runs = StateInterval.objects.filter(
        work_unit=found.unit, state="execute", start_time__gte=found.shift[0], end_time__lt=found.shift[1]
    )
    run = max(runs, key=_length)
    done: list[int] = []

    def refresh() -> None:
        done.append(rollups_after(work_unit_id=found.unit.pk).rows)

    taken: list[Took] = []
    for _ in range(8):
        with transaction.atomic():
            _stop_late(found.unit, run)
            taken.append(took(refresh, times=0))
            transaction.set_rollback(True)
    assert all(done), "the late stop changed nothing"
    best = min(taken)
    naive = took(_reading(found.unit, *found.shift, closed=False), times=5)
    name = "closed shift made again after a late stop"
    return [allowed(name, best.best, REFRESH_MS), against(name, best, naive, "one reading of the account")]


def _length(row: StateInterval) -> timedelta:
    assert row.end_time is not None
    return row.end_time - row.start_time


def _stop_late(unit: Equipment, run: StateInterval) -> None:
    assert run.end_time is not None
    start = run.start_time + (run.end_time - run.start_time) / 3
    end = run.start_time + 2 * (run.end_time - run.start_time) / 3
    StateInterval.objects.filter(pk=run.pk).update(end_time=start)
    for begin, finish, state in ((start, end, "aborted"), (end, run.end_time, "execute")):
        StateInterval.objects.create(
            work_unit=unit, start_time=begin, end_time=finish, state=state, mode="produce"
        )
    Stop.objects.create(
        id=stop_id(unit.code, start), work_unit=unit, start_time=start, end_time=end, base_class="own",
        size="registered", needs_reason=True,
    )  # fmt: skip


def _pareto(found: Windows) -> list[Ratio]:
    units = [unit.pk for unit in Equipment.objects.filter(level="work_unit").order_by("path")]
    start, end = found.year
    rows: list[Lost] = []

    def whole_year() -> None:
        rows[:] = losses_by_reason(equipment_ids=units, start=start, end=end)

    ours = took(whole_year, times=7)
    day_start, day_end = found.day
    day = losses_by_reason(equipment_ids=units, start=day_start, end=day_end)
    assert day == losses_by_reason(equipment_ids=units, start=day_start, end=day_end, closed=False)
    one_day = took(
        lambda: losses_by_reason(equipment_ids=units, start=day_start, end=day_end, closed=False), times=1
    )
    # Read from events the year would take as many times one day: too long to be run.
    days = (end - start) / (day_end - day_start)
    naive = Took(*(days * part for part in one_day))
    top = next(row for row in rows if row.reason_code)
    drill = took(
        lambda: loss_events(
            equipment_id=top.work_unit_id,
            reason_code=top.reason_code,
            shift_code=top.shift_code,
            start=start,
            end=end,
        ),
        times=7,
    )
    name = f"Pareto reason × machine × shift of the year, {len(rows):,} rows"
    return [
        allowed(name, ours.best, PARETO_MS),
        against(name, ours, naive, f"account from events, one day × {days:.0f}"),
        allowed(f"the stops behind its top cell ({top.stops:,}, newest 200 shown)", drill.best, DRILL_MS),
    ]


def _timeline(found: Windows) -> list[Ratio]:
    """Lanes of the pages' own drawing, one per machine, with the axis."""
    units = list(Equipment.objects.filter(level="work_unit").order_by("path")[:MACHINES])
    start = found.day[0]
    window = Interval(start, start + timedelta(hours=HOURS))
    zone = ZoneInfo("Europe/Paris")
    drawn: list[str] = []

    def draw() -> None:
        assert window.end is not None
        read = selectors.accounts(equipment=units, start=window.start, end=window.end)
        lanes = [
            svg.lane(
                board.segment_marks(read.get(unit.pk), unit, zone, {}),
                window=window, zone=zone, label=unit.name, href=f"/equipment/{unit.code}/",
            )
            for unit in units
        ]  # fmt: skip
        drawn[:] = [*lanes, svg.axis(window, zone)]

    ours = took(draw, times=7)
    whole = "".join(drawn).encode()
    packed = len(gzip.compress(whole)) / 1024
    name = f"timeline {HOURS} h × {len(units)} machines"
    return [
        allowed(f"{name}, median {ours.median:,.0f}", ours.best, TIMELINE_MS),
        allowed(f"{name}, {packed:,.0f} kB as gzip", len(whole) / 1024, TIMELINE_KB, "kB of SVG"),
    ]
