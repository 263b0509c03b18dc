from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plant.domain.intervals import (
    Interval,
    clip,
    covers_once,
    duration_inside,
    gaps,
    holds,
    merge,
    overlaps,
    partition,
)
from tests.strategies import T0, instants, seconds_after, windows


@given(windows(), windows())
def test_two_intervals_overlap_exactly_when_they_share_a_part(a, b):
    shared = clip(a, b)
    assert overlaps(a, b) == overlaps(b, a) == (shared is not None)
    if shared is not None:
        assert holds(a, shared.start)
        assert holds(b, shared.start)


@given(windows(), st.lists(instants()))
def test_a_partition_covers_its_window_once(window, cuts):
    parts = partition(window, cuts)
    assert covers_once(window, parts)
    assert sum((part.end - part.start for part in parts), timedelta()) == window.duration


@given(windows(), st.lists(windows(), max_size=8))
def test_what_is_covered_and_what_is_not_are_the_window(window, intervals):
    uncovered = gaps(window, intervals)
    missing = sum((gap.end - gap.start for gap in uncovered), timedelta())
    assert missing + duration_inside(intervals, window) == window.duration
    assert not any(overlaps(gap, item) for gap in uncovered for item in intervals)


@given(st.lists(windows(), max_size=8), st.randoms(use_true_random=False))
def test_a_union_does_not_depend_on_order(intervals, random):
    shuffled = list(intervals)
    random.shuffle(shuffled)
    assert merge(shuffled) == merge(intervals)


def test_the_end_is_excluded():
    assert not overlaps(Interval(T0, seconds_after(5)), Interval(seconds_after(5)))
    assert overlaps(Interval(T0), Interval(seconds_after(5)))


def test_an_empty_interval_or_one_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="empty interval"):
        Interval(T0, T0)
    with pytest.raises(ValueError, match="time zone"):
        Interval(datetime(2026, 1, 1))  # noqa: DTZ001 (what is refused)
