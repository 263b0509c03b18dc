"""Hypothesis strategies shared by all tests: instants, windows, machine histories."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import strategies as st

from plant.domain.calendar import Slot
from plant.domain.intervals import Interval
from production.domain.account import Known, OrderUse, Said
from production.domain.states import STATES
from production.domain.stitching import StateRow
from production.domain.stops import Thresholds, stops_of

T0 = datetime(2026, 3, 2, 6, tzinfo=UTC)
LONGEST = 20_000


def seconds_after(number: float) -> datetime:
    return T0 + timedelta(seconds=number)


def instants(last: int = LONGEST) -> st.SearchStrategy[datetime]:
    return st.integers(0, last).map(seconds_after)


@st.composite
def windows(draw: st.DrawFn, last: int = LONGEST) -> Interval:
    start = draw(st.integers(0, last - 1))
    return Interval(seconds_after(start), seconds_after(draw(st.integers(start + 1, last))))


@st.composite
def state_rows(draw: st.DrawFn) -> list[StateRow]:
    """Touching states of one machine, the last one going on; neighbours differ."""
    cuts = sorted(draw(st.sets(st.integers(0, LONGEST), min_size=1, max_size=30)))
    starts = [seconds_after(cut) for cut in cuts]
    ends: list[datetime | None] = [*starts[1:], None]
    rows: list[StateRow] = []
    for start, end in zip(starts, ends, strict=True):
        state = draw(st.sampled_from([name for name in STATES if not rows or name != rows[-1].state]))
        mode = draw(st.sampled_from(["produce", "produce", "maintenance", "setup", "trial"]))
        rows.append(StateRow(start, end, state, mode, draw(st.sampled_from(["", "17"])), ""))
    assert all(a.end == b.start for a, b in pairwise(rows))
    return rows


@st.composite
def slots(draw: st.DrawFn) -> list[Slot] | None:
    """Shifts with a pause each; None: no calendar."""
    if draw(st.booleans()):
        return None
    found: list[Slot] = []
    at = draw(st.integers(0, 5000))
    for _ in range(draw(st.integers(0, 3))):
        end = at + draw(st.integers(600, 6000))
        found.append(Slot(seconds_after(at), seconds_after(end), "shift", "M", T0.date()))
        kind = draw(st.sampled_from(["break", "meeting", "planned_maintenance"]))
        found.append(Slot(seconds_after(at + 100), seconds_after(at + 400), kind, "B", T0.date()))
        at = end + draw(st.integers(0, 2000))
    return found


@st.composite
def histories(draw: st.DrawFn) -> Known:
    """Everything known of one machine."""
    states = draw(state_rows())
    thresholds = Thresholds(
        timedelta(seconds=draw(st.integers(0, 10))), timedelta(seconds=draw(st.integers(10, 300)))
    )
    ranges = st.tuples(st.integers(0, LONGEST), st.integers(1, 4000))
    orders = [
        OrderUse(seconds_after(at), seconds_after(at + length), draw(st.sampled_from("AB")))
        for at, length in draw(st.lists(ranges, max_size=3))
    ]
    said = [
        Said(
            seconds_after(at),
            draw(st.none() | st.just(seconds_after(at + length))),
            "R",
            draw(st.sampled_from(["breakdown", "setup", "no_operator"])),
            number,
        )
        for number, (at, length) in enumerate(draw(st.lists(ranges, max_size=4)))
    ]
    horizon = seconds_after(LONGEST + 5000)
    return Known(states, stops_of(states), draw(slots()), orders, said, thresholds, horizon)
