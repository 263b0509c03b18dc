"""A window of a machine cut where its order changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise

from production.domain.account import OrderUse, disjoint_orders


def order_parts(
    uses: Iterable[OrderUse], start: datetime, end: datetime, cuts: Sequence[datetime] = ()
) -> list[OrderUse]:
    """[start, end) cut at changes of order, and at ``cuts``; time without an order has an empty code."""
    parts: list[OrderUse] = []
    at = start
    for use in disjoint_orders(uses):
        since, until = max(use.start, start), min(use.end or end, end)
        if until <= at:
            continue
        if at < since:
            parts.append(OrderUse(at, since, ""))
        parts.append(OrderUse(max(since, at), until, use.code))
        at = until
    if at < end:
        parts.append(OrderUse(at, end, ""))
    return [piece for part in parts for piece in use_cut(part, cuts)]


def use_cut(use: OrderUse, cuts: Sequence[datetime]) -> list[OrderUse]:
    """An order's time cut where an ideal rate begins to hold, so that windows add up across it."""
    inside = [at for at in cuts if use.start < at and (use.end is None or at < use.end)]
    edges = [use.start, *inside, use.end]
    return [use._replace(start=a, end=b) for a, b in pairwise(edges) if a is not None]
