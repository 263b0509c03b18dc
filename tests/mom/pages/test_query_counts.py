"""Queries each page may cost, kept as data: raising a number is a decision somebody reviews.

``first``: the reader who comes first after a change of the line; ``next``: those after; ``unchanged``: a
second 304; ``configured``: the first reader after a change of master data.
"""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from plant.models import Equipment
from plant.services import revision_bump
from tests.factories.pages import Plant

BUDGETS = json.loads((Path(__file__).parent / "query_counts.json").read_text())
MOST_FIRST = 15
pytestmark = pytest.mark.django_db


def queries(client: Client, path: str, status: int = 200, **headers: str) -> tuple[int, str]:
    with CaptureQueriesContext(connection) as seen:
        response = client.get(path, **headers)  # type: ignore[arg-type]
    assert response.status_code == status
    return len(seen), response.headers.get("ETag", "")


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)


@pytest.mark.usefixtures("stopped_clock")
@pytest.mark.parametrize("page", sorted(BUDGETS))
def test_a_page_keeps_its_budget(supervisor: Client, busy: Plant, page: str) -> None:
    budget, found = BUDGETS[page], {}
    Equipment.objects.filter(code="L2-FILL").update(name_en="Filler 2")
    found["configured"], _ = queries(supervisor, page)
    for line in busy.lines:
        revision_bump(line_id=line.pk)
    found["first"], _ = queries(supervisor, page)
    found["next"], etag = queries(supervisor, page, HTTP_X_POLL="1")
    if etag:
        held = {"HTTP_IF_NONE_MATCH": etag, "HTTP_X_POLL": "1"}
        # Who polls a line is found out at the first poll.
        queries(supervisor, page, 304, **held)
        found["unchanged"], _ = queries(supervisor, page, 304, **held)
    assert found.keys() == budget.keys()
    assert all(found[kind] <= budget[kind] for kind in found), f"{page}: {found}, budget {budget}"


def test_what_was_promised_of_pages_is_in_their_budgets() -> None:
    line = BUDGETS["/lines/L2/"]
    assert line["first"] <= 12
    for page in ("/", "/lines/L2/", "/orders/?line=L2", "/orders/", "/stops/"):
        assert BUDGETS[page]["first"] <= MOST_FIRST


def test_machines_watched_for_slow_running_cost_a_line_page_one_query(
    supervisor: Client, busy: Plant
) -> None:
    Equipment.objects.filter(parent=busy.lines[1]).update(slow_below=80, slow_over=timedelta(minutes=15))
    queries(supervisor, "/lines/L2/")
    revision_bump(line_id=busy.lines[1].pk)
    first, _ = queries(supervisor, "/lines/L2/")
    assert first <= BUDGETS["/lines/L2/"]["first"] + 1 <= 12


def test_more_lines_cost_no_more_queries(supervisor: Client, busy: Plant) -> None:
    queries(supervisor, "/")
    revision_bump(line_id=busy.lines[0].pk)
    of_one, _ = queries(supervisor, "/")
    for line in busy.lines:
        revision_bump(line_id=line.pk)
    of_all, _ = queries(supervisor, "/")
    assert of_all <= of_one


def test_more_stops_cost_no_more_queries(supervisor: Client) -> None:
    few, _ = queries(supervisor, "/stops/?size=micro&equipment=L1-FILL")
    many, _ = queries(supervisor, "/stops/?size=all")
    assert many <= few + 1
