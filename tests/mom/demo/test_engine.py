"""The simulated plant is a plant: pieces are conserved, buffers hold, causes are next door, seeds decide."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import groupby, pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mom.demo.engine import Engine
from mom.demo.events import Event, Happening, Reading, Truth
from mom.demo.line import Line
from mom.demo.spec import PlantSpec

HOUR = 3_600_000
MONDAY = 1_767_589_200_000  # 2026-01-05 06:00 in Paris
seeds = st.integers(0, 10**6).map(str)
quick = settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def engine_of(plant: PlantSpec, seed: str, start: int = MONDAY) -> Engine:
    return Engine(replace(plant, seed=seed), start)


def assert_balanced(line: Line) -> None:
    """In = out + scrap + buffers, to the last fraction of a piece, at every machine."""
    for index, machine in enumerate(line.machines):
        assert 0 <= machine.scrapped <= machine.processed
        if index < len(line.machines) - 1:
            level = line.flow.level(index)
            assert machine.good == line.machines[index + 1].processed + level
            assert 0 <= level <= line.flow.capacities[index]


def states_of(events: list[Event], unit: str) -> list[Truth]:
    return [e for e in events if isinstance(e, Truth) and e.kind == "state" and e.data["unit"] == unit]


@quick
@given(seed=seeds, steps=st.lists(st.integers(1, 5 * HOUR), min_size=4, max_size=10))
def test_pieces_are_conserved_and_buffers_hold(plant: PlantSpec, seed: str, steps: list[int]) -> None:
    engine = engine_of(plant, seed)
    for step in steps:
        engine.advance(engine.now + step)
        for line in engine.lines:
            assert_balanced(line)


@quick
@given(seed=seeds, cuts=st.lists(st.integers(1, 30 * HOUR), max_size=6, unique=True), saved=st.booleans())
def test_advancing_in_steps_gives_the_same_events(
    plant: PlantSpec, seed: str, cuts: list[int], saved: bool
) -> None:
    whole = engine_of(plant, seed).advance(MONDAY + 30 * HOUR)
    engine, parts = engine_of(plant, seed), []
    for cut in sorted({*cuts, 30 * HOUR}):
        parts += engine.advance(MONDAY + cut)
        if saved:
            engine = Engine.load(engine.spec, json.loads(json.dumps(engine.dump())))
    assert parts == whole


@quick
@given(seed=seeds)
def test_counters_add_up_to_the_ledger(plant: PlantSpec, seed: str) -> None:
    """What a counter shows from the start to the end of an order is what the ledger says was made in it."""
    events = engine_of(plant, seed).advance(MONDAY + 24 * HOUR)
    counts = [e for e in events if isinstance(e, Truth) and e.kind == "count"]
    assert counts
    moduli = {machine.code: machine.counter_modulus for line in plant.lines for machine in line.machines}
    for count in counts:
        unit, data = count.data["unit"], count.data
        shown = {
            role: [e.value for e in readings]
            for role, readings in groupby(
                sorted(
                    (
                        e
                        for e in events
                        if isinstance(e, Reading)
                        and e.unit == unit
                        and e.role.endswith("_count")
                        and data["start"] <= e.at <= data["end"]
                    ),
                    key=lambda e: (e.role, e.at),
                ),
                key=lambda e: e.role,
            )
        }
        for role, truth in (
            ("good_count", data["good"]),
            ("scrap_count", data["scrap"]),
            ("total_count", data["good"] + data["scrap"]),
        ):
            if role in shown:
                assert counted(shown[role], moduli[unit]) == truth, (unit, role, data)


def counted(values: list[float | int | str], modulus: int) -> int:
    """The pieces between the first and the last value; a fall is a roll-over, or a reset to what it shows."""
    total = 0
    for before, after in pairwise(int(value) for value in values):
        total += after - before if after >= before else (after - before) % modulus if modulus else after
    return total


@quick
@given(seed=seeds)
def test_true_states_cover_the_time_once(plant: PlantSpec, seed: str) -> None:
    engine = engine_of(plant, seed)
    events = engine.advance(MONDAY + 30 * HOUR)
    events += engine.open_intervals(engine.now)
    for line in plant.lines:
        for machine in line.machines:
            spans = [(e.data["start"], e.data["end"]) for e in states_of(events, machine.code)]
            assert spans[0][0] == MONDAY
            assert spans[-1][1] == MONDAY + 30 * HOUR
            assert all(before[1] == after[0] for before, after in pairwise(spans))


@quick
@given(seed=seeds)
def test_shown_states_are_the_true_ones(plant: PlantSpec, seed: str) -> None:
    engine = engine_of(plant, seed)
    events = engine.advance(MONDAY + 20 * HOUR)
    for line in plant.lines:
        for machine in line.machines:
            shown = [
                (e.at, e.value)
                for e in events
                if isinstance(e, Reading) and e.unit == machine.code and e.role == "state"
            ]
            true = [(e.data["start"], e.data["state"]) for e in states_of(events, machine.code)]
            changes = [next(group) for _, group in groupby(shown, key=lambda item: item[1])]
            merged = [next(group) for _, group in groupby(true, key=lambda item: item[1])]
            assert changes[: len(merged)] == merged


@quick
@given(seed=seeds)
def test_starved_and_blocked_have_a_cause_next_door(plant: PlantSpec, seed: str) -> None:
    """A starved machine finds nothing of its order in front of it, a blocked one no room behind it."""
    engine = engine_of(plant, seed)
    for _ in range(300):
        engine.advance(engine.now + 97_000)
        for line in engine.lines:
            for index, machine in enumerate(line.machines):
                if machine.state == "starved" and index > 0 and machine.fault < 0:
                    assert line.flow.available(index) <= line.flow.capacities[index - 1] * 25 // 100
                if machine.state == "blocked" and machine.fault < 0:
                    assert line.flow.level(index) >= line.flow.capacities[index] * 74 // 100


def test_same_seed_same_plant_other_seed_other_plant(plant: PlantSpec) -> None:
    first = engine_of(plant, "1").advance(MONDAY + 12 * HOUR)
    assert engine_of(plant, "1").advance(MONDAY + 12 * HOUR) == first
    assert engine_of(plant, "2").advance(MONDAY + 12 * HOUR) != first


def test_events_come_in_order_of_time_and_ids_are_unique(plant: PlantSpec) -> None:
    events = engine_of(plant, "5").advance(MONDAY + 60 * HOUR)
    assert all(before.at <= after.at for before, after in pairwise(events))
    ids = [event.id for event in events if not isinstance(event, Reading)]
    assert len(ids) == len(set(ids))


def test_a_plant_that_was_off_invents_nothing(plant: PlantSpec) -> None:
    engine = engine_of(plant, "7")
    engine.advance(MONDAY + 5 * HOUR)
    before = {e.unit + e.role: e.value for e in engine.counters(engine.now)}
    engine.skip(MONDAY + 9 * HOUR)
    assert {e.unit + e.role: e.value for e in engine.counters(engine.now)} == before
    events = engine.advance(MONDAY + 10 * HOUR)
    assert all(event.at >= MONDAY + 9 * HOUR or event.at <= MONDAY + 5 * HOUR for event in events)
    spans = [(e.data["start"], e.data["end"]) for e in states_of(events, "L1-FILLER")]
    assert not any(start < MONDAY + 9 * HOUR and end > MONDAY + 5 * HOUR for start, end in spans)
    for line in engine.lines:
        assert_balanced(line)


def test_pressing_stop_holds_a_running_machine_for_that_long(plant: PlantSpec) -> None:
    engine = engine_of(plant, "11")
    filler = next(machine for machine in engine.lines[0].machines if machine.code == "L1-FILLER")
    while filler.state != "execute":
        engine.advance(engine.now + 60_000)
    pressed = engine.now
    assert engine.stop("L1-FILLER", 90_000)
    events = engine.advance(pressed + 5 * 60_000)
    held = next(e for e in states_of(events, "L1-FILLER") if e.data["state"] == "held")
    assert held.data["start"] == pressed + 1
    assert held.data["end"] - held.data["start"] == 90_000


def test_a_stop_pressed_from_the_pages_is_coded_by_whoever_pressed_it(plant: PlantSpec) -> None:
    engine = engine_of(plant, "11")
    filler = next(machine for machine in engine.lines[0].machines if machine.code == "L1-FILLER")
    while filler.state != "execute":
        engine.advance(engine.now + 60_000)
    coded: list[int] = []
    for _ in range(6):
        pressed = engine.now
        engine.stop("L1-FILLER", 360_000)
        for event in engine.advance(pressed + 7 * HOUR):
            if isinstance(event, Happening) and event.kind == "stop_coded":
                coded.append(event.data["start"])
                meant = event.data["unit"] == "L1-FILLER" and pressed in range(
                    event.data["start"] - 1, event.data["end"]
                )
                assert not meant
    assert coded


def test_pressing_stop_on_a_machine_that_is_down_keeps_it_down(plant: PlantSpec) -> None:
    engine = engine_of(plant, "11")
    filler = next(machine for machine in engine.lines[0].machines if machine.code == "L1-FILLER")
    while filler.fault < 0:
        engine.advance(engine.now + 500)
    pressed = engine.now
    assert engine.stop("L1-FILLER", 900_000)
    events = engine.advance(pressed + 3 * HOUR)
    running = [e for e in states_of(events, "L1-FILLER") if e.data["state"] == "execute"]
    assert all(e.data["start"] >= pressed + 900_000 or e.data["end"] <= pressed for e in running)
    assert running[-1].data["end"] > pressed + 900_000


@pytest.mark.parametrize(
    "kind", ["lot", "consumed", "produced", "shortage", "intervention", "sequence", "reason"]
)
def test_two_weeks_hold_everything_a_record_shows(two_weeks: list[Event], kind: str) -> None:
    assert any(isinstance(event, Truth) and event.kind == kind for event in two_weeks)


def test_two_weeks_are_as_big_as_promised(two_weeks: list[Event]) -> None:
    readings = sum(isinstance(event, Reading) for event in two_weeks)
    assert 600_000 <= readings <= 1_000_000


def test_every_lot_used_was_received_and_balances(two_weeks: list[Event]) -> None:
    received = {
        e.data["lot"]: float(e.data["quantity"])
        for e in two_weeks
        if isinstance(e, Truth) and e.kind == "lot"
    }
    used: dict[str, float] = {}
    for event in two_weeks:
        if isinstance(event, Truth) and event.kind == "consumed":
            used[event.data["lot"]] = used.get(event.data["lot"], 0) + float(event.data["quantity"])
    assert set(used) <= set(received)
    assert all(quantity <= received[lot] + 1e-6 for lot, quantity in used.items())


def test_produced_lots_are_the_good_pieces_of_the_last_machine(two_weeks: list[Event]) -> None:
    made: dict[str, int] = {}
    for event in two_weeks:
        if isinstance(event, Truth) and event.kind == "produced":
            made[event.data["order"]] = made.get(event.data["order"], 0) + int(event.data["quantity"])
    ended = [e for e in two_weeks if isinstance(e, Truth) and e.kind == "order_end"]
    assert len(ended) > 60
    assert all(made[event.data["order"]] == event.data["good"] for event in ended)


@pytest.fixture(scope="module")
def two_weeks(plant: PlantSpec) -> list[Event]:
    return Engine(plant, MONDAY).advance(MONDAY + 14 * 24 * HOUR)
