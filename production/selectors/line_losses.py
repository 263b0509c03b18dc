"""What a line lost and what it came from: the constraint's lost time, charged by the first-fault walk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from django.db.models import Q, Value

from plant import selectors as plant
from plant.domain.intervals import Interval
from production.domain.account import Account, Said, painted
from production.domain.lateness import Lateness
from production.domain.line.losses import LineLosses, Worth
from production.domain.line.losses import line_losses as losses_of
from production.domain.line.topology import GroupRow, Topology
from production.domain.line.tracks import parts_of, tracks_of
from production.models import ContributionRate, CostRate, IdealRate, JobOrder, OrderSpan
from production.selectors.accounts import accounts, horizons_of
from production.selectors.lateness import orders_lateness
from production.selectors.line_topology import line_groups, line_paced_by, line_topology
from production.selectors.pacing import group_of, line_exits, together
from production.selectors.stopped import overlapping, reasons_in_force

if TYPE_CHECKING:
    from plant.models import Equipment

FIRST_FAULT = "first_fault"


@dataclass(frozen=True, slots=True)
class LineLossAccount:
    """The line's losses in [start, end), cut where the constraint's data end. ``basis``: how it was chosen.

    ``members``: the machines that pace it side by side, ``paced_by`` among them. ``units`` by code.
    ``currency`` is empty where nothing is known in money, or not in one. ``lateness``: of its orders.
    """

    line: Equipment
    paced_by: Equipment
    members: tuple[Equipment, ...]
    basis: str
    units: Mapping[str, Equipment]
    losses: LineLosses
    currency: str
    lateness: Mapping[str, Lateness]


def line_losses(*, line_id: int, start: datetime, end: datetime) -> LineLossAccount | None:
    """None where no link is declared, no machine paces the line, or it has no data in the window.

    The rows add up to the constraint's lost time, and two windows that touch add up to the one of both.
    """
    line = plant.equipment_for_ids([line_id])[line_id]
    units = plant.line_work_units(line_id)
    groups = line_groups(line_id=line_id, units=units)
    topology = line_topology(line_id=line_id, units=units, groups=groups)
    if topology is None or end <= start:
        return None
    values = values_read(line_id, units, start, end)
    chosen = line_paced_by(units, values.rates, values.products, groups)
    if chosen is None:
        return None
    paced_by, basis = chosen
    members = together(units, group_of(groups, paced_by), paced_by)
    margin = topology.reach
    read = accounts(equipment=units, start=start - margin, end=end + margin)
    ids = [unit.pk for unit in members]
    payers = [line_id, paced_by.pk]
    late = _lateness(line_id, units, groups, values)
    found = losses_between(
        window=Interval(start, end),
        paced_by=paced_by,
        units=units,
        topology=topology,
        read=read,
        worth=lambda order, at: values.worth(ids, order, at, payers),
        cuts=values.changes,
        said=_said_of_line(line_id, start, end),
        lateness=late,
    )
    if found is None:
        return None
    by_code = {unit.code: unit for unit in units}
    return LineLossAccount(line, paced_by, members, basis, by_code, found, values.currency, late)


def _lateness(
    line_id: int, units: Sequence[Equipment], groups: Sequence[GroupRow], values: Values
) -> dict[str, Lateness]:
    """Of the orders of the window, as far as data reach by now."""
    horizons = horizons_of([unit.pk for unit in units])
    if not horizons or not values.product_of:
        return {}
    exits = line_exits(units, groups)
    return orders_lateness(line_id=line_id, codes=values.product_of, exits=exits, now=max(horizons.values()))


def losses_between(
    *,
    window: Interval,
    paced_by: Equipment,
    units: Sequence[Equipment],
    topology: Topology,
    read: Mapping[int, Account],
    worth: Callable[[str, datetime], Worth],
    cuts: Iterable[datetime] = (),
    said: Sequence[Said] = (),
    lateness: Mapping[str, Lateness] | None = None,
) -> LineLosses | None:
    """Losses from accounts already read, which reach beyond the window by ``topology.reach`` on both sides.

    ``worth``: of an order at an instant; ``cuts``: when it may change. None where the pacing machine has no
    data in the window.
    """
    node = topology.node_of[paced_by.code]
    assert window.end is not None
    # Machines side by side are known as far as any of them is, as in their common account.
    ends = [read[unit.pk].end for unit in units if unit.pk in read and topology.node_of[unit.code] == node]
    if not ends or max(ends) <= window.start:
        return None
    machines = {unit.code: parts_of(unit.code, read[unit.pk].segments) for unit in units if unit.pk in read}
    return losses_of(
        window=Interval(window.start, min(window.end, max(ends))),
        constraint=node,
        topology=topology,
        tracks=tracks_of(topology, machines),
        machines=machines,
        said_of_line=said,
        worth=worth,
        cuts=cuts,
        lateness=lateness,
    )


@dataclass(frozen=True, slots=True)
class Values:
    """Ideal rates by machine, contributions by product, and what orders make; all of their dated rows."""

    rates: Mapping[int, Sequence[IdealRate]]
    contributions: Mapping[int, Sequence[ContributionRate]]
    costs: Mapping[int, Sequence[CostRate]]
    product_of: Mapping[str, int]
    products: tuple[int | None, ...] = ()

    @property
    def changes(self) -> list[datetime]:
        """When a rate, a contribution or a cost begins to hold."""
        dated: tuple[Mapping[int, Sequence[Any]], ...] = (self.rates, self.contributions, self.costs)
        return sorted({row.valid_from for rows in dated for same in rows.values() for row in same})

    @property
    def currency(self) -> str:
        """The one currency of all that is said in money; empty where there is none, or not one."""
        dated: tuple[Mapping[int, Sequence[Any]], ...] = (self.contributions, self.costs)
        found = {row.currency for rows in dated for same in rows.values() for row in same}
        return found.pop() if len(found) == 1 else ""

    def worth(
        self, machine_ids: Iterable[int], order: str, at: datetime, payers: Sequence[int] = ()
    ) -> Worth:
        """What an hour of the constraint makes of an order's product at an instant, what each brings, and
        what an hour costs: of the first of ``payers`` that says so.
        """
        product = self.product_of.get(order)
        known = [rate_of(self.rates.get(machine, ()), product, at) for machine in machine_ids]
        rates = [row.units_per_hour for row in known if row is not None]
        said = self.worth_of(product, at, payers)
        return said._replace(units_per_hour=sum(rates[1:], rates[0]) if rates else None)

    def worth_of(self, product_id: int | None, at: datetime, payers: Sequence[int]) -> Worth:
        """What is said in money of a product and of an hour, at an instant."""
        brings = _latest(self.contributions.get(product_id or 0, ()), at)
        known_costs = (_latest(self.costs.get(pk, ()), at) for pk in payers)
        costs = next((row for row in known_costs if row is not None), None)
        return Worth(
            None,
            brings.per_unit if brings is not None and self.currency else None,
            costs.per_hour if costs is not None and self.currency else None,
        )


class _Dated(Protocol):
    valid_from: datetime


D = TypeVar("D", bound=_Dated)


def _latest(rows: Sequence[D], at: datetime) -> D | None:
    """The row in force at an instant."""
    return max((row for row in rows if row.valid_from <= at), key=lambda row: row.valid_from, default=None)


def rate_of(rows: Sequence[IdealRate], product_id: int | None, at: datetime) -> IdealRate | None:
    """The rate in force at an instant: the product's own, else the one for any product."""
    for wanted in dict.fromkeys((product_id, None)):
        valid = [row for row in rows if row.product_id == wanted and row.valid_from <= at]
        if valid:
            return max(valid, key=lambda row: row.valid_from)
    return None


