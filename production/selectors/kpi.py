"""Effectiveness of a machine or line in a window, with everything it was computed from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from plant import selectors as plant
from production.domain.account import Account, OrderUse
from production.domain.iso22400 import Figures, figures
from production.domain.oee import Oee, Output, Trs, oee, trs
from production.models import IdealRate, JobOrder
from production.selectors.accounts import accounts
from production.selectors.order_quantities import OrderCount, Tally, order_quantities, tally, use_cut
from production.selectors.pacing import Pacing, line_exits, line_pacing
from production.selectors.quantities import Quantities
from production.selectors.units import ideal_rates, rate_in_force

if TYPE_CHECKING:
    from connectors.models import SignalDefinition
    from plant.models import Equipment

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Made:
    """What was made in one order's part of the window, and the rate it is judged by.

    ``use``: when what paces the line worked on it; without any time where only machines further on did. Each
    machine counts for an order in its own time with it. ``rate``: ideal pieces per hour. ``scrap``: rejected
    by what paces it; ``passed_scrap``: from there to the line's exit; ``line_scrap``: by all its machines.
    ``good`` is in the end; ``rework``: sent to rework by any of its machines, ``rework_good``: good after it.
    """

    use: OrderUse
    product_code: str
    good: Decimal | None
    total: Decimal | None
    scrap: Decimal | None
    rate: IdealRate | None
    per_hour: Decimal | None = None
    passed_scrap: Decimal | None = None
    line_scrap: Decimal | None = None
    rework: Decimal | None = None
    rework_good: Decimal | None = None

    @property
    def output(self) -> Output:
        cycle = Decimal(3600) / self.per_hour if self.per_hour else None
        return Output(self.product_code, self.good_first, self.total, cycle)

    @property
    def good_first(self) -> Decimal | None:
        """Good without rework: what the standards mean by quality."""
        return None if self.good is None else self.good - (self.rework_good or ZERO)


@dataclass(frozen=True, slots=True)
class Kpi:
    """``attribution`` is empty for a machine; a line's times are those of ``members``, which pace it side by
    side and for which ``paced_by`` speaks; its good pieces are those of the machines at its exit (``exits``,
    the last of them ``good_from``).
    """

    equipment: Equipment
    attribution: str
    paced_by: Equipment
    members: tuple[Equipment, ...]
    good_from: Equipment
    exits: tuple[Equipment, ...]
    account: Account
    made: tuple[Made, ...]
    trs: Trs
    oee: Oee
    figures: Figures

    @property
    def paced_name(self) -> str:
        """The machines that pace it, in the active language."""
        return " + ".join(unit.name for unit in self.members)

    @property
    def exit_name(self) -> str:
        """The machines at its exit, in the active language."""
        return " + ".join(unit.name for unit in self.exits)

    @property
    def line_scrap(self) -> Decimal | None:
        """Rejected by any machine of the line; None where none tells."""
        known = [part.line_scrap for part in self.made if part.line_scrap is not None]
        return sum(known, ZERO) if known else None


def kpi(*, equipment_id: int, start: datetime, end: datetime) -> Kpi | None:
    """The figures of [start, end), cut where the data end; None without data, or a line that nothing paces.

    A line's figures are those of what paces it, never a sum of its stations.
    """
    equipment = plant.equipment_for_ids([equipment_id])[equipment_id]
    pacing = _pacing(equipment, start, end)
    if pacing is None:
        return None
    account = pacing.account(accounts(equipment=pacing.members, start=start, end=end))
    if account is None:
        return None
    made = _made(pacing, account)
    outputs = _judged(made)
    times = account.durations
    effectiveness = oee(times, outputs)
    return Kpi(
        equipment=equipment,
        attribution=pacing.basis,
        paced_by=pacing.paced_by,
        members=pacing.members,
        good_from=pacing.exits[-1],
        exits=pacing.exits,
        account=account,
        made=made,
        trs=trs(times, outputs),
        oee=effectiveness,
        figures=figures(
            effectiveness,
            times,
            account.segments,
            scrap=_scrap(made),
            rework=rework_of(made, "rework"),
            after_rework=rework_of(made, "rework_good"),
        ),
    )


def _pacing(equipment: Equipment, start: datetime, end: datetime) -> Pacing | None:
    if equipment.level == "line":
        return line_pacing(line_id=equipment.pk, start=start, end=end)
    alone = (equipment,)
    return Pacing(alone, equipment, "", None, alone, alone)


def _judged(made: Sequence[Made]) -> list[Output]:
    """What the figures are about: pieces counted outside every order, at no known rate, are beside them.

    A line that knows no orders at all is judged by all it made.
    """
    known = [part.output for part in made if part.use.code or part.rate]
    return known if any(part.use.code for part in made) else [part.output for part in made]


def _scrap(made: Sequence[Made]) -> Decimal | None:
    """Rejected by what paces the line, in all parts; None as soon as one does not tell."""
    known = [part.scrap for part in made if part.scrap is not None]
    return sum(known, ZERO) if made and len(known) == len(made) else None


def rework_of(made: Sequence[Made], name: str) -> Decimal | None:
    """Sent to rework, or good after it, in the parts the figures are about; None where nobody tells."""
    of_orders = any(part.use.code for part in made)
    known = [
        pieces
        for part in made
        if (part.use.code or part.rate or not of_orders) and (pieces := getattr(part, name)) is not None
    ]
    return sum(known, ZERO) if known else None


def line_exit(units: Sequence[Equipment], counters: Sequence[SignalDefinition] | None = None) -> Equipment:
    """The last machine of a line that counts; the last one where none does. ``counters``: if read already."""
    return line_exits(units, (), counters)[-1]


def _made(pacing: Pacing, account: Account) -> tuple[Made, ...]:
    rates = ideal_rates(equipment_ids=[unit.pk for unit in pacing.members])
    cuts = sorted({rate.valid_from for rate in rates})
    parts = [piece for use in _order_times(account) for piece in use_cut(use, cuts)]
    found = order_quantities(equipment=pacing.units, start=account.start, end=account.end, cuts=cuts)
    first = min(unit.position for unit in pacing.members)
    onward = [unit for unit in pacing.units if unit.position >= first]
    laid = [
        _laid(parts, found, pacing.exits, lambda q: q.good),
        _laid(parts, found, pacing.members, lambda q: q.good_first if q.total is None else q.total),
        *(_laid(parts, found, units, lambda q: q.scrap) for units in (pacing.members, onward, pacing.units)),
        _laid(parts, found, pacing.units, lambda q: q.rework),
        _laid(parts, found, pacing.units, lambda q: q.rework_good),
    ]
    beside = sorted({code for one in laid for code in one.beside})
    rated = _Rates(rates, pacing.members, {*beside, *(use.code for use in parts)})
    # Of these only the tail of the line still made some: they take none of its time.
    edge = [OrderUse(account.start, account.start, code) for code in beside]
    tails = [rated.made(use, [one.aside(use.code) for one in laid]) for use in edge]
    amounts = zip(*(one.by_part for one in laid), strict=True)
    return (*tails, *(rated.made(use, pieces) for use, pieces in zip(parts, amounts, strict=True)))


def _laid(
    parts: Sequence[OrderUse],
    found: dict[int, list[OrderCount]],
    units: Iterable[Equipment],
    kind: Callable[[Quantities], Decimal | None],
) -> Tally:
    return tally(parts, [count for unit in units for count in found[unit.pk]], kind)


class _Rates:
    """What machines side by side could make of an order, together."""

    def __init__(self, rates: Sequence[IdealRate], members: Sequence[Equipment], codes: set[str]) -> None:
        self._rates, self._members = rates, members
        rows = JobOrder.objects.filter(code__in=codes).values_list("code", "product_id", "product__code")
        self._products = {code: (product, name) for code, product, name in rows}

    def made(self, use: OrderUse, pieces: Sequence[Decimal | None]) -> Made:
        product, name = self._products.get(use.code, (None, ""))
        known = [
            rate
            for unit in self._members
            if (rate := rate_in_force(self._rates, equipment_id=unit.pk, product_id=product, at=use.start))
        ]
        per_hour = sum((rate.units_per_hour for rate in known), ZERO) or None
        good, total, scrap, passed, everywhere, sent, back = pieces
        rate = known[0] if known else None
        return Made(use, name, good, total, scrap, rate, per_hour, passed, everywhere, sent, back)


def _order_times(account: Account) -> list[OrderUse]:
    """The account's time by order; time without one has an empty code."""
    found: list[OrderUse] = []
    for segment in account.segments:
        last = found[-1] if found else None
        if last is not None and last.code == segment.order_code:
            found[-1] = last._replace(end=segment.end)
        else:
            found.append(OrderUse(segment.start, segment.end, segment.order_code))
    return found
