"""A changeover split: internal, external while it stood, and not known are all of it, to the microsecond."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from production.domain.account import Segment
from production.domain.changeover import changeovers_done
from production.domain.smed import Tick, smed

AT = datetime(2026, 3, 2, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def at(minutes: float) -> datetime:
    return AT + minutes * MINUTE


moments = st.none() | st.integers(-60, 180).map(at)


@st.composite
def ticks(draw: st.DrawFn) -> Tick:
    start, end = draw(moments), draw(moments)
    if start is not None and end is not None and end < start:
        start, end = end, start
    return Tick("S", draw(st.booleans()), start, end)


@given(st.lists(ticks(), max_size=8), st.integers(1, 60), st.integers(0, 20), st.integers(1, 60))
def test_the_split_adds_up_for_any_ticks(
    given_ticks: list[Tick], first: int, pause: int, second: int
) -> None:
    stood = [(at(0), at(first)), (at(first + pause), at(first + pause + second))]
    found = smed(stood, given_ticks)
    assert found.internal + found.external_inside + found.not_known == (first + second) * MINUTE
    assert min(found.internal, found.external_inside, found.not_known) >= timedelta()
    assert found.external >= found.external_inside
    assert smed(stood, reversed(given_ticks)) == found


def test_external_work_while_the_line_stands_is_what_there_is_to_gain() -> None:
    found = smed(
        [(at(0), at(40))],
        [
            Tick("PARTS", True, at(-15), at(6)),
            Tick("FORMAT", False, at(5), at(20)),
            Tick("RELEASE", False, None, at(38)),
        ],
    )
    assert (found.internal, found.external_inside, found.not_known) == (15 * MINUTE, 5 * MINUTE, 20 * MINUTE)
    assert (found.external, found.ticked) == (21 * MINUTE, 3)


def segment(start: float, end: float, time_class: str, order: str) -> Segment:
    return Segment(at(start), at(end), time_class, "stopped", order_code=order)


def test_phases_are_told_by_the_change_of_order_the_first_piece_and_the_rate() -> None:
    [done] = changeovers_done(
        [
            segment(-60, 0, "running", "A"),
            segment(0, 10, "setup", "A"),
            segment(10, 14, "break", "A"),
            segment(14, 22, "setup", "B"),
            segment(22, 23, "running", "B"),
            segment(23, 26, "breakdown", "B"),
            segment(26, 30, "running_slow", "B"),
            segment(30, 40, "running", "B"),
        ]
    )
    assert done.phases is not None
    assert (done.phases.clean_up, done.phases.adjustment, done.phases.run_up) == (
        10 * MINUTE, 8 * MINUTE, 8 * MINUTE,
    )  # fmt: skip
    assert done.phases.clean_up + done.phases.adjustment == done.duration


def test_a_run_up_that_never_reached_its_rate_is_not_known() -> None:
    [done] = changeovers_done(
        [
            segment(-60, 0, "running", "A"),
            segment(0, 10, "setup", "B"),
            segment(10, 11, "running", "B"),
            segment(11, 12, "breakdown", "B"),
            segment(12, 90, "running_slow", "B"),
        ]
    )
    assert done.phases is not None
    assert done.phases.run_up is None
