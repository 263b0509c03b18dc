"""Whether an action helped: only where chance alone does not explain the difference."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mom.improvement.effect import MOST_DISPERSION, Spell, dispersion, effect_of

AT = datetime(2026, 3, 2, tzinfo=UTC)


def spell(count: int, hours: float) -> Spell:
    return Spell(AT, AT + timedelta(days=30), count, timedelta(), hours)


def test_nine_to_two_is_not_shown_yet_and_forty_to_eight_is() -> None:
    """Counts of nine vary too much for two to prove anything."""
    assert effect_of(spell(9, 300), spell(2, 300), []).verdict == "not_shown"
    assert effect_of(spell(40, 300), spell(8, 300), []).verdict == "helped"
    assert effect_of(spell(8, 300), spell(40, 300), []).verdict == "worse"
    assert effect_of(spell(8, 300), spell(0, 0), []).verdict == "too_early"


def test_counts_that_vary_more_than_chance_widen_the_interval() -> None:
    wild = [(0, 50.0), (30, 50.0), (0, 50.0), (30, 50.0), (1, 50.0)]
    assert dispersion(wild) == MOST_DISPERSION
    assert effect_of(spell(40, 300), spell(16, 300), []).verdict == "helped"
    assert effect_of(spell(40, 300), spell(16, 300), wild).verdict == "not_shown"


@given(st.integers(0, 500), st.integers(0, 500), st.floats(1, 700), st.floats(1, 700))
def test_the_other_way_round_says_the_opposite(a: int, b: int, hours: float, other: float) -> None:
    there, back = (
        effect_of(spell(a, hours), spell(b, other), []),
        effect_of(spell(b, other), spell(a, hours), []),
    )
    assert there.ratio is not None
    assert back.ratio is not None
    assert abs(there.ratio * back.ratio - 1) < 1e-9
    opposite = {"helped": "worse", "worse": "helped", "not_shown": "not_shown"}
    assert back.verdict == opposite[there.verdict]
