"""The narrowest standard holds, and a sequence costs the sum of its steps."""

from __future__ import annotations

from datetime import timedelta

import pytest

from production.domain.changeover import Product, Standard, sequence_time, standard_for

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
