"""The API: strict, once, and every refusal says what to do."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from rest_framework.test import APIClient

from plant.models import Equipment
from production import services
from production.models import JobOrder, ReasonAssertion
from tests.factories.plant import account_make, line_make, material_make, reason_make
from tests.factories.production import PLANNER, at, order_make, sender_make

pytestmark = pytest.mark.django_db
ORDERS = "/api/v1/job-orders"


def client(role: str, scope: Equipment) -> APIClient:
    made = APIClient()
    made.force_login(account_make(role, scope))
    return made


def post(caller: APIClient, url: str, body: Any, key: str = "", **headers: str) -> Any:
    return caller.post(
        url, body, format="json", headers={"Idempotency-Key": key or str(uuid.uuid4()), **headers}
    )


def test_orders_come_one_by_one_or_many_and_count_once():
    line, product = line_make(1), material_make()
    caller = client("supervisor", line.site)
    item = {"code": "PO1", "line": line.line.code, "product": product.code, "quantity": "10.5"}
    first = post(caller, ORDERS, item, key="k1")
    assert first.status_code == 201
    assert post(caller, ORDERS, item, key="k1").json() == first.json()
    many = [{**item, "code": f"PO{n}"} for n in range(2, 30)] + [{**item, "code": "BAD", "product": "GHOST"}]
    answer = post(caller, ORDERS, many).json()
    assert [row["action"] for row in answer] == ["stored"] * 28 + ["refused"]
    assert answer[-1]["errors"][0]["expected"] == "the code of a product"
    assert JobOrder.objects.count() == 29
    assert caller.post(ORDERS, item, format="json").status_code == 400
    refused = post(caller, ORDERS, {**item, "code": "X", "product": "GHOST"})
    assert (refused.status_code, refused.json()) == (
        400,
        {"product": ["read 'GHOST', expected the code of a product"]},
    )


def test_a_dry_run_stores_nothing():
    line, product = line_make(1), material_make()
    caller = client("supervisor", line.site)
    item = {"code": "PO1", "line": line.line.code, "product": product.code, "quantity": 1}
    assert post(caller, f"{ORDERS}?dry_run=1", item).json()[0]["action"] == "stored"
    assert not JobOrder.objects.exists()


def test_lists_are_scoped_filtered_strictly_and_paged():
    line, other = line_make(1), line_make(1)
    for _ in range(5):
        order_make(line)
    order_make(other)
    caller = client("operator", line.line)
    page = caller.get(ORDERS, {"page_size": 2}).json()
    codes = [row["code"] for row in page["results"]]
    while page["next"]:
        page = caller.get(page["next"]).json()
        codes += [row["code"] for row in page["results"]]
    assert len(codes) == len(set(codes)) == 5
    wrong = caller.get(ORDERS, {"stat": "running"})
    assert wrong.status_code == 400
    assert "state" in str(wrong.json())


def test_a_plan_is_changed_only_by_someone_who_saw_the_newest():
    line = line_make(1)
    order = order_make(line)
    caller, url = client("supervisor", line.site), f"{ORDERS}/{order.code}"
    tag = caller.get(url).headers["ETag"]
    change = {"quantity": "77", "why": "call-off"}
    assert caller.patch(url, change, format="json").status_code == 428
    changed = caller.patch(url, change, format="json", headers={"If-Match": tag})
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    assert caller.patch(url, change, format="json", headers={"If-Match": tag}).status_code == 412
    versions = caller.get(f"{url}/versions").json()
    assert [(v["version"], v["why"]) for v in versions] == [(1, ""), (2, "call-off")]


def test_commands_are_validated_and_say_what_is_allowed():
    line = line_make(1)
    order = order_make(line)
    caller, url = client("operator", line.line), f"{ORDERS}/{order.code}"
    refused = post(caller, f"{url}/stop", {})
    assert (refused.status_code, refused.json()["allowed"]) == (409, ["revoke", "start", "abort"])
    assert post(caller, f"{url}/start", {"at": at(0).isoformat()}).json()["state"] == "running"
    assert post(caller, f"{url}/pause", {"at": "2999-01-01T00:00:00Z"}).status_code == 400
    assert post(client("quality", line.line), f"{url}/stop", {}).status_code == 403
    assert [e["verb"] for e in caller.get(f"{url}/events").json()] == ["store", "start"]


def test_a_sequence_needs_a_reason():
    line = line_make(1)
    a, b = order_make(line), order_make(line)
    caller = client("supervisor", line.site)
    body = {"line": line.line.code, "job_orders": [b.code, a.code]}
    assert post(caller, f"{ORDERS}/sequence", body).status_code == 400
    answer = post(caller, f"{ORDERS}/sequence", {**body, "why": "truck is early"})
    assert [row["code"] for row in answer.json()] == [b.code, a.code]


def test_stops_are_coded_and_a_stale_view_gets_both_versions():
    line = line_make(1)
    sender = sender_make(line.unit)
    services.job_order_start(job_order_id=order_make(line).pk, at=at(0), by=PLANNER)
    sender.say([(s, "process_value", 1) for s in range(0, 1000, 20)])
    sender.say([(0, "state", 6), (100, "state", 11), (700, "state", 6)], watermark=1000)
    sender.stitch()
    reason_make("JAM")
    caller = client("operator", line.line)
    [stop] = caller.get("/api/v1/stops", {"uncoded": "true", "line": line.line.code}).json()["results"]
    assert (stop["size"], stop["reason"]) == ("registered", None)
    body = {
        "equipment": line.unit.code,
        "start_time": stop["start_time"],
        "reason": "JAM",
        "seen_end": at(650),
    }
    stale = post(caller, "/api/v1/stops/reasons", {**body, "seen_end": at(650).isoformat()})
    assert stale.status_code == 409
    assert {"seen", "now"} <= set(stale.json())
    items = [{**body, "seen_end": at(650).isoformat()}, {**body, "seen_end": stop["end_time"]}]
    told = post(caller, "/api/v1/stops/reasons", items).json()
    assert [row["status"] for row in told] == [409, 201]
    assert ReasonAssertion.objects.get(pk=told[1]["code"]).said_by is not None
    said = post(caller, "/api/v1/stops/reasons", {**body, "seen_end": stop["end_time"]})
    assert said.status_code == 201
    [stop] = caller.get("/api/v1/stops", {"reason": "JAM"}).json()["results"]
    assert stop["reason"] == "JAM"
    assert caller.get(f"/api/v1/stops/{stop['id']}").json()["id"] == stop["id"]
    states = caller.get(
        f"/api/v1/equipment/{line.unit.code}/states", {"start": at(0).isoformat(), "end": at(900).isoformat()}
    ).json()
    assert [row["state"] for row in states] == ["execute", "held", "execute"]


def test_figures_close_and_a_long_window_is_refused():
    line = line_make(1)
    sender = sender_make(line.unit)
    sender.say([(0, "state", 6), (10, "state", 11)], watermark=50)
    sender.stitch()
    caller = client("engineer", line.site)
    url = f"/api/v1/equipment/{line.unit.code}/kpi"
    told = caller.get(url, {"start": at(0).isoformat(), "end": at(40).isoformat()}).json()
    assert float(told["account"]["unexplained"]) == 0
    assert sum(float(value) for value in told["account"]["seconds"].values()) == 40
    assert told["nf_e60_182"]["trs"] is None
    assert caller.get(url, {"start": "2020-01-01T00:00:00Z"}).status_code == 400
    assert caller.get(url, {"begin": "x"}).status_code == 400
    assert client("operator", line_make(1).line).get(url).status_code == 404


def test_notes_and_counts_are_taken():
    line = line_make(1)
    order = order_make(line)
    caller = client("operator", line.line)
    note = {"equipment": line.unit.code, "start_time": at(0).isoformat(), "text": "caps are soft"}
    assert post(caller, "/api/v1/notes", note).status_code == 201
    count = {
        "equipment": line.unit.code, "job_order": order.code, "start_time": at(0).isoformat(),
        "end_time": at(60).isoformat(), "kind": "scrap", "quantity": "3",
    }  # fmt: skip
    assert post(caller, "/api/v1/counts", count).json()["quantity"] == "3.000000"
    assert post(caller, "/api/v1/counts", {**count, "quantity": "-3"}).status_code == 400
