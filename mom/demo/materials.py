"""Lots on a simulated line: what goes in at which machine, what comes out at the end, and what runs short."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from mom.demo.crew import operator
from mom.demo.machine import NEVER, PIECE, Mounted
from mom.demo.spec import Consumed

if TYPE_CHECKING:
    from mom.demo.line import Line

HOUR = 3_600_000
SHORTAGE_CODE = "900"
EXACT = Decimal("0.000001")


def _used(line: Line, index: int) -> list[tuple[Consumed, str, Decimal]]:
    """What the machine's current order takes here: (how it is supplied, material, quantity per piece)."""
    machine = line.machines[index]
    bom = line.spec.products[line.orders[line.started[machine.order]].product].bom
    return [(used, *bom[used.family]) for used in line.machine_spec(index).consumes if used.family in bom]


def lots_mount(line: Line, index: int, at: int) -> None:
    """At the start of an order: keep what fits, put on what does not."""
    machine = line.machines[index]
    for used, material, per_piece in _used(line, index):
        mounted = machine.lots.get(used.family)
        pieces = _pieces_left(mounted, machine.processed, per_piece) if mounted else 0
        if mounted and mounted.material == material and pieces:
            mounted.used_from, mounted.since, mounted.per_piece = machine.processed, at, str(per_piece)
            mounted.empty_at = machine.processed + pieces * PIECE
        else:
            _mount(line, index, used, material, per_piece, at)
    _next_empty(line, index)


def _pieces_left(mounted: Mounted, processed: int, per_piece: Decimal) -> int:
    """How many pieces of another product a lot still makes."""
    return int((mounted.empty_at - processed) // PIECE * Decimal(mounted.per_piece) / per_piece)


def _mount(line: Line, index: int, used: Consumed, material: str, per_piece: Decimal, at: int) -> None:
    machine = line.machines[index]
    lot = f"{material}-{line.number('lot').rpartition('-')[2].zfill(4)}{line.spec.code[-1]}"
    pieces = max(1, int(used.lot_quantity / per_piece))
    arrived = at - line.dice.between(f"arrived {used.family}", 3, 60) * HOUR
    line.happen(
        at, "lot_received", lot=lot, material=material, quantity=str(used.lot_quantity),
        supplier=used.supplier, received=arrived, line=line.spec.code, by=operator(line, at),
    )  # fmt: skip
    line.ledger(at, "lot", lot=lot, material=material, quantity=str(used.lot_quantity), received=arrived)
    empty_at = machine.processed + pieces * PIECE
    machine.lots[used.family] = Mounted(lot, material, str(per_piece), empty_at, machine.processed, at)


def _next_empty(line: Line, index: int) -> None:
    machine = line.machines[index]
    families = [used.family for used, _, _ in _used(line, index)]
    machine.lot_at = min((machine.lots[family].empty_at for family in families), default=NEVER)


def _consume(line: Line, index: int, family: str, per_piece: Decimal, at: int) -> None:
    """Book what was taken from a mounted lot since it was last booked."""
    machine = line.machines[index]
    mounted = machine.lots[family]
    pieces = (machine.processed - mounted.used_from) // PIECE
    if pieces:
        order = line.orders[line.started[machine.order]]
        facts = {
            "lot": mounted.lot, "material": mounted.material, "order": order.code, "unit": machine.code,
            "quantity": f"{(pieces * per_piece).quantize(EXACT).normalize():f}", "since": mounted.since,
            "into": order.lot,
        }  # fmt: skip
        line.happen(at, "lot_consumed", by=operator(line, at), **facts)
        line.ledger(at, "consumed", **facts)
    mounted.used_from, mounted.since = machine.processed, at


def lots_account(line: Line, index: int, at: int) -> None:
    """At the end of an order every lot's share of it is booked."""
    for used, _, per_piece in _used(line, index):
        if used.family in line.machines[index].lots:
            _consume(line, index, used.family, per_piece, at)


def lot_change(line: Line, index: int, at: int) -> None:
    """A lot ran out. Now and then the next one is not there."""
    machine = line.machines[index]
    for used, material, per_piece in _used(line, index):
        if machine.lots[used.family].empty_at > machine.processed:
            continue
        _consume(line, index, used.family, per_piece, at)
        if line.dice.chance(f"shortage {used.family}", used.shortage):
            took = int(line.dice.lognormal(f"shortage for {used.family}", 13 * 60_000, 0.6))
            machine.shortage = used.family
            line.read(at, machine.code, "alarm", "raised", SHORTAGE_CODE)
            line.file(at + took, "supplied", index, used.family, at)
        else:
            _mount(line, index, used, material, per_piece, at)
    _next_empty(line, index)
    if machine.shortage:
        machine.lot_at = NEVER


def shortage_end(line: Line, at: int, index: int, family: str, since: int) -> None:
    machine = line.machines[index]
    machine.shortage = ""
    line.read(at, machine.code, "alarm", "cleared", SHORTAGE_CODE)
    if machine.order < 0:
        return
    for used, material, per_piece in _used(line, index):
        if used.family == family:
            _mount(line, index, used, material, per_piece, at)
            facts = {"material": material, "unit": machine.code, "start": since, "end": at}
            line.ledger(at, "shortage", **facts)
            line.happen(at, "shortage", by=operator(line, at), **facts)
    _next_empty(line, index)


def unit_finish(line: Line, index: int, at: int) -> None:
    """A truck-load of pallets, or what is left of it at the end of an order, goes to the warehouse."""
    machine = line.machines[index]
    order = line.orders[line.started[machine.order]]
    pieces = (machine.good - machine.unit_from) // PIECE
    if pieces:
        facts = {
            "lot": order.lot, "material": order.product, "order": order.code, "unit": machine.code,
            "quantity": str(pieces), "since": machine.unit_since,
        }  # fmt: skip
        line.happen(at, "lot_produced", by=operator(line, at), **facts)
        line.ledger(at, "produced", **facts)
    machine.unit_from, machine.unit_since = machine.good, at
    machine.unit_at = machine.good + line.spec.products[order.product].unit_pieces * PIECE
