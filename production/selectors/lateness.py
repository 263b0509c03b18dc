"""When the orders of a line end, and how late that makes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from production.domain.lateness import FAR, Lateness, end_expected, pace_of
from production.models import JobOrder
from production.selectors.record import Working, orders_counts
from production.selectors.units import planned_slots

if TYPE_CHECKING:
    from plant.models import Equipment


def orders_lateness(
    *, line_id: int, codes: Iterable[str], exits: Sequence[Equipment], now: datetime
) -> dict[str, Lateness]:
    """Of the orders named, by code. ``now``: until when data reach; ``exits``: where good pieces leave.

    An order at work ends when the rest is made at the pace it kept so far.
    """
    found = list(JobOrder.objects.filter(code__in=set(codes) - {""}, line_id=line_id))
    open_ones = [order for order in found if order.ended_at is None and order.started_at and order.due_time]
    goods = _goods(open_ones, exits, now)
    told = {}
    for order in found:
        end = order.ended_at or _expected(order, goods.get(order.code), now)
        told[order.code] = Lateness(order.code, order.due_time, end, order.ended_at is not None)
    return told


def _goods(orders: Sequence[JobOrder], exits: Sequence[Equipment], now: datetime) -> Mapping[str, Decimal]:
    if not orders:
        return {}
    counts = orders_counts(asked=[Working(order, exits) for order in orders], known_to=now)
    goods: dict[str, Decimal] = {}
    for order, counted in zip(orders, counts, strict=True):
        known = [part.good for parts in counted.values() for part in parts if part.good is not None]
        if known:
            goods[order.code] = sum(known, Decimal(0))
    return goods


def _expected(order: JobOrder, good: Decimal | None, now: datetime) -> datetime | None:
    """An order that has made all it should, and was not ended, ends now."""
    if good is None or order.started_at is None:
        return None
    if good >= order.quantity:
        return now
    slots = planned_slots(line_id=order.line_id, start=order.started_at, end=now + FAR)
    return end_expected(order.quantity, good, pace_of(good, order.started_at, now, slots), now, slots)
