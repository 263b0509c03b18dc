"""Orders at once on one machine: what each has of its segments adds up to the machine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from production.domain.account import OrderUse, Segment
from production.domain.sharing import Weighed, order_segments, slices

T0 = datetime(2026, 3, 2, 6, tzinfo=UTC)


def at(second: int) -> datetime:
    return T0 + timedelta(seconds=second)


@st.composite
def machines(draw: st.DrawFn) -> tuple[list[Segment], list[OrderUse], list[Weighed]]:
    edges = [0, *sorted(draw(st.sets(st.integers(1, 99), max_size=4))), 100]
    segments = [
        Segment(at(a), at(b), draw(st.sampled_from(["running", "breakdown"])), "execute")
        for a, b in pairwise(edges)
    ]
    spans = draw(st.lists(st.tuples(st.integers(-5, 99), st.integers(1, 60)), max_size=4))
    uses = [OrderUse(at(a), at(a + n), "ABCD"[place]) for place, (a, n) in enumerate(spans)]
    weights = draw(
        st.lists(st.builds(Weighed, st.integers(-5, 99).map(at), st.sampled_from("ABC"), st.integers(0, 9)))
    )
    return segments, uses, weights


@given(machines())
def test_what_orders_have_of_a_machine_is_all_its_time_once(
    machine: tuple[list[Segment], list[OrderUse], list[Weighed]],
) -> None:
    segments, uses, weights = machine
    whole = sum((segment.duration for segment in segments), timedelta())
    parts = [part for one in slices(segments, uses, weights) for part in one.parts.values()]
    assert sum(parts, timedelta()) == whole
    idle = sum((one.parts.get("", timedelta()) for one in slices(segments, uses, weights)), timedelta())
    mine = timedelta()
    for use in uses:
        found = order_segments(segments, uses, weights, use.code)
        if found is None:  # Nobody else is there in any of this time: it is that order's, or nobody's.
            assert [one.code for one in uses if one.start < at(100) and (one.end or at(101)) > T0] in (
                [],
                [use.code],
            )
            return
        assert [one.start for one in found[1:]] == [one.end for one in found[:-1]]
        mine += sum((one.duration for one in found), timedelta())
    if uses:
        assert mine + idle == whole
