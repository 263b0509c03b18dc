"""Lost time by cause, machine and shift, the dearest first: what to cure, and where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from mom.pages.losses import LOST, group_of
from plant.domain.quantities import ratio
from production.domain import bridge
from production.domain.account import Account, Segment
from production.domain.oee import seconds
from production.domain.time_model import MICRO_STOP

if TYPE_CHECKING:
    from plant.models import Equipment

TIME, COUNT, PIECES = "time", "count", "pieces"
METRICS = (TIME, COUNT, PIECES)
OWN = frozenset({*bridge.OWN, MICRO_STOP})
HOUR = Decimal(3600)


class Rates(Protocol):
    """What a machine could have made in a stretch of time, at the ideal rates of its orders; None unknown."""

    def __call__(self, start: datetime, end: datetime) -> Decimal | None: ...


def unrated(start: datetime, end: datetime) -> Decimal | None:
    """For machines whose pieces are nobody's question."""
    return None


@dataclass(slots=True)
class Cell:
    """Time, stops and pieces of one cause in one shift. ``pieces`` None: no ideal rate."""

    duration: timedelta = timedelta()
    stops: set[tuple[int, datetime]] = field(default_factory=set)
    pieces: Decimal | None = Decimal(0)

    def add(self, equipment_id: int, segment: Segment, pieces: Decimal | None) -> None:
        self.duration += segment.duration
        if segment.stop_start:
            self.stops.add((equipment_id, segment.stop_start))
        self.pieces = None if pieces is None or self.pieces is None else self.pieces + pieces

    def value(self, metric: str) -> Decimal | None:
        by_metric = {TIME: seconds(self.duration), COUNT: Decimal(len(self.stops)), PIECES: self.pieces}
        return by_metric[metric]


@dataclass(frozen=True, slots=True)
class Row:
    """One cause on one machine. ``cells`` in the order of the table's shifts.

    ``cumulative``: share of the whole table down to this row.
    """

    equipment: Equipment
    time_class: str
    reason_code: str
    uncoded: bool
    cells: tuple[Cell, ...]
    total: Cell
    cumulative: Decimal | None


@dataclass(frozen=True, slots=True)
class Table:
    """All lost time of some machines in a window. ``shifts`` by code; an empty one is outside shifts."""

    shifts: tuple[str, ...]
    rows: tuple[Row, ...]
    total: Cell


def pareto(
    accounts: Iterable[tuple[Equipment, Account, Rates]],
    *,
    metric: str = TIME,
    own_only: bool = False,
) -> Table:
    """Group lost time by cause and machine, and by shift. ``own_only``: what each machine did by itself, as
    maintenance looks at it; else all of it, as the line felt it.
    """
    cells: dict[tuple[int, str, str, bool], dict[str, Cell]] = {}
    machines: dict[int, Equipment] = {}
    first: dict[str, datetime] = {}
    for equipment, account, rates in accounts:
        machines[equipment.pk] = equipment
        for segment in account.segments:
            if segment.time_class in LOST and (not own_only or segment.time_class in OWN):
                key = (equipment.pk, *group_of(segment))
                by_shift = cells.setdefault(key, {})
                by_shift.setdefault(segment.shift_code, Cell()).add(
                    equipment.pk, segment, rates(segment.start, segment.end)
                )
                first.setdefault(segment.shift_code, segment.start)
    shifts = tuple(sorted(first, key=lambda code: (not code, first[code])))
    totals = {key: together(by_shift.values()) for key, by_shift in cells.items()}
    order = sorted(cells, key=lambda key: (-(totals[key].value(metric) or 0), key))
    whole = together(totals.values())
    rows, so_far = [], Decimal(0)
    for key in order:
        so_far += totals[key].value(metric) or 0
        told = tuple(cells[key].get(code, Cell()) for code in shifts)
        share = ratio(so_far, whole.value(metric))
        rows.append(Row(machines[key[0]], *key[1:], told, totals[key], share))
    return Table(shifts, tuple(rows), whole)


def together(cells: Iterable[Cell]) -> Cell:
    """Cells of different causes as one."""
    total = Cell()
    for cell in cells:
        total.duration += cell.duration
        total.stops |= cell.stops
        total.pieces = None if total.pieces is None or cell.pieces is None else total.pieces + cell.pieces
    return total
