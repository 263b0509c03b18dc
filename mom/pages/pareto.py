"""Lost time by cause, machine and shift, the dearest first: what to cure, and where.

Bits are stretches of lost time, each of one cause, one machine and one shift; every bar is a sum of bits and
opens exactly these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from mom.pages.losses import LOST, UNCODED
from plant.domain.quantities import ratio
from production.domain import bridge
from production.domain.account import Account, Segment
from production.domain.lateness import Lateness, late_by
from production.domain.line.losses import LineLosses, LostPart
from production.domain.line.pacing import machine_of
from production.domain.line.walk import MACHINE
from production.domain.oee import seconds
from production.domain.time_model import MICRO_STOP

TIME, COUNT, PIECES, MONEY, COST = "time", "count", "pieces", "money", "cost"
METRICS = (TIME, COUNT, PIECES, MONEY, COST)
OWN = frozenset({*bridge.OWN, MICRO_STOP})

# What a machine could have made in a stretch of time, at the ideal rates of its orders; None unknown.
Rates = Callable[[datetime, datetime], Decimal | None]
# The machine's code and when its stop began.
Stopped = tuple[str, datetime]


def unrated(start: datetime, end: datetime) -> Decimal | None:
    """For machines whose pieces are nobody's question."""
    return None


class Cause(NamedTuple):
    """``machine``: code of where it began, empty where none is known. ``kind``: the walk's answer; empty for
    a machine's own account.
    """

    machine: str
    kind: str
    time_class: str
    reason_code: str
    uncoded: bool


class Bit(NamedTuple):
    """A stretch of lost time. ``stop``: the one that caused it; ``felt``: the one of what paces the line,
    which was of ``time_class``.
    """

    start: datetime
    end: datetime
    cause: Cause
    time_class: str
    shift: str
    order_code: str
    stop: Stopped | None
    felt: Stopped | None
    pieces: Decimal | None
    money: Decimal | None
    cost: Decimal | None

    @property
    def duration(self) -> timedelta:
        return self.end - self.start


def account_bits(
    code: str, account: Account, rates: Rates = unrated, *, own_only: bool = False, lost: bool = True
) -> list[Bit]:
    """A machine's own account. ``own_only``: what it did by itself, as maintenance looks at it. ``lost``
    False: all its time, running and planned time too.
    """
    return [
        _of_segment(code, segment, rates)
        for segment in account.segments
        if (segment.time_class in LOST or not lost) and (not own_only or segment.time_class in OWN)
    ]


def _of_segment(code: str, segment: Segment, rates: Rates) -> Bit:
    machine = machine_of(segment, code)
    stop = (machine, segment.stop_start) if segment.stop_start else None
    time_class, uncoded = (UNCODED, True) if segment.uncoded else (segment.time_class, False)
    return Bit(
        segment.start,
        segment.end,
        Cause(machine, "", time_class, "" if uncoded else segment.reason_code, uncoded),
        segment.time_class,
        segment.shift_code,
        segment.order_code,
        stop,
        stop,
        rates(segment.start, segment.end),
        None,
        None,
    )


def line_bits(found: LineLosses) -> list[Bit]:
    """What a line lost, by where it began."""
    return [_of_part(part) for part in found.parts]


def _of_part(part: LostPart) -> Bit:
    segment, there = part.segment, part.cause.part
    felt = (part.machine, segment.stop_start) if segment.stop_start else None
    began = there.segment.stop_start if there and there.segment else None
    time_class, reason = (UNCODED, "") if part.uncoded else (part.time_class, part.reason_code)
    return Bit(
        part.start,
        part.end,
        Cause(part.cause.machine, part.cause.kind, time_class, reason, part.uncoded),
        segment.time_class,
        segment.shift_code,
        segment.order_code,
        (part.cause.machine, began) if began and part.cause.kind == MACHINE else felt,
        felt,
        _decimal(part.pieces),
        _decimal(part.money),
        _decimal(part.cost),
    )


