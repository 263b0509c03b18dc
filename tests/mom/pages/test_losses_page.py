"""The loss account closes as shown, by both standards; its causes are the account's lost time, once."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.test import Client

from mom.pages import loss_account, pareto
from mom.pages.loss_events import asked_of, bits_asked
from mom.pages.loss_rows import LossTold, Window, loss_told, possible
from mom.pages.losses import LOST
from mom.pages.words import span_minutes
from plant.models import CalendarSlot, Equipment, EquipmentLink, MaterialDefinition
from plant.selectors import shift_at
from production import selectors as production
from production.domain.bridge import STEPS, bridge
from production.models import ContributionRate, CostRate, IdealRate
from production.selectors import Kpi
from tests.factories.pages import Plant

pytestmark = pytest.mark.django_db


def kpi_of(plant: Plant, code: str) -> Kpi:
    equipment = Equipment.objects.get(code=code)
    found = production.kpi(equipment_id=equipment.pk, start=plant.now - timedelta(hours=4), end=plant.now)
    assert found is not None
    return found


def bits_of(found: Kpi) -> list[pareto.Bit]:
    return pareto.account_bits(found.paced_by.code, found.account, possible(found))


@pytest.mark.parametrize("standard", STEPS)
@pytest.mark.parametrize("code", ["L1", "L2", "L2-CAP"])
def test_shown_seconds_add_up_step_by_step(plant: Plant, code: str, standard: str) -> None:
    found = kpi_of(plant, code)
    made = bridge(standard, found.account.durations, [part.output for part in found.made])
    rows = loss_account.steps(made, found)
    left = round(made.window)
    for row in rows:
        left -= row.seconds if row.role == loss_account.LOSS else 0
        if row.role == loss_account.LEVEL:
            assert row.seconds == left, row.label
    assert made.difference == 0


@pytest.mark.parametrize("metric", [pareto.TIME, pareto.COUNT, pareto.PIECES])
def test_causes_are_the_lost_time_once_and_shifts_add_up(plant: Plant, metric: str) -> None:
    found = kpi_of(plant, "L2")
    table = pareto.pareto(bits_of(found), metric=metric)
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
    own = [pareto.account_bits(unit.code, accounts[unit.pk], own_only=True) for unit in units]
    table = pareto.pareto([bit for bits in own for bit in bits])
    assert {row.cause.machine for row in table.rows} > {"L2-FILL"}
    assert not {row.cause.time_class for row in table.rows} & {"starved", "blocked"}
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
    table = pareto.pareto(bits_of(told.kpi))
    stood = sum(cause.pieces for cause in told.missing.causes if cause.duration and cause.kind != "not_known")
    slow = sum(
        (row.total.pieces or 0 for row in table.rows if row.cause.time_class == "running_slow"), Decimal(0)
    )
    assert table.total.pieces is not None
    assert abs(Decimal(float(stood)) - (table.total.pieces - slow)) < Decimal("0.001")


HREF = re.compile(r'href="(/losses/events/[^"]+)"')
TOTAL = re.compile(r"<b data-total>([^<]+)</b>")


def linked(plant: Plant) -> None:
    """The machines of L2 in a row."""
    for upstream, downstream in pairwise(plant.units["L2"]):
        EquipmentLink.objects.create(upstream=upstream, downstream=downstream, buffer_capacity=100)


@pytest.mark.parametrize(("view", "has_links"), [("line", False), ("line", True), ("machines", True)])
def test_a_bar_opens_exactly_the_stretches_it_is_the_sum_of(
    supervisor: Client, plant: Plant, view: str, has_links: bool
) -> None:
    if has_links:
        linked(plant)
    body = supervisor.get(f"/losses/?equipment=L2&period=shift&view={view}").content.decode()
    opened = [html.unescape(found) for found in HREF.findall(body)]
    assert len(opened) > 6, "steps of the waterfall, causes and their shifts"
    found = kpi_in_shift(plant, "L2")
    told = loss_told(found.equipment, found, view)
    table = pareto.pareto(told.bits)
    for row in table.rows:
        address = Window("L2", view, found.account.start, found.account.end).events(row.cause)
        assert sum((bit.duration for bit in listed(told, address)), timedelta()) == row.total.duration
        assert span_minutes(row.total.duration) in TOTAL.findall(supervisor.get(address).content.decode())
        for code, cell in zip(table.shifts, row.cells, strict=True):
            if code:
                slot = CalendarSlot.objects.filter(line__code="L2", kind="shift", code=code).first()
                assert slot is not None
                assert f'<th class="num">{slot.name}</th>' in body
            by_shift = listed(told, f"{address}&shift={code or '-'}")
            assert sum((bit.duration for bit in by_shift), timedelta()) == cell.duration
    everything = loss_told(found.equipment, found, "time")
    for name, time in found.account.durations.items():
        address = Window("L2", "time", found.account.start, found.account.end).events(time_class=name)
        assert sum((bit.duration for bit in listed(everything, address)), timedelta()) == time


def kpi_in_shift(plant: Plant, code: str) -> Kpi:
    line = Equipment.objects.get(code=code)
    shift = shift_at(line_id=line.pk, at=plant.now)
    assert shift is not None
    found = production.kpi(equipment_id=line.pk, start=shift.start_time, end=plant.now)
    assert found is not None
    return found


def listed(told: LossTold, address: str) -> list[pareto.Bit]:
    query = dict(parse_qsl(urlsplit(address).query))
    return bits_asked(told.bits, asked_of(query))


def test_a_line_s_loss_is_told_in_money_only_where_somebody_said_what_it_is_worth(
    supervisor: Client, plant: Plant
) -> None:
    linked(plant)
    address = "/losses/?equipment=L2&period=7d"
    assert "EUR" not in supervisor.get(address).content.decode()
    since = plant.now - timedelta(days=30)
    CostRate.objects.create(equipment=plant.lines[1], per_hour=180, valid_from=since, source="budget")
    for product in MaterialDefinition.objects.filter(kind="finished"):
        ContributionRate.objects.create(product=product, per_unit=Decimal("0.25"), valid_from=since)
    window = {"start": plant.now - timedelta(hours=4), "end": plant.now}
    found = production.line_losses(line_id=plant.lines[1].pk, **window)
    assert found is not None
    for row in found.losses.rows:
        assert row.cost == Fraction(row.duration // timedelta(microseconds=1)) * 180 / 3_600_000_000
        assert row.money is None or row.pieces is None or row.money == row.pieces / 4
    assert "EUR" in supervisor.get(address).content.decode()
