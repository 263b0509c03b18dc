"""Sums that must close: of one lot, and of one material in one order. Remainders are shown, never spread."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class LotBalance:
    """received + produced = used + scrapped + on_hand + shipped + remainder, in the unit of the material."""

    received: Decimal
    produced: Decimal
    used: Decimal
    scrapped: Decimal
    shipped: Decimal
    on_hand: Decimal
    remainder: Decimal


def lot_balance(movements: Iterable[tuple[str, Decimal]]) -> LotBalance:
    """From (kind, quantity) of every movement. What was given back is not used; on hand is never below zero.

    The remainder is what stock counts found to differ: above zero missing, below zero more than ever came in.
    """
    totals: dict[str, Decimal] = {}
    for kind, quantity in movements:
        totals[kind] = totals.get(kind, ZERO) + quantity
    received, produced = totals.get("received", ZERO), totals.get("produced", ZERO)
    used = totals.get("consumed", ZERO) - totals.get("returned", ZERO)
    scrapped, shipped = totals.get("scrapped", ZERO), totals.get("shipped", ZERO)
    book = received + produced - used - scrapped - shipped + totals.get("adjusted", ZERO)
    on_hand = max(book, ZERO)
    remainder = received + produced - used - scrapped - shipped - on_hand
    return LotBalance(received, produced, used, scrapped, shipped, on_hand, remainder)


@dataclass(frozen=True, slots=True)
class MaterialBalance:
    """used = in_product + scrapped + returned + remainder for one material of one order, in its unit.

    ``used`` is everything taken, given back or not. ``in_product`` and ``remainder`` are None while the
    output is not known; ``expected_per_unit`` is None for a material not in the order's bill of materials.
    """

    material_id: int
    expected_per_unit: Decimal | None
    used: Decimal
    in_product: Decimal | None
    scrapped: Decimal
    returned: Decimal
    remainder: Decimal | None


def material_balance(
    *,
    material_id: int,
    movements: Iterable[tuple[str, Decimal]],
    per_unit: Decimal | None,
    output: Decimal | None,
) -> MaterialBalance:
    """Balance of one material from its (kind, quantity) movements in the order and the order's output."""
    totals: dict[str, Decimal] = {}
    for kind, quantity in movements:
        totals[kind] = totals.get(kind, ZERO) + quantity
    used, scrapped = totals.get("consumed", ZERO), totals.get("scrapped", ZERO)
    returned = totals.get("returned", ZERO)
    in_product = None if output is None else (per_unit or ZERO) * output
    remainder = None if in_product is None else used - in_product - scrapped - returned
    return MaterialBalance(material_id, per_unit, used, in_product, scrapped, returned, remainder)
