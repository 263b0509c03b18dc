"""Which order a machine works on: its own signal, else its line's events moved by the transit to it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plant.models import EquipmentLink
from production import selectors, services
from production.models import OrderSpan
from production.selectors.accounts import orders_between
from production.selectors.lookups import job_order_running
from production.services.execution import line_orders_refresh
from tests.factories.connectors import signal_make
from tests.factories.plant import Line, line_make
from tests.factories.production import PLANNER, Sender, at, order_make, sender_make

pytestmark = pytest.mark.django_db


def linked(count: int = 3, minutes: int = 2) -> Line:
    """Machines in a row, so many minutes apart."""
    line = line_make(count)
    EquipmentLink.objects.filter(upstream__parent=line.line).delete()
    for upstream, downstream in zip(line.units, line.units[1:], strict=False):
        EquipmentLink.objects.create(
            upstream=upstream, downstream=downstream, transit=timedelta(minutes=minutes)
        )
    return line


def uses(line: Line, start: float = 0, end: float = 7200) -> list[list[tuple[str, float, float | None]]]:
    def after(instant: datetime) -> float:
        return (instant - at(0)).total_seconds()

    found = orders_between(equipment=line.units, start=at(start), end=at(end))
    return [
        [(use.code, after(use.start), after(use.end) if use.end else None) for use in found[unit.pk]]
        for unit in line.units
    ]


def test_commands_reach_each_machine_later_by_the_transit_to_it():
    line = linked()
    first, second = order_make(line, code="A"), order_make(line, code="B")
    services.job_order_start(job_order_id=first.pk, at=at(0), by=PLANNER)
    services.job_order_stop(job_order_id=first.pk, at=at(3600), by=PLANNER)
    services.job_order_start(job_order_id=second.pk, at=at(3600), by=PLANNER)
    assert uses(line) == [
        [("A", 0, 3600), ("B", 3600, None)],
        [("A", 120, 3720), ("B", 3720, None)],
        [("A", 240, 3840), ("B", 3840, None)],
    ]
    for machine, moment, code in ((2, 3839, "A"), (2, 3840, "B"), (0, 3600, "B")):
        ids = dict.fromkeys([line.units[machine].pk, line.line.pk])
        assert job_order_running(equipment_ids=ids, at=at(moment)).code == code
    assert services.rebuild_check().lines == []


def test_a_machine_that_tells_its_order_is_believed_and_the_others_follow_it():
    line = linked()
    order_make(line, code="A")
    sender = sender_make(line.units[1])
    sender.say([(600, "order", "A"), (1800, "order", "")], watermark=2000)
    sender.stitch()
    assert uses(line) == [[("A", 480, 1680)], [("A", 600, 1800)], [("A", 720, 1920)]]
    assert services.rebuild_check().lines == []


def line_sender(line: Line) -> Sender:
    """A signal that tells the order of the line as a whole."""
    sender = sender_make(line.unit, roles=("state", "good_count"))
    signal = signal_make(line.line, "LINE/order", role="order", connection=sender.connection)
    sender.signals["order"] = signal
    return sender


@pytest.mark.parametrize("known", [True, False])
def test_an_order_signal_of_the_line_holds_for_its_machines_known_or_not(known):
    line = linked()
    if known:
        order_make(line, code="A")
    sender = line_sender(line)
    sender.say([(60, "order", "A"), (900, "order", "X9"), (1500, "order", "")], watermark=2000)
    services.stitch(work_unit_id=line.line.pk)
    expected = [[("A", 60 + n, 900 + n), ("X9", 900 + n, 1500 + n)] for n in (0, 120, 240)]
    assert uses(line) == expected
    assert services.rebuild_check().lines == []
    if not known:
        order_make(line, code="A")
        assert uses(line) == expected
        assert services.rebuild_check().lines == []
    order = selectors.execution_of(order_make(line, code="X9"))
    assert (order.started_at, order.ended_at) == (at(900), at(1500))


def test_pieces_are_counted_for_the_order_the_machine_was_on():
    line = linked(2, minutes=5)
    first, second = order_make(line, code="A"), order_make(line, code="B")
    sender = sender_make(line.units[1], roles=("state", "good_count"))
    sender.say([(s, "good_count", s) for s in range(0, 2000, 10)], watermark=2000)
    sender.stitch()
    services.job_order_start(job_order_id=first.pk, at=at(0), by=PLANNER)
    services.job_order_stop(job_order_id=first.pk, at=at(1000), by=PLANNER)
    services.job_order_start(job_order_id=second.pk, at=at(1000), by=PLANNER)
    [_, last] = selectors.job_response(job_order_id=first.pk).machines
    assert (last.uses[0].start, last.uses[0].end) == (at(300), at(1300))
    assert sum(part.good for part in last.counted) == 1000


def test_a_stop_after_the_order_left_the_machine_waits_for_no_reason():
    line = linked(2, minutes=5)
    order = order_make(line, code="A")
    services.job_order_start(job_order_id=order.pk, at=at(0), by=PLANNER)
    services.job_order_stop(job_order_id=order.pk, at=at(3600), by=PLANNER)
    for unit in line.units:
        sender = sender_make(unit, roles=("state", "process_value"))
        sender.say([(s, "process_value", s) for s in range(0, 5000, 30)])
        sender.say([(0, "state", 6), (3610, "state", 2), (3890, "state", 6)], watermark=5000)
        sender.stitch()
    waiting = selectors.stops_uncoded(PLANNER)
    assert [stop.work_unit for stop in waiting] == [line.units[1]]


def test_a_transit_declared_later_moves_what_was_derived():
    line = line_make(2)
    order = order_make(line, code="A")
    services.job_order_start(job_order_id=order.pk, at=at(0), by=PLANNER)
    EquipmentLink.objects.update_or_create(
        upstream=line.units[0], downstream=line.units[1], defaults={"transit": timedelta(seconds=90)}
    )
    line_orders_refresh(line_id=line.line.pk)
    assert uses(line) == [[("A", 0, None)], [("A", 90, None)]]
    assert services.rebuild_check().lines == []


said = st.lists(st.tuples(st.integers(0, 2000), st.sampled_from(["", "A", "B", "C"])), max_size=6)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.booleans(), said), max_size=5), st.booleans())
def test_whatever_tells_orders_whenever_the_rows_are_those_of_the_whole_history(told, stored_last):
    line = linked(2)
    codes = {name: f"{line.line.code}-{name}" for name in "ABC"} | {"": ""}
    if not stored_last:
        order_make(line, code=codes["A"])
    machine, whole = sender_make(line.units[0]), line_sender(line)
    for by_line, rows in told:
        sender, place = (whole, line.line) if by_line else (machine, line.units[0])
        sender.say([(second, "order", codes[name]) for second, name in rows], watermark=None)
        services.stitch(work_unit_id=place.pk)
    if stored_last:
        order_make(line, code=codes["A"])
    assert services.rebuild_check().lines == []
    rows = OrderSpan.objects.filter(equipment=line.units[1]).values_list("source", flat=True)
    assert set(rows) <= {"events"}
