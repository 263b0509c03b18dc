"""The plant file the project ships loads, twice without effect, and holds all the demo plant speaks of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from mom.demo.by_hand import AT_WORK, table_set
from mom.demo.spec import PlantSpec
from mom.plant_file.loading import plant_load
from mom.questions import seven_questions
from plant import selectors
from plant.access import rule
from production.models import CountAssertion, JobOrder, StateAssertion
from production.selectors.instructions import instructions_read
from production.selectors.presence import people_at
from tests.factories.plant import account_make

BACKEND = "django.contrib.auth.backends.ModelBackend"
FILE = Path(__file__).resolve().parents[3] / "examples" / "demo_plant.yaml"
NOW = datetime(2026, 3, 4, 9, tzinfo=UTC)


@pytest.mark.django_db
def test_it_loads_and_loading_again_changes_nothing() -> None:
    text = FILE.read_text()
    first = plant_load(text=text, file=FILE.name, by=rule("test"), now=NOW)
    assert first.count("added") > 300
    again = plant_load(text=text, file=FILE.name, by=rule("test"), now=NOW)
    assert again.changed_nothing


@pytest.mark.django_db
def test_the_packing_table_is_at_work_by_hand_on_two_orders_with_instructions(client: Client) -> None:
    plant_load(text=FILE.read_text(), file=FILE.name, by=rule("test"), now=NOW)
    now = timezone.now().replace(microsecond=0)
    table_set(now=now)
    table = selectors.equipment_by_code("L3-TABLE")
    assert {each.person.badge for each in people_at(table, at=now)} == {"B1010", "B1011"}
    running = list(JobOrder.objects.filter(line=table.parent, state="running").order_by("code"))
    assert [order.code for order in running] == ["GB-0001", "GB-0002"]
    [state] = StateAssertion.objects.filter(equipment=table)
    assert (state.state, now - state.start_time) == ("execute", AT_WORK)
    counted = CountAssertion.objects.filter(equipment=table).order_by("job_order__code")
    assert [said.quantity for said in counted] == [31, 12]
    for order in running:
        [found] = instructions_read(order.pk)
        assert (found.code, found.is_read) == ("GIFT-BOX", False)
        thing = seven_questions(job_order_id=order.pk, now=now + timedelta(seconds=1))[0]
        assert (thing.key, thing.verdict) == ("thing", "yes"), thing
    assert table.parent is not None
    client.force_login(account_make("operator", table.parent), backend=BACKEND)
    body = client.get("/lines/L3/").content.decode()
    assert "GB-0001" in body


def test_every_word_of_it_is_in_both_languages(plant_document: dict[str, Any]) -> None:
    def names(value: Any) -> list[dict[str, str]]:
        if isinstance(value, dict):
            own = [value["name"]] if isinstance(value.get("name"), dict) else []
            return own + [name for inner in value.values() for name in names(inner)]
        return [name for inner in value for name in names(inner)] if isinstance(value, list) else []

    found = names(plant_document)
    assert len(found) > 150
    assert all(set(name) == {"en", "fr"} and all(name.values()) for name in found)


def test_reason_trees_are_small_enough_for_a_tablet(plant_document: dict[str, Any]) -> None:
    for group in plant_document["reasons"]:
        assert len(group["children"]) <= 9
        assert not any("children" in leaf for leaf in group["children"])


def test_faults_name_reasons_people_can_choose(plant_document: dict[str, Any], plant: PlantSpec) -> None:
    known = {leaf["code"] for group in plant_document["reasons"] for leaf in group["children"]}
    for line in plant.lines:
        for machine in line.machines:
            assert {code for fault in machine.faults for code in (fault.reason, *fault.others)} <= known


def test_people_of_the_simulation_exist(plant_document: dict[str, Any], plant: PlantSpec) -> None:
    badges = {person["badge"] for person in plant_document["persons"]}
    for line in plant.lines:
        assert {*line.supervisors, *line.maintainers, *(b for team in line.operators for b in team)} <= badges
