"""Closed windows are exactly what the account tells, whatever has changed since they were added up."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plant.models import CalendarSlot, Equipment, Reason
from production import services
from production.domain.stops import stop_id
from production.models import (
    IdealRate,
    JobOrder,
    OrderSpan,
    QuantityActual,
    ReasonAssertion,
    RollupMark,
    RollupTime,
    RollupWindow,
    StateInterval,
    Stop,
)
from production.selectors.effectiveness import Effectiveness, effectiveness
from production.services.rollups import rollups_check, rollups_refresh, rollups_sweep
from tests.benchmarks.year_data import CONSTRAINT, Size, Year, plant_make
from tests.benchmarks.year_history import history_make
from tests.factories.production import PLANNER

SEED = 7


@pytest.fixture
def year(db: None) -> Iterator[Year]:
    dice = random.Random(SEED)
    made = plant_make(Size(1, 3), dice)
    history_make(made, dice)
    rollups_sweep()
    yield made


def same(equipment: Equipment, start: datetime, end: datetime) -> Effectiveness:
    """Both readings, equal to the last digit; returns the one from closed windows."""
    closed = effectiveness(equipment_id=equipment.pk, start=start, end=end)
    told = effectiveness(equipment_id=equipment.pk, start=start, end=end, closed=False)
    assert closed is not None and told is not None
    for name in ("durations", "trs", "oee", "figures", "lines", "left_out"):
        assert getattr(closed, name) == getattr(told, name), name
    return closed


def edges_of(unit: Equipment) -> list[datetime]:
    rows = RollupWindow.objects.filter(work_unit=unit).order_by("start_time")
    return [rows[0].start_time, *rows.values_list("end_time", flat=True)]


def test_every_whole_window_of_machine_line_and_site_is_read_closed_and_equals_the_account(year: Year) -> None:
    line = year.lines[0]
    units = year.units[line.pk]
    edges = edges_of(units[CONSTRAINT])
    assert len(edges) > 8
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
