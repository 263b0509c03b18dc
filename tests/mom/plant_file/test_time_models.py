"""Time models and the limits of stops in a plant file: loaded, dumped, and refused line by line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mom.plant_file.dumping import plant_dump
from plant.models import Equipment, TimeModel
from tests.mom.plant_file.test_loading import SMALL, load, refused

pytestmark = pytest.mark.django_db

MODELS = """
time_models:
  - class: filler
    name: {en: Fillers, fr: Remplisseuses}
    valid_from: 2026-01-01
    states: {idle: own, complete: no_load, held: running}
    modes: {maintenance: planned_maintenance}
  - {class: piston_filler, valid_from: "2026-02-01T00:00:00Z", states: {idle: suspended}}
"""
LIMITS = """stale_after: 60
            no_count_after: 90 s
            no_count_cycles: 3
            slow_below: 80
            slow_over: 10 min
"""
WHOLE = SMALL.replace("stale_after: 60\n", LIMITS) + MODELS


def test_a_file_tells_what_states_count_as_and_when_a_halt_is_a_stop() -> None:
    load(WHOLE)
    filler = Equipment.objects.get(code="L1-FILL")
    assert (filler.no_count_after, filler.no_count_cycles) == (timedelta(seconds=90), 3)
    assert (filler.slow_below, filler.slow_over) == (80, timedelta(minutes=10))
    wide, own = TimeModel.objects.order_by("valid_from")
    assert (wide.equipment_class.code, wide.name_fr) == ("filler", "Remplisseuses")
    assert wide.valid_from == datetime(2025, 12, 31, 23, tzinfo=UTC), "the day begins where the site is"
    assert wide.states == {"idle": "own", "complete": "no_load", "held": "running"}
    assert (own.states, own.modes) == ({"idle": "suspended"}, {})


def test_loading_what_was_dumped_changes_nothing() -> None:
    load(WHOLE)
    first = plant_dump()
    assert "time_models:" in first
    assert load(first).changed_nothing
    assert plant_dump() == first


def test_a_state_taken_out_of_the_file_is_taken_back() -> None:
    load(WHOLE)
    outcome = load(WHOLE.replace("{idle: own, complete: no_load, held: running}", "{idle: own}"))
    assert outcome.count("changed") == 1
    assert TimeModel.objects.order_by("valid_from")[0].states == {"idle": "own"}


def test_every_wrong_word_has_its_line() -> None:
    wrong = (
        WHOLE.replace("idle: own,", "idel: own,")
        .replace("held: running", "held: runing")
        .replace("{maintenance: planned_maintenance}", "{Maintenance: planned_maintenance, cip: closed}")
        .replace("slow_below: 80", "slow_below: 180")
    )
    said = refused(wrong)
    models = next(number for number, line in enumerate(wrong.splitlines(), 1) if "states: {idel" in line)
    assert len(said) == 5, said
    assert "slow_below: " in said[0]
    for line, number, part in zip(
        said[1:],
        [models, models, models + 1, models + 1],
        ("read 'runing'", "read state 'idel'", "read mode 'Maintenance'", "read 'closed'"),
        strict=True,
    ):
        assert line.startswith(f"plant.yaml:{number}: time_models[0]."), line
        assert part in line, line
    assert not TimeModel.objects.exists()
