"""Slow running: told over the same windows for everyone, and only where a machine ran."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from plant.domain.intervals import Interval
from production.domain.account import Known, OrderUse, account
from production.domain.slow import Limit, Made, Slow, limit_of, reach, slow_running
from production.domain.stitching import StateRow
from production.domain.stops import Thresholds, stops_of
from production.domain.time_model import CLASSES

T0 = datetime(2026, 3, 2, 6, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LIMIT = Limit(Fraction(80, 100), 15 * MINUTE)
HALF = Decimal("0.5")


def at(minutes: float) -> datetime:
    return T0 + minutes * MINUTE


def judged(
    made: list[tuple[int, int]], running=((0, 60),), rate=HALF, horizon=60.0, limit=LIMIT
) -> list[Slow]:
    spans = [Interval(at(a), at(b)) for a, b in running]
    counted = [Made(at(minute), Decimal(quantity)) for minute, quantity in made]
    return slow_running((at(0), at(60)), spans, counted, lambda _: rate, limit, at(horizon))


def test_a_quarter_of_an_hour_below_four_fifths_of_the_ideal_rate_is_slow():
    full = [(minute, 150) for minute in range(0, 60, 5)]
    assert judged(full) == []
    [slow] = judged([*full[:3], (15, 150), (20, 100), (25, 100), *full[6:]])
    assert (slow.start, slow.end, slow.lost) == (at(15), at(30), Fraction(100, 450))


def test_a_window_not_known_to_its_end_is_not_judged_yet():
    assert [slow.start for slow in judged([], horizon=59.9)] == [at(0), at(15), at(30)]


def test_only_running_time_counts_and_one_piece_is_always_on_its_way():
    assert judged([(0, 150), (5, 0), (10, 0)], running=((0, 5),)) == []
    assert judged([], running=((0, 0.04),)) == [], "a piece and a fifth"
    assert judged([], running=()) == []


def test_without_a_rate_nothing_is_called_slow():
    assert judged([], rate=None) == []


def test_a_machines_limit_is_in_percent_and_whole_buckets():
    assert limit_of(None, None) is None
    assert limit_of(80, None) == LIMIT
    assert limit_of(70, timedelta(minutes=11)) == Limit(Fraction(7, 10), 10 * MINUTE)
    assert limit_of(70, timedelta(seconds=1)) == Limit(Fraction(7, 10), 5 * MINUTE)
    assert reach(LIMIT, at(1), at(15)) == (at(0), at(15))
    assert reach(LIMIT, at(0), at(16)) == (at(0), at(30))


pieces = st.lists(
    st.tuples(st.integers(0, 11).map(lambda n: at(5 * n)), st.integers(0, 200).map(Decimal)), max_size=15
).map(lambda rows: [Made(*row) for row in rows])
histories = st.lists(
    st.tuples(st.integers(1, 900), st.sampled_from(["execute", "held", "starved", "unknown"])),
    min_size=1,
    max_size=12,
)


@given(pieces, histories, st.integers(1, 59), st.randoms(use_true_random=False))
def test_no_window_and_no_order_of_arrival_changes_what_was_slow(made, history, cut, random):
    rows, begin = [], T0
    for seconds, state in history:
        rows.append(StateRow(begin, begin + timedelta(seconds=seconds), state, "", "", ""))
        begin += timedelta(seconds=seconds)
    rows[-1] = rows[-1]._replace(end=None)
    running = [row for row in rows if row.state == "execute"]
    slow = slow_running((at(0), at(60)), running, made, lambda _: HALF, LIMIT, at(60))
    shuffled = list(made)
    random.shuffle(shuffled)
    assert slow_running((at(0), at(60)), running, shuffled, lambda _: HALF, LIMIT, at(60)) == slow
    parts = [
        *slow_running((at(0), at(cut)), running, made, lambda _: HALF, LIMIT, at(60)),
        *slow_running((at(cut), at(60)), running, made, lambda _: HALF, LIMIT, at(60)),
    ]
    assert sorted(set(parts)) == slow

    limits = Thresholds(timedelta(seconds=5), timedelta(seconds=120))
    known = Known(rows, stops_of(rows), None, [OrderUse(T0, None, "PO")], [], limits, at(60), slow=slow)
    plain = account(Interval(T0, at(60)), Known(*[getattr(known, f) for f in known.__slots__[:7]]))
    whole = account(Interval(T0, at(60)), known)
    assert whole.unexplained == timedelta()
    assert whole.durations == plain.durations, "it names the time, it moves none"
    assert all(segment.state == "execute" for segment in whole.segments if segment.slow)
    halves = [account(Interval(T0, at(cut)), known), account(Interval(at(cut), at(60)), known)]
    assert sum(half.slow_lost for half in halves) == whole.slow_lost
    assert sum((half.slow for half in halves), timedelta()) == whole.slow
    assert set(whole.durations) <= set(CLASSES)
