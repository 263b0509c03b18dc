"""Pieces of what a machine counts in another unit: cases, kilograms, metres.

So much of the counted unit is so much of the product in its own unit. A count is converted once, exactly;
where nobody has said what the unit makes of the product, its pieces are not known.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

# A counter that says no unit, or one of these, counts in the product's own.
PIECES = frozenset({"", "pcs", "pc", "piece", "pieces"})
# Where a quotient has no end, so far: a trillionth of a piece.
SMALLEST = Decimal("0.000000000001")


class Conversion(NamedTuple):
    """``counted`` of ``unit`` is ``makes`` of a product in its own unit. ``machine`` None: on any."""

    product: int
    machine: int | None
    unit: str
    start: datetime
    counted: Decimal
    makes: Decimal


def is_same(unit: str, own: str) -> bool:
    """Whether a counter's unit is the product's own."""
    return unit.strip().lower() in PIECES or unit.strip().lower() == own.strip().lower()


def conversion_in_force(
    known: Iterable[Conversion], *, product: int, machine: int, unit: str, at: datetime
) -> Conversion | None:
    """The machine's own, else the one for all machines; the latest that has begun."""
    found = [
        one
        for one in known
        if one.product == product
        and one.machine in (machine, None)
        and one.unit.strip().lower() == unit.strip().lower()
        and one.start <= at
    ]
    return max(found, key=lambda one: (one.machine is not None, one.start), default=None)


def pieces_of(amount: Decimal, conversion: Conversion) -> Decimal:
    """What an amount of the counted unit makes; exact where the quotient ends, else to a trillionth."""
    exact = Fraction(amount) * Fraction(conversion.makes) / Fraction(conversion.counted)
    rest = exact.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    found = Decimal(exact.numerator) / Decimal(exact.denominator)
    return found if rest == 1 else found.quantize(SMALLEST)


def counted_per_piece(conversions: Iterable[Conversion], unit: str, *, most: bool) -> Fraction:
    """The most, or the least, of a unit that any product's piece is; 1 where nobody has said."""
    shares = [Fraction(c.counted) / Fraction(c.makes) for c in conversions if c.unit.lower() == unit.lower()]
    if not shares:
        return Fraction(1)
    return max(shares) if most else min(shares)
