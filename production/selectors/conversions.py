"""Counters that count in another unit than their product's, and what that makes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from plant import selectors as plant
from production.domain.account import OrderUse
from production.domain.order_parts import order_parts
from production.domain.units import (
    Conversion,
    conversion_in_force,
    is_same,
    pieces_of,
)
from production.models import JobOrder
from production.selectors.accounts import orders_between
from production.selectors.units import conversions_known, other_unit

if TYPE_CHECKING:
    from connectors.models import SignalDefinition

ZERO = Decimal(0)
# Not told: a conversion that leaves an amount as it is, and one that cannot be made.
SAME, REFUSED = "same", "refused"


def units_read(signals: Iterable[SignalDefinition]) -> Units | None:
    """None where every counter counts pieces: nothing is to convert, and nothing is read."""
    machines = frozenset(signal.equipment_id for signal in signals if other_unit(signal.unit))
    if not machines:
        return None
    return Units(machines, conversions_known())


@dataclass(slots=True)
class Units:
    """``machines``: those with a counter in another unit."""

    machines: frozenset[int]
    known: Sequence[Conversion]
    _products: dict[str, tuple[int, str] | None] = field(default_factory=dict)

    def parts(self, machine: int, start: datetime, end: datetime, order: str | None) -> list[OrderUse]:
        """A window cut where the machine's order changes, and where a conversion begins to hold."""
        cuts = sorted({one.start for one in self.known if start < one.start < end})
        if order is not None:
            return order_parts([OrderUse(start, end, order)], start, end, cuts)
        unit = plant.equipment_for_ids([machine])[machine]
        return order_parts(orders_between(equipment=[unit], start=start, end=end)[machine], start, end, cuts)

    def conversion(self, signal: SignalDefinition, order: str, at: datetime) -> Conversion | str:
        """What a counter's unit makes of an order's product; SAME, or REFUSED where nobody has said."""
        if not other_unit(signal.unit):
            return SAME
        product = self._product(order)
        if product is None:
            return REFUSED
        product_id, own = product
        if is_same(signal.unit, own):
            return SAME
        found = conversion_in_force(
            self.known, product=product_id, machine=signal.equipment_id, unit=signal.unit, at=at
        )
        return found or REFUSED

    def made(self, amount: Decimal, by: Conversion | str) -> Decimal | None:
        """None where it is not known; nothing is nothing in every unit."""
        if by == SAME or not amount:
            return Decimal(amount)
        return pieces_of(Decimal(amount), by) if isinstance(by, Conversion) else None

    def _product(self, order: str) -> tuple[int, str] | None:
        if order not in self._products:
            rows = JobOrder.objects.filter(code=order).values_list("product_id", "product__unit")
            self._products[order] = rows.first() if order else None
        return self._products[order]
