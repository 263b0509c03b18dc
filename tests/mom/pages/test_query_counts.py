"""Queries each page may cost, kept as data: raising a number is a decision somebody reviews.

``first``: the reader who comes first after a change of the line; ``next``: those after; ``unchanged``: a 304.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mom.pages import reading

BUDGETS = json.loads((Path(__file__).parent / "query_counts.json").read_text())
pytestmark = pytest.mark.django_db


def queries(client: Client, path: str, status: int = 200, **headers: str) -> tuple[int, str]:
    with CaptureQueriesContext(
        connection,
    ) as seen:
        response = client.get(path, **headers)  # type: ignore[arg-type]
    assert response.status_code == status
    return len(seen), response.headers.get("ETag", "")


@pytest.mark.parametrize("page", sorted(BUDGETS))
def test_a_page_keeps_its_budget(supervisor: Client, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)
    budget = BUDGETS[page]
    supervisor.get("/actions/")
    reading.forget()
    first, _ = queries(supervisor, page)
    following, etag = queries(supervisor, page, HTTP_X_POLL="1")
    found = {"first": first, "next": following}
    if etag:
        found["unchanged"], _ = queries(supervisor, page, 304, HTTP_IF_NONE_MATCH=etag, HTTP_X_POLL="1")
    assert found.keys() == budget.keys()
    assert all(found[kind] <= budget[kind] for kind in found), f"{page}: {found}, budget {budget}"


def test_more_stops_cost_no_more_queries(supervisor: Client) -> None:
    few, _ = queries(supervisor, "/stops/?size=micro&equipment=L1-FILL")
    many, _ = queries(supervisor, "/stops/?size=all")
    assert many <= few + 1
