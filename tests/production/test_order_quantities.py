"""Good pieces by order: the record, the figures of a window and the views for reports tell one number."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plant.models import Equipment, EquipmentLink, ParallelGroup
from production import selectors, services
from production.domain.missing import IN_LINE
from tests.factories.connectors import connection_make
from tests.factories.plant import Line, calendar_make, line_make
from tests.factories.production import PACKML, PLANNER, Sender, at, order_make, rate_make, sender_make

pytestmark = pytest.mark.django_db
SLOW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
END = 5400
TRANSIT = 170
# The view as its role reads it, asked by the application: it sees what this test has not committed.
VIEW = """SELECT pg_get_viewdef(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'report' AND c.relname = 'v1_quantities'"""
REPORTED = "SELECT coalesce(sum(quantity), 0) FROM ({}) v WHERE equipment = %s AND kind = 'good'"


def line_of(steps: list[int], every: int, offset: int, *, minutes: float = TRANSIT / 60) -> Line:
    """Two machines; the second counts what the first made, a transit later."""
    line = line_make(2)
    EquipmentLink.objects.update(transit=timedelta(minutes=minutes))
    shared = connection_make(line.site, state_map=PACKML)
    for late, unit in zip((0, TRANSIT), line.units, strict=True):
        sender = sender_make(unit, roles=("state", "good_count"), connection=shared)
        rate_make(unit, 3600)
        total = 0
        said: list[Any] = [(0, "state", 6), (0, "good_count", 0)]
        for number, step in enumerate(steps):
            if (moment := offset + late + (number + 1) * every) < END:
                total += step
                said.append((moment, "good_count", total))
        sender.say(said, watermark=END)
        sender.stitch()
    return line


def record_good(code_id: int, exits: set[int]) -> Decimal:
    parts = selectors.job_response(job_order_id=code_id).quantities
    known = [
        part.quantity
        for part in parts
        if (part.kind, part.source) == ("good", "machine") and part.equipment and part.equipment.pk in exits
    ]
    return sum((quantity for quantity in known if quantity is not None), Decimal(0))


@SLOW
@given(
    steps=st.lists(st.integers(0, 40), min_size=40, max_size=90),
    every=st.integers(7, 61),
    offset=st.integers(0, 30),
    changes=st.lists(st.integers(30, END - 400), min_size=2, max_size=5, unique=True),
    paused=st.integers(0, 300),
)
def test_orders_add_up_to_the_window_in_record_figures_and_reports(steps, every, offset, changes, paused):
    line = line_of(steps, every, offset)
    moments = sorted(changes)
    orders = [order_make(line) for _ in moments]
    for place, (order, begun) in enumerate(zip(orders, moments, strict=True)):
        services.job_order_start(job_order_id=order.pk, at=at(begun), by=PLANNER)
        ended = min(begun + 40 + paused, moments[place + 1]) if place + 1 < len(moments) else END - 300
        services.job_order_stop(job_order_id=order.pk, at=at(ended), by=PLANNER)
    leaving = line.units[-1]
    told = selectors.kpi(equipment_id=line.line.pk, start=at(0), end=at(END))
    assert told is not None
    window = selectors.quantities(equipment_ids=[leaving.pk], start=at(0), end=at(END))[leaving.pk].good
    assert sum(part.good or 0 for part in told.made) == window == told.oee.good
    for order in orders:
        assert good_of(told, order.code) == record_good(order.pk, {leaving.pk})
    with connection.cursor() as cursor:
        cursor.execute(VIEW)
        cursor.execute(REPORTED.format(cursor.fetchone()[0].rstrip("; ")), [leaving.code])
        assert cursor.fetchone()[0] == window
    halves = [
        selectors.kpi(equipment_id=line.line.pk, start=at(a), end=at(b)) for a, b in ((0, 2700), (2700, END))
    ]
    for order in orders:
        by_half = [
            part.good or 0 for half in halves if half for part in half.made if part.use.code == order.code
        ]
        assert sum(by_half) == sum(part.good or 0 for part in told.made if part.use.code == order.code)


def good_of(told: selectors.Kpi | None, code: str) -> Decimal:
    """Good pieces of one order; of the time between orders where ``code`` is empty."""
    assert told is not None
    return sum((part.good or Decimal(0) for part in told.made if part.use.code == code), Decimal(0))


def test_what_the_end_of_the_line_makes_of_an_order_before_is_that_orders() -> None:
    """The constraint is on the next order; the exit still packs the one before: no piece changes order."""
    line = line_of([10] * 500, 10, 0)
    first, second = order_make(line), order_make(line)
    services.job_order_start(job_order_id=first.pk, at=at(0), by=PLANNER)
    services.job_order_stop(job_order_id=first.pk, at=at(1800), by=PLANNER)
    services.job_order_start(job_order_id=second.pk, at=at(1800), by=PLANNER)
    told = selectors.kpi(equipment_id=line.line.pk, start=at(1800), end=at(3600))
    assert told is not None
    tail, rest = told.made
    assert (tail.use.code, tail.use.start, tail.use.end) == (first.code, at(1800), at(1800))
    assert (tail.good, rest.use.code) == (TRANSIT // 10 * 10 + 10, second.code)
    assert record_good(first.pk, {line.units[-1].pk}) == 1800


def test_pieces_still_in_the_line_are_told_of_the_order_they_belong_to() -> None:
    line = line_of([10] * 600, 10, 0)
    [slot] = calendar_make(line.line)[:1]
    order = order_make(line)
    services.job_order_start(job_order_id=order.pk, at=at(0), by=PLANNER)
    day = selectors.line_shift(line_id=line.line.pk, shift=slot)
    assert day is not None
    assert day.missing.difference == 0
    held = {cause.kind: cause.pieces for cause in day.missing.causes}[IN_LINE]
    assert TRANSIT - 20 <= held <= TRANSIT + 20


def beside(line: Line, *numbers: int, minimum: int = 1) -> None:
    group = ParallelGroup.objects.create(code=f"{line.line.code}-G", line=line.line, minimum_running=minimum)
    units = [line.units[number].pk for number in numbers]
    Equipment.objects.filter(pk__in=units).update(parallel_group=group)


def test_two_machines_side_by_side_at_the_exit_both_count() -> None:
    line = line_make(3)
    beside(line, 1, 2)
    shared = connection_make(line.site, state_map=PACKML)
    senders: list[Sender] = []
    for unit in line.units:
        sender = sender_make(unit, roles=("state", "good_count"), connection=shared)
        sender.say([(0, "state", 6), *((s, "good_count", s) for s in range(0, 3600, 10))], watermark=3600)
        senders.append(sender)
    order = order_make(line)
    services.job_order_start(job_order_id=order.pk, at=at(0), by=PLANNER)
    for sender in senders:
        sender.stitch()
    told = selectors.kpi(equipment_id=line.line.pk, start=at(0), end=at(3600))
    assert told is not None
    assert [unit.code for unit in told.exits] == [unit.code for unit in line.units[1:]]
    exits = {unit.pk for unit in line.units[1:]}
    assert good_of(told, "") + good_of(told, order.code) == 2 * 3590
    assert record_good(order.pk, exits) == good_of(told, order.code) == told.oee.good
