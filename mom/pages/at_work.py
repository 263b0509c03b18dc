"""Orders of a line: those at work beside the first, those that come next, and which were worked on when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from mom.pages import svg, words
from mom.pages.board import OrderView, href
from mom.pages.reading import RUNNING
from production import selectors as production

if TYPE_CHECKING:
    from mom.pages.reading import LineReading
    from production.models import JobOrder


def orders_beside(reading: LineReading) -> list[OrderView]:
    """What else runs where a line works on several orders at once; ``reading.order`` is the first of them."""
    if reading.line.parallel_orders == 1:
        return []
    return [_view(order) for order in reading.orders if order.state in RUNNING and order is not reading.order]


def next_orders(reading: LineReading, count: int = 4) -> list[OrderView]:
    beside = {order.code for order in orders_beside(reading)}
    waiting = [order for order in reading.orders if order is not reading.order and order.code not in beside]
    return [_view(order) for order in waiting[:count]]


def _view(order: JobOrder) -> OrderView:
    return OrderView(
        order.code, order.product.name, order.quantity, words.piece_word(order.unit), None,
        order.due_time, order.planned_start, None, "",
    )  # fmt: skip


def order_lane(reading: LineReading) -> SafeString | str:
    """Which order the pacing machine worked on; of a line with several at once all of them."""
    account = reading.account
    if account is None:
        return ""
    used: Iterable[tuple[datetime, datetime, tuple[str, ...]]]
    if reading.line.parallel_orders == 1:
        used = [(s.start, s.end, (s.order_code,)) for s in account.segments if s.order_code]
    else:
        used = _together(reading, account.start, reading.now)
    spans: list[svg.Mark] = []
    for start, end, codes in used:
        title = " + ".join(codes)
        if spans and spans[-1].title == title and spans[-1].end == start:
            start = spans.pop().start
        opens = f"/orders/{codes[0]}/" if len(codes) == 1 else href("/orders/", line=reading.line.code)
        spans.append(svg.Mark(start, end, "planned", title, opens))
    return svg.labels_lane(spans, window=reading.window, label=_("Orders"))


def _together(
    reading: LineReading, start: datetime, end: datetime
) -> Iterable[tuple[datetime, datetime, tuple[str, ...]]]:
    """[start, end) cut where an order begins or ends, with the orders at work in each part."""
    machine = reading.constraint
    if machine is None:
        return
    found = production.orders_between(equipment=[machine], start=start, end=end).get(machine.pk, [])
    uses = [(max(use.start, start), min(use.end or end, end), use.code) for use in found if use.code]
    cuts = sorted({at for since, until, _code in uses for at in (since, until)})
    for since, until in pairwise(cuts):
        codes = tuple(dict.fromkeys(code for a, b, code in uses if a < until and b > since))
        if codes:
            yield since, until, codes
