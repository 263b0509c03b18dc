"""Quantities, figures and the record: exact at any edge, and everything in them opens what it came from."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.models import SignalDefinition
from production import selectors, services
from production.domain.counters import BUCKET
from production.models import Stop
from production.selectors import quantities
from tests.factories.connectors import connection_make
from tests.factories.plant import Line, line_make, reason_make
from tests.factories.production import PACKML, PLANNER, Sender, at, order_make, rate_make, sender_make

pytestmark = pytest.mark.django_db
SLOW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def good(sender: Sender, start: float, end: float, **options: Any) -> Decimal:
    found = quantities(equipment_ids=[sender.unit.pk], start=at(start), end=at(end), **options)
    value = found[sender.unit.pk].good
    assert value is not None
    return value


@SLOW
@given(st.lists(st.integers(0, 30), min_size=2, max_size=60), st.integers(1, 2999), st.integers(7, 90))
def test_counts_of_two_windows_that_touch_add_up(steps, cut, every):
    sender = sender_make(roles=("state", "good_count"))
    total, said = 0, []
    for number, step in enumerate(steps):
        total += step
        said.append((number * every, "good_count", total))
    sender.say(said, watermark=3000)
    sender.stitch()
    assert good(sender, 0, 6000) == total - steps[0]
    assert good(sender, 0, cut) + good(sender, cut, 6000) == total - steps[0]


@SLOW
@given(st.integers(300, 2700), st.integers(5, 400))
def test_what_spans_an_order_change_is_of_the_order_that_reports_it(change, every):
    sender = sender_make(roles=("state", "good_count"))
    sender.say([(second, "good_count", second) for second in range(0, 3001, every)], watermark=3001)
    sender.stitch()
    last = 3000 // every * every
    found = quantities(equipment_ids=[sender.unit.pk], start=at(change), end=at(3001), of_order=True)
    after = found[sender.unit.pk]
    first = -(-change // every) * every
    assert after.spanning == (0 if change % every == 0 or first > last else every)
    assert after.good == max(last - first, 0) + after.spanning
    before = good(sender, 0, change, of_order=True)
    assert before == change // every * every
    assert before + after.good == last


def test_late_counts_reach_the_record_in_the_right_order():
    sender = sender_make(roles=("state", "good_count"))
    sender.say([(0, "good_count", 1000), (10, "good_count", 1010), (30, "good_count", 1020)], watermark=35)
    sender.stitch()
    sender.say([(20, "good_count", 1015), (40, "good_count", 1030)], watermark=50)
    sender.stitch()
    assert good(sender, 0, 60) == 30
    assert good(sender, 0, BUCKET.total_seconds() * 2) == 30


def line_running() -> tuple[Line, list[Sender]]:
    """Three machines for an hour: the first halts and is blocked once by the second, all count 1 piece/s."""
    line = line_make(3)
    connection = connection_make(line.site, state_map={**PACKML, "51": "starved", "52": "blocked"})
    senders = [sender_make(unit, connection=connection) for unit in line.units]
    for sender in senders:
        sender.say([(s, "good_count", s) for s in range(0, 3600, 10)])
        sender.say([(s, "scrap_count", s // 100) for s in range(0, 3600, 10)])
        sender.say([(0, "state", 6), (0, "process_value", 20.5)])
    senders[0].say([(600, "state", 11), (601, "fault_code", 17), (900, "state", 6), (900, "fault_code", 0)])
    senders[0].say([(1200, "state", 52), (1230, "state", 6)])
    senders[1].say([(1180, "state", 9), (1235, "state", 6)], watermark=3600)
    for sender in senders:
        sender.stitch()
    return line, senders


def test_the_record_of_an_order_closes_and_names_its_evidence():
    line, _ = line_running()
    order = order_make(line, quantity=4000)
    services.job_order_start(job_order_id=order.pk, at=at(100), by=PLANNER)
    services.job_order_stop(job_order_id=order.pk, at=at(3500), by=PLANNER)
    reason_make("JAM")
    say = services.reason_assert(
        equipment_id=line.unit.pk, start_time=at(600), end_time=at(900), reason_code="JAM", by=PLANNER
    )
    services.count_assert(
        equipment_id=line.unit.pk, start_time=at(100), end_time=at(3500), kind="scrap", quantity=Decimal(7),
        by=PLANNER, job_order_id=order.pk,
    )  # fmt: skip
    record = selectors.job_response(job_order_id=order.pk)
    assert (record.start, record.end, record.attribution) == (at(100), at(3500), "declared_constraint")
    assert record.paced_by == line.unit
    assert [part.account.unexplained for part in record.machines if part.account] == [timedelta()] * 3
    first = record.machines[0].account
    assert first is not None
    assert {name: t.total_seconds() for name, t in first.durations.items()} == {
        "running": 3070.0,
        "breakdown": 300.0,
        "blocked": 30.0,
    }
    coded = [(s.equipment.pk, s.duration.total_seconds(), [r.pk for r in s.reasons]) for s in record.stops]
    assert (line.unit.pk, 300.0, [say.pk]) in coded
    by_source = {(q.kind, q.source, q.equipment.code if q.equipment else ""): q for q in record.quantities}
    assert by_source["good", "plan", ""].quantity == 4000
    assert by_source["good", "machine", line.units[-1].code].quantity == 3400
    assert by_source["scrap", "people", ""].quantity == 7
    assert [(a.code, a.start_time, a.end_time) for a in record.alarms] == [("17", at(601), at(900))]
    assert [event.verb for event in record.events] == ["store", "start", "stop"]
    assert not record.completeness.final


def test_each_machine_counts_an_order_from_its_own_first_piece_to_its_last():
    """The last machine ends an order after the one that paces the line, and has begun it after that one."""
    line = line_make(2)
    order, following = order_make(line), order_make(line)
    shared = connection_make(line.site, state_map=PACKML)
    for late, unit in zip((0, 100), line.units, strict=True):
        sender = sender_make(unit, connection=shared)
        sender.say([(0, "state", 6), *((s, "good_count", s) for s in range(0, 2001, 10))])
        sender.say([(200 + late, "order", order.code), (1000 + late, "order", following.code)])
        sender.say([(late, "good_count", late)], watermark=2001)
        sender.stitch()
    record = selectors.job_response(job_order_id=order.pk)
    assert (record.start, record.end) == (at(200), at(1000))
    counted = {part.equipment.pk: part.counted for part in record.machines}
    assert [[(q.start, q.end, q.good) for q in counted[unit.pk]] for unit in line.units] == [
        [(at(200), at(1000), 800)],
        [(at(300), at(1100), 800)],
    ]
    last = selectors.job_response(job_order_id=following.pk).machines[-1].counted[-1]
    assert (last.start, last.good, last.spanning) == (at(1100), 900, 0)


def test_an_alarm_that_is_also_the_fault_code_is_told_once():
    sender = sender_make(line_make(1).unit)
    sender.say([(0, "state", 6), (60, "alarm", "E17:raised:500:Jam in it"), (60, "fault_code", "E17")])
    sender.say([(70, "alarm", "E17:acknowledged"), (90, "fault_code", ""), (95, "alarm", "E17:cleared")])
    sender.say(
        [(120, "fault_code", "E18"), (150, "fault_code", "E17"), (160, "fault_code", "")], watermark=200
    )
    sender.stitch()
    found = selectors.alarms_between(equipment_ids=[sender.unit.pk], start=at(0), end=at(200))
    assert [(a.code, a.start_time, a.acknowledged_at, a.end_time) for a in found] == [
        ("E17", at(60), at(70), at(95)),
        ("E18", at(120), None, at(150)),
        ("E17", at(150), None, at(160)),
    ]
    assert [a.text for a in found] == ["Jam in it", "", ""]


def test_a_two_state_alarm_is_called_as_its_signal_and_a_stop_has_the_words_of_its_fault():
    sender = sender_make(line_make(1).unit)
    sender.say([(0, "state", 6), (50, "alarm", "raised"), (60, "alarm", "cleared")])
    sender.say([(100, "state", 2), (100, "fault_code", "E17"), (101, "alarm", "E17:raised:Jam")])
    sender.say([(400, "state", 6), (400, "fault_code", ""), (400, "alarm", "E17:cleared")], watermark=500)
    sender.stitch()
    found = selectors.alarms_between(equipment_ids=[sender.unit.pk], start=at(0), end=at(99))
    signal = SignalDefinition.objects.get(equipment=sender.unit, role="alarm")
    assert [(a.code, a.text) for a in found] == [(signal.address, signal.name)]
    [stop] = Stop.objects.filter(work_unit=sender.unit)
    assert selectors.fault_texts([stop]) == {stop.pk: "Jam"}


def test_figures_of_a_line_come_from_its_declared_constraint():
    line, _ = line_running()
    order = order_make(line)
    rate_make(line.unit, 7200, order.product)
    services.job_order_start(job_order_id=order.pk, at=at(0), by=PLANNER)
    told = selectors.kpi(equipment_id=line.line.pk, start=at(0), end=at(3600))
    assert told is not None
    assert (told.attribution, told.paced_by, told.good_from) == (
        "declared_constraint",
        line.unit,
        line.units[-1],
    )
    assert (told.trs.tr, told.trs.tf) == (Decimal(3600), Decimal(3270))
    assert [(part.use.code, part.good) for part in told.made] == [("", 20), (order.code, 3570)]
    assert told.trs.trs == Decimal(3570) / 2 / 3600, "the last machine began the order 20 s later"
    assert told.oee.oee == told.trs.trs


def test_a_machine_that_never_sent_anything_has_no_account():
    line = line_make(1)
    assert selectors.account(equipment_id=line.line.pk, start=at(0), end=at(10)) is None
    assert selectors.kpi(equipment_id=line.unit.pk, start=at(0), end=at(10)) is None


def test_accounts_of_a_line_take_a_fixed_number_of_queries():
    line, _ = line_running()
    with CaptureQueriesContext(
        connection,
    ) as asked:
        selectors.accounts(equipment=line.units, start=at(0), end=at(3600))
    assert len(asked) <= 12


def test_an_order_not_begun_has_a_record_without_times():
    record = selectors.job_response(job_order_id=order_make(line_make(2)).pk)
    assert (record.start, record.machines, record.stops) == (None, (), ())
    assert [q.source for q in record.quantities] == ["plan"]
