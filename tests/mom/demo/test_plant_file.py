"""The plant file the project ships loads, twice without effect, and holds all the demo plant speaks of."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mom.demo.spec import PlantSpec
from mom.plant_file.loading import plant_load
from plant.access import rule

FILE = Path(__file__).resolve().parents[3] / "examples" / "demo_plant.yaml"
NOW = datetime(2026, 3, 4, 9, tzinfo=UTC)


@pytest.mark.django_db
def test_it_loads_and_loading_again_changes_nothing() -> None:
    text = FILE.read_text()
    first = plant_load(text=text, file=FILE.name, by=rule("test"), now=NOW)
    assert first.count("added") > 300
    again = plant_load(text=text, file=FILE.name, by=rule("test"), now=NOW)
    assert again.changed_nothing


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
