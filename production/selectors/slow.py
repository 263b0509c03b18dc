"""When machines ran slowly: what they counted against what their ideal rates allowed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

from plant.domain.intervals import Interval
from production.domain import states
from production.domain.account import Along, OrderUse, disjoint_orders
from production.domain.counters import GAP, IMPLAUSIBLE, PLAIN, bucket_of
from production.domain.definition import Definitions
from production.domain.slow import Limit, Made, Slow, limit_of, reach, slow_running
from production.domain.stitching import StateRow
from production.domain.units import conversion_in_force
from production.models import QuantityActual
from production.selectors.units import (
    conversions_known,
    ideal_rates,
    other_unit,
    rate_in_force,
    signals_of,
)

if TYPE_CHECKING:
    from connectors.models import SignalDefinition
    from plant.models import Equipment
    from production.models import IdealRate

COUNTED = ("good_count", "scrap_count", "total_count")
KINDS = ("good", "scrap", "total")


@dataclass(frozen=True, slots=True)
class Ran:
    """What a machine did, over the whole windows that are judged."""

    states: Sequence[StateRow]
    orders: Sequence[OrderUse]
    definitions: Definitions
    horizon: datetime


def slow_limit(machine: Equipment) -> Limit | None:
    return limit_of(machine.slow_below, machine.slow_over)


def slow_reach(machines: Iterable[Equipment], start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """From when to when machines must be looked at, so that whole windows are judged."""
    spans = [reach(limit, start, end) for machine in machines if (limit := slow_limit(machine)) is not None]
    return min([start, *(first for first, _ in spans)]), max([end, *(last for _, last in spans)])


@dataclass(frozen=True, slots=True)
class Standards:
    """Counters and ideal rates of machines."""

    counters: Sequence[SignalDefinition]
    rates: Sequence[IdealRate]


def slow_spans(
    machines: Sequence[Equipment],
    ran: Mapping[int, Ran],
    start: datetime,
    end: datetime,
    *,
    products: Mapping[str, int],
    standards: Standards | None = None,
) -> dict[int, list[Slow]]:
    """Slow running of machines in the windows [start, end) touches; one read if any of them has a limit, two
    more without ``standards``. ``products``: by order.
    """
    limits = {machine.pk: limit for machine in machines if (limit := slow_limit(machine)) is not None}
    if not limits:
        return {}
    if standards is None:
        counters = signals_of(equipment_ids=limits, roles=COUNTED)
        standards = Standards(counters, ideal_rates(equipment_ids=limits))
    told = {s.equipment_id for s in standards.counters if s.role in COUNTED} & set(limits)
    made = _made(told, *slow_reach(machines, start, end))
    rates = standards.rates
    found: dict[int, list[Slow]] = {}
    for pk in told:
        unit = next((s.unit for s in standards.counters if s.equipment_id == pk and s.role in COUNTED), "")
        judge = _Judge(pk, ran[pk], [rate for rate in rates if rate.equipment_id == pk], products, unit)
        found[pk] = slow_running(
            (start, end), judge.running(), made.get(pk, []), judge.rate_at, limits[pk], ran[pk].horizon
        )
    return found


class _Judge:
    """One machine's running times at one rate each, and that rate."""

    def __init__(
        self, machine: int, ran: Ran, rates: Sequence[IdealRate], products: Mapping[str, int], unit: str
    ) -> None:
        self._unit, self._known = unit, conversions_known() if other_unit(unit) else []
        self._machine, self._ran, self._rates, self._products = machine, ran, rates, products
        self._orders = disjoint_orders(ran.orders)
        self._uses = Along(self._orders)

    def running(self) -> list[Interval]:
        edges = {use.start for use in self._orders} | {use.end for use in self._orders if use.end}
        edges |= {rate.valid_from for rate in self._rates} | {one.start for one in self._known}
        found = []
        for row in self._ran.states:
            if self._ran.definitions.base_of(row) != states.RUNNING:
                continue
            end = row.end or self._ran.horizon
            cuts = [row.start, *sorted(edge for edge in edges if row.start < edge < end), end]
            found += [Interval(a, b) for a, b in pairwise(cuts) if a < b]
        return found

    def rate_at(self, at: datetime) -> Decimal | None:
        """Ideal count per second, in the counter's unit; asked at instants that only move forward."""
        use = self._uses.at(at)
        product = self._products.get(use.code) if use else None
        rate = rate_in_force(self._rates, equipment_id=self._machine, product_id=product, at=at)
        if rate is None:
            return None
        per_second = rate.units_per_hour / 3600
        if not self._known or product is None:
            return per_second
        by = conversion_in_force(self._known, product=product, machine=self._machine, unit=self._unit, at=at)
        return per_second if by is None else per_second * by.counted / by.makes


def _made(machines: Iterable[int], start: datetime, end: datetime) -> dict[int, list[Made]]:
    """Pieces by machine and bucket: its total, or good and scrap where they are more. What was counted across
    a gap in the data says nothing of the time it ran.
    """
    rows = (
        QuantityActual.objects.filter(
            work_unit_id__in=list(machines), kind__in=KINDS, end_time__gte=start, start_time__lt=end
        )
        .exclude(flag__in=(GAP, IMPLAUSIBLE))
        .order_by()
    )
    sums: dict[tuple[int, datetime], dict[str, Decimal]] = {}
    fields = ("work_unit_id", "kind", "start_time", "end_time", "flag", "quantity")
    for machine, kind, begun, ended, flag, quantity in rows.values_list(*fields):
        at = begun if flag == PLAIN else bucket_of(ended)
        parts = sums.setdefault((machine, at), dict.fromkeys(KINDS, Decimal(0)))
        parts[kind] += quantity
    found: dict[int, list[Made]] = {}
    for (machine, at), parts in sums.items():
        pieces = max(parts["total"], parts["good"] + parts["scrap"])
        found.setdefault(machine, []).append(Made(at, pieces))
    return found
