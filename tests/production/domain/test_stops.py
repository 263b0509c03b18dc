"""What is asked of people, and what a machine that only says it waits counts as."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plant.domain.calendar import SHIFT, Slot, planned
from plant.domain.intervals import Interval
from production.domain.account import Known, OrderUse, account
from production.domain.stitching import StateRow
from production.domain.stops import (
    MICRO,
    TOGETHER,
    StopRow,
    Thresholds,
    micro_groups,
    needs_reason,
    size_of,
    stops_of,
)
from production.domain.time_model import INDUCED, STANDARDS, SUSPENDED, Situation, time_class
from tests.strategies import LONGEST, T0, histories, seconds_after, slots, windows

LIMITS = Thresholds(timedelta(seconds=5), timedelta(seconds=120))


def shift(start: int, end: int) -> Slot:
    return Slot(seconds_after(start), seconds_after(end), SHIFT, "M", T0.date())


def stop(start: int, end: int | None) -> StopRow:
    return StopRow(seconds_after(start), None if end is None else seconds_after(end), "own", "")


@pytest.mark.parametrize(
    ("begins", "asked"), [(3590, False), (3481, False), (3480, True), (0, True), (3600, False)]
)
def test_a_stop_that_begins_as_the_shift_ends_asks_nothing(begins, asked):
    assert needs_reason(stop(begins, 8000), seconds_after(8000), LIMITS, [shift(0, 3600)]) is asked


def test_its_class_is_still_that_of_the_whole_stop():
    night = stop(3590, 8000)
    assert size_of(night.end - night.start, LIMITS) == "registered"
    states = [
        StateRow(T0, night.start, "execute", "produce", "", ""),
        StateRow(night.start, night.end, "held", "produce", "", ""),
    ]
    order = [OrderUse(T0, None, "PO1")]
    known = Known(states, [night], [shift(0, 3600)], order, [], LIMITS, seconds_after(8000))
    told = account(Interval(T0, seconds_after(3600)), known)
    assert told.durations["own_other"] == timedelta(seconds=10)
    assert told.uncoded == timedelta()


def planned_seconds(row: StopRow, until: datetime, calendar: list[Slot]) -> timedelta:
    """The stop's time in shifts and outside pauses, counted another way: by cutting what was planned."""
    window = Interval(row.start, until)
    parts = planned(window, calendar)
    return sum((part.end - part.start for part in parts if part.kind == SHIFT), timedelta())


@given(st.integers(0, LONGEST - 2), st.integers(1, 4000), st.integers(1, 300), slots())
def test_a_reason_is_asked_exactly_when_enough_planned_time_was_lost(start, length, registered, calendar):
    limits = Thresholds(timedelta(), timedelta(seconds=registered))
    row = stop(start, start + length)
    lost = timedelta(seconds=length) if calendar is None else planned_seconds(row, row.end, calendar)
    assert needs_reason(row, row.end, limits, calendar) is (lost >= limits.registered)


@given(histories(), windows())
def test_time_that_waits_for_a_reason_is_planned_time_of_a_long_stop(history, window):
    told = account(window, history)
    for segment in told.segments:
        if segment.uncoded:
            assert (segment.planned, segment.stop_size) == (SHIFT, "registered")
            assert not segment.reason_code
            assert segment.order_code


def test_a_machine_that_only_says_it_waits_is_not_called_starved():
    states = [
        StateRow(T0, seconds_after(60), "execute", "produce", "", ""),
        StateRow(seconds_after(60), seconds_after(90), "suspending", "produce", "", ""),
        StateRow(seconds_after(90), seconds_after(600), "suspended", "produce", "", ""),
    ]
    order = [OrderUse(T0, None, "PO1")]
    known = Known(states, stops_of(states), None, order, [], LIMITS, seconds_after(600))
    told = account(Interval(T0, seconds_after(600)), known)
    assert told.durations == {"running": timedelta(seconds=60), SUSPENDED: timedelta(seconds=540)}


@given(
    st.sampled_from(["suspended", "starved", "blocked"]),
    st.sampled_from(["", "17"]),
    st.sampled_from(["micro", "registered"]),
)
def test_waiting_is_induced_in_every_standard_whatever_side_is_known(state, fault, size):
    name = time_class(Situation(state, "produce", fault, SHIFT, "PO1", size, ""))
    assert name == state
    assert name in INDUCED
    assert name in STANDARDS["NF E60-182"]["induced"]
    assert name in STANDARDS["ISO 22400-2"]["ADET"]


def test_what_a_person_says_of_the_side_holds():
    said = Situation("suspended", "produce", "", SHIFT, "PO1", "registered", "blocked")
    assert time_class(said) == "blocked"


class Listed(NamedTuple):
    start: datetime
    end: datetime | None
    base_class: str
    fault_code: str
    size: str


@given(
    st.lists(
        st.tuples(
            st.integers(1, 700),
            st.integers(1, 300),
            st.sampled_from(["own", "blocked"]),
            st.sampled_from(["", "17"]),
        ),
        max_size=25,
    )
)
def test_micro_stops_of_one_sort_close_together_are_one_group_and_none_is_lost(history):
    stops, at = [], 0
    for ran, stood, base, fault in history:
        start, end = seconds_after(at + ran), seconds_after(at + ran + stood)
        stops.append(Listed(start, end, base, fault, size_of(end - start, LIMITS)))
        at += ran + stood
    groups = micro_groups(stops)
    assert [stop for group in groups for stop in group] == stops
    for group in groups:
        if len(group) > 1:
            assert {stop.size for stop in group} == {MICRO}
            assert len({(stop.base_class, stop.fault_code) for stop in group}) == 1
            assert all(b.start - a.end <= TOGETHER for a, b in pairwise(group) if a.end)
    for before, after in pairwise(groups):
        a, b = before[-1], after[0]
        alike = a.size == b.size == MICRO and a[2:4] == b[2:4]
        assert not alike or (a.end is not None and b.start - a.end > TOGETHER)
