"""One record rounds one time one way: what is shown of a whole adds up to the whole as shown."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mom.pages.losses import LOST
from mom.record import timing
from production.domain.account import Account, Segment
from production.domain.time_model import CLASSES, MICRO_STOP, RUNNING_SLOW, UNKNOWN
from tests.strategies import T0

UNIT: Any = SimpleNamespace(code="M1", name="Filler", is_constraint=True)
ONE = timedelta(seconds=1)


@st.composite
def accounts(draw: st.DrawFn) -> Account:
    """Segments of any class and any length, to the microsecond."""
    segments, at = [], T0
    for _ in range(draw(st.integers(1, 25))):
        end = at + timedelta(microseconds=draw(st.integers(1, 5_000_000)))
        stopped = draw(st.booleans())
        uncoded = stopped and draw(st.booleans())
        segments.append(
            Segment(
                at,
                end,
                draw(st.sampled_from(CLASSES)),
                "held",
                stop_start=at if stopped else None,
                stop_size=draw(st.sampled_from(["micro", "registered"])) if stopped else "",
                reason_code="" if uncoded or not stopped else draw(st.sampled_from(["", "JAM", "BELT"])),
                uncoded=uncoded,
            )
        )
        at = end
    return Account(T0, at, tuple(segments))


@given(accounts())
def test_what_is_shown_of_a_record_adds_up(told: Account) -> None:
    machine = timing.Machine(UNIT, told)
    split = timing.split(machine, is_declared=True, listed=())
    assert split is not None
    rows = {row.time_class: row.seconds for row in split.rows}
    assert sum(rows.values()) == split.span_seconds == round(told.span.total_seconds())
    lost = timing.lost_seconds(told)
    groups = timing.groups(machine, {}, listed=())
    slow = sum(
        part
        for (name, _, waits, _), part in timing.shown_parts(told).items()
        if name == RUNNING_SLOW and not waits
    )
    if lost is not None:
        assert lost == sum(seconds for name, seconds in rows.items() if name in LOST)
        assert sum(group.seconds for group in groups) + slow == lost
    lane = timing.lane(machine, {})
    assert lane.no_data_seconds == rows.get(UNKNOWN, 0)
    assert lane.running_seconds == rows.get("running", 0) + rows.get(RUNNING_SLOW, 0)


@given(accounts())
def test_every_part_is_shown_within_a_second_and_a_class_is_its_parts(told: Account) -> None:
    parts, classes = timing.shown_parts(told), timing.shown_classes(told)
    for name, seconds in classes.items():
        assert sum(part for key, part in parts.items() if key[0] == name) == seconds
        assert abs(seconds * ONE - told.durations[name]) < ONE
    for key, seconds in parts.items():
        same = [
            s.duration
            for s in told.segments
            if (s.time_class, s.reason_code, s.uncoded, s.stop_size == "micro") == key
        ]
        assert abs(seconds * ONE - sum(same, timedelta())) < ONE


@given(accounts())
def test_micro_stops_are_shown_as_their_row_says(told: Account) -> None:
    group = timing.micro(told, "M1")
    parts = timing.shown_parts(told)
    plain = sum(part for (name, reason, _, micro), part in parts.items() if micro and name == MICRO_STOP)
    coded = sum(
        part for (name, reason, _, micro), part in parts.items() if micro and reason and name != MICRO_STOP
    )
    assert (group.seconds if group else 0) == plain + coded
