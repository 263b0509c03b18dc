"""Target, lag and forecast of an order."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from mom.pages import plan as plans
from plant.domain.calendar import Slot
from production.domain.lateness import after_working
from production.domain.stops import planned_time

DAY = date(2026, 3, 2)
SIX = datetime(2026, 3, 2, 6, tzinfo=UTC)


def at(hours: float) -> datetime:
    return SIX + timedelta(hours=hours)


SLOTS = [
    Slot(at(0), at(8), "shift", "M", DAY),
    Slot(at(4), at(4.5), "break", "lunch", DAY),
    Slot(at(8), at(16), "shift", "A", DAY),
]
ASKED = plans.Asked(Decimal(7500), at(0), at(0), at(8), Decimal(1200))


def test_a_break_is_not_working_time() -> None:
    assert planned_time(at(0), at(8), SLOTS) == timedelta(hours=7.5)
    assert after_working(at(3), timedelta(hours=2), SLOTS) == at(5.5)


def test_behind_in_pieces_and_in_minutes() -> None:
    made = plans.plan(asked=ASKED, good=Decimal(1800), now=at(2), slots=SLOTS)
    assert made.target == 2000
    assert made.gap == -200
    assert made.behind == timedelta(minutes=12)
    assert made.verdict == plans.BEHIND
    assert made.rate == 900
    assert made.finish == at(2) + timedelta(hours=5700 / 900 + 0.5)


def test_no_count_is_not_known_and_not_zero() -> None:
    made = plans.plan(asked=ASKED, good=None, now=at(2), slots=SLOTS)
    assert made.verdict == plans.NOT_KNOWN
    assert made.gap is None
    assert made.finish is None


def test_without_planned_times_the_ideal_rate_is_the_target() -> None:
    asked = plans.Asked(Decimal(7500), at(0), None, None, Decimal(1200))
    made = plans.plan(asked=asked, good=Decimal(1200), now=at(1), slots=None)
    assert (made.basis, made.target, made.verdict) == (plans.IDEAL_RATE, 1200, plans.ON_PLAN)


@given(st.integers(0, 10**6), st.floats(0, 20))
def test_after_working_is_the_inverse_of_working(amount: int, hours: float) -> None:
    needed = timedelta(seconds=amount % (10 * 3600))
    start = at(min(hours, 5))
    end = after_working(start, needed, SLOTS)
    if end <= at(16):
        assert planned_time(start, end, SLOTS) == needed
