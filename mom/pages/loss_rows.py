"""The causes of a loss account as listed: time, pieces, money and lateness of each, and what it opens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils.safestring import SafeString

from mom.pages import pareto, svg, words
from mom.pages.board import href, reason_names
from mom.pages.origins import end_word, origin_word
from plant import selectors
from production import selectors as production
from production.domain.lateness import Lateness
from production.domain.oee import seconds as exact_seconds

if TYPE_CHECKING:
    from plant.models import Equipment
    from production.selectors import Kpi

SHOWN_CAUSES = 25
LINE, MACHINES, TIME = "line", "machines", "time"
VIEWS = (LINE, MACHINES, TIME)
EVENTS = "/losses/events/"
NONE = "-"  # in an address: without a reason, a machine, a shift


@dataclass(frozen=True, slots=True)
class LossTold:
    """Lost time of a line or machine in bits. ``attributed``: by where it began. ``machines``: names by code.

    ``breakdowns``: of any machine, that halted the line, with their time there; None where nothing tells
    where its losses began.
    """

    bits: list[pareto.Bit]
    attributed: bool
    machines: Mapping[str, str]
    lateness: Mapping[str, Lateness]
    currency: str
    breakdowns: tuple[int, timedelta] | None = None


def loss_told(unit: Equipment, found: Kpi, view: str) -> LossTold:
    """``view``: line, what it felt and where that began; machines, each one's own stops; time, the account
    the figures are made from, all of it.
    """
    account, code = found.account, found.paced_by.code
    if unit.level != "line":
        bits = pareto.account_bits(code, account, possible(found), lost=view != TIME)
        return LossTold(bits, False, {unit.code: unit.name}, {}, "")
    units = selectors.line_work_units(unit.pk)
    names = {machine.code: machine.name for machine in units}
    if view == TIME:
        return LossTold(pareto.account_bits(code, account, possible(found), lost=False), False, names, {}, "")
    if view == MACHINES:
        accounts = production.accounts(equipment=units, start=account.start, end=account.end)
        bits = [
            bit
            for machine in units
            if machine.pk in accounts
            for bit in pareto.account_bits(machine.code, accounts[machine.pk], own_only=True)
        ]
        return LossTold(bits, False, names, {}, "")
    losses = production.line_losses(line_id=unit.pk, start=account.start, end=account.end)
    if losses is None:
        return LossTold(pareto.account_bits(code, account, possible(found)), False, names, {}, "")
    told = losses.losses
    return LossTold(pareto.line_bits(told), True, names, losses.lateness, losses.currency, told.breakdowns)


def possible(found: Kpi) -> pareto.Rates:
    """Pieces a stretch of time could have brought, each part of it at the rate of its own order."""

    def pieces(start: datetime, end: datetime) -> Decimal | None:
        total = Decimal(0)
        for part in found.made:
            time = min(end, part.use.end or end) - max(start, part.use.start)
            if time <= timedelta():
                continue
            if part.per_hour is None:
                return None
            total += part.per_hour * exact_seconds(time) / 3600
        return total

    return pieces


@dataclass(frozen=True, slots=True)
class CellShown:
    text: str
    href: str


@dataclass(frozen=True, slots=True)
class ParetoRow:
    """A cause as listed; texts as shown, by shift and in all."""

    label: str
    machine: str
    kind: str
    cells: tuple[CellShown, ...]
    total: str
    cumulative: Decimal | None
    bar: SafeString
    href: str
    pieces: str
    money: str
    cost: str
    late: str


@dataclass(frozen=True, slots=True)
class Window:
    """What the rows are of, as their events are addressed."""

    equipment: str
    view: str
    start: datetime
    end: datetime

    def events(self, cause: pareto.Cause | None = None, time_class: str = "", **query: str) -> str:
        """The address of exactly these stretches of time; ``time_class``: of what paces the line."""
        about = {}
        if cause is not None:
            named = zip(("machine", "origin", "class", "reason"), cause, strict=False)
            about = {name: str(value) or NONE for name, value in named}
        elif time_class:
            about = {"class": time_class}
        when = {"start": self.start.isoformat(), "end": self.end.isoformat()}
        return href(EVENTS, equipment=self.equipment, view=self.view, **when, **(about | query))


def pareto_rows(table: pareto.Table, metric: str, told: LossTold, window: Window) -> list[ParetoRow]:
    names = reason_names({row.cause.reason_code for row in table.rows})
    most = max((row.total.value(metric) or Decimal(0) for row in table.rows), default=Decimal(0)) or Decimal(
        1
    )
    return [_row(row, table.shifts, names, metric, most, told, window) for row in table.rows[:SHOWN_CAUSES]]


def _row(
    row: pareto.Row,
    shifts: Sequence[str],
    names: Mapping[str, str],
    metric: str,
    most: Decimal,
    told: LossTold,
    window: Window,
) -> ParetoRow:
    kind, total = words.class_kind(row.cause.time_class), row.total
    label = cause_label(row.cause, names, told)
    value = total.value(metric) or Decimal(0)
    return ParetoRow(
        label=label,
        machine=told.machines.get(row.cause.machine, row.cause.machine),
        kind=kind,
        cells=tuple(
            CellShown(shown(cell, metric, told.currency), window.events(row.cause, shift=code or NONE))
            for code, cell in zip(shifts, row.cells, strict=True)
        ),
        total=shown(total, metric, told.currency),
        cumulative=row.cumulative,
        bar=svg.progress(value, most, label=label, kind=kind, height=10),
        href=window.events(row.cause),
        pieces=pieces_shown(total.pieces),
        money=words.money(total.money, told.currency),
        cost=words.money(total.cost, told.currency),
        late=words.span_minutes(row.late) if row.late else "",
    )


def cause_label(cause: pareto.Cause, names: Mapping[str, str], told: LossTold) -> str:
    """In the plant's words; where it began comes first where that was asked."""
    word = words.class_word(cause.time_class)
    reason = names.get(cause.reason_code, cause.reason_code)
    what = words.class_and_reason(word, reason)
    if not told.attributed:
        return what
    ends = "" if cause.reason_code else end_word(cause.kind)
    machine = "" if ends else told.machines.get(cause.machine, "")
    return origin_word(machine, ends or what)


def shown(cell: pareto.Cell, metric: str, currency: str) -> str:
    if not cell.duration:
        return ""
    if metric == pareto.TIME:
        return words.span_minutes(cell.duration)
    value = cell.value(metric)
    if metric in (pareto.MONEY, pareto.COST):
        return words.money(value, currency)
    return pieces_shown(value)


def pieces_shown(pieces: Decimal | None) -> str:
    return words.quantity(None if pieces is None else round(pieces))


def whole(table: pareto.Table, told: LossTold) -> dict[str, str]:
    """All causes together, as shown. Lateness is not among it: two losses may have made one order late."""
    return {
        "pieces": pieces_shown(table.total.pieces),
        "money": words.money(table.total.money, told.currency),
        "cost": words.money(table.total.cost, told.currency),
    }
