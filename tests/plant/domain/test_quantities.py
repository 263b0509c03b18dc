from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from plant.domain.quantities import exact, ratio, ratio_of_sums, round_parts

amounts = st.lists(st.decimals(0, 10_000, places=3), max_size=12)


@given(amounts, st.sampled_from([Decimal(1), Decimal("0.1"), Decimal(60)]))
def test_rounded_parts_still_add_up(parts, step):
    rounded = round_parts(parts, step)
    assert sum(rounded, Decimal(0)) == (sum(parts, Decimal(0)) / step).to_integral_value() * step
    assert all(abs(a - b) < step for a, b in zip(rounded, parts, strict=True))


def test_a_ratio_without_a_denominator_is_none_and_none_is_capped():
    assert ratio(Decimal(1), Decimal(0)) is None
    assert ratio(None, Decimal(1)) is None
    assert ratio(Decimal(3), Decimal(2)) == Decimal("1.5")


def test_a_group_is_the_ratio_of_sums_not_the_mean_of_ratios():
    assert ratio_of_sums([(Decimal(1), Decimal(1)), (Decimal(0), Decimal(9))]) == Decimal("0.1")


def test_a_fraction_is_kept_as_written():
    assert exact(0.1) + exact(0.2) == Decimal("0.3")
