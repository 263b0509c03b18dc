"""Addresses people and scanners make up: refused with a reason, never a fault of ours nor a link out."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.factories.pages import Plant

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "path", ["/orders/?q=%00", "/stops/?equipment=%00", "/orders/%00/", "/api/v1/stops?equipment=a%00"]
)
def test_a_character_no_text_can_hold_is_refused(supervisor: Client, plant: Plant, path: str) -> None:
    answer = supervisor.get(path)
    assert answer.status_code == 400
    assert "no text can hold" in answer.content.decode()


def test_neither_can_a_form_hold_it(supervisor: Client, plant: Plant) -> None:
    answer = supervisor.post("/actions/new/", {"title": "a\0b", "due_on": "2026-03-25"})
    assert (answer.status_code, "no text can hold" in answer.content.decode()) == (400, True)


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "2026-02-30"])
def test_a_day_at_the_edge_of_time_is_not_there(supervisor: Client, plant: Plant, day: str) -> None:
    assert supervisor.get(f"/lines/L2/days/{day}/").status_code == 404


@pytest.mark.parametrize(
    "evidence", ["javascript:alert(1)", "https://evil.example/", "//evil.example/", "/\\evil.example"]
)
def test_evidence_is_a_page_of_this_product(supervisor: Client, plant: Plant, evidence: str) -> None:
    assert evidence not in supervisor.get("/actions/new/", {"evidence": evidence}).content.decode()
    inside = supervisor.get("/actions/new/", {"evidence": "/lines/L2/"}).content.decode()
    assert '<a href="/lines/L2/">' in inside


def test_what_a_browser_asks_for_unasked_changes_no_token(client: Client) -> None:
    answer = client.get("/favicon.ico")
    assert (answer.status_code, len(client.cookies)) == (302, 0)
    assert client.get(answer["Location"]).status_code == 200


def test_a_form_of_a_page_that_is_too_old_is_refused_with_a_way_on(plant: Plant) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.get("/login/")
    answer = strict.post("/login/", {"username": "claire", "csrfmiddlewaretoken": "x" * 64})
    assert answer.status_code == 403
    assert 'href="/login/">Open the page again' in answer.content.decode()
