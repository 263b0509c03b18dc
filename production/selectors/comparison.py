"""Finished orders of one product on one line, as they were made: what an order is compared with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db.models import Sum

from plant import selectors as plant
from production.domain.comparison import Run, Standing, standing
from production.domain.job_order import START, STOP, Event, Execution, execution
from production.domain.stops import planned_time
from production.models import CountAssertion, JobOrder, JobOrderEvent, OrderSpan
from production.selectors.kpi import line_exit
from production.selectors.quantities import counters_of
from production.selectors.record import Working, orders_counts
from production.selectors.units import planned_slots

if TYPE_CHECKING:
    from plant.domain.calendar import Slot
    from plant.models import Equipment

# So many of the latest finished orders, none older: what was made otherwise long ago is no measure.
MOST = 50
OLDEST = timedelta(days=365)


def order_standing(*, job_order: JobOrder, now: datetime) -> Standing:
    """An order among the latest finished ones of its product on its line, in a fixed number of reads."""
    orders = _finished(job_order, now)
    asked = orders if any(order.pk == job_order.pk for order in orders) else [*orders, job_order]
    runs = {run.code: run for run in order_runs(line_id=job_order.line_id, orders=asked, now=now)}
    return standing(runs[job_order.code], [runs[order.code] for order in orders])


def _finished(job_order: JobOrder, now: datetime) -> list[JobOrder]:
    found = JobOrder.objects.filter(
        line_id=job_order.line_id, product_id=job_order.product_id, state="ended",
        ended_at__gt=now - OLDEST, ended_at__lte=now,
    )  # fmt: skip
    return list(found.order_by("-ended_at", "-pk")[:MOST])


def orders_by_code(codes: Iterable[str]) -> dict[str, JobOrder]:
    """Orders with their line and product."""
    found = JobOrder.objects.select_related("line", "product").filter(code__in=list(codes))
    return {order.code: order for order in found}


def order_runs(*, line_id: int, orders: Sequence[JobOrder], now: datetime) -> list[Run]:
    """Time and good pieces of orders of one line, as their records tell them."""
    units = plant.line_work_units(line_id)
    done = executions_of(line_id=line_id, units=units, orders=orders)
    starts = [work.start for one in done.values() for work in one.working]
    slots = planned_slots(line_id=line_id, start=min(starts), end=now) if starts else None
    goods = _goods(units, orders, done, now)
    return [_run(order, done[order.code], goods.get(order.code), slots, now) for order in orders]


def _run(
    order: JobOrder, done: Execution, good: Decimal | None, slots: Sequence[Slot] | None, now: datetime
) -> Run:
    times = (planned_time(work.start, work.end or now, slots) for work in done.working)
    working = tuple((work.start, work.end) for work in done.working)
    return Run(order.code, done.started_at, done.ended_at, sum(times, timedelta()), good, working)


def executions_of(
    *, line_id: int, units: Sequence[Equipment], orders: Sequence[JobOrder]
) -> dict[str, Execution]:
    """``execution_of`` each order of a line, by code, in two reads for all."""
    codes = {order.pk: order.code for order in orders}
    events: dict[str, list[Event]] = {code: [] for code in codes.values()}
    given = JobOrderEvent.objects.filter(job_order_id__in=codes).order_by("at", "id")
    for pk, at, verb in given.values_list("job_order_id", "at", "verb"):
        events[codes[pk]].append(Event(at, verb))
    for code, signalled in _signalled(line_id, units, codes.values()).items():
        events[code] += signalled
    return {code: execution(told) for code, told in events.items()}


def _signalled(line_id: int, units: Sequence[Equipment], codes: Iterable[str]) -> dict[str, list[Event]]:
    """What the line's order signal said: its own first, else its constraint's, else its first machine's."""
    rank = {unit.pk: (1 if unit.is_constraint else 2, unit.position) for unit in units} | {line_id: (0, 0)}
    spans = OrderSpan.objects.filter(
        order_code__in=list(codes), source=OrderSpan.Source.SIGNAL, equipment_id__in=list(rank)
    ).order_by("start_time")
    by_code: dict[str, list[OrderSpan]] = {}
    for span in spans:
        by_code.setdefault(span.order_code, []).append(span)
    found: dict[str, list[Event]] = {}
    for code, rows in by_code.items():
        speaks = min((row.equipment_id for row in rows), key=lambda pk: rank[pk])
        found[code] = [event for row in rows if row.equipment_id == speaks for event in _events(row)]
    return found


def _events(span: OrderSpan) -> list[Event]:
    start = Event(span.start_time, START, True, span.equipment_id)
    if span.end_time is None:
        return [start]
    return [start, Event(span.end_time, STOP, True, span.equipment_id)]


def _goods(
    units: Sequence[Equipment], orders: Sequence[JobOrder], done: dict[str, Execution], now: datetime
) -> dict[str, Decimal]:
    """Good pieces by order: counted by the machine at the line's exit, else by people."""
    found: dict[str, Decimal] = {}
    if units:
        counters = counters_of(units)
        leaving = line_exit(units, counters)
        asked = [Working(order, [leaving], done[order.code]) for order in orders]
        for order, counted in zip(
            orders, orders_counts(asked=asked, known_to=now, counters=counters), strict=True
        ):
            known = [part.good for part in counted[leaving.pk] if part.good is not None]
            if known:
                found[order.code] = sum(known, Decimal(0))
    return _said((order.pk for order in orders if order.code not in found), "good") | found


def _said(order_ids: Iterable[int], kind: str) -> dict[str, Decimal]:
    """What people counted for orders no machine counted."""
    ids = list(order_ids)
    if not ids:
        return {}
    said = CountAssertion.objects.filter(job_order_id__in=ids, superseded_by=None, kind=kind)
    return dict(said.order_by().values_list("job_order__code").annotate(total=Sum("quantity")))


def scrap_of(*, line_id: int, orders: Sequence[JobOrder], now: datetime) -> dict[str, Decimal]:
    """Rejected pieces by order, as in its record: of all machines of the line, else what people counted."""
    units = plant.line_work_units(line_id)
    done = executions_of(line_id=line_id, units=units, orders=orders)
    asked = [Working(order, units, done[order.code]) for order in orders]
    found: dict[str, Decimal] = {}
    for order, counted in zip(orders, orders_counts(asked=asked, known_to=now), strict=True):
        known = [part.scrap for parts in counted.values() for part in parts if part.scrap is not None]
        if known:
            found[order.code] = sum(known, Decimal(0))
    return _said((order.pk for order in orders if order.code not in found), "scrap") | found
