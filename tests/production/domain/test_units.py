"""Counts in another unit: exact where they can be, the same however cut, unknown where nobody said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from production.domain.units import (
    SMALLEST,
    Conversion,
    conversion_in_force,
    counted_per_piece,
    is_same,
    pieces_of,
)

T0 = datetime(2026, 3, 2, tzinfo=UTC)
D = Decimal
numbers = st.decimals(D("0.001"), D("10000"), places=3)


def by(counted: Decimal, makes: Decimal, **more: object) -> Conversion:
    values = {"product": 1, "machine": None, "unit": "kg", "start": T0, **more}
    return Conversion(counted=counted, makes=makes, **values)  # type: ignore[arg-type]


def test_cases_kilograms_and_metres_make_pieces_exactly() -> None:
    assert pieces_of(D(7), by(D(1), D(12))) == 84
    assert pieces_of(D("35"), by(D("0.35"), D(1))) == 100
    assert pieces_of(D("2.4"), by(D("0.6"), D(1))) == 4
    assert pieces_of(D(1), by(D(3), D(1))) == D("0.333333333333")


@given(numbers, numbers, numbers, numbers)
def test_parts_of_a_count_make_what_the_whole_makes(
    a: Decimal, b: Decimal, counted: Decimal, makes: Decimal
) -> None:
    one = by(counted, makes)
    apart, whole = pieces_of(a, one) + pieces_of(b, one), pieces_of(a + b, one)
    assert abs(apart - whole) <= 2 * SMALLEST
    assert abs(Fraction(whole) - Fraction(a + b) * Fraction(makes) / Fraction(counted)) <= Fraction(SMALLEST)


def test_the_machine_s_own_conversion_holds_from_its_date_on() -> None:
    later = T0 + timedelta(days=1)
    all_, own, new = by(D(1), D(12)), by(D(1), D(10), machine=7), by(D(1), D(8), machine=7, start=later)
    known = [all_, own, new]

    def at(machine: int, instant: datetime, unit: str = "KG", product: int = 1) -> Conversion | None:
        return conversion_in_force(known, product=product, machine=machine, unit=unit, at=instant)

    assert at(7, T0) is own
    assert at(7, later) is new
    assert at(8, later) is all_
    assert at(7, T0 - timedelta(seconds=1)) is None
    assert at(7, T0, unit="case") is None
    assert at(7, T0, product=2) is None


def test_a_counter_without_a_unit_counts_in_the_product_s_own() -> None:
    assert is_same("", "kg")
    assert is_same("pcs", "bottle")
    assert is_same("Kg", "kg")
    assert not is_same("case", "pcs")
    assert counted_per_piece([by(D(1), D(12)), by(D("0.5"), D(1))], "kg", most=True) == Fraction(1, 2)
    assert counted_per_piece([], "kg", most=True) == 1
