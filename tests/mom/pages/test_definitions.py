"""Pages say by which definition their figures are told, and when a halt is a stop."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from mom.pages import definitions
from plant.models import Equipment, TimeModel
from production import selectors as production
from tests.factories.plant import account_make, line_make

pytestmark = pytest.mark.django_db


def models_of(unit: Equipment) -> list[definitions.Model]:
    now = timezone.now()
    found = production.time_models_in_force(equipment=unit, start=now - timedelta(hours=1), end=now)
    return definitions.models(found)


def test_without_a_model_of_its_own_the_standard_is_named():
    [found] = models_of(line_make(1).unit)
    assert (found.name, found.since, found.changes) == ("ISA-TR88.00.02", None, ())


def test_the_nearest_family_gives_the_name_and_what_differs_is_said():
    unit = line_make(1).unit
    now = timezone.now()
    TimeModel.objects.create(
        equipment_class=unit.equipment_class,
        valid_from=now - timedelta(days=2),
        name_en="Fillers",
        states={"idle": "own", "held": "own", "complete": "no_load"},
        modes={"cip": "own_other"},
    )
    [found] = models_of(unit)
    assert (found.name, found.family) == ("Fillers", unit.equipment_class.code)
    assert found.changes == (("Idle", "Own stop"), ("Complete", "No order"), ("mode cip", "Other own stops"))
    TimeModel.objects.create(
        equipment_class=unit.equipment_class,
        valid_from=now - timedelta(minutes=30),
        states={"idle": "suspended"},
    )
    assert [model.name for model in models_of(unit)] == ["Fillers", unit.equipment_class.name]


def test_limits_are_told_with_their_defaults():
    unit = line_make(1).unit
    assert dict(definitions.limits(unit)) == {
        "Speed loss, no stop, below": "its cycle time",
        "Micro-stop below": "2 min 00 s",
        "No data after silence of": "1 min 00 s",
        "Stopped after no piece for": "not watched",
        "Running slowly below": "not told apart",
    }
    unit.no_count_after, unit.no_count_cycles, unit.slow_below = timedelta(seconds=45), 3, 80
    told = dict(definitions.limits(unit))
    assert told["Stopped after no piece for"] == "45 s or 3 cycles"
    assert told["Running slowly below"].startswith("80 % of the ideal rate over ")


def test_the_page_of_a_machine_names_the_definition_in_force():
    line = line_make(1)
    caller = Client()
    caller.force_login(account_make("engineer", line.site))
    said = caller.get(f"/equipment/{line.unit.code}/").content.decode()
    assert "ISA-TR88.00.02" in said
    assert "When a halt is a stop" in said
