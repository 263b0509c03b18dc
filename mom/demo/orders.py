"""Orders on a simulated line: released by the ERP, taken by one machine after the other, with changeovers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mom.demo import materials, stops
from mom.demo.machine import NEVER, PIECE

if TYPE_CHECKING:
    from mom.demo.line import Line

HOUR = 3_600_000
BACKLOG_HOURS, BACKLOG_ORDERS = 48, 8
PLANNED_OEE = 0.8
PLANNED_CHANGE = 0.3
FEED_EXTRA = 1.008


@dataclass
class Order:
    """``quantity`` is what the ERP asked for; ``feed`` is how many empty containers are fed in for it."""

    code: str
    product: str
    quantity: int
    feed: int
    lot: str
    start: int
    end: int


def erp_run(line: Line, at: int) -> None:
    """Once a day the ERP looks how far the line has come and releases orders for two days."""
    line.file(at + 24 * HOUR, "erp")
    going_on = line.orders[line.started[-1]] if line.started else None
    hours = sum(_planned_hours(line, line.orders[number]) for number in line.sequence)
    hours += _planned_hours(line, going_on) / 2 if going_on else 0
    line.planned_to = line.spec.calendar.add_open(at, int(hours * HOUR))
    while line.planned_to < at + BACKLOG_HOURS * HOUR or len(line.sequence) < BACKLOG_ORDERS:
        _release(line, at)


def _rate(line: Line, product: str) -> int:
    """Pieces per hour of the slowest machine."""
    return min(line.spec.speeds[machine.code, product] for machine in line.machines)


def _planned_hours(line: Line, order: Order) -> float:
    return order.quantity / (_rate(line, order.product) * PLANNED_OEE) + PLANNED_CHANGE


def _release(line: Line, at: int) -> None:
    product = line.spec.products[_product_next(line)]
    low, high = line.spec.order_hours
    hours = low + (high - low) * line.dice.uniform("order hours")
    quantity = max(1, round(_rate(line, product.code) * hours * PLANNED_OEE / 500)) * 500
    start = line.planned_to
    line.planned_to = line.spec.calendar.add_open(start, int((hours + PLANNED_CHANGE) * HOUR))
    number = len(line.orders) + 1
    code = f"PO-{line.spec.code[1:]}{number:05d}"
    order = Order(
        code, product.code, quantity, round(quantity * FEED_EXTRA), f"F-{code[3:]}", start, line.planned_to
    )
    line.orders.append(order)
    line.sequence.append(number - 1)
    line.happen(
        at, "order_released", order=code, line=line.spec.code, product=product.code, quantity=quantity,
        start=start, end=order.end, lot=order.lot,
    )  # fmt: skip


def _product_next(line: Line) -> str:
    """Products come in campaigns of one family, never the same product twice in a row."""
    products = list(line.spec.products.values())
    last = line.orders[-1].product if line.orders else ""
    family, left = line.campaign
    families = sorted({product.family for product in products})
    if left <= 0:
        others = [name for name in families if name != family] or families
        family, left = line.dice.choice("family", others), line.dice.between("campaign", *line.spec.campaign)
    line.campaign = [family, left - 1]
    fits = [p.code for p in products if p.family == family and p.code != last]
    return line.dice.choice("product", fits or [p.code for p in products if p.code != last])


def orders_move(line: Line, at: int) -> None:
    """Finish what is finished and take what can be taken, first machine first."""
    for index, machine in enumerate(line.machines):
        if machine.order >= 0 and index > 0 and machine.fault < 0 and line.flow.upstream_finished(index):
            left = line.flow.available(index)
            if left == 0 and not machine.setup:
                order_finish(line, index, at)
        if machine.order < 0 and not line.halt:
            _take_next(line, index, at)


def _take_next(line: Line, index: int, at: int) -> None:
    machine = line.machines[index]
    following = machine.done + 1
    if index == 0:
        if not line.sequence:
            return
        line.started.append(line.sequence.pop(0))
    elif max(line.machines[index - 1].order, line.machines[index - 1].done) < following:
        return
    order_begin(line, index, following, at)


def order_begin(line: Line, index: int, number: int, at: int) -> None:
    machine = line.machines[index]
    spec = line.machine_spec(index)
    order = line.orders[line.started[number]]
    machine.order, machine.order_since = number, at
    machine.order_from, machine.order_scrap_from = machine.processed, machine.scrapped
    machine.order_to = machine.processed + order.feed * PIECE if index == 0 else NEVER
    machine.speed = line.spec.speeds[machine.code, order.product]
    machine.starved = machine.blocked = machine.slow_in = machine.slow_out = False
    if spec.counter_reset == "order":
        line.file(at + 1, "reset", index)
    if index == len(line.machines) - 1:
        machine.unit_at = machine.good + line.spec.products[order.product].unit_pieces * PIECE
        machine.unit_from, machine.unit_since = machine.good, at
    if index == 0:
        line.ledger(at, "order_start", order=order.code, line=line.spec.code, start=at)
    if number == 0:
        machine.cleaned = at
        setup_begin(line, index, "changeover", 90, at)
    elif spec.clean_every_hours and at - machine.cleaned > spec.clean_every_hours * HOUR:
        setup_begin(line, index, "cleaning", spec.clean_minutes * 60, at)
    else:
        _changeover(line, index, at)


def _changeover(line: Line, index: int, at: int) -> None:
    machine = line.machines[index]
    before, after = (line.orders[line.started[machine.order - back]].product for back in (1, 0))
    minutes = line.spec.changeovers[before, after] * line.machine_spec(index).changeover_share
    setup_begin(line, index, "changeover", minutes * 60, at)


def setup_begin(line: Line, index: int, what: str, seconds: float, at: int) -> None:
    machine = line.machines[index]
    night = 1.15 if line.shift == "night" else 1.0
    machine.setup = what
    took = line.dice.lognormal(f"setup {machine.code}", seconds, 0.22) * night
    line.file(at + max(20_000, int(took * 1000)), "setup", index)


def setup_next(line: Line, at: int, index: int) -> None:
    machine = line.machines[index]
    if machine.setup == "cleaning":
        machine.cleaned = at
        _changeover(line, index, at)
        return
    machine.setup = ""
    product = line.orders[line.started[machine.order]].product
    tools = line.machine_spec(index).tools
    machine.tool = tools.get(product, tools.get(line.spec.products[product].family, machine.tool))
    stops.reject_burst(line, index, line.machine_spec(index).scrap_restart)
    materials.lots_mount(line, index, at)


def order_finish(line: Line, index: int, at: int) -> None:
    machine = line.machines[index]
    order = line.orders[line.started[machine.order]]
    good = (machine.good - machine.order_from + machine.order_scrap_from) // PIECE
    scrap = (machine.scrapped - machine.order_scrap_from) // PIECE
    materials.lots_account(line, index, at)
    line.ledger(
        at,
        "count",
        unit=machine.code,
        order=order.code,
        good=good,
        scrap=scrap,
        start=machine.order_since,
        end=at,
    )
    if index == len(line.machines) - 1:
        materials.unit_finish(line, index, at)
        line.ledger(at, "order_end", order=order.code, line=line.spec.code, end=at, good=good)
    machine.done, machine.order = machine.order, -1
    machine.rejecting = 0
    machine.order_to = machine.unit_at = machine.lot_at = NEVER
    machine.starved = machine.blocked = machine.slow_in = machine.slow_out = False
    if index > 0:
        line.flow.discard_empty(index)
