"""Exact amounts: sums of Decimal, and parts that still add up once rounded for the screen."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_FLOOR, Decimal

ONE = Decimal(1)


def exact(value: int | float | Decimal | str) -> Decimal:
    """The number as its source wrote it: 0.1 is one tenth, not its binary neighbour. InvalidOperation if it
    is none.
    """
    return value if isinstance(value, Decimal) else Decimal(str(value))


def ratio(part: Decimal | int | None, whole: Decimal | int | None) -> Decimal | None:
    """``part / whole``; None when either is unknown or the whole is 0. Never capped."""
    if part is None or whole is None or whole == 0:
        return None
    return Decimal(part) / Decimal(whole)


def ratio_of_sums(pairs: Sequence[tuple[Decimal, Decimal]]) -> Decimal | None:
    """The figure of a group: sum of parts over sum of wholes, never a mean of ratios."""
    return ratio(sum((part for part, _ in pairs), Decimal(0)), sum((whole for _, whole in pairs), Decimal(0)))


def round_parts(parts: Sequence[Decimal], step: Decimal = ONE, whole: Decimal | None = None) -> list[Decimal]:
    """Round parts to multiples of ``step`` so that they add up to the rounded total (largest remainder).

    Ties go to the earlier part, so the same parts always round the same way. ``whole``: what is shown for
    them together, their total rounded up or down, where a larger whole decided that.
    """
    total = ((sum(parts, Decimal(0)) if whole is None else whole) / step).to_integral_value()
    units = [(part / step).to_integral_value(rounding=ROUND_FLOOR) for part in parts]
    missing = int(total - sum(units, Decimal(0)))
    by_remainder = sorted(range(len(parts)), key=lambda i: (units[i] - parts[i] / step, i))
    for index in by_remainder[:missing]:
        units[index] += ONE
    return [unit * step for unit in units]
