"""A machine that says execute while its counter stands has stopped, with its last piece."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from plant.domain.intervals import covers_once
from production.domain.movement import NO_COUNT
from production.domain.states import EXECUTE, STOPPED, UNKNOWN
from production.domain.stitching import Fold, Gap, Open, Sample, Signal, StateRow, Unit

T0 = datetime(2026, 3, 2, 6, tzinfo=UTC)
UNIT = Unit(
    "M1",
    (
        Signal(1, "state", "m1/state", {"6": "execute", "2": "stopped", "11": "held"}),
        Signal(2, "mode", "m1/mode"),
        Signal(3, "good_count", "m1/good"),
        Signal(4, "process_value", "m1/temperature"),
    ),
    stale_after=timedelta(seconds=90),
    cycle=timedelta(seconds=5),
    no_count=timedelta(seconds=30),
)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def folded(unit: Unit, samples: Sequence[Sample], horizon: float, gaps: Sequence[Gap] = ()) -> list[StateRow]:
    fold = Fold(unit, Open(T0), gaps)
    fold.feed(samples)
    fold.close(at(horizon))
    return [*fold.states, *([fold.row] if fold.row else [])]


def told(rows: Sequence[StateRow]) -> list[tuple[float, str, str]]:
    return [((row.start - T0).total_seconds(), row.state, row.cause) for row in rows]


def counted(*seconds: float, first: float = 0) -> list[Sample]:
    """Execute from the beginning, and a piece at each of these seconds."""
    pieces = [(at(s), 3, number + 1, False) for number, s in enumerate(sorted(seconds))]
    return sorted([(at(first), 1, 6, False), (at(first), 3, 0, False), *pieces], key=lambda s: s[0])


def test_a_stop_begins_with_the_last_piece_and_ends_a_cycle_before_the_next():
    rows = folded(UNIT, counted(10, 20, 80, 90), 95)
    assert told(rows) == [(0, EXECUTE, ""), (20, STOPPED, NO_COUNT), (75, EXECUTE, "")]


def test_standing_for_just_the_limit_is_no_stop():
    assert told(folded(UNIT, counted(10, 40, 70), 100)) == [(0, EXECUTE, "")]
    assert told(folded(UNIT, counted(10, 40, 70), 100.001))[-1] == (70, STOPPED, NO_COUNT)


def test_slow_cycles_are_no_stops_and_a_long_one_loses_only_what_it_took_longer():
    slow = replace(UNIT, cycle=timedelta(seconds=50), no_count=timedelta(seconds=50))
    assert told(folded(slow, counted(*range(50, 500, 50)), 490)) == [(0, EXECUTE, "")]
    late = folded(slow, counted(50, 100, 152, 202), 210)
    assert told(late) == [(0, EXECUTE, ""), (100, STOPPED, NO_COUNT), (102, EXECUTE, "")]


def test_a_machine_that_only_says_it_runs_never_made_a_piece():
    assert told(folded(UNIT, counted(), 40)) == [(0, STOPPED, NO_COUNT)]


def test_what_stands_for_a_reason_of_its_own_keeps_it():
    samples = sorted([*counted(10, 20), (at(35), 1, 2, False), (at(100), 1, 6, False)], key=lambda s: s[0])
    assert told(folded(UNIT, samples, 120)) == [(0, EXECUTE, ""), (35, STOPPED, ""), (100, EXECUTE, "")]
    samples = sorted([*counted(10, 20), (at(80), 1, 11, False)], key=lambda s: s[0])
    assert told(folded(UNIT, samples, 90)) == [(0, EXECUTE, ""), (20, STOPPED, NO_COUNT), (80, "held", "")]


def test_time_without_data_is_no_standing():
    gap = [Gap(at(25), at(200))]
    samples = [*counted(10, 20), (at(205), 3, 40, False), (at(210), 3, 41, False)]
    assert [row[1:] for row in told(folded(replace(UNIT, stale_after=None), samples, 215, gap))] == [
        (EXECUTE, ""),
        (UNKNOWN, "gap"),
        (EXECUTE, ""),
    ]


def test_unwatched_machines_are_what_they_say():
    unwatched = replace(UNIT, no_count=None, stale_after=None)
    assert told(folded(unwatched, counted(10), 5000)) == [(0, EXECUTE, "")]


steps = st.tuples(st.integers(0, 600), st.sampled_from([1, 1, 2, 3, 3, 3, 3, 4]), st.booleans())
gap_lists = st.lists(
    st.tuples(st.integers(0, 500), st.integers(1, 200)).map(lambda g: Gap(at(g[0]), at(g[0] + g[1]))),
    max_size=2,
)


@st.composite
def histories(draw: st.DrawFn) -> list[Sample]:
    rows = sorted(draw(st.lists(steps, max_size=50)), key=lambda row: row[0])
    total, found = 0, []
    for second, signal, odd in rows:
        if signal == 3:
            total += draw(st.integers(0, 3))
        value = {1: draw(st.sampled_from([6, 6, 6, 2, 11])), 2: draw(st.sampled_from(["produce", "manual"]))}
        found.append((at(second), signal, value.get(signal, total), odd and draw(st.booleans())))
    return found


@given(histories(), gap_lists)
def test_rows_cover_the_time_and_only_execute_becomes_stopped(history, gaps):
    rows = folded(UNIT, history, 700, gaps)
    plain = folded(replace(UNIT, no_count=None), history, 700, gaps)
    if not history:
        assert rows == []
        return
    assert covers_once(StateRow(history[0][0], None, "", "", "", ""), rows)
    for row in rows:
        under = next(one for one in reversed(plain) if one.start <= row.start)
        if row.cause == NO_COUNT:
            assert under.state == EXECUTE
        else:
            assert (under.state, under.mode) == (row.state, row.mode)


@given(histories(), gap_lists)
def test_no_stretch_of_execute_is_longer_than_the_limit_without_a_piece(history, gaps):
    fold = Fold(UNIT, Open(T0), gaps)
    fold.feed(history)
    pieces = [moment for counter in fold.counters for moment in counter.moved]
    fold.close(at(700))
    rows = [*fold.states, *([fold.row] if fold.row else [])]
    for row in rows:
        if row.state != EXECUTE:
            continue
        end = row.end or at(700)
        marks = sorted([row.start, *(p for p in pieces if row.start < p < end), end])
        limit = UNIT.no_count + UNIT.cycle
        assert all(b - a <= limit for a, b in pairwise(marks))


@given(histories(), st.integers(0, 650), gap_lists)
def test_a_fold_advanced_in_steps_gives_the_same_rows(history, cut, gaps):
    fold = Fold(UNIT, Open(T0), gaps)
    fold.feed([s for s in history if s[0] < at(cut)])
    fold.advance(at(cut))
    fold.feed([s for s in history if s[0] >= at(cut)])
    fold.close(at(700))
    assert [*fold.states, *([fold.row] if fold.row else [])] == folded(UNIT, history, 700, gaps)