def values_dated(*, line_id: int) -> Values:
    """All that is said in money of a line and of any product, whenever; one read."""
    named = ("currency", "valid_from")
    brought = ContributionRate.objects.order_by().values_list(Value(0), "product_id", "per_unit", *named)
    about = Q(equipment_id=line_id) | Q(equipment__parent_id=line_id)
    paid = CostRate.objects.filter(about).order_by()
    contributions: dict[int, list[ContributionRate]] = {}
    costs: dict[int, list[CostRate]] = {}
    rows = brought.union(paid.values_list(Value(1), "equipment_id", "per_hour", *named), all=True)
    for is_cost, pk, amount, currency, since in rows:
        if is_cost:
            cost = CostRate(equipment_id=pk, per_hour=amount, currency=currency, valid_from=since)
            costs.setdefault(pk, []).append(cost)
        else:
            one = ContributionRate(product_id=pk, per_unit=amount, currency=currency, valid_from=since)
            contributions.setdefault(pk, []).append(one)
    return Values({}, contributions, costs, {})


def values_read(line_id: int, units: Sequence[Equipment], start: datetime, end: datetime) -> Values:
    """What lost time and pieces of a line are worth, whatever it worked on in a window."""
    ids = [unit.pk for unit in units]
    rates: dict[int, list[IdealRate]] = {}
    for row in IdealRate.objects.filter(equipment_id__in=ids, valid_from__lt=end):
        rates.setdefault(row.equipment_id, []).append(row)
    spans = OrderSpan.objects.filter(overlapping(start, end), equipment_id__in=[line_id, *ids])
    codes = list(spans.order_by("-start_time").values_list("order_code", flat=True))
    product_of = dict(JobOrder.objects.filter(code__in=set(codes)).values_list("code", "product_id"))
    contributions: dict[int, list[ContributionRate]] = {}
    found = ContributionRate.objects.filter(product_id__in=set(product_of.values()), valid_from__lt=end)
    for brought in found:
        contributions.setdefault(brought.product_id, []).append(brought)
    products = tuple(dict.fromkeys(product_of[code] for code in codes if code in product_of))
    costs: dict[int, list[CostRate]] = {}
    for cost in CostRate.objects.filter(equipment_id__in=[line_id, *ids], valid_from__lt=end):
        costs.setdefault(cost.equipment_id, []).append(cost)
    return Values(rates, contributions, costs, product_of, products)


def _said_of_line(line_id: int, start: datetime, end: datetime) -> list[Said]:
    """Reasons said about the line itself, disjoint and in order."""
    found = reasons_in_force(equipment_ids=[line_id], start=start, end=end + timedelta(microseconds=1))
    return painted(found.get(line_id, ()), (), end)
