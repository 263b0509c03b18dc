"""Effectiveness of a machine or line in a window, with everything it was computed from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

from plant import selectors as plant
from production.domain.account import Account, OrderUse, disjoint_orders
from production.domain.attribution import DECLARED_CONSTRAINT, declared_constraint
from production.domain.iso22400 import Figures, figures
from production.domain.oee import Oee, Output, Trs, oee, trs
from production.models import IdealRate, JobOrder
from production.selectors.accounts import accounts, orders_between
from production.selectors.quantities import INSTANT, Asked, Quantities, quantities_each
from production.selectors.units import ideal_rates, rate_in_force, signals_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.models import SignalDefinition
    from plant.models import Equipment

COUNTERS = ("good_count", "total_count")
# Good, total and scrap.
Pieces = tuple[Decimal | None, Decimal | None, Decimal | None]


@dataclass(frozen=True, slots=True)
class Made:
    """What was made in one order's part of the window, and the rate it is judged by."""

    use: OrderUse
    product_code: str
    good: Decimal | None
    total: Decimal | None
    scrap: Decimal | None
    rate: IdealRate | None

    @property
    def output(self) -> Output:
        cycle = Decimal(3600) / self.rate.units_per_hour if self.rate else None
        return Output(self.product_code, self.good, self.total, cycle)


@dataclass(frozen=True, slots=True)
class Kpi:
    """``attribution`` is empty for a machine; a line's times are its declared constraint's (``paced_by``),
    its good
    pieces those of the machine at its exit (``good_from``).
    """

    equipment: Equipment
    attribution: str
    paced_by: Equipment
    good_from: Equipment
    account: Account
    made: tuple[Made, ...]
    trs: Trs
    oee: Oee
    figures: Figures


def kpi(*, equipment_id: int, start: datetime, end: datetime) -> Kpi | None:
    """The figures of [start, end), cut where the data end; None without data, or a line without a
    constraint.
    """
    equipment = plant.equipment_for_ids([equipment_id])[equipment_id]
    paced_by, good_from, attribution = equipment, equipment, ""
    if equipment.level == "line":
        units = plant.line_work_units(equipment_id)
        constraint = declared_constraint(units)
        if constraint is None:
            return None
        paced_by, good_from, attribution = constraint, line_exit(units), DECLARED_CONSTRAINT
    account = accounts(equipment=[paced_by], start=start, end=end).get(paced_by.pk)
    if account is None:
        return None
    made = _made(paced_by, good_from, account)
    outputs = _judged(made)
    times = account.durations
    effectiveness = oee(times, outputs)
    return Kpi(
        equipment=equipment,
        attribution=attribution,
        paced_by=paced_by,
        good_from=good_from,
        account=account,
        made=made,
        trs=trs(times, outputs),
        oee=effectiveness,
        figures=figures(effectiveness, times, account.segments, scrap=_scrap(made)),
    )


def _judged(made: Sequence[Made]) -> list[Output]:
    """What the figures are about: pieces counted outside every order, at no known rate, are beside them.

    A line that knows no orders at all is judged by all it made.
    """
    known = [part.output for part in made if part.use.code or part.rate]
    return known if any(part.use.code for part in made) else [part.output for part in made]


def _scrap(made: Sequence[Made]) -> Decimal | None:
    """Rejected by the pacing machine in all parts; None as soon as one does not tell."""
    known = [part.scrap for part in made if part.scrap is not None]
    return sum(known, Decimal(0)) if made and len(known) == len(made) else None


def line_exit(units: Sequence[Equipment], counters: Sequence[SignalDefinition] | None = None) -> Equipment:
    """The last machine of a line that counts; the last one where none does. ``counters``: if read already."""
    if counters is None:
        counters = signals_of(equipment_ids=[unit.pk for unit in units], roles=COUNTERS)
    counting = {signal.equipment_id for signal in counters if signal.role in COUNTERS}
    return next((unit for unit in reversed(units) if unit.pk in counting), units[-1])


def _made(paced_by: Equipment, good_from: Equipment, account: Account) -> tuple[Made, ...]:
    uses = orders_between(equipment=[paced_by], start=account.start, end=account.end)[paced_by.pk]
    rates = ideal_rates(equipment_ids=[paced_by.pk])
    cuts = sorted({rate.valid_from for rate in rates})
    parts = [piece for use in _parts(disjoint_orders(uses), account) for piece in _cut(use, cuts)]
    products = {
        code: (product, name)
        for code, product, name in JobOrder.objects.filter(code__in={use.code for use in parts}).values_list(
            "code", "product_id", "product__code"
        )
    }
    counted = _counted(paced_by, good_from, parts, account)
    made: list[Made] = []
    for use, (good, total, scrap) in zip(parts, counted, strict=True):
        product_id, name = products.get(use.code, (None, ""))
        rate = rate_in_force(rates, equipment_id=paced_by.pk, product_id=product_id, at=use.start)
        made.append(Made(use, name, good, total, scrap, rate))
    return tuple(made)


def _cut(use: OrderUse, cuts: Sequence[datetime]) -> list[OrderUse]:
    """An order's time cut where an ideal rate begins to hold, so that windows add up across it."""
    inside = [at for at in cuts if use.start < at and (use.end is None or at < use.end)]
    edges = [use.start, *inside, use.end]
    return [use._replace(start=a, end=b) for a, b in pairwise(edges) if a is not None]


def _parts(uses: list[OrderUse], account: Account) -> list[OrderUse]:
    """The window cut at order changes; time without an order has an empty code."""
    parts: list[OrderUse] = []
    at = account.start
    for use in uses:
        start, end = max(use.start, account.start), min(use.end or account.end, account.end)
        if end <= at:
            continue
        if at < start:
            parts.append(OrderUse(at, start, ""))
        parts.append(OrderUse(max(start, at), end, use.code))
        at = end
    if at < account.end:
        parts.append(OrderUse(at, account.end, ""))
    return parts


def _counted(
    paced_by: Equipment, good_from: Equipment, parts: list[OrderUse], account: Account
) -> list[Pieces]:
    """By part of the window: good pieces of the line's exit, total and scrap of the machine that paces it."""
    ids = frozenset({paced_by.pk, good_from.pk})
    asked = []
    for use in parts:
        # As in an order's record, what is counted at the very instant of a change is of the order before.
        end = use.end or account.end
        since = use.start if use.start == account.start else use.start + INSTANT
        asked.append(Asked(ids, since, end if end == account.end else end + INSTANT))
    return [_pieces(paced_by, good_from, found) for found in quantities_each(asked)]


def _pieces(paced_by: Equipment, good_from: Equipment, found: dict[int, Quantities]) -> Pieces:
    paced, leaving = found.get(paced_by.pk), found.get(good_from.pk)
    good = leaving.good if leaving else None
    if paced is None:
        return good, None, None
    return good, paced.total if paced.total is not None else paced.good, paced.scrap
