"""What the simulated plant gives off. Times are milliseconds since 1970 (UTC), pieces are whole numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

Value = int | float | str


class Reading(NamedTuple):
    """A value a machine shows: ``role`` is the signal's role, ``key`` tells values and alarms apart."""

    at: int
    unit: str
    role: str
    key: str
    value: Value


class Happening(NamedTuple):
    """Something people or the ERP do, told to the product through its API; ``data`` by kind:

    order_released: order, line, product, quantity, start, end, lot
    order_updated: order, line, quantity, why, by
    sequence_changed: line, orders, why, by
    stop_coded: unit, start, end, reason, by, comment
    lot_received: lot, material, quantity, supplier, received, line, by
    lot_consumed: lot, material, order, unit, quantity, since, into, by
    lot_produced: lot, material, order, unit, quantity, since, by
    shortage: material, unit, start, end, by
    test_done: specification, order, unit, lot, product, value, by
    intervention: request, unit, start, end, fault, text, by, cure, raised_by
    """

    at: int
    kind: str
    id: str
    data: dict[str, Any]


class Truth(NamedTuple):
    """One line of the ledger: what truly happened, whoever saw it."""

    at: int
    kind: str
    id: str
    data: dict[str, Any]


Event = Reading | Happening | Truth
