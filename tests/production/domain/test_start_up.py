"""Run-ups: the running time after a start, a changeover or a long stop, and never any other."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from production.domain.account import Segment
from production.domain.start_up import CHANGEOVER, LONG_STOP, ORDER, RUN, Rule, run_ups
from tests.factories.production import at

MINUTES = timedelta(minutes=1)
RULE = Rule(timedelta(minutes=10), None, timedelta(minutes=30))


def account(*told: tuple[float, str, str]) -> list[Segment]:
    """(minutes, class, order) one after the other."""
    found, start = [], 0.0
    for minutes, name, order in told:
        found.append(Segment(at(start * 60), at((start + minutes) * 60), name, "execute", order_code=order))
        start += minutes
    return found


def minutes(told: list[Segment], rule: Rule = RULE) -> list[tuple[float, float, str]]:
    return [
        ((one.start - at(0)) / MINUTES, (one.end - at(0)) / MINUTES, one.began_with)
        for one in run_ups(told, rule)
    ]


def test_an_order_a_changeover_and_a_long_stop_begin_one_each() -> None:
    told = account(
        (5, "running", "A"), (20, "setup", "A"), (30, "running", "B"), (40, "breakdown", "B"),
        (15, "running", "B"), (10, "micro_stop", "B"), (20, "running", "B"), (9, "running", "C"),
    )  # fmt: skip
    assert minutes(told) == [(25, 35, CHANGEOVER), (95, 105, LONG_STOP), (140, 149, ORDER)]


def test_a_run_up_is_running_time_and_stops_in_it_do_not_count() -> None:
    told = account(
        (5, "setup", "A"),
        (4, "running", "A"),
        (7, "breakdown", "A"),
        (3, "running", "A"),
        (9, "running", "A"),
    )
    assert minutes(told) == [(5, 22, CHANGEOVER)]


def test_without_a_limit_for_stops_none_begins_one() -> None:
    told = account((5, "running", "A"), (90, "breakdown", "A"), (5, "running", "A"))
    assert minutes(told, Rule(timedelta(minutes=10), None, None)) == []


@given(
    st.lists(
        st.tuples(
            st.integers(1, 60),
            st.sampled_from(["running", "setup", "breakdown", "starved"]),
            st.sampled_from("AB"),
        ),
        max_size=12,
    )
)
def test_run_ups_lie_apart_and_take_no_more_running_time_than_the_rule_says(
    told: list[tuple[float, str, str]],
) -> None:
    segments = account(*told)
    found = run_ups(segments, RULE)
    assert all(a.end <= b.start for a, b in pairwise(found))
    for one in found:
        ran = [
            min(s.end, one.end) - max(s.start, one.start)
            for s in segments
            if s.time_class in RUN and s.start < one.end and s.end > one.start
        ]
        assert one.start < one.end
        assert sum(ran, timedelta()) <= timedelta(minutes=10)
