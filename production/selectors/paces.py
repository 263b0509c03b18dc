"""What one piece takes on a machine, order by order, where its products differ."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from connectors import selectors as connectors
from production.domain.movement import Pace
from production.domain.stitching import Unit
from production.domain.tracks import text_of
from production.models import IdealRate, JobOrder, OrderSpan
from production.selectors.stopped import overlapping
from production.selectors.units import Cycles, UnitSetup, cycles_of, silences, unit_setup

if TYPE_CHECKING:
    from collections.abc import Iterable

AHEAD = timedelta(minutes=5)
BAD = 2


def paced_unit(setup: UnitSetup, start: datetime, end: datetime) -> Unit:
    """The machine with the pace of each order in [start, end); as it is where one cycle holds for all."""
    if not setup.unit.follows_counter:
        return setup.unit
    cycles = cycles_of(setup.equipment, setup.per_count)
    if not cycles.differ:
        return setup.unit
    since = start - setup.unit.lookback
    told = _own(setup, since, end) if setup.signals("order") else _line_s(setup, since, end)
    orders = JobOrder.objects.filter(code__in={code for _, code in told})
    products = dict(orders.values_list("code", "product_id"))
    paces = [_pace(setup, at, cycles, products.get(code)) for at, code in told]
    return replace(setup.unit, paces=tuple(paces))


def _pace(setup: UnitSetup, at: datetime, cycles: Cycles, product: int | None) -> Pace:
    cycle = cycles.of(product)
    silence, no_count = silences(setup.equipment, cycle)
    return Pace(at, silence if setup.unit.by_counter or no_count is None else no_count, cycle)


def _own(setup: UnitSetup, start: datetime, end: datetime) -> list[tuple[datetime, str]]:
    """As the machine's own order signal says; bad quality ends nothing."""
    ids = setup.signals("order")
    before = connectors.last_told_before(signal_ids=ids, at=start, ahead=AHEAD)
    rows = [*before.values(), *connectors.samples_between(signal_ids=ids, start=start, end=end)]
    good = [row for row in rows if row.quality != BAD and row.source_time <= row.arrival_time + AHEAD]
    return [(row.source_time, text_of(row.value)) for row in good]


def _line_s(setup: UnitSetup, start: datetime, end: datetime) -> list[tuple[datetime, str]]:
    """As the events of its line say, moved by the transit to it."""
    spans = OrderSpan.objects.filter(overlapping(start, end), source=OrderSpan.Source.EVENTS)
    rows = list(spans.filter(equipment=setup.equipment).order_by("start_time", "order_code"))
    found: list[tuple[datetime, str]] = []
    for row in rows:
        found.append((row.start_time, row.order_code))
    ends = {row.end_time for row in rows if row.end_time}
    starts = {row.start_time for row in rows}
    return sorted([*found, *((at, "") for at in ends - starts)])


def paced_by_order(equipment_ids: Iterable[int]) -> list[int]:
    """Machines whose stops are seen through a counter and depend on the product at work."""
    rates: dict[int, set[Decimal]] = {}
    told = IdealRate.objects.filter(equipment_id__in=list(equipment_ids)).order_by()
    for machine, rate in told.values_list("equipment_id", "units_per_hour"):
        rates.setdefault(machine, set()).add(rate)
    several = sorted(machine for machine, found in rates.items() if len(found) > 1)
    return [machine for machine in several if unit_setup(work_unit_id=machine).unit.follows_counter]
