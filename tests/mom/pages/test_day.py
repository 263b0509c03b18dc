"""The page of the daily meeting: causes add up, and each opens what it is made of."""

from __future__ import annotations

import itertools
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from mom.pages.day_causes import Causes, causes
from plant.access import rule
from production import selectors as production
from production import services
from production.domain.missing import UNCODED
from production.models import ChangeoverStandard, JobOrder, JobOrderVersion, ReasonAssertion
from production.selectors import LineDay
from tests.factories.pages import Plant

pytestmark = pytest.mark.django_db
LINE = 1


def day_of(plant: Plant) -> LineDay:
    line = plant.lines[LINE]
    shift = production.job_order_at(line_id=line.pk, at=plant.now)
    assert shift is not None
    assert shift.started_at is not None
    found = production.line_day(line_id=line.pk, day=shift.started_at.date())
    assert found is not None
    return found


def address(found: LineDay) -> str:
    return f"/lines/{found.line.code}/days/{found.day.isoformat()}/"


def planned(plant: Plant) -> None:
    """The running order was planned from the start of its shift, at its rate."""
    order = JobOrder.objects.get(line=plant.lines[LINE], state="running")
    assert order.started_at is not None
    assert order.planned_start is not None
    assert order.planned_end is not None
    JobOrderVersion.objects.create(
        job_order=order, version=2, change="update", actor="erp",
        at=order.started_at - timedelta(hours=20),
        plan={
            "quantity": "42000", "sequence": 10,
            "planned_start": order.planned_start.isoformat(), "planned_end": order.planned_end.isoformat(),
        },
    )  # fmt: skip


@pytest.mark.parametrize("with_plan", [False, True])
def test_every_missing_piece_is_on_the_page_once(plant: Plant, with_plan: bool) -> None:
    if with_plan:
        planned(plant)
    found = day_of(plant)
    told = causes(found)
    assert found.missing.difference == 0
    assert told.difference == 0
    assert (told.planned is not None) is with_plan
    assert told.good == found.missing.good > 0
    assert [row.pieces for row in told.rows] == sorted((row.pieces for row in told.rows), reverse=True)
    assert sum(row.pieces for row in (*told.rows, *told.in_favour)) == told.possible - told.good
    if with_plan:
        assert told.planned == 42000, "all of it was planned inside the day"


def test_each_cause_lists_the_standstills_it_is_made_of(plant: Plant) -> None:
    told, found = causes(day_of(plant)), day_of(plant)
    stopped = [row for row in told.rows if row.duration and row.count]
    assert stopped
    for row in stopped:
        assert row.duration is not None
        assert sum((event.duration for event in row.events), timedelta()) <= row.duration
        assert row.more or sum((event.duration for event in row.events), timedelta()) == row.duration
    lost = sum((cause.duration or timedelta() for cause in found.missing.causes), timedelta())
    durations = found.kpi.account.durations
    assert lost <= found.kpi.account.span - durations["running"]


def test_the_page_says_it_and_offers_an_action(supervisor: Client, plant: Plant) -> None:
    found = day_of(plant)
    body = supervisor.get(address(found)).content.decode()
    told = causes(found)
    for row in told.rows:
        assert row.label in body
    assert "check: difference 0" in body
    assert "/actions/new/?" in body
    assert supervisor.get("/yesterday/")["Location"].startswith("/lines/L")
    assert supervisor.get(f"/lines/{found.line.code}/days/2020-01-01/").status_code == 200
    assert supervisor.get(f"/lines/{found.line.code}/days/tomorrow/").status_code == 404


def test_a_reason_given_moves_pieces_from_nobody_to_its_department(plant: Plant) -> None:
    found = day_of(plant)
    before = pieces_of(causes(found), UNCODED)
    cause = next(c for c in found.missing.causes if c.kind == UNCODED)
    event = cause.events[0]
    services.reason_assert(
        equipment_id=found.kpi.paced_by.pk,
        start_time=event.start,
        end_time=event.end,
        reason_code="JAM",
        by=rule("test"),
    )
    after = causes(day_of(plant))
    assert pieces_of(after, UNCODED) < before
    assert after.missing == causes(found).missing
    assert any("Production" in row.department and "test" in " ".join(row.said_by) for row in after.rows)


def pieces_of(told: Causes, kind: str) -> int:
    from mom.pages.day_causes import CAUSE_WORDS

    return sum(row.pieces for row in told.rows if row.label == str(CAUSE_WORDS[kind]))


def test_a_changed_sequence_is_told_with_who_why_and_what_it_costs(supervisor: Client, plant: Plant) -> None:
    line = plant.lines[LINE]
    orders = list(JobOrder.objects.filter(line=line).order_by("sequence"))
    families: list[dict[str, Any]] = [
        {"from_family": "33cl", "to_family": "33cl", "seconds": 600},
        {"from_family": "75cl", "to_family": "33cl", "seconds": 3000},
        {"from_family": "33cl", "to_family": "75cl", "seconds": 3600},
    ]
    ChangeoverStandard.objects.bulk_create(ChangeoverStandard(line=line, **row) for row in families)
    codes = [order.pk for order in (orders[0], orders[2], orders[1])]
    services.sequence_change(
        line_id=line.pk, job_order_ids=codes, by=rule("planner"), why="Cola truck is early", at=timezone.now()
    )
    [told] = day_of(plant).resequenced
    products = [order.product.family for order in orders]
    assert told.cost is not None
    assert told.cost == cost([products[0], products[2], products[1]]) - cost(products)
    body = supervisor.get(address(day_of(plant))).content.decode()
    assert "Cola truck is early" in body
    assert ReasonAssertion.objects.exists()


def cost(families: list[str]) -> timedelta:
    table = {("33cl", "33cl"): 10, ("75cl", "33cl"): 50, ("33cl", "75cl"): 60}
    return timedelta(minutes=sum(table[pair] for pair in itertools.pairwise(families)))


def test_rejects_are_told_by_reason_and_what_nobody_told(plant: Plant) -> None:
    found = day_of(plant)
    row = next(row for row in causes(found).rows if row.scrapped)
    rejected = sum((part.passed_scrap or 0 for part in found.kpi.made), Decimal(0))
    assert sum((pieces for pieces, *_ in row.scrapped), Decimal(0)) == rejected > 0
    assert f"/lines/{found.line.code}/scrap/" in row.scrap_href
