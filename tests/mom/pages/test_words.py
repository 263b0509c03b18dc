"""Words and figures as every page writes them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mom.pages.words import class_and_reason, money


@pytest.mark.parametrize(
    ("word", "reason", "told"),
    [
        ("Breakdown", "", "Breakdown"),
        ("Breakdown", "Sensor", "Breakdown · Sensor"),
        ("No operator", "No operator", "No operator"),
        ("Changeover, over standard", "Changeover", "Changeover, over standard"),
        ("Changeover", "Change", "Changeover · Change"),
    ],
)
def test_a_reason_that_repeats_its_class_is_said_once(word: str, reason: str, told: str) -> None:
    assert class_and_reason(word, reason) == told


def test_money_in_favour_has_the_minus_of_the_pieces_beside_it() -> None:
    assert money(Decimal(-145), "EUR") == "−145 EUR"
    assert money(None, "EUR") == "–"
