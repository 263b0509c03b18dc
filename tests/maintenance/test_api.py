"""Maintenance requests over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from maintenance.models import MaintenanceRequest
from plant.access import rule
from plant.services import token_create
from tests.factories.plant import Line, account_make, line_make, person_make, user_make
from tests.factories.production import at

pytestmark = pytest.mark.django_db
URL = "/api/v1/maintenance-requests"


@pytest.fixture
def line() -> Line:
    return line_make()


def client_of(role: str, line: Line) -> APIClient:
    client = APIClient()
    client.force_login(account_make(role, line.line), backend="django.contrib.auth.backends.ModelBackend")
    return client


def program_of(role: str, line: Line) -> APIClient:
    """A program with a key of its own."""
    user = user_make(person_make(role, line.line))
    _token, secret = token_create(user=user, name="cmms", scope="write", days=1, by=rule("test"))
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {secret}")
    return client


def body(line: Line, **changes: Any) -> dict[str, Any]:
    values = {"equipment": line.unit.code, "stop_start": at(0).isoformat(), "description": "leaks"}
    return {**values, **changes}


def test_a_request_is_raised_taken_and_closed(line: Line) -> None:
    operator, fitter = client_of("operator", line), client_of("maintenance", line)
    raised = operator.post(URL, body(line), format="json")
    assert raised.status_code == 201
    assert operator.post(URL, body(line), format="json").json()["code"] == raised.json()["code"]
    own = f"{URL}/{raised.json()['code']}"
    assert operator.post(f"{own}/take", {}, format="json").status_code == 403
    assert fitter.post(f"{own}/take", {"at": at(240).isoformat()}, format="json").status_code == 201
    assert fitter.post(f"{own}/repair-start", {"at": at(300).isoformat()}, format="json").status_code == 201
    assert fitter.post(f"{own}/repair-end", {"at": at(900).isoformat()}, format="json").status_code == 201
    assert fitter.post(f"{own}/close", {"at": at(960).isoformat()}, format="json").status_code == 400
    closing = {"at": at(960).isoformat(), "cure": "new seal"}
    closed = fitter.post(f"{own}/close", closing, format="json").json()
    assert closed["state"] == "closed"
    assert closed["durations"] == {"response": 240.0, "repair": 600.0, "total": 960.0}
    assert [event["kind"] for event in closed["events"]][-1] == "closed"
    again = fitter.post(f"{own}/close", closing, format="json")
    assert again.status_code == 400
    assert "said already" in again.json()["detail"]
    assert operator.get(URL, {"open": "true"}).json()["results"] == []
    assert len(operator.get(URL, {"open": "false"}).json()["results"]) == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"equipment": "NOPE"}, "NOPE"),
        ({"stop_start": "soon"}, "format"),
        ({"stop_start": "2999-01-01T00:00:00Z"}, "future"),
        ({"person": "NOPE"}, "NOPE"),
    ],
)
def test_a_bad_request_is_answered_400(line: Line, changes: dict[str, Any], words: str) -> None:
    answer = client_of("operator", line).post(URL, body(line, **changes), format="json")
    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert not MaintenanceRequest.objects.exists()


def test_a_program_may_say_who_raised_it_and_a_person_may_not(line: Line) -> None:
    someone = person_make("operator", line.line)
    said = body(line, person=someone.badge)
    assert client_of("operator", line).post(URL, said, format="json").status_code == 403
    raised = program_of("maintenance", line).post(URL, said, format="json")
    assert raised.status_code == 201
    assert raised.json()["raised_by"] == someone.badge


def test_requests_of_another_line_are_not_there(line: Line) -> None:
    raised = client_of("operator", line).post(URL, body(line), format="json").json()
    stranger = client_of("maintenance", line_make())
    assert stranger.get(f"{URL}/{raised['code']}").status_code == 404
    assert stranger.post(f"{URL}/{raised['code']}/take", {}, format="json").status_code == 404
    assert stranger.get(URL).json()["results"] == []
    assert stranger.post(URL, body(line, stop_start=at(9).isoformat()), format="json").status_code == 403
