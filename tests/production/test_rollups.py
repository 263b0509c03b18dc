"""Closed windows are exactly what the account tells, whatever has changed since they were added up."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from connectors.models import DirtyMark
from plant.models import CalendarSlot, Equipment, Reason
from production.domain.line.losses import LOST
from production.domain.stops import stop_id
from production.models import (
    CountAssertion,
    IdealRate,
    JobOrder,
    OrderSpan,
    QuantityActual,
    ReasonAssertion,
    RollupMark,
    RollupWindow,
    StateInterval,
    Stop,
)
from production.selectors import rollup_parts
from production.selectors.accounts import accounts
from production.selectors.effectiveness import Effectiveness, effectiveness
from production.selectors.hand_counts import beside_windows
from production.selectors.rollup_losses import loss_events, losses_by_reason
from production.services.rollups import rollups_after, rollups_check, rollups_refresh, rollups_sweep
from tests.benchmarks.year_data import CONSTRAINT, Size, Year, plant_make
from tests.benchmarks.year_history import days_ensure, line_history_make
from tests.factories.plant import account_make

SEED = 7
SECOND = timedelta(seconds=1)


@pytest.fixture
def year(db: None) -> Year:
    made = plant_make(Size(1, 2), random.Random(SEED))
    days_ensure(made)
    line_history_make(made, made.lines[0])
    rollups_sweep()
    return made


def same(equipment: Equipment, start: datetime, end: datetime) -> Effectiveness:
    """Both readings, equal to the last digit; returns the one from closed windows."""
    closed = effectiveness(equipment_id=equipment.pk, start=start, end=end)
    told = effectiveness(equipment_id=equipment.pk, start=start, end=end, closed=False)
    assert closed is not None
    assert told is not None
    for name in ("durations", "trs", "oee", "figures", "lines", "left_out"):
        assert getattr(closed, name) == getattr(told, name), name
    return closed


def edges_of(unit: Equipment) -> list[datetime]:
    rows = RollupWindow.objects.filter(work_unit=unit).order_by("start_time")
    return [rows[0].start_time, *rows.values_list("end_time", flat=True)]


def test_every_whole_window_of_machine_line_and_site_is_read_closed_and_equals_the_account(
    year: Year,
) -> None:
    line = year.lines[0]
    units = year.units[line.pk]
    edges = edges_of(units[CONSTRAINT])
    assert len(edges) == 6
    for equipment in (units[0], units[CONSTRAINT], line, year.site):
        for first in range(len(edges) - 1):
            assert same(equipment, edges[first], edges[first + 1]).closed
        assert same(equipment, edges[0], edges[-1]).closed
        assert same(equipment, edges[1], edges[5]).closed
    assert rollups_check(write=False) == []
    whole = same(line, edges[0], edges[-1])
    assert sum(whole.durations.values(), timedelta()) == edges[-1] - edges[0]
    assert whole.oee.oee is not None
    assert whole.figures.failures > 0


def _late_stop(year: Year, unit: Equipment, dice: random.Random) -> None:
    """A run turns out to have been interrupted."""
    runs = StateInterval.objects.filter(work_unit=unit, state="execute").order_by("start_time")
    run = dice.choice(
        [row for row in runs if row.end_time and row.end_time - row.start_time > timedelta(seconds=200)]
    )
    start, end = run.start_time + timedelta(seconds=20), run.start_time + timedelta(seconds=170)
    StateInterval.objects.filter(pk=run.pk).update(end_time=start)
    for begin, finish, state in ((start, end, "aborted"), (end, run.end_time, "execute")):
        StateInterval.objects.create(
            work_unit=unit, start_time=begin, end_time=finish, state=state, mode="produce"
        )
    Stop.objects.create(
        id=stop_id(unit.code, start), work_unit=unit, start_time=start, end_time=end, base_class="own",
        size="registered", fault_code="", needs_reason=True,
    )  # fmt: skip


def _reason(year: Year, unit: Equipment, dice: random.Random) -> None:
    stop = dice.choice(list(Stop.objects.filter(work_unit=unit, size="registered").order_by("start_time")))
    before = ReasonAssertion.objects.filter(equipment=unit, start_time=stop.start_time, superseded_by=None)
    ReasonAssertion.objects.create(
        equipment=unit, start_time=stop.start_time, end_time=dice.choice([stop.end_time, None]),
        reason=dice.choice(list(Reason.objects.order_by("pk"))), supersedes=before.first(),
    )  # fmt: skip


def _order(year: Year, unit: Equipment, dice: random.Random) -> None:
    line = year.lines[0]
    code = dice.choice(year.orders[line.pk][:-1]).code
    moved = timedelta(seconds=dice.randint(1, 900))
    for span in OrderSpan.objects.filter(order_code=code, equipment__in=[unit, line]):
        if span.end_time is not None:
            OrderSpan.objects.filter(pk=span.pk).update(end_time=span.end_time + moved)


def _signal_order(year: Year, unit: Equipment, dice: random.Random) -> None:
    """The machine begins to tell its orders itself: what its line tells is not asked any more, ever."""
    order = dice.choice(year.orders[year.lines[0].pk])
    OrderSpan.objects.create(
        equipment=unit, order_code=order.code, start_time=order.start, end_time=order.end, source="signal"
    )


def _pieces(year: Year, unit: Equipment, dice: random.Random) -> None:
    rows = QuantityActual.objects.order_by("signal_id", "start_time")
    row = rows[dice.randrange(rows.count())]
    QuantityActual.objects.filter(pk=row.pk).update(quantity=row.quantity + dice.randint(1, 50))


def _calendar(year: Year, unit: Equipment, dice: random.Random) -> None:
    slots = CalendarSlot.objects.filter(line=year.lines[0], kind="break").order_by("start_time")
    slot = slots[dice.randrange(slots.count())]
    CalendarSlot.objects.filter(pk=slot.pk).update(end_time=slot.end_time + timedelta(minutes=10))


def _shift(year: Year, unit: Equipment, dice: random.Random) -> None:
    slots = CalendarSlot.objects.filter(line=year.lines[0], kind="shift").order_by("start_time")
    CalendarSlot.objects.filter(pk=slots[1].pk).update(end_time=slots[1].end_time - timedelta(hours=1))


def _rate(year: Year, unit: Equipment, dice: random.Random) -> None:
    # At a change of order: there the counters were read on either side.
    at = dice.choice(year.orders[year.lines[0].pk][1:]).start
    IdealRate.objects.create(equipment=unit, units_per_hour=dice.randint(5000, 9999), valid_from=at)


def _limits(year: Year, unit: Equipment, dice: random.Random) -> None:
    Equipment.objects.filter(pk=unit.pk).update(registered_stop=timedelta(seconds=dice.randint(30, 300)))


def _meaning(year: Year, unit: Equipment, dice: random.Random) -> None:
    Reason.objects.filter(code=f"R{dice.randrange(8):02d}").update(time_class="planned_maintenance")


def _product(year: Year, unit: Equipment, dice: random.Random) -> None:
    order = dice.choice(year.orders[year.lines[0].pk])
    JobOrder.objects.filter(code=order.code).delete()


def _goes_on(year: Year, unit: Equipment, dice: random.Random) -> None:
    """The last stop is not over: what it is may still change."""
    last = Stop.objects.filter(work_unit=unit).order_by("-start_time").first()
    assert last is not None
    Stop.objects.filter(pk=last.pk).update(end_time=None)


def _hand(year: Year, unit: Equipment, dice: random.Random) -> None:
    """Somebody counts, long after, what no counter of the machine tells."""
    order = dice.choice(year.orders[year.lines[0].pk])
    end = order.start + (order.end - order.start) * dice.random()
    CountAssertion.objects.create(
        equipment=unit, start_time=order.start, end_time=end + SECOND, kind=dice.choice(["scrap", "good"]),
        quantity=dice.randint(1, 50),
    )  # fmt: skip


CHANGES = (
    _late_stop, _reason, _order, _signal_order, _pieces, _calendar, _shift, _rate, _limits, _meaning,
    _product, _goes_on, _hand,
)  # fmt: skip


@settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.data())
def test_whatever_changes_the_two_readings_stay_equal_before_and_after_it_is_added_up(
    year: Year, data: Any
) -> None:
    line = year.lines[0]
    units = year.units[line.pk]
    dice = random.Random(data.draw(st.integers(0, 2**32)))
    with transaction.atomic():
        for change in data.draw(st.lists(st.sampled_from(CHANGES), min_size=1, max_size=4)):
            change(year, data.draw(st.sampled_from(units)), dice)
            edges = edges_of(units[CONSTRAINT])
            first, last = sorted(data.draw(st.sets(st.integers(0, len(edges) - 1), min_size=2, max_size=2)))
            same(line, edges[first], edges[last])
        # A changed rate has its machine derived again: what is to be folded is taken by a stitch.
        DirtyMark.objects.all().delete()
        rollups_refresh(line_id=line.pk)
        assert not RollupMark.objects.exists()
        for unit in units:
            edges = edges_of(unit)
            by_hand = beside_windows(equipment_ids=[unit.pk], start=edges[0], end=edges[-1])
            assert same(unit, edges[0], edges[-1]).closed or by_hand
        same(line, edges[0], edges[-1])
        assert rollups_check(write=False) == []
        transaction.set_rollback(True)


def test_a_stop_or_reason_that_comes_late_is_added_up_without_counting_again(
    year: Year, monkeypatch: pytest.MonkeyPatch
) -> None:
    line, dice = year.lines[0], random.Random(SEED)
    unit = year.units[line.pk][CONSTRAINT]
    edges = edges_of(unit)
    with monkeypatch.context() as without:
        without.delattr(rollup_parts, "order_quantities")
        for change in (_late_stop, _reason):
            change(year, unit, dice)
            assert set(RollupMark.objects.values_list("times_only", flat=True)) == {True}
            assert rollups_after(work_unit_id=unit.pk).rows > 0
    _hand(year, unit, dice)
    assert set(RollupMark.objects.values_list("times_only", flat=True)) == {False}
    rollups_refresh(line_id=line.pk)
    assert same(unit, edges[0], edges[-1]).closed
    assert rollups_check(write=False) == []


def test_months_of_a_site_are_answered_over_the_api_with_the_words_of_its_machines(year: Year) -> None:
    client = APIClient()
    client.force_login(account_make("supervisor", year.site))
    line = year.lines[0]
    unit = year.units[line.pk][CONSTRAINT]
    edges = edges_of(unit)
    window = {"start": edges[0].isoformat(), "end": edges[-1].isoformat()}
    for code in (year.site.code, line.code, unit.code):
        found = client.get(f"/api/v1/equipment/{code}/effectiveness", window).json()
        assert found["closed"] is True
        if code != year.site.code:
            kpi = client.get(f"/api/v1/equipment/{code}/kpi", window).json()
            assert found["iso_22400_2"] == kpi["iso_22400_2"]
            assert found["nf_e60_182"] == kpi["nf_e60_182"]
            assert found["seconds"] == kpi["account"]["seconds"]
    rows = client.get(f"/api/v1/equipment/{unit.code}/losses", window).json()
    kpi = client.get(f"/api/v1/equipment/{unit.code}/kpi", window).json()
    lost = {row["time_class"] for row in rows}
    told = {name: Decimal(time) for name, time in kpi["account"]["seconds"].items() if name in lost}
    assert sum(Decimal(row["seconds"]) for row in rows) == sum(told.values())
    refused = client.get(
        f"/api/v1/equipment/{unit.code}/losses", {"start": window["end"], "end": window["start"]}
    )
    assert refused.status_code == 400


def test_the_stops_behind_a_cell_are_those_that_were_counted(year: Year) -> None:
    by_id = {unit.pk: unit for unit in year.units[year.lines[0].pk]}
    units = list(by_id)
    start, *_, end = edges_of(year.units[year.lines[0].pk][0])
    rows = losses_by_reason(equipment_ids=units, start=start, end=end)
    assert rows == losses_by_reason(equipment_ids=units, start=start, end=end, closed=False)
    for row in [row for row in rows if row.reason_code and row.stops][:5]:
        stops = loss_events(
            equipment_id=row.work_unit_id, reason_code=row.reason_code, shift_code=row.shift_code,
            start=start, end=end,
        )  # fmt: skip
        account = accounts(equipment=[by_id[row.work_unit_id]], start=start, end=end)[row.work_unit_id]
        begun = {
            part.start
            for part in account.segments
            if part.stop_start == part.start
            and part.time_class in LOST
            and (part.shift_code, part.reason_code) == (row.shift_code, row.reason_code)
        }
        counted = [other for other in rows if other[:2] == row[:2] and other.reason_code == row.reason_code]
        assert len(begun) == sum(other.stops for other in counted)
        # One that began in a pause has its reason too, and lost nothing there.
        assert begun <= {stop.start_time for stop in stops}
