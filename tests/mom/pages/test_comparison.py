"""An order beside the best and the median of its like: the figures of each record, honest about n."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mom.pages.comparing import order_comparison
from mom.record.compose import operational_record
from plant.models import MaterialDefinition
from production import services
from production.models import JobOrder
from tests.factories.plant import Line, account_make, material_make
from tests.factories.production import ARRIVED, PLANNER, at, order_make
from tests.factories.record import line_stitched

pytestmark = pytest.mark.django_db
QUARTER = 900


def made(line: Line, product: MaterialDefinition, number: int, length: int = QUARTER - 10) -> JobOrder:
    """An order worked on for one quarter of the hour told, or less."""
    start = QUARTER * number
    order = order_make(
        line, code=f"PO-C{number}", product=product, quantity=1000,
        planned_start=at(start).isoformat(), planned_end=at(start + 800).isoformat(),
    )  # fmt: skip
    services.job_order_start(job_order_id=order.pk, at=at(start), by=PLANNER)
    services.job_order_stop(job_order_id=order.pk, at=at(start + length), by=PLANNER)
    return JobOrder.objects.get(pk=order.pk)


@pytest.fixture(autouse=True)
def soon_after(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages look back a year from now: now is when the data arrived, whatever day it is."""
    monkeypatch.setattr(timezone, "now", lambda: ARRIVED)


@pytest.fixture
def line() -> Line:
    return line_stitched()


@pytest.fixture
def orders(line: Line) -> list[JobOrder]:
    product = material_make()
    return [made(line, product, number) for number in range(4)]


def client_for(line: Line, client: Client) -> Client:
    client.force_login(
        account_make("supervisor", line.site), backend="django.contrib.auth.backends.ModelBackend"
    )
    return client


def test_each_side_tells_what_its_record_tells(orders: list[JobOrder]) -> None:
    found = order_comparison(orders[1], now=ARRIVED)
    assert (found.n, found.left_out) == (4, 0)
    assert {role for side in found.sides for role in side.roles} == {"best", "median", "this"}
    for side in found.sides:
        record = operational_record(side.code, now=ARRIVED)
        assert record.split is not None
        assert {row.time_class: row.seconds for row in side.time} == {
            row.time_class: row.seconds for row in record.split.rows
        }
        good = next(row.actual for row in record.plan if row.key == "quantity")
        assert side.good == good
        told = [(group.word, group.seconds, group.evidence) for group in record.stop_groups[:5]]
        assert [(cause.word, cause.seconds, cause.evidence) for cause in side.causes] == told


def test_the_best_is_the_fastest_and_places_count_from_one(orders: list[JobOrder]) -> None:
    found = {order.code: order_comparison(order, now=ARRIVED) for order in orders}
    assert sorted(one.place or 0 for one in found.values()) == [1, 2, 3, 4]
    best = next(code for code, one in found.items() if one.place == 1)
    for one in found.values():
        assert [side.code for side in one.sides if "best" in side.roles] == [best]
        rates = {role: side.rate or Decimal(0) for side in one.sides for role in side.roles}
        assert rates["best"] >= rates["median"]
        assert rates["best"] >= rates["this"]


def test_two_finished_orders_are_too_few(line: Line, client: Client) -> None:
    product = material_make()
    orders = [made(line, product, number) for number in range(2)]
    found = order_comparison(orders[0], now=ARRIVED)
    assert [side.roles for side in found.sides] == [("this",)]
    assert found.n == 2
    page = client_for(line, client).get(f"/orders/{orders[0].code}/comparison/").content.decode()
    assert "too few for a best and a median" in page


def test_other_products_and_unfinished_orders_are_not_compared_with(line: Line) -> None:
    product, other = material_make(), material_make()
    mine = [made(line, product, 0), made(line, product, 1)]
    made(line, other, 2)
    running = order_make(line, code="PO-RUN", product=product)
    services.job_order_start(job_order_id=running.pk, at=at(QUARTER * 3), by=PLANNER)
    assert order_comparison(mine[0], now=ARRIVED).n == 2
    found = order_comparison(JobOrder.objects.get(pk=running.pk), now=ARRIVED)
    assert found.n == 2
    assert found.place is None


def test_an_order_too_short_to_tell_is_left_out_and_said(line: Line) -> None:
    product = material_make()
    orders = [made(line, product, number) for number in range(3)]
    made(line, product, 3, length=300)
    found = order_comparison(orders[0], now=ARRIVED)
    assert (found.n, found.left_out) == (3, 1)


def test_page_and_api_tell_the_same_in_bounded_queries(
    line: Line, orders: list[JobOrder], client: Client
) -> None:
    signed_in = client_for(line, client)
    with CaptureQueriesContext(connection) as seen:
        page = signed_in.get(f"/orders/{orders[0].code}/comparison/")
    assert page.status_code == 200
    assert len(seen) <= 80
    told: dict[str, Any] = signed_in.get(f"/api/v1/job-orders/{orders[0].code}/comparison").json()
    assert [side["code"] for side in told["sides"]] == [side.code for side in page.context["found"].sides]
    text = page.content.decode()
    for side in told["sides"]:
        assert f"{side['evidence']}figures/good/" in text
    record = signed_in.get(f"/orders/{orders[0].code}/").content.decode()
    assert f"/orders/{orders[0].code}/comparison/" in record
