"""The narrowest standard holds, and a sequence costs the sum of its steps."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from hypothesis import given

from plant.domain.intervals import Interval
from production.domain.account import account
from production.domain.changeover import (
    Product,
    Standard,
    changeovers_done,
    matrix,
    sequence_time,
    standard_for,
)
from production.domain.time_model import PAUSES
from tests.strategies import LONGEST, T0, histories, seconds_after

A1, A2, B1, NEW = Product("A1", "A"), Product("A2", "A"), Product("B1", "B"), Product("N", "")


def minutes(number: int) -> timedelta:
    return timedelta(minutes=number)


PAIR = Standard("A1", "", "A2", "", minutes(12))
FAMILIES = [Standard("", "A", "", "A", minutes(20)), Standard("", "A", "", "B", minutes(55))]
DEFAULT = Standard("", "", "", "", minutes(40))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [(A1, A2, 12), (A2, A1, 20), (A1, B1, 55), (B1, A1, 40), (A1, NEW, 40), (A1, A1, 0)],
)
def test_the_narrowest_standard_holds(before: Product, after: Product, expected: int) -> None:
    assert standard_for([PAIR, *FAMILIES, DEFAULT], before, after) == minutes(expected)


def test_without_a_standard_nothing_is_invented() -> None:
    assert standard_for([PAIR, *FAMILIES], B1, A1) is None
    assert sequence_time([A1, A2, B1, A1], [PAIR, *FAMILIES]) is None
    assert sequence_time([A1, A2, B1], [PAIR, *FAMILIES]) == minutes(12 + 55)
    assert sequence_time([A1], []) == minutes(0)


@given(histories())
def test_changeovers_lie_between_runs_of_different_orders(known) -> None:  # type: ignore[no-untyped-def]
    segments = account(Interval(T0, seconds_after(LONGEST)), known).segments
    found = changeovers_done(segments)
    for item in found:
        assert item.from_order != item.to_order
        inside = [s for s in segments if s.start >= item.start and s.end <= item.end]
        pauses = sum((s.duration for s in inside if s.time_class in PAUSES), timedelta())
        assert item.duration + pauses == item.end - item.start
        assert timedelta() <= item.setup <= item.duration
    assert all(a.end <= b.start for a, b in itertools.pairwise(found))
    cells = matrix(found, {"A": A1, "B": B1}, [DEFAULT])
    assert sum(len(cell.done) for cell in cells) == len(found)
    for cell in cells:
        assert cell.best <= cell.median
        assert cell.best <= cell.mean
        assert cell.over is not None
        assert cell.over >= timedelta()
