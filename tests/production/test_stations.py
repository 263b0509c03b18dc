"""A manual station: what people say of it becomes states and stops as a machine's own signal would."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plant.access import Actor, Grant
from plant.models import Equipment
from production import selectors, services
from production.models import StateAssertion, StateInterval, StationWatermark, StitchCheckpoint, Stop
from production.services.rebuilding import rebuild_check
from tests.factories.plant import line_make
from tests.factories.production import T0, at

pytestmark = pytest.mark.django_db
OPERATOR = Actor(label="operator", grants=(Grant("operator", "/"),))


def station_make() -> Equipment:
    unit = line_make(1).unit
    Equipment.objects.filter(pk=unit.pk).update(is_manual=True)
    unit.refresh_from_db()
    return unit


def say(unit: Equipment, start: float, state: str, end: float | None = None, **more: Any) -> StateAssertion:
    said = services.state_assert(
        equipment_id=unit.pk,
        start_time=at(start),
        end_time=None if end is None else at(end),
        state=state,
        by=OPERATOR,
        at=at(more.pop("said", start)),
        **more,
    )
    services.stitch(work_unit_id=unit.pk)
    return said


def mark(unit: Equipment, seconds: float) -> None:
    StationWatermark.objects.create(equipment=unit, at=at(seconds))
    services.stitch(work_unit_id=unit.pk)


def states(unit: Equipment) -> list[tuple[float, str]]:
    rows = StateInterval.objects.filter(work_unit=unit).order_by("start_time")
    return [((row.start_time - T0).total_seconds(), row.state) for row in rows]


def differences(unit: Equipment) -> list[str]:
    return rebuild_check(work_unit_ids=[unit.pk]).lines


def test_start_stop_start_becomes_states_and_a_stop_that_asks_for_its_reason() -> None:
    unit = station_make()
    say(unit, 0, "execute")
    say(unit, 600, "stopped")
    say(unit, 1500, "execute")
    mark(unit, 3600)
    assert states(unit) == [(0, "execute"), (600, "stopped"), (1500, "execute")]
    stop = Stop.objects.get()
    assert (stop.start_time, stop.end_time, stop.size, stop.needs_reason) == (
        at(600), at(1500), "registered", True
    )  # fmt: skip
    told = selectors.account(equipment_id=unit.pk, start=at(0), end=at(3600))
    assert told is not None
    assert told.unexplained == timedelta()
    assert told.span == timedelta(hours=1)
    assert StitchCheckpoint.objects.get().horizon == at(3600)
    assert differences(unit) == []


def test_a_range_said_later_lies_over_what_was_said_and_an_entry_taken_back_leaves_no_trace_in_time() -> None:
    unit = station_make()
    say(unit, 0, "execute")
    over = say(unit, 100, "stopped", 400, said=500)
    mark(unit, 1000)
    assert states(unit) == [(0, "execute"), (100, "stopped"), (400, "execute")]
    services.state_assert(
        equipment_id=unit.pk, start_time=at(100), end_time=at(400), state="", supersedes=over.pk, by=OPERATOR
    )
    services.stitch(work_unit_id=unit.pk)
    assert states(unit) == [(0, "execute")]
    assert not Stop.objects.exists()
    assert differences(unit) == []


def test_the_only_entry_taken_back_is_no_data() -> None:
    unit = station_make()
    said = say(unit, 0, "execute")
    mark(unit, 500)
    services.state_assert(equipment_id=unit.pk, start_time=at(0), state="", supersedes=said.pk, by=OPERATOR)
    services.stitch(work_unit_id=unit.pk)
    assert states(unit) == [(0, "unknown")]
    assert differences(unit) == []


def test_nobodys_word_holds_for_longer_than_half_a_day() -> None:
    unit = station_make()
    say(unit, 0, "execute")
    mark(unit, 13 * 3600)
    assert states(unit) == [(0, "execute"), (12 * 3600, "unknown")]
    assert differences(unit) == []


def test_a_machine_with_a_state_of_its_own_and_time_to_come_are_refused() -> None:
    machine, unit = line_make(1).unit, station_make()
    with pytest.raises(services.Refused, match="manual station"):
        services.state_assert(equipment_id=machine.pk, start_time=at(0), state="execute", by=OPERATOR)
    later = timezone.now() + timedelta(minutes=1)
    with pytest.raises(services.Refused, match="not come yet"):
        services.state_assert(equipment_id=unit.pk, start_time=later, state="execute", by=OPERATOR)
    with pytest.raises(services.Refused, match="expected one of"):
        services.state_assert(equipment_id=unit.pk, start_time=at(0), state="dancing", by=OPERATOR)


def test_the_tick_marks_stations_somebody_spoke_of_and_no_machine() -> None:
    line_make(1)
    unit, silent = station_make(), station_make()
    now = timezone.now()
    assert services.stations_tick(now=now) == 0
    say(unit, 0, "execute")
    assert services.stations_tick(now=now) == 1
    assert services.stations_tick(now=now + timedelta(seconds=5)) == 0
    assert services.stations_tick(now=now + timedelta(seconds=30)) == 1
    assert not StationWatermark.objects.filter(equipment=silent).exists()


entries = st.lists(
    st.tuples(
        st.integers(0, 30),
        st.sampled_from(["execute", "stopped", "starved"]),
        st.one_of(st.none(), st.integers(1, 20)),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=entries, order=st.randoms(use_true_random=False), taken=st.sets(st.integers(0, 5), max_size=3))
def test_any_order_of_arrival_gives_the_same_account_and_a_rebuild_finds_nothing(
    said: list[tuple[int, str, int | None]], order: Any, taken: set[int]
) -> None:
    def told(turn: list[int]) -> tuple[list[tuple[float, str]], list[Any]]:
        unit = station_make()
        for place in turn:
            start, state, length = said[place]
            end = None if length is None else 60.0 * (start + length)
            made = say(unit, 60 * start, state, end, said=10_000 + place)
            if place in taken:
                services.state_assert(
                    equipment_id=unit.pk,
                    start_time=made.start_time,
                    end_time=made.end_time,
                    state="",
                    supersedes=made.pk,
                    by=OPERATOR,
                    at=at(20_000 + place),
                )
            services.stitch(work_unit_id=unit.pk)
            mark(unit, 4_000 + len(StationWatermark.objects.filter(equipment=unit)))
        mark(unit, 5_000)
        assert differences(unit) == []
        account = selectors.account(equipment_id=unit.pk, start=at(0), end=at(5_000))
        assert account is not None
        assert account.unexplained == timedelta()
        stops = [(s.start_time, s.end_time, s.base_class) for s in Stop.objects.filter(work_unit=unit)]
        return states(unit), stops

    forward = list(range(len(said)))
    shuffled = list(forward)
    order.shuffle(shuffled)
    assert told(forward) == told(shuffled)
