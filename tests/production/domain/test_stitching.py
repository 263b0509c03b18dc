"""The fold: any order, any batching, any cut, one answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plant.domain.intervals import covers_once
from production.domain.counters import bucket_of
from production.domain.stitching import Fold, Gap, Open, Sample, Signal, StateRow, Unit, ordered
from production.domain.tracks import alarm_text

T0 = datetime(2026, 3, 2, 6, tzinfo=UTC)
MAP = {"6": "execute", "2": "stopped", "11": "held"}
UNIT = Unit(
    "M1",
    (
        Signal(1, "state", "m1/state", MAP),
        Signal(2, "mode", "m1/mode"),
        Signal(3, "fault_code", "m1/fault"),
        Signal(4, "good_count", "m1/good"),
        Signal(5, "order", "m1/order"),
        Signal(6, "alarm", "m1/alarm"),
        Signal(7, "process_value", "m1/temperature"),
    ),
    stale_after=timedelta(seconds=60),
)
BY_COUNTER = Unit(
    "M2",
    (Signal(4, "good_count"),),
    stale_after=timedelta(seconds=120),
    counter_silence=timedelta(seconds=20),
)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def sample(seconds: float, signal: int, value: object, bad: bool = False) -> Sample:
    return (at(seconds), signal, value, bad)


def folded(unit: Unit, samples: Sequence[Sample], horizon: datetime, gaps: Sequence[Gap] = ()) -> Fold:
    fold = Fold(unit, Open(T0), gaps)
    fold.feed(samples)
    fold.close(horizon)
    return fold


def states(fold: Fold) -> list[StateRow]:
    return [*fold.states, *([fold.row] if fold.row else [])]


def answer(fold: Fold) -> tuple[object, ...]:
    return (
        states(fold),
        sorted(fold.counted),
        [row for track in fold.spans for row in [*track.rows, *track.open_rows()]],
        [row for track in fold.alarms for row in [*track.rows, *track.open_rows()]],
    )


VALUES = {
    1: st.sampled_from([6, 2, 11, 99]),
    2: st.sampled_from(["Produce", "manual"]),
    3: st.sampled_from([0, 17, 21]),
    4: st.integers(0, 3000),
    5: st.sampled_from(["", "A", "B"]),
    6: st.sampled_from([False, True, "raised", "acknowledged"]),
    7: st.integers(0, 9),
}


@st.composite
def histories(
    draw: st.DrawFn, signals: tuple[int, ...] = tuple(VALUES)
) -> list[tuple[datetime, datetime, int, int, object, bool]]:
    rows = draw(
        st.lists(st.tuples(st.integers(0, 900), st.sampled_from(signals), st.booleans()), max_size=60)
    )
    return [
        (at(second), at(second), number, signal, draw(VALUES[signal]), bad and draw(st.booleans()))
        for number, (second, signal, bad) in enumerate(rows)
    ]


gap_lists = st.lists(
    st.tuples(st.integers(0, 800), st.integers(1, 300)).map(lambda g: Gap(at(g[0]), at(g[0] + g[1]))),
    max_size=2,
)


@given(histories(), st.randoms(use_true_random=False), gap_lists)
def test_arrival_order_and_duplicates_do_not_matter(history, random, gaps):
    shuffled = [*history, *history[::2]]
    random.shuffle(shuffled)
    horizon = at(1000)
    assert answer(folded(UNIT, ordered(history), horizon, gaps)) == answer(
        folded(UNIT, ordered(shuffled), horizon, gaps)
    )


@given(histories(), gap_lists)
def test_states_cover_the_time_from_the_first_sample_exactly_once(history, gaps):
    samples = ordered(history)
    fold = folded(UNIT, samples, at(1000), gaps)
    rows = states(fold)
    if not samples:
        assert rows == []
        return
    assert rows[0].start == samples[0][0]
    assert rows[-1].end is None
    assert covers_once(StateRow(samples[0][0], None, "", "", "", ""), rows)
    assert all(a[2:] != b[2:] for a, b in pairwise(rows)), "neighbours that say the same are one row"


@given(histories(), st.integers(0, 1000), gap_lists)
def test_a_fold_cut_anywhere_and_resumed_from_its_rows_gives_the_same_answer(history, cut, gaps):
    samples = ordered(history)
    whole = folded(UNIT, samples, at(1000), gaps)
    before = Fold(UNIT, Open(T0), gaps)
    before.feed([s for s in samples if s[0] < at(cut)])
    before.advance(at(cut))
    rest = [s for s in samples if s[0] >= at(cut)]
    after = Fold(UNIT, resume(before, [s for s in samples if s[0] < at(cut)], at(cut)), gaps)
    after.feed(rest)
    after.close(at(1000))
    assert [*before.states, *states(after)] == states(whole)
    assert sorted(before.counted + after.counted) == sorted(whole.counted)


def resume(fold: Fold, samples: Sequence[Sample], cut: datetime) -> Open:
    """What the database would hand to a fold beginning at the cut."""
    last = {signal: (moment, value, bad) for moment, signal, value, bad in samples}
    good = {signal: (moment, value) for moment, signal, value, bad in samples if not bad}
    return Open(
        cut,
        state=fold.row,
        spans=tuple(row for track in fold.spans for row in track.open_rows()),
        alarms=tuple(row for track in fold.alarms for row in track.open_rows()),
        last=last,
        last_good=good,
        buckets={c.signal: (c.bucket, c.counted) for c in fold.counters if c.bucket is not None},
    )


def test_a_late_counter_value_is_put_in_order_before_differences_are_taken():
    arrived = [(0, 1000), (10, 1010), (30, 1020), (20, 1015), (40, 1030)]
    history = [(at(s), at(s), n, 4, value, False) for n, (s, value) in enumerate(arrived)]
    fold = folded(UNIT, ordered(history), at(60))
    assert sum(row.quantity for row in fold.counted) == 30


@given(st.lists(st.integers(0, 40), min_size=1, max_size=80), st.integers(0, 79))
def test_pieces_never_depend_on_where_buckets_or_windows_end(steps, cut):
    total, samples = 0, []
    for n, step in enumerate(steps):
        total += step
        samples.append(sample(n * 37, 4, total))
    fold = folded(UNIT, samples, at(5000))
    assert sum(row.quantity for row in fold.counted) == total - steps[0]
    assert all(row.start == bucket_of(row.start) for row in fold.counted)


@given(st.lists(st.integers(0, 50), min_size=2, max_size=60), st.randoms(use_true_random=False))
def test_jitter_of_a_counter_neither_invents_nor_loses(steps, random):
    value, samples = 100_000, []
    for n, step in enumerate(steps):
        value += step
        samples.append(sample(2 * n, 4, value))
        if random.random() < 0.3:
            samples.append(sample(2 * n + 1, 4, value - random.randint(1, 5)))
    samples.append(sample(2 * len(steps), 4, value))
    fold = folded(UNIT, samples, at(500))
    assert sum(row.quantity for row in fold.counted) == value - 100_000 - steps[0]


def test_silence_past_the_stale_limit_is_unknown_from_the_limit_to_the_next_sample():
    samples = [sample(0, 1, 6), sample(30, 7, 1), sample(200, 7, 2)]
    rows = states(folded(UNIT, samples, at(210)))
    assert [(r.start, r.state, r.cause) for r in rows] == [
        (at(0), "execute", ""),
        (at(90), "unknown", "silence"),
        (at(200), "execute", ""),
    ]


def test_silence_is_known_only_up_to_the_watermark():
    assert states(folded(UNIT, [sample(0, 1, 6)], at(60)))[-1].state == "execute"
    assert states(folded(UNIT, [sample(0, 1, 6)], at(61)))[-1].state == "unknown"


def test_bad_quality_makes_the_state_unknown_until_the_next_good_value():
    samples = [sample(0, 1, 6), sample(10, 1, 2, bad=True), sample(20, 1, 2)]
    rows = states(folded(UNIT, samples, at(25)))
    assert [(r.start, r.state, r.cause) for r in rows] == [
        (at(0), "execute", ""),
        (at(10), "unknown", "quality"),
        (at(20), "stopped", ""),
    ]


def test_a_gap_is_unknown_and_what_was_counted_across_it_says_so():
    samples = [sample(0, 1, 6), sample(0, 4, 10), sample(50, 4, 40), sample(55, 4, 45)]
    fold = folded(UNIT, samples, at(60), [Gap(at(20), at(30))])
    assert [(r.start, r.state) for r in states(fold)] == [
        (at(0), "execute"),
        (at(20), "unknown"),
        (at(30), "execute"),
    ]
    assert {row.flag: row.quantity for row in fold.counted} == {"gap": 30, "": 5}


def test_an_alarm_is_raised_acknowledged_and_cleared():
    samples = [sample(0, 6, "raised"), sample(5, 6, "acknowledged"), sample(9, 6, "cleared")]
    [alarm] = folded(UNIT, samples, at(10)).alarms[1].rows
    assert (alarm.code, alarm.start, alarm.acknowledged, alarm.end) == ("m1/alarm", at(0), at(5), at(9))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("17:raised:500:Jam at the infeed: clear it", "Jam at the infeed: clear it"),
        ("17:raised::Jam", "Jam"),
        ("17:acknowledged:Jam", "Jam"),
        ("17:Jam at the infeed", "Jam at the infeed"),
        ("17:raised:500", ""),
        ("17:raised", ""),
        ("17", ""),
        ("raised", ""),
        (True, ""),
        (17, ""),
    ],
)
def test_what_a_machine_says_of_an_alarm_stands_behind_its_code(value: object, text: str) -> None:
    assert alarm_text(value) == text


def test_an_alarm_keeps_the_words_it_was_raised_with():
    samples = [
        sample(0, 6, "17:raised:500:Jam"),
        sample(5, 6, "17:acknowledged:500:"),
        sample(9, 6, "18:Door"),
    ]
    rows = folded(UNIT, samples, at(10)).alarms[1]
    assert [(row.code, row.text, row.acknowledged) for row in [*rows.rows, *rows.open_rows()]] == [
        ("17", "Jam", at(5)),
        ("18", "Door", None),
    ]


def test_a_machine_without_a_state_signal_stops_at_its_last_piece():
    samples = [sample(n, 4, n) for n in range(50)] + [sample(n, 4, n) for n in range(100, 110)]
    rows = states(folded(BY_COUNTER, samples, at(112)))
    assert [(r.start, r.state) for r in rows if r.start > at(1)] == [
        (at(49), "stopped"),
        (at(100), "execute"),
    ]


def test_counters_roll_over_only_with_a_modulus():
    rolling = Unit("M3", (Signal(4, "good_count", modulus=65536),))
    samples = [sample(0, 4, 65530), sample(1, 4, 4)]
    [row] = folded(rolling, samples, at(2)).counted
    assert (row.quantity, row.flag) == (10, "rollover")
    [row] = folded(UNIT, samples, at(2)).counted
    assert (row.quantity, row.flag) == (4, "reset")


def test_fractions_are_kept():
    fold = folded(UNIT, [sample(0, 4, 0.1), sample(1, 4, 0.3)], at(2))
    assert fold.counted[0].quantity == Decimal("0.2")
