"""What people said of a station, as values of a signal: the one said last that speaks of an instant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from production.domain.manual import Told, state_told, values

T0 = datetime(2026, 3, 2, 6, tzinfo=UTC)


def at(minute: int) -> datetime:
    return T0 + timedelta(minutes=minute)


made = st.builds(
    lambda start, length, state, said, number: Told(
        at(start), None if length is None else at(start + length), state, at(100 + said), number
    ),
    st.integers(0, 20),
    st.one_of(st.none(), st.integers(1, 10)),
    st.sampled_from(["execute", "stopped"]),
    st.integers(0, 9),
    st.integers(1, 1000),
)


@given(st.lists(made, max_size=8, unique_by=lambda told: told.id), st.randoms(use_true_random=False))
def test_values_are_what_was_said_of_every_instant_in_any_order(said, order):
    heard = [one.start for one in said] + [one.end for one in said if one.end]
    told = values(said, heard)
    shuffled = list(said)
    order.shuffle(shuffled)
    assert values(shuffled, heard) == told
    for minute in range(35):
        before = [state for instant, state in told if instant <= at(minute)]
        assert (before[-1] if before else "unknown") == (state_told(said, at(minute)) or "unknown")


def test_a_range_holds_inside_and_what_lasted_holds_after():
    said = [Told(at(0), None, "execute", at(0), 1), Told(at(5), at(8), "stopped", at(20), 2)]
    assert [state_told(said, at(minute)) for minute in (0, 5, 7, 8)] == [
        "execute",
        "stopped",
        "stopped",
        "execute",
    ]
    assert state_told(said, at(-1)) is None
