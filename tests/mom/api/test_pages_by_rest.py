"""What pages show, asked for by programs: the same figures and the same words."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import orjson
import pytest
from django.test import Client

from mom.pages.day_causes import causes
from plant.access import rule
from plant.models import AuditEntry, Person
from production import services
from production.models import (
    ChangeoverStandard,
    ChangeoverStep,
    ChangeoverStepAssertion,
    InstructionReading,
    JobOrder,
    PresenceAssertion,
)
from tests.factories.pages import Plant
from tests.mom.pages.test_changeovers import changed_over
from tests.mom.pages.test_day import address, day_of, planned

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def sent(client: Client, where: str, body: dict[str, Any], key: str = "") -> Any:
    headers = {"Idempotency-Key": key or str(uuid4())}
    return client.post(f"/api/v1/{where}", body, content_type="application/json", headers=headers)


def read(client: Client, where: str, status: int = 200) -> Any:
    answer = client.get(f"/api/v1/{where}")
    assert answer.status_code == status, answer.content
    return orjson.loads(answer.content)


@pytest.mark.parametrize("with_plan", [False, True])
def test_a_day_tells_every_missing_piece_as_its_page_does(
    supervisor: Client, plant: Plant, with_plan: bool
) -> None:
    if with_plan:
        planned(plant)
    found = day_of(plant)
    told, page = read(supervisor, f"equipment/L2/days/{found.day}"), causes(found)
    assert told["missing"] == page.missing
    assert told["planned"] == page.planned
    start = told["possible"] if told["planned"] is None else told["planned"]
    assert start - told["good"] == told["missing"]
    beyond = told["beyond_possible"]
    assert told["missing"] == beyond + sum(cause["pieces"] for cause in told["causes"])
    assert told["difference"] == 0
    body = supervisor.get(address(found)).content.decode()
    assert all(cause["label"] in body for cause in told["causes"])
    for cause in told["causes"]:
        if cause["seconds"] is not None:
            parts = (Decimal(event["seconds"]) for event in cause["events"])
            assert sum(parts, Decimal(0)) == Decimal(cause["seconds"])
    assert bool(told["plan"]) is with_plan


def test_a_day_without_work_is_not_there_and_an_unchanged_one_is_not_sent_again(
    supervisor: Client, plant: Plant
) -> None:
    assert "no shift planned" in str(read(supervisor, "equipment/L2/days/2020-01-01", 404))
    where = f"/api/v1/equipment/L2/days/{day_of(plant).day}"
    first = supervisor.get(where)
    assert first.headers["ETag"]
    assert supervisor.get(f"{where}?cause=x").status_code == 400


def test_a_change_of_plan_is_told_with_what_it_cost(supervisor: Client, plant: Plant) -> None:
    line = plant.lines[1]
    ChangeoverStandard.objects.create(line=line, seconds=600)
    orders = list(JobOrder.objects.filter(line=line).order_by("sequence"))
    services.sequence_change(
        line_id=line.pk, job_order_ids=[order.pk for order in reversed(orders)], by=rule("planner"),
        why="glass is late", at=plant.now - MINUTE,
    )  # fmt: skip
    [told] = read(supervisor, f"equipment/L2/days/{day_of(plant).day}")["sequence_changes"]
    assert (told["why"], told["by"], told["changeovers_run"]) == ("glass is late", "rule:planner", 0)
    assert float(told["standard_seconds"]) == 0
    assert told["measured_seconds"] is None
    [again] = read(supervisor, "equipment/L2/changeovers")["sequence_changes"]
    assert (again["standard_seconds"], again["job_orders"]) == (0, told["job_orders"])


def test_an_action_is_opened_once_done_with_a_result_and_closed(supervisor: Client, plant: Plant) -> None:
    body = {
        "title": "New star wheel", "equipment": "L2-FILL", "owner": "1003", "due_on": "2026-04-01",
        "reason": "JAM", "evidence": "/stops/?reason=JAM",
    }  # fmt: skip
    assert supervisor.post("/api/v1/actions", body, content_type="application/json").status_code == 400
    first, again = (sent(supervisor, "actions", body, "k1") for _time in range(2))
    assert (first.status_code, again.headers["Idempotent-Replay"]) == (201, "true")
    made = first.json()
    assert made == again.json()
    assert [row["id"] for row in read(supervisor, "actions?reason=JAM&state=plan")["results"]] == [made["id"]]
    assert sent(supervisor, f"actions/{made['id']}/done", {"result": " "}).status_code == 400
    done = sent(supervisor, f"actions/{made['id']}/done", {"result": "fitted"}).json()
    assert (done["state"], done["result"]) == ("check", "fitted")
    closed = sent(supervisor, f"actions/{made['id']}/close", {"effect": "half as often"}).json()
    assert (closed["state"], closed["effect"]) == ("closed", "half as often")
    assert read(supervisor, "actions?state=plan")["results"] == []
    assert AuditEntry.objects.filter(action__startswith="action.").count() == 3
    page = supervisor.get(f"/actions/{made['id']}/").content.decode()
    assert "fitted" in page


def test_a_changeovers_checklist_is_ticked_and_told_with_its_times(supervisor: Client, plant: Plant) -> None:
    standard = ChangeoverStandard.objects.create(line=plant.lines[1], seconds=1200)
    ChangeoverStep.objects.create(changeover=standard, code="FORMAT", name_en="Format", position=0)
    changed_over(plant, 25)
    target = JobOrder.objects.filter(line=plant.lines[1]).order_by("sequence")[1]
    JobOrder.objects.filter(pk=target.pk).update(started_at=plant.now - 30 * MINUTE)
    where = f"job-orders/{target.code}/changeover"
    before = read(supervisor, where)
    assert [step["code"] for step in before["steps"]] == ["FORMAT"]
    assert before["done"]["seconds"] == 1500
    assert before["done"]["internal_seconds"] is None
    begun = before["done"]["start_time"]
    tick = {"step": "FORMAT", "act": "start", "at": begun}
    assert sent(supervisor, where, tick, "t1").status_code == 201
    assert sent(supervisor, where, tick, "t1").headers["Idempotent-Replay"] == "true"
    done = sent(supervisor, where, {"step": "FORMAT", "act": "done", "at": before["done"]["end_time"]})
    [step] = done.json()["steps"]
    assert step["said_by"] == "1001"
    assert done.json()["done"]["internal_seconds"] == 1500
    assert ChangeoverStepAssertion.objects.count() == 2
    refused = sent(supervisor, where, {"step": "NONE", "act": "done"})
    assert "expected one of FORMAT" in refused.content.decode()
    told = read(supervisor, "equipment/L2/changeovers")
    assert told["rows"][-1]["over_seconds"] == 300
    assert told["matrix"][-1]["count"] == 1


def test_saved_views_are_ones_own_and_shared_with_ones_line(supervisor: Client, plant: Plant) -> None:
    body = {"name": "Jams", "query": "line=L2&reason=JAM&page=4", "line": "L2"}
    made = sent(supervisor, "saved-views", body).json()
    assert (made["query"], made["owner"], made["line"]) == ("line=L2&reason=JAM", "1001", "L2")
    assert [row["name"] for row in read(supervisor, "saved-views?page=stops")["results"]] == ["Jams"]
    assert [view.name for view in supervisor.get("/stops/").context["views"]] == ["Jams"]
    assert supervisor.delete(f"/api/v1/saved-views/{made['id']}").status_code == 204
    assert supervisor.delete(f"/api/v1/saved-views/{made['id']}").status_code == 404


def test_an_instruction_is_written_read_for_an_order_and_told(supervisor: Client, plant: Plant) -> None:
    body = {"code": "CLOSE", "name_en": "Closing", "text_en": "Close it.", "product": "LEM-33"}
    first = sent(supervisor, "work-instructions", body)
    assert first.status_code == 201, first.content
    assert sent(supervisor, "work-instructions", body).status_code == 400, "nothing says what is new"
    second = sent(supervisor, "work-instructions", {**body, "changed_en": "Torque"}).json()
    assert (second["version"], second["product"]) == (2, "LEM-33")
    rows = read(supervisor, "work-instructions?code=CLOSE")["results"]
    assert [row["version"] for row in rows] == [2, 1]
    order = JobOrder.objects.filter(line=plant.lines[1], product__code="LEM-33").first()
    assert order is not None
    reading = {"instruction": second["id"], "job_order": order.code, "equipment": "L2-FILL"}
    for _again in range(2):
        assert sent(supervisor, "instruction-readings", reading).status_code == 201
    assert InstructionReading.objects.count() == 1
    [told] = read(supervisor, f"instruction-readings?job_order={order.code}")["results"]
    assert (told["version"], told["said_by"]) == (2, "1001")


def test_people_come_to_a_station_and_leave_it(supervisor: Client, plant: Plant) -> None:
    where = "equipment/L2-FILL/people"
    came = sent(supervisor, where, {"person": "1002", "at": (plant.now - MINUTE).isoformat()})
    assert [row["person"] for row in came.json()] == ["1002"]
    assert [row["person"] for row in read(supervisor, "equipment/L2/people")] == ["1002"], "of its line"
    assert sent(supervisor, where, {"person": "1003", "here": False}).status_code == 400
    assert sent(supervisor, where, {"person": "1002", "here": False}).json() == []
    assert read(supervisor, f"{where}?at={(plant.now - MINUTE / 2).isoformat().replace('+', '%2B')}")
    assert PresenceAssertion.objects.filter(person=Person.objects.get(badge="1002")).count() == 2


def test_every_component_of_the_schema_has_a_name_of_its_own(caplog: Any, capsys: Any) -> None:
    assert Client().get("/api/schema?format=json").status_code == 200
    said = capsys.readouterr()
    text = said.err + said.out + caplog.text
    assert "multiple serializers" not in text.lower(), text
    assert "identical" not in text.lower(), text
