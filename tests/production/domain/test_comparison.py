"""Best and median of finished orders: honest, stable, and silent where there are too few."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from production.domain.comparison import FEWEST, SHORTEST, Run, standing

T0 = datetime(2026, 3, 2, 6, tzinfo=UTC)

RUNS = st.lists(
    st.builds(
        lambda minutes, good: (timedelta(minutes=minutes), good),
        st.integers(0, 600),
        st.none() | st.integers(0, 100_000).map(Decimal),
    ),
    max_size=12,
).map(
    lambda rows: [
        Run(f"PO-{n}", T0, T0 + timedelta(hours=n), worked, good) for n, (worked, good) in enumerate(rows)
    ]
)


@given(RUNS, st.randoms())
def test_half_are_no_slower_than_the_median_and_none_is_faster_than_the_best(
    runs: list[Run], dice: object
) -> None:
    this = Run("PO-this", T0, None, timedelta(), None)
    found = standing(this, runs)
    rates = [run.rate for run in found.ranked]
    assert len(rates) + found.left_out == len(runs)
    assert found.place is None
    if len(rates) < FEWEST:
        assert found.best is None
        assert found.median is None
        return
    assert found.best is not None
    assert found.median is not None
    middle = found.median.rate
    assert middle is not None
    assert found.best.rate == max(rate for rate in rates if rate is not None)
    assert 2 * sum(rate >= middle for rate in rates if rate is not None) >= len(rates)
    assert 2 * sum(rate <= middle for rate in rates if rate is not None) >= len(rates)
    shuffled = list(runs)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    assert standing(this, shuffled) == found


def test_an_order_nobody_counted_or_made_in_no_time_has_no_rate() -> None:
    assert Run("a", T0, T0, timedelta(hours=1), None).rate is None
    assert Run("a", T0, T0, SHORTEST - timedelta(seconds=1), Decimal(5)).rate is None
    assert Run("a", T0, T0, timedelta(minutes=30), Decimal(100)).rate == 200
