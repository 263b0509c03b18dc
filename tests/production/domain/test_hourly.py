"""Hours are those of the clock on the wall; what recovers a gap reaches the target exactly."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from production.domain.hourly import HOUR, Hour, clock_hours, cumulative, recovery

T0 = datetime(2026, 3, 28, 5, tzinfo=UTC)
ZONES = [
    ZoneInfo(name) for name in ("Europe/Paris", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe")
]


@given(
    st.integers(0, 300 * 86400).map(lambda seconds: T0 + timedelta(seconds=seconds)),
    st.integers(1, 14 * 3600),
    st.sampled_from(ZONES),
)
def test_hours_lie_end_to_end_on_the_full_hours_of_the_site(
    start: datetime, length: int, zone: ZoneInfo
) -> None:
    end = start + timedelta(seconds=length)
    found = clock_hours(start, end, zone)
    assert found[0][0] == start
    assert found[-1][1] == end
    for (_, before), (after, _) in itertools.pairwise(found):
        assert before == after
        assert (after.astimezone(zone).minute, after.astimezone(zone).second) in ((0, 0), (30, 0))
    assert all(a < b and b - a <= HOUR for a, b in found)


def hour(at: int, target: int | None, good: int | None) -> Hour:
    start = T0 + at * HOUR
    wanted = None if target is None else Decimal(target)
    return Hour(start, start + HOUR, HOUR, wanted, wanted, None if good is None else Decimal(good))


@given(
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 5000)), min_size=1, max_size=6), st.integers(1, 5)
)
def test_the_needed_rate_recovers_the_gap_and_no_more(told: list[tuple[int, int]], ahead: int) -> None:
    hours = [hour(at, target, good) for at, (target, good) in enumerate(told)]
    hours += [hour(len(told) + at, 1000, None) for at in range(ahead)]
    found = recovery(hours, ahead * HOUR, Decimal(2000))
    assert found.needed is not None
    assert found.good is not None
    assert found.target is not None
    reached = found.good + found.needed * ahead
    assert abs(reached - max(found.target, found.good)) < Decimal("1e-15")
    assert found.possible is (found.needed <= 2000)
    assert cumulative(hours[: len(told)])[-1] == sum(good - target for target, good in told)


@pytest.mark.parametrize("hours", [[hour(0, None, 5)], [hour(0, 10, None)], [hour(0, 10, 5)]])
def test_nothing_is_promised_without_pace_count_or_time(hours: list[Hour]) -> None:
    assert recovery(hours, timedelta(), None).needed is None


def test_a_small_shortfall_is_no_news() -> None:
    assert [hour(0, 1000, good).is_red for good in (949, 950, 1100)] == [True, False, False]
    assert not hour(0, 1000, None).is_red
    assert cumulative([hour(0, 10, 4), hour(1, 10, None), hour(2, 10, 10)]) == [-6, None, None]
