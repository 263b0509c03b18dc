"""A line by product and shift: the figures of each shift, added up, whatever was closed already."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from plant.models import CalendarSlot, Equipment
from production.domain.analysis import FEWEST, LOST, Cause, Lap, summed
from production.domain.oee import Output
from production.domain.time_model import CLASSES
from production.models import RollupWindow
from production.selectors.analysis import LineDays, line_days
from production.selectors.kpi import kpi
from production.services.rollups import rollups_sweep
from tests.benchmarks.year_data import Size, Year, plant_make
from tests.benchmarks.year_history import days_ensure, line_history_make

SEED = 7
DAY = date(2026, 3, 2)
START = datetime(2026, 3, 2, 5, tzinfo=UTC)
FAR = START + timedelta(days=3650)


@pytest.fixture
def year(db: None) -> Year:
    made = plant_make(Size(1, 2), random.Random(SEED))
    days_ensure(made)
    line_history_make(made, made.lines[0])
    rollups_sweep()
    return made


def days(line: Equipment, now: datetime | None = None) -> LineDays:
    shifts = CalendarSlot.objects.filter(line=line, kind="shift").order_by("start_time")
    first, last = shifts[0], shifts.latest("start_time")
    now = now or last.end_time
    found = line_days(line_id=line.pk, start=first.production_day, end=last.production_day, now=now)
    assert found is not None
    return found


def of_shift(found: LineDays, shift: CalendarSlot) -> list[Lap]:
    return [lap for lap in found.laps if lap.shift_start == shift.start_time]


@pytest.mark.parametrize("closed", [True, False])
def test_every_shift_has_the_figures_of_its_own_account(year: Year, closed: bool) -> None:
    line = year.lines[0]
    if not closed:
        RollupWindow.objects.all().delete()
    found = days(line)
    assert found.shifts
    assert bool(found.closed) is closed
    for shift in found.shifts:
        told = kpi(equipment_id=line.pk, start=shift.start_time, end=shift.end_time)
        assert told is not None
        sums = summed(of_shift(found, shift))
        assert sums.trs == told.trs
        assert sums.oee == told.oee
        assert sums.scrap == sum(part.scrap or 0 for part in told.made)
        lost = sum((t for name, t in told.account.durations.items() if name in LOST), timedelta())
        assert sum(sums.lost.values(), timedelta()) == lost


def test_closed_or_not_the_laps_are_the_same(year: Year) -> None:
    line = year.lines[0]
    closed = days(line)
    RollupWindow.objects.filter(start_time__gte=closed.shifts[1].start_time).delete()
    half = days(line)
    assert 0 < half.closed < closed.closed

    def plain(found: LineDays) -> dict[tuple[datetime, str], tuple[object, ...]]:
        return {
            (lap.shift_start, lap.order_code): (dict(lap.times), lap.output, lap.scrap) for lap in found.laps
        }

    assert plain(closed) == plain(half)


def test_products_and_the_time_between_orders_make_up_the_shifts(year: Year) -> None:
    found = days(year.lines[0])
    products = {lap.product_code for lap in found.laps}
    parts = [summed([lap for lap in found.laps if lap.product_code == product]) for product in products]
    whole = summed(found.laps)
    assert sum((part.required for part in parts), timedelta()) == whole.required
    assert sum(part.good or Decimal(0) for part in parts) >= (whole.good or Decimal(0))


def test_a_shift_that_is_not_over_or_without_data_is_left_out(year: Year) -> None:
    line = year.lines[0]
    last = days(line).shifts[-1]
    found = days(line, now=last.end_time - timedelta(seconds=1))
    assert last.start_time not in {shift.start_time for shift in found.shifts}
    CalendarSlot.objects.create(
        line=line, version=last.version, kind="shift", code="M", production_day=DAY - timedelta(days=700),
        start_time=last.start_time - timedelta(days=700), end_time=last.end_time - timedelta(days=700),
    )  # fmt: skip
    assert len(days(line).left_out) == 1


def test_reads_do_not_grow_with_the_shifts(year: Year) -> None:
    line = year.lines[0]
    first = days(line).shifts[0]
    counts = []
    for end in (first.production_day, first.production_day + timedelta(days=60)):
        with CaptureQueriesContext(connection) as seen:
            line_days(line_id=line.pk, start=first.production_day, end=end, now=FAR)
        counts.append(len(seen))
    assert max(counts) <= 30
    assert counts[1] <= counts[0] + 12


CAUSES = st.tuples(st.sampled_from(CLASSES), st.sampled_from(["", "JAM"]), st.booleans()).map(
    lambda row: Cause(*row)
)
LAPS = st.lists(
    st.builds(
        lambda n, order, times, good, scrap: Lap(
            day=DAY + timedelta(days=n),
            shift_code="MAN"[n % 3],
            shift_start=START,
            order_code=order,
            product_code=order,
            times={cause: timedelta(seconds=s) for cause, s in times.items()},
            output=Output(order, Decimal(good), Decimal(good + scrap), Decimal("0.5")),
            scrap=Decimal(scrap),
        ),
        st.integers(0, 20),
        st.sampled_from(["", "A", "B"]),
        st.dictionaries(CAUSES, st.integers(1, 20_000), max_size=6),
        st.integers(0, 9_000),
        st.integers(0, 500),
    ),
    max_size=12,
)


@given(LAPS, st.integers(0, 12))
def test_lost_time_and_what_speed_and_rejects_cost_close_the_required_time(laps: list[Lap], cut: int) -> None:
    whole, first, second = summed(laps), summed(laps[:cut]), summed(laps[cut:])
    assert whole.speed_and_rejects is not None
    useful = timedelta(seconds=float(whole.trs.tu or 0))
    assert whole.required == sum(whole.lost.values(), timedelta()) + whole.speed_and_rejects + useful
    assert first.required + second.required == whole.required
    assert _added(first.lost.items(), second.lost.items()) == whole.lost


def _added(*parts: Iterable[tuple[Cause, timedelta]]) -> dict[Cause, timedelta]:
    found: dict[Cause, timedelta] = {}
    for part in parts:
        for cause, time in part:
            found[cause] = found.get(cause, timedelta()) + time
    return found


def test_few_is_fewer_than_three() -> None:
    assert FEWEST == 3
