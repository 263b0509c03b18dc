"""Lots, movements, trace and shortages over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from plant import selectors
from tests.factories.plant import account_make, line_make
from tests.factories.traceability import Bottling, bottling_make, lot_make, minutes, movement_make, order_make
from traceability.models import LotMovement

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene() -> Bottling:
    return bottling_make()


def client_of(role: str, scope: Any) -> APIClient:
    client = APIClient()
    client.force_login(account_make(role, scope), backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def client(scene: Bottling) -> APIClient:
    return client_of("operator", scene.line.line)


def scan(scene: Bottling, **changes: Any) -> dict[str, Any]:
    values = {
        "kind": "consumed",
        "lot": scene.caps.code,
        "quantity": "10",
        "at": minutes(5).isoformat(),
        "job_order": scene.order.code,
        "equipment": scene.line.unit.code,
    }
    return {**values, **changes}


def post(client: APIClient, body: Any, key: str | None = "1", path: str = "lot-movements") -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(f"/api/v1/{path}", body, format="json", headers=headers)


def test_a_scan_is_written_once_per_key(scene: Bottling, client: APIClient) -> None:
    first, second = post(client, scan(scene)), post(client, scan(scene))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert LotMovement.objects.count() == 1
    assert post(client, scan(scene, quantity="11")).status_code == 422
    listed = client.get("/api/v1/lot-movements", {"job_order": scene.order.code, "kind": "consumed"})
    assert [row["lot"] for row in listed.json()["results"]] == [scene.caps.code]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"quantity": "ten"}, "number"),
        ({"quantity": "NaN"}, "number"),
        ({"kind": "eaten"}, "eaten"),
        ({"lot": "nope"}, "nope"),
        ({"job_order": "nope"}, "nope"),
        ({"job_order": None}, "order"),
        ({"equipment": "nope"}, "nope"),
        ({"at": "yesterday"}, "format"),
    ],
)
def test_a_bad_scan_is_answered_400_with_its_words(
    scene: Bottling, client: APIClient, changes: dict[str, Any], words: str
) -> None:
    answer = post(client, scan(scene, **changes))
    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert not LotMovement.objects.exists()


def test_a_list_is_stored_once_and_a_refused_item_stops_no_other(scene: Bottling, client: APIClient) -> None:
    before = revision_of(scene)
    far = lot_make(scene.line.site)
    items = [
        scan(scene, quantity="3"),
        scan(scene, lot="nope"),
        "a string",
        scan(scene, quantity="ten"),
        scan(scene, lot=far.code),
        scan(scene, kind="produced", lot="PAL-1", at=minutes(50).isoformat()),
    ]
    first, second = post(client, items), post(client, items)
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    rows = first.json()
    assert [row["index"] for row in rows] == list(range(6))
    assert [row["action"] for row in rows] == ["stored", *["refused"] * 4, "stored"]
    assert [row["status"] for row in rows] == [201, 400, 400, 400, 400, 201]
    assert {row["code"] for row in rows if row["code"]} == {str(m.pk) for m in LotMovement.objects.all()}
    (unknown,), (number,) = rows[1]["errors"], rows[3]["errors"]
    assert (unknown["field"], unknown["read"]) == ("lot", "'nope'")
    assert (number["field"], number["read"]) == ("quantity", "ten")
    assert LotMovement.objects.count() == 2
    assert revision_of(scene) == before + 1


def revision_of(scene: Bottling) -> int:
    row: Any = selectors.configuration_rows("plant.Revision", line_id=scene.line.line.pk).first()
    return row.value if row else 0


@pytest.mark.parametrize("items", [[], [{}] * 1001])
def test_a_list_of_no_or_too_many_items_is_refused(client: APIClient, items: list[Any]) -> None:
    answer = post(client, items)
    assert answer.status_code == 400
    assert "1 to 1000" in answer.content.decode()
    assert post(client, [{}], key=None).status_code == 400


def test_lots_and_shortages_come_as_lists_too(scene: Bottling, client: APIClient) -> None:
    lot = {
        "material": scene.caps.material.code,
        "quantity": "100",
        "place": scene.line.line.code,
    }
    lots = [{**lot, "code": code} for code in ("CAP-7", "CAP-8", "CAP-7")]
    received = post(client, lots, path="lots").json()
    assert [row["code"] for row in received] == ["CAP-7", "CAP-8", ""]
    assert received[2]["errors"][0]["read"] == "'CAP-7'"
    lacking = {
        "equipment": scene.line.unit.code,
        "material": scene.caps.material.code,
        "start_time": minutes(5).isoformat(),
        "end_time": minutes(9).isoformat(),
    }
    (over,) = post(client, [lacking], "2", path="shortages").json()
    (row,) = client.get("/api/v1/shortages").json()["results"]
    assert (str(row["id"]), row["end_time"]) == (over["code"], minutes(9).isoformat().replace("+00:00", "Z"))


def test_a_write_without_a_key_is_refused(scene: Bottling, client: APIClient) -> None:
    assert post(client, scan(scene), key=None).status_code == 400


def test_a_wrong_material_is_refused_and_overridden_by_those_who_may(
    scene: Bottling, client: APIClient
) -> None:
    labels = lot_make(scene.line.site)
    answer = post(client, scan(scene, lot=labels.code))
    assert answer.status_code == 400
    assert scene.caps.material.code in answer.json()["detail"]
    why = scan(scene, lot=labels.code, override_why="urgent")
    assert post(client, why, "2").status_code == 403
    assert post(client_of("quality", scene.line.line), why, "3").status_code == 201


def test_a_lot_is_received_read_and_traced(scene: Bottling, client: APIClient) -> None:
    body = {
        "code": "CAP-7",
        "material": scene.caps.material.code,
        "quantity": "100",
        "place": scene.line.line.code,
        "supplier": "ACME",
        "supplier_lot": "S7",
    }
    assert post(client, body, path="lots").status_code == 201
    assert post(client, body, "9", path="lots").status_code == 400
    post(client, scan(scene, lot="CAP-7"), "2")
    made = scan(scene, kind="produced", lot="PAL-1", at=minutes(50).isoformat())
    assert post(client, made, "3").status_code == 201
    lot = client.get("/api/v1/lots/S7").json()
    assert (lot["code"], lot["status"], lot["balance"]["on_hand"]) == ("CAP-7", "available", "90.000000")
    trace = client.get("/api/v1/lots/PAL-1/trace", {"direction": "backward", "depth": "3"}).json()
    assert [(node["code"], node["distance"]) for node in trace["nodes"]] == [("PAL-1", 0), ("CAP-7", 1)]
    edge = {"source": "CAP-7", "target": "PAL-1", "job_order": scene.order.code, "evidence": "booked"}
    assert trace["edges"] == [edge]
    forward = client.get("/api/v1/lots/CAP-7/trace").json()
    assert {node["code"] for node in forward["nodes"]} == {"CAP-7", "PAL-1"}
    assert [row["code"] for row in client.get("/api/v1/lots", {"supplier": "ACME"}).json()["results"]] == [
        "CAP-7"
    ]


@pytest.mark.parametrize(
    "query", ["direction=up", "depth=0", "depth=-1", "depth=x", "depth=99999999999", "depht=3"]
)
def test_a_bad_trace_query_is_refused(scene: Bottling, client: APIClient, query: str) -> None:
    answer = client.get(f"/api/v1/lots/{scene.caps.code}/trace?{query}")
    assert answer.status_code == 400
    assert "expected" in answer.content.decode()


def test_an_ambiguous_number_answers_409_with_candidates(scene: Bottling, client: APIClient) -> None:
    for code in ("A", "B"):
        lot_make(scene.line.site, code=code, supplier_lot="S-9")
    answer = client.get("/api/v1/lots/S-9/trace")
    assert answer.status_code == 409
    assert answer.json()["candidates"] == ["A", "B"]


def test_an_unknown_filter_names_the_nearest(client: APIClient) -> None:
    answer = client.get("/api/v1/lots", {"materiel": "x"})
    assert answer.status_code == 400
    assert "material" in answer.json()["materiel"][0]


def test_lots_of_another_line_are_not_there(scene: Bottling, client: APIClient) -> None:
    other = line_make()
    lot = lot_make(other.line, code="FAR")
    movement_make(lot, "produced", job_order=order_make(other.line))
    assert client.get("/api/v1/lots/FAR").status_code == 404
    assert client.get("/api/v1/lots/FAR/trace").status_code == 404
    codes = {row["code"] for row in client.get("/api/v1/lots").json()["results"]}
    assert codes == {scene.caps.code, scene.bottles.code}
    assert client.get("/api/v1/lot-movements").json()["results"] == []


def test_a_shortage_is_opened_and_closed(scene: Bottling, client: APIClient) -> None:
    body = {
        "equipment": scene.line.unit.code,
        "material": scene.caps.material.code,
        "job_order": scene.order.code,
        "start_time": minutes(5).isoformat(),
    }
    opened = post(client, body, path="shortages")
    assert opened.status_code == 201
    number = opened.json()["id"]
    early = post(client, {"end_time": minutes(1).isoformat()}, "2", path=f"shortages/{number}/close")
    assert early.status_code == 400
    closed = post(client, {"end_time": minutes(9).isoformat()}, "3", path=f"shortages/{number}/close")
    assert closed.status_code == 201
    assert client.get("/api/v1/shortages", {"open": "true"}).json()["results"] == []
    (row,) = client.get("/api/v1/shortages").json()["results"]
    assert row["id"] == closed.json()["id"]


def test_nobody_reads_without_signing_in(scene: Bottling) -> None:
    for path in ("lots", "lot-movements", "shortages", f"lots/{scene.caps.code}/trace"):
        assert APIClient().get(f"/api/v1/{path}").status_code in {401, 403}
    maintenance = client_of("maintenance", scene.line.line)
    assert post(maintenance, scan(scene)).status_code == 403
