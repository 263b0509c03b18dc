"""Checks, results and nonconformances over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from plant.access import rule
from plant.services import token_create
from quality.models import TestResult, TestSpecification
from tests.factories.plant import account_make, line_make, person_make, user_make
from tests.factories.quality import specification_make
from tests.factories.traceability import Bottling, bottling_make, minutes

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene() -> Bottling:
    return bottling_make()


@pytest.fixture
def torque(scene: Bottling) -> TestSpecification:
    return specification_make(scene.line.unit)


def client_of(role: str, scope: Any) -> APIClient:
    client = APIClient()
    client.force_login(account_make(role, scope), backend="django.contrib.auth.backends.ModelBackend")
    return client


def post(client: APIClient, path: str, body: Any, key: str = "1") -> Any:
    return client.post(f"/api/v1/{path}", body, format="json", headers={"Idempotency-Key": key})


def measured(scene: Bottling, torque: TestSpecification, **changes: Any) -> dict[str, Any]:
    values = {
        "specification": torque.code,
        "value": "2.5",
        "measured_at": minutes(5).isoformat(),
        "job_order": scene.order.code,
        "lot": "PAL-1",
    }
    return {**values, **changes}


def test_a_failed_result_opens_a_nonconformance_that_quality_decides(
    scene: Bottling, torque: TestSpecification
) -> None:
    operator, quality = client_of("operator", scene.line.line), client_of("quality", scene.line.line)
    first = post(operator, "test-results", measured(scene, torque))
    assert first.status_code == 201
    assert post(operator, "test-results", measured(scene, torque)).json() == first.json()
    assert TestResult.objects.count() == 1
    assert (first.json()["judgement"], first.json()["upper"]) == ("fail", "2.100000")
    number = first.json()["nonconformance"]
    (opened,) = operator.get("/api/v1/nonconformances", {"status": "open"}).json()["results"]
    assert (opened["code"], opened["lot"], opened["status"]) == (number, "PAL-1", "open")
    path = f"nonconformances/{number}/disposition"
    assert post(operator, path, {"decision": "hold", "why": "x"}, "2").status_code == 403
    assert post(quality, path, {"decision": "keep", "why": "x"}, "3").status_code == 400
    assert post(quality, path, {"decision": "hold"}, "4").status_code == 400
    assert post(quality, path, {"decision": "hold", "why": "check"}, "5").json()["status"] == "on_hold"
    decided = post(quality, path, {"decision": "scrap", "why": "bad", "quantity": "12"}, "6").json()
    assert (decided["status"], decided["decision"]) == ("decided", "scrap")
    history = quality.get(f"/api/v1/nonconformances/{number}/dispositions").json()
    assert [row["decision"] for row in history] == ["hold", "scrap"]
    assert operator.get("/api/v1/nonconformances", {"status": "decided"}).json()["results"] == [decided]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"specification": "NOPE"}, "NOPE"),
        ({"value": "heavy"}, "number"),
        ({"value": "Infinity"}, "number"),
        ({"value": None}, "null"),
        ({"measured_at": "2999-01-01T00:00:00Z"}, "future"),
        ({"job_order": "NOPE"}, "NOPE"),
        ({"sample_number": -1}, "0"),
        ({"person": "NOPE"}, "NOPE"),
    ],
)
def test_a_bad_result_is_answered_400_with_its_words(
    scene: Bottling, torque: TestSpecification, changes: dict[str, Any], words: str
) -> None:
    operator = client_of("operator", scene.line.line)
    answer = post(operator, "test-results", measured(scene, torque, **changes))
    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert not TestResult.objects.exists()


def test_results_come_as_a_list_and_a_refused_one_stops_no_other(
    scene: Bottling, torque: TestSpecification
) -> None:
    items = [
        measured(scene, torque, value="2.0"),
        measured(scene, torque, specification="nope"),
        measured(scene, torque),
    ]
    operator = client_of("operator", scene.line.line)
    rows = post(operator, "test-results", items).json()
    assert post(operator, "test-results", items).json() == rows
    assert [row["status"] for row in rows] == [201, 400, 201]
    assert rows[1]["errors"][0]["field"] == "specification"
    found = {str(result.pk): result.judgement for result in TestResult.objects.all()}
    assert found == {rows[0]["code"]: "pass", rows[2]["code"]: "fail"}
    assert len(operator.get("/api/v1/nonconformances").json()["results"]) == 1


def test_a_program_says_who_measured(scene: Bottling, torque: TestSpecification) -> None:
    inspector = person_make("quality", scene.line.line)
    user = user_make(person_make("quality", scene.line.line))
    _token, secret = token_create(user=user, name="scales", scope="write", days=1, by=rule("test"))
    program = APIClient()
    program.credentials(HTTP_AUTHORIZATION=f"Token {secret}")
    answer = post(program, "test-results", measured(scene, torque, person=inspector.badge))
    assert answer.json()["person"] == inspector.badge
    assert TestResult.objects.get().actor == "key:scales"


def test_a_nonconformance_is_opened_by_hand(scene: Bottling) -> None:
    operator = client_of("operator", scene.line.line)
    body = {"equipment": scene.line.unit.code, "description": "dents", "lot": scene.caps.code}
    opened = post(operator, "nonconformances", body)
    assert opened.status_code == 201
    lot = operator.get(f"/api/v1/lots/{scene.caps.code}").json()
    assert lot["status"] in {"lot_blocked", "used_up"}
    assert post(operator, "nonconformances", {**body, "description": ""}, "2").status_code == 400


def test_specifications_say_their_limits_and_owner(scene: Bottling, torque: TestSpecification) -> None:
    client = client_of("maintenance", scene.line.line)
    (row,) = client.get("/api/v1/test-specifications").json()["results"]
    assert (row["code"], row["lower"], row["every_minutes"]) == (torque.code, "1.300000", 30)
    assert client.get(f"/api/v1/test-specifications/{torque.code}").json() == row
    assert post(client, "test-results", measured(scene, torque)).status_code == 403


def test_another_line_sees_nothing(scene: Bottling, torque: TestSpecification) -> None:
    post(client_of("operator", scene.line.line), "test-results", measured(scene, torque))
    stranger = client_of("quality", line_make().line)
    for path in ("test-specifications", "test-results", "nonconformances"):
        assert stranger.get(f"/api/v1/{path}").json()["results"] == []
    assert stranger.get(f"/api/v1/test-specifications/{torque.code}").status_code == 404
    assert post(stranger, "test-results", measured(scene, torque)).status_code == 403