def _decimal(amount: Fraction | None) -> Decimal | None:
    return None if amount is None else Decimal(amount.numerator) / amount.denominator


@dataclass(slots=True)
class Cell:
    """Bits of one cause in one shift. Amounts are None where one of them is not known."""

    duration: timedelta = timedelta()
    stops: set[Stopped] = field(default_factory=set)
    pieces: Decimal | None = Decimal(0)
    money: Decimal | None = Decimal(0)
    cost: Decimal | None = Decimal(0)

    def add(self, bit: Bit) -> None:
        self.duration += bit.duration
        if bit.stop:
            self.stops.add(bit.stop)
        self.pieces = _plus(self.pieces, bit.pieces)
        self.money = _plus(self.money, bit.money)
        self.cost = _plus(self.cost, bit.cost)

    def value(self, metric: str) -> Decimal | None:
        by_metric = {
            TIME: seconds(self.duration),
            COUNT: Decimal(len(self.stops)),
            PIECES: self.pieces,
            MONEY: self.money,
            COST: self.cost,
        }
        return by_metric[metric]


def _plus(a: Decimal | None, b: Decimal | None) -> Decimal | None:
    return None if a is None or b is None else a + b


@dataclass(frozen=True, slots=True)
class Row:
    """One cause. ``cells`` in the order of the table's shifts. ``cumulative``: share of the whole table down
    to this row. ``late``: how much less late its orders would be without it; None not known.
    """

    cause: Cause
    cells: tuple[Cell, ...]
    total: Cell
    cumulative: Decimal | None
    late: timedelta | None


@dataclass(frozen=True, slots=True)
class Table:
    """All lost time of some machines in a window. ``shifts`` by code; an empty one is outside shifts."""

    shifts: tuple[str, ...]
    rows: tuple[Row, ...]
    total: Cell


def pareto(
    bits: Iterable[Bit], *, metric: str = TIME, lateness: Mapping[str, Lateness] | None = None
) -> Table:
    """Group lost time by cause and machine, and by shift."""
    groups: dict[Cause, list[Bit]] = {}
    first: dict[str, datetime] = {}
    for bit in bits:
        groups.setdefault(bit.cause, []).append(bit)
        first[bit.shift] = min(first.get(bit.shift, bit.start), bit.start)
    shifts = tuple(sorted(first, key=lambda code: (not code, first[code])))
    cells = {cause: _cells(same) for cause, same in groups.items()}
    totals = {cause: together(by_shift.values()) for cause, by_shift in cells.items()}
    whole = together(totals.values())
    rows, so_far = [], Decimal(0)

    def dearest(cause: Cause) -> tuple[Decimal, timedelta, Cause]:
        return -(totals[cause].value(metric) or Decimal(0)), -totals[cause].duration, cause

    for cause in sorted(groups, key=dearest):
        so_far += totals[cause].value(metric) or 0
        told = tuple(cells[cause].get(code, Cell()) for code in shifts)
        late = late_by(((bit.order_code, bit.duration) for bit in groups[cause]), lateness or {})
        share = ratio(so_far, whole.value(metric))
        rows.append(Row(cause, told, totals[cause], share, late))
    return Table(shifts, tuple(rows), whole)


def _cells(bits: Iterable[Bit]) -> dict[str, Cell]:
    found: dict[str, Cell] = {}
    for bit in bits:
        found.setdefault(bit.shift, Cell()).add(bit)
    return found


def together(cells: Iterable[Cell]) -> Cell:
    """Cells of different causes as one."""
    total = Cell()
    for cell in cells:
        total.duration += cell.duration
        total.stops |= cell.stops
        total.pieces = _plus(total.pieces, cell.pieces)
        total.money = _plus(total.money, cell.money)
        total.cost = _plus(total.cost, cell.cost)
    return total
