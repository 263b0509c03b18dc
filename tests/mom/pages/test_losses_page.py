"""The loss account closes as shown, by both standards; its causes are the account's lost time, once."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client

from mom.pages import loss_account, pareto
from mom.pages.losses import LOST
from plant.models import Equipment
from plant.selectors import shift_at
from production import selectors as production
from production.domain.bridge import STEPS, bridge
from production.models import IdealRate
from production.selectors import Kpi
from tests.factories.pages import Plant

pytestmark = pytest.mark.django_db


def kpi_of(plant: Plant, code: str) -> Kpi:
    equipment = Equipment.objects.get(code=code)
    found = production.kpi(equipment_id=equipment.pk, start=plant.now - timedelta(hours=4), end=plant.now)
    assert found is not None
    return found


@pytest.mark.parametrize("standard", STEPS)
@pytest.mark.parametrize("code", ["L1", "L2", "L2-CAP"])
def test_shown_seconds_add_up_step_by_step(plant: Plant, code: str, standard: str) -> None:
    found = kpi_of(plant, code)
    made = bridge(standard, found.account.durations, [part.output for part in found.made])
    rows = loss_account.steps(made, code)
    left = round(made.window)
    for row in rows:
        left -= row.seconds if row.role == loss_account.LOSS else 0
        if row.role == loss_account.LEVEL:
            assert row.seconds == left, row.label
    assert made.difference == 0


@pytest.mark.parametrize("metric", pareto.METRICS)
def test_causes_are_the_lost_time_once_and_shifts_add_up(plant: Plant, metric: str) -> None:
    found = kpi_of(plant, "L2")
    table = pareto.pareto([(found.paced_by, found.account, loss_account._possible(found))], metric=metric)
    lost = sum((s.duration for s in found.account.segments if s.time_class in LOST), timedelta())
    assert table.total.duration == lost
    for row in table.rows:
        assert row.total.duration == sum((cell.duration for cell in row.cells), timedelta())
    values = [row.total.value(metric) or Decimal(0) for row in table.rows]
    assert values == sorted(values, reverse=True)
    assert table.rows[-1].cumulative is not None
    if metric != pareto.COUNT:
        assert abs(table.rows[-1].cumulative - 1) < Decimal("1e-20")


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("asked", [
    "", "?period=shift", "?equipment=L2&period=7d&standard=iso",
    "?equipment=L2&period=7d&view=machines&metric=count",
    "?equipment=L2-FILL&period=7d&metric=pieces", "?period=nonsense&standard=none",
])  # fmt: skip
def test_the_address_is_the_state(supervisor: Client, asked: str, language: str) -> None:
    supervisor.cookies["language"] = language
    answer = supervisor.get(f"/losses/{asked}")
    assert answer.status_code == 200
    body = answer.content.decode()
    assert "style=" not in body
    if "7d" in asked:
        assert "waterfall" in body
        assert ("PBT" if "iso" in asked else "(TR)") in body


def test_machines_are_seen_by_their_own_stops_only(supervisor: Client, plant: Plant) -> None:
    found = kpi_of(plant, "L2")
    units = list(plant.units["L2"])
    accounts = production.accounts(equipment=units, start=found.account.start, end=found.account.end)
    table = pareto.pareto([(unit, accounts[unit.pk], pareto.unrated) for unit in units], own_only=True)
    assert {row.equipment.code for row in table.rows} > {"L2-FILL"}
    assert not {row.time_class for row in table.rows} & {"starved", "blocked"}
    assert table.total.pieces is None, "no rate, no pieces"


def test_pieces_are_those_of_the_day_page(plant: Plant) -> None:
    """The same lost time is worth the same wherever it is told, whatever was being made."""
    line = plant.lines[1]
    IdealRate.objects.create(
        equipment=plant.units["L2"][0], units_per_hour=14400, valid_from=plant.now - timedelta(hours=2)
    )
    shift = shift_at(line_id=line.pk, at=plant.now)
    assert shift is not None
    told = production.line_shift(line_id=line.pk, shift=shift)
    assert told is not None
    table = pareto.pareto([(told.kpi.paced_by, told.kpi.account, loss_account._possible(told.kpi))])
    stood = sum(cause.pieces for cause in told.missing.causes if cause.duration and cause.kind != "not_known")
    slow = sum((row.total.pieces or 0 for row in table.rows if row.time_class == "running_slow"), Decimal(0))
    assert table.total.pieces is not None
    assert abs(Decimal(float(stood)) - (table.total.pieces - slow)) < Decimal("0.001")
