"""Products and shifts of a line: page and API tell the same, and every figure opens what it is made of."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mom.pages.analysis import LONGEST, days_asked
from plant.models import CalendarSlot
from plant.services import revision_bump
from production.models import StitchCheckpoint
from tests.factories.pages import Plant

pytestmark = pytest.mark.django_db
PAGE = "/lines/L2/analysis/"


@pytest.fixture(autouse=True)
def shift_over(monkeypatch: pytest.MonkeyPatch, plant: Plant) -> None:
    """Looked at just after the morning shift, which ended where the data do."""
    CalendarSlot.objects.filter(code="M").update(end_time=plant.now)
    StitchCheckpoint.objects.update(begun=plant.now - timedelta(hours=5))
    for line in plant.lines:
        revision_bump(line_id=line.pk)
    monkeypatch.setattr(timezone, "now", lambda: plant.now + timedelta(seconds=30))


def query(plant: Plant) -> str:
    day = CalendarSlot.objects.filter(code="M")[0].production_day
    return f"?start={day - timedelta(days=1)}&end={day}"


def test_the_shift_is_told_by_product_shift_and_weekday(supervisor: Client, plant: Plant) -> None:
    page = supervisor.get(PAGE + query(plant))
    tables = page.context["tables"]
    assert [table.by for table in tables] == ["product", "shift", "weekday"]
    assert [group.key for group in tables[1].groups] == ["M"]
    assert all(group.is_few for table in tables for group in table.groups)
    assert "Fewer than three: an example, not a comparison" in page.content.decode()


def test_every_cell_opens_the_orders_or_shifts_it_is_made_of(supervisor: Client, plant: Plant) -> None:
    page = supervisor.get(PAGE + query(plant))
    for table in page.context["tables"]:
        for row in table.causes[:-1]:
            for group, cell in zip(table.groups, row.cells, strict=True):
                if cell.time is None or row.key == "others":
                    continue
                opened = supervisor.get(cell.href.removesuffix("#behind"))
                behind = opened.context["behind"]
                assert sum((one.lost for one in behind), timedelta()) == cell.time
                assert len(behind) <= group.count
                assert all(supervisor.get(one.href.partition("#")[0]).status_code == 200 for one in behind)


def test_page_and_api_tell_the_same(supervisor: Client, plant: Plant) -> None:
    asked = query(plant)
    page = supervisor.get(PAGE + asked)
    told: dict[str, Any] = supervisor.get(f"/api/v1/equipment/L2/analysis{asked}").json()
    for table in page.context["tables"]:
        by_key = {group["key"]: group for group in told[table.by]}
        for group in table.groups:
            one = by_key[group.key]
            assert one["orders"] == list(group.sums.orders)
            if group.sums.trs.trs is not None:
                assert Decimal(one["trs"]) == group.sums.trs.trs.quantize(Decimal("0.000001"))
            lost = sum(Decimal(row["seconds"]) for row in one["lost"])
            total = sum(group.sums.lost.values(), timedelta())
            assert lost == Decimal(total // timedelta(microseconds=1)) / 1_000_000


def test_nothing_is_told_by_person(supervisor: Client, plant: Plant) -> None:
    page = supervisor.get(PAGE + query(plant)).content.decode()
    assert "Youssef Benali" not in page
    assert "Anna Kowalska" not in page


def test_nonsense_is_refused_by_the_api_and_ignored_by_the_page(supervisor: Client) -> None:
    assert supervisor.get(f"{PAGE}?start=x&end=2026-99-99&by=person&key=1").status_code == 200
    assert supervisor.get("/api/v1/equipment/L2/analysis?start=x").status_code == 400
    assert supervisor.get("/api/v1/equipment/L2/analysis?person=1001").status_code == 400


def test_the_page_costs_a_bounded_number_of_reads(supervisor: Client, plant: Plant) -> None:
    with CaptureQueriesContext(connection) as seen:
        supervisor.get(PAGE + query(plant))
    assert len(seen) <= 45


def test_the_line_page_opens_the_analysis(supervisor: Client) -> None:
    assert PAGE in supervisor.get("/lines/L2/").content.decode()


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("", "", (date(2026, 2, 1), date(2026, 3, 2))),
        ("2026-03-02", "2026-02-20", (date(2026, 2, 20), date(2026, 3, 2))),
        ("2020-01-01", "2026-03-02", (date(2026, 3, 2) - timedelta(days=LONGEST - 1), date(2026, 3, 2))),
    ],
)
def test_a_range_is_in_order_and_never_longer_than_a_quarter(
    start: str, end: str, expected: tuple[date, date]
) -> None:
    assert days_asked(start, end, date(2026, 3, 2)) == expected
