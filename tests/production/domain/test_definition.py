"""What a state counts as: the family's word, from its date on, for whole states."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plant.domain import time_model as words
from plant.domain.intervals import Interval, covers_once
from production.domain import states
from production.domain.account import Known, OrderUse, account
from production.domain.definition import BUILT_IN, STANDARD_ONLY, Definitions, Told, definitions_of
from production.domain.stitching import StateRow
from production.domain.stops import REGISTERED, StopRow, Thresholds, stops_of
from production.domain.time_model import CLASSES, Situation, time_class

T0 = datetime(2026, 3, 2, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
LIMITS = Thresholds(timedelta(seconds=5), timedelta(seconds=120))

dates = st.integers(0, 12).map(lambda hours: T0 + hours * HOUR)
tellings = st.lists(
    st.builds(
        Told,
        st.just("family"),
        dates,
        st.dictionaries(
            st.sampled_from(words.STATES), st.sampled_from(list(words.STATE_MEANINGS)), max_size=6
        ),
        st.dictionaries(
            st.sampled_from(["setup", "maintenance", "cip"]), st.sampled_from(words.MODE_MEANINGS), max_size=2
        ),
    ),
    max_size=3,
    unique_by=lambda told: told.since,
)
chains = st.lists(tellings, max_size=3)
histories = st.lists(
    st.tuples(
        st.integers(1, 5400), st.sampled_from(states.STATES), st.sampled_from(["produce", "setup", "cip"])
    ),
    min_size=1,
    max_size=20,
)


def at(hours: float) -> datetime:
    return T0 + hours * HOUR


def rows_of(history: list[tuple[int, str, str]]) -> list[StateRow]:
    rows, begin = [], T0
    for seconds, state, mode in history:
        end = begin + timedelta(seconds=seconds)
        rows.append(StateRow(begin, end, state, mode, "", ""))
        begin = end
    return [*rows[:-1], rows[-1]._replace(end=None)]


def known(rows: list[StateRow], definitions: Definitions = STANDARD_ONLY) -> Known:
    stops = stops_of(rows, base_of=definitions.base_of)
    orders = [OrderUse(T0, None, "PO-1")]
    return Known(rows, stops, None, orders, [], LIMITS, at(40), definitions)


def test_the_words_a_plant_may_use_are_the_ones_the_account_knows():
    assert set(words.STATES) == set(states.STATES) - {states.UNKNOWN}
    assert set(words.STATE_MEANINGS.values()) <= {states.RUNNING, *states.STOP_CLASSES}
    assert {word for word in words.STATE_MEANINGS if word not in (states.OWN, states.IDLE)} <= set(CLASSES)
    assert set(words.MODE_MEANINGS) <= set(CLASSES)
    assert set(BUILT_IN.states) == set(states.STATES)


@given(chains, histories, st.integers(0, 20 * 3600))
def test_time_closes_whatever_the_families_say_and_no_window_changes_a_class(chain, history, cut):
    told = known(rows_of(history), definitions_of(chain))
    whole = account(Interval(T0, at(20)), told)
    assert whole.unexplained == timedelta()
    assert covers_once(Interval(T0, at(20)), whole.segments)
    middle = T0 + timedelta(seconds=cut)
    if T0 < middle < at(20):
        parts = [account(Interval(T0, middle), told), account(Interval(middle, at(20)), told)]
        for name in CLASSES:
            halves = sum((part.durations.get(name, timedelta()) for part in parts), timedelta())
            assert halves == whole.durations.get(name, timedelta())


@given(chains, histories)
def test_stops_are_what_the_definition_does_not_call_running(chain, history):
    definitions, rows = definitions_of(chain), rows_of(history)
    told = account(Interval(T0, at(20)), known(rows, definitions))
    for segment in told.segments:
        row = next(row for row in reversed(rows) if row.start <= segment.start)
        base = definitions.at(row.start).bases[row.state]
        assert segment.base_class == base
        assert (segment.stop_start is None) == (base in (states.RUNNING, states.UNKNOWN))


@given(chains, st.permutations(range(3)))
def test_the_order_in_which_definitions_were_entered_does_not_matter(chain, order):
    shuffled = [[told[i] for i in order if i < len(told)] for told in chain]
    assert definitions_of(shuffled).versions == definitions_of(chain).versions


@pytest.mark.parametrize(
    ("word", "expected", "base"),
    [
        ("idle", "own_other", "idle"),
        ("own", "own_other", "own"),
        ("suspended", "suspended", "suspended"),
        ("no_operator", "no_operator", "suspended"),
        ("breakdown", "breakdown", "own"),
        ("planned_maintenance", "planned_maintenance", "planned"),
        ("running", "running", "running"),
    ],
)
def test_an_idle_machine_counts_as_its_family_says(word, expected, base):
    definitions = definitions_of([[Told("mixer", T0, {"idle": word}, {})]])
    rows = [
        StateRow(T0, at(1), "idle", "produce", "", ""),
        StateRow(at(1), None, "execute", "produce", "", ""),
    ]
    [first, *_] = account(Interval(T0, at(2)), known(rows, definitions)).segments
    assert (first.time_class, first.base_class) == (expected, base)
    assert [stop.base_class for stop in stops_of(rows, base_of=definitions.base_of)] == [base] * (
        base != "running"
    )


def test_a_family_says_what_differs_from_the_wider_one():
    wider = [Told("packaging", at(0), {"idle": "own", "complete": "no_load"}, {"cip": "own_other"})]
    own = [Told("filler", at(5), {"idle": "suspended"}, {"maintenance": "planned_maintenance"})]
    definitions = definitions_of([own, wider])
    assert definitions.at(at(-1)) is BUILT_IN
    assert (definitions.at(at(4)).family, definitions.at(at(5)).family) == ("packaging", "filler")
    early, late = definitions.at(at(4)), definitions.at(at(6))
    assert (early.states["idle"], late.states["idle"], late.states["complete"]) == (
        "own",
        "suspended",
        "no_load",
    )
    told = Situation("held", "maintenance", "", "shift", "PO-1", REGISTERED, "")
    assert (time_class(told, early), time_class(told, late)) == ("breakdown", "planned_maintenance")
    assert late.modes["cip"] == "own_other"


def test_a_state_that_began_before_the_change_keeps_its_meaning_to_its_end():
    definitions = definitions_of([[Told("mixer", at(1), {"idle": "suspended"}, {})]])
    rows = [
        StateRow(T0, at(2), "idle", "produce", "", ""),
        StateRow(at(2), at(3), "execute", "produce", "", ""),
        StateRow(at(3), None, "idle", "produce", "", ""),
    ]
    told = account(Interval(T0, at(4)), known(rows, definitions))
    assert [(s.start, s.time_class) for s in told.segments] == [
        (T0, "own_other"),
        (at(2), "running"),
        (at(3), "suspended"),
    ]
    assert stops_of(rows, base_of=definitions.base_of) == [
        StopRow(T0, at(2), "idle", ""),
        StopRow(at(3), None, "suspended", ""),
    ]
    assert [found.since for found in definitions.between(at(0.5), at(1.5))] == [BUILT_IN.since, at(1)]
    assert [found.since for found in definitions.between(at(1), at(2))] == [at(1)]


def test_words_no_release_knows_are_left_as_the_wider_family_says():
    definitions = definitions_of([[Told("mixer", T0, {"idle": "sleeping", "dreaming": "own"}, {"x": "y"})]])
    assert definitions.at(T0).states["idle"] == states.IDLE
    assert "dreaming" not in definitions.at(T0).states
