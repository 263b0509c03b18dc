"""Steps nobody would believe: kept, named, and never counted."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from production.domain.counters import (
    FITS,
    IMPLAUSIBLE,
    LARGEST,
    Counter,
    believed_rate,
    number,
    reading,
    step,
)
from tests.strategies import seconds_after

SECOND = timedelta(seconds=1)


def test_the_declared_maximum_holds_else_twice_the_ideal_rate():
    assert believed_rate(Decimal(7200), Decimal(3600)) == 2
    assert believed_rate(None, Decimal(3600)) == 2
    assert believed_rate(None, None) is None
    assert believed_rate(Decimal(0), Decimal(3600)) == 0


@pytest.mark.parametrize(
    ("pieces", "seconds", "flag"),
    [
        (61, 1, ""),
        (62, 1, IMPLAUSIBLE),
        (61, 60, ""),
        (62, 60, IMPLAUSIBLE),
        (121, 120, ""),
        (122, 120, IMPLAUSIBLE),
    ],
)
def test_a_step_is_odd_from_one_piece_above_the_rate(pieces, seconds, flag):
    assert step(1000, 1000 + pieces, seconds * SECOND, per_second=Decimal(1)).flag == flag


readings = st.lists(
    st.tuples(
        st.integers(1, 400), st.one_of(st.integers(0, 5000), st.integers(0, 5000).map(lambda n: n / 4))
    ),
    min_size=1,
    max_size=40,
)


def counted(seen: list[tuple[int, float]], per_second: Decimal | None) -> Counter:
    counter = Counter(1, "good", per_second=per_second)
    second = 0
    for apart, value in seen:
        second += apart
        counter.add(seconds_after(second), value)
    counter.flush()
    return counter


@given(readings, st.decimals("0.001", 50, places=3))
def test_no_piece_is_lost_between_what_counts_and_what_is_kept_apart(seen, per_second):
    """With a limit and without, the same pieces are told; only what is odd is told apart."""
    limited, free = counted(seen, per_second), counted(seen, None)
    assert sum(row.quantity for row in limited.rows) == sum(row.quantity for row in free.rows)
    assert {row.flag for row in free.rows} <= {"", "reset", "backwards"}


@given(readings, st.decimals("0.001", 50, places=3))
def test_nothing_counted_was_faster_than_anyone_would_believe(seen, per_second):
    """Said by the plain rule, step by step; the shortcut for ordinary steps changes nothing."""
    expected, believed, second, before = Decimal(0), Decimal(0), 0, None
    for apart, value in seen:
        second += apart
        if before is not None:
            quantity = step(before[1], Decimal(str(value)), (second - before[0]) * SECOND).quantity
            limit = 1 + per_second * max(second - before[0], 60)
            expected += quantity if quantity > limit else 0
            believed += 0 if quantity > limit else quantity
        before = (second, Decimal(str(value)))
    rows = counted(seen, per_second).rows
    assert sum(row.quantity for row in rows if row.flag == IMPLAUSIBLE) == expected
    assert sum(row.quantity for row in rows if row.flag != IMPLAUSIBLE) == believed


def test_an_odd_step_is_no_movement():
    counter = counted([(1, 0), (10, 5), (10, 90_000)], Decimal(1))
    assert counter.moved == [seconds_after(11)]


numerals = st.tuples(st.integers(-99, 99), st.integers(-(10**9), 10**9)).map(lambda n: f"{n[0]}e{n[1]}")
anything = st.one_of(
    st.text(max_size=40),
    numerals,
    st.floats(),
    st.decimals(),
    st.integers(-(2**63), 2**64 - 1),
    st.booleans(),
    st.none(),
)


@given(anything)
@example("1e1000000")
@example("9e15")
@example("-1e-999999999")
@example(1e300)
@example(Decimal("1E+1000000"))
@example("9" * 33)
def test_whatever_a_source_says_is_a_small_number_or_none(value):
    found = number(value)
    assert found is None or abs(found) < 10**16 or (type(value) is int and found == value)
    shown = reading(value)
    assert shown is None or abs(shown) < LARGEST
    assert isinstance(found, int | None) or -found.as_tuple().exponent == 6


@given(
    st.lists(st.tuples(st.integers(0, 90), anything), max_size=60),
    st.none() | st.decimals("0.001", 50, places=3),
    st.none() | st.sampled_from([100, 2**32, 10**13, 2**64]),
)
@example([(1, 5), (1, 2**64 - 1), (1, 7)], None, None)
@example([(1, n % 2 * 9 * 10**12) for n in range(60)], None, None)
def test_every_row_fits_whatever_a_source_says(seen, per_second, modulus):
    counter = Counter(1, "good", modulus=modulus, per_second=per_second)
    second = 0
    for apart, value in seen:
        second += apart
        counter.add(seconds_after(second), value)
    counter.flush()
    assert all(abs(row.quantity) < FITS for row in counter.rows)
    assert all(row.start <= row.end for row in counter.rows)


@given(readings, st.sampled_from([2**64 - 1, 2**63, -(2**63), 1e15, 10**13]))
def test_what_is_no_reading_is_told_and_changes_no_count(seen, wild):
    """Between any two readings: the next one counts from the last, as if nothing had been said."""
    counter, second = Counter(1, "good"), 0
    for apart, value in seen:
        second += apart
        counter.add(seconds_after(second), value)
        counter.add(seconds_after(second), wild)
    counter.flush()
    told = [row for row in counter.rows if row.flag == IMPLAUSIBLE]
    assert [row for row in counter.rows if row.flag != IMPLAUSIBLE] == counted(seen, None).rows
    assert [row.quantity for row in told] == [0] * len(seen)
