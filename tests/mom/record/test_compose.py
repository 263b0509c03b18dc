"""The record of an order, from facts through stitching to the sentence at its head."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mom.record.compose import operational_record
from mom.record.model import OperationalRecord
from plant.models import Equipment
from production import services
from tests.factories.plant import line_make, user_make
from tests.factories.production import PLANNER, STATES, at, order_make, sender_make
from tests.factories.record import Told, order_told

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)


@pytest.fixture
def told() -> Told:
    return order_told()


def record_of(told: Told) -> OperationalRecord:
    return operational_record(told.order.code, now=NOW)


def closes(record: OperationalRecord) -> bool:
    split = record.split
    assert split is not None
    shown = sum(row.seconds for row in split.rows)
    return shown == split.total_seconds == split.span_seconds and split.unexplained_seconds == 0


def test_the_time_of_the_constraint_closes_to_the_second(told: Told) -> None:
    record = record_of(told)
    assert closes(record)
    assert record.split is not None
    assert record.split.equipment_code == told.line.unit.code
    assert record.split.is_declared
    by_class = {row.time_class: row.seconds for row in record.split.rows}
    assert by_class["breakdown"] == 300
    assert by_class["micro_stop"] == 30
    assert record.split.span_seconds == 3590


def test_all_seven_lines_of_the_story_are_there_from_linked_rows(told: Told) -> None:
    record = record_of(told)
    assert [line.key for line in record.story] == [
        "planned", "executed", "lost", "reason", "material", "quality", "decision",
    ]  # fmt: skip
    assert all(line.known for line in record.story), [line for line in record.story if not line.known]
    text = {line.key: line.text for line in record.story}
    assert "4,000 pcs" in text["planned"]
    assert "good" in text["executed"]
    assert "5 min 30 s" in text["lost"]
    assert told.jam.name in text["reason"]
    assert told.operator.name in text["reason"]
    assert "LOT-BOTTLES" in text["material"]
    assert "LOT-MADE" in text["material"]
    assert "1 of 2 checks outside limits" in text["quality"]
    assert "Released for shipment" in text["decision"]
    assert "deviation affects two bottles" in text["decision"]


def test_the_verdict_is_one_sentence_and_names_what_paces_the_line(told: Told) -> None:
    verdict = record_of(told).verdict
    assert verdict.endswith(".")
    assert verdict.count(". ") == 0
    assert f"5 min 30 s lost on {told.line.unit.name}, most to “{told.jam.name}”" in verdict
    assert f"most to “{told.jam.name}” (5 min 00 s, 1 stop)" in verdict
    assert "9 min 50 s late" in verdict
    assert "1 deviation, 1 not decided" in verdict


def test_what_each_floor_said_is_there_with_who_and_when(told: Told) -> None:
    record = record_of(told)
    [stop] = [row for row in record.stops if row.is_constraint]
    assert (stop.reason, stop.said_by, stop.said_at, stop.seconds) == (
        told.jam.name, told.operator.name, at(960), 300,
    )  # fmt: skip
    assert stop.comment == "bottle across the star"
    assert [(row.direction, row.lot_code, row.quantity) for row in record.lots] == [
        ("in", "LOT-BOTTLES", Decimal(4000)), ("out", "LOT-MADE", Decimal(3590)),
    ]  # fmt: skip
    assert {row.source: row.quantity for row in record.quantities if row.kind == "good"} == {
        # 20 s of transit from the entry, a piece a second: the last machine was not at it from the first.
        f"Counter of {told.line.units[-1].name}": Decimal(3570),
        "Entered by people": Decimal(3585),
        "Lots made": Decimal(3590),
    }
    [request] = record.requests
    assert (request.done, request.state) == ("star wheel adjusted", "closed")
    assert [row.verdict for row in record.tests] == ["pass", "fail"]
    [deviation] = record.deviations
    assert deviation.disposition == ""
    assert [note.text for note in record.notes] == ["New reel at 11:30"]
    assert {tool.code for tool in record.tools} == {"FORMAT-33"}
    assert {row.version for row in record.versions} == {1}
    assert told.operator.name in {row.name for row in record.people}
    assert all(value.count for value in record.values)


def test_material_balances_with_its_remainder_shown(told: Told) -> None:
    [row] = record_of(told).balance
    assert row.used == row.in_product + row.scrapped + row.returned + row.remainder  # type: ignore[operator]
    assert (row.used, row.in_product, row.remainder) == (Decimal(4000), Decimal(3570), Decimal(430))


def test_pieces_balance_on_the_line(told: Told) -> None:
    pieces = record_of(told).pieces
    assert pieces is not None
    assert pieces.started == pieces.good + (pieces.scrap or 0) + pieces.remainder


def test_an_alarm_is_raised_and_cleared(told: Told) -> None:
    alarms = record_of(told).alarms
    assert [(row.code, row.text, row.raised, row.cleared) for row in alarms] == [
        ("E17", "Star torque", at(601), at(900))
    ]
    stop = next(row for row in record_of(told).stops if row.fault_code)
    assert (stop.fault_code, stop.fault_text) == ("E17", "Star torque")


def test_pages_show_what_the_machine_said_of_a_fault(told: Told, client: Client) -> None:
    client.force_login(user_make(told.supervisor))
    [row] = [row for row in record_of(told).stops if row.fault_code]
    for address in (f"/orders/{told.order.code}/", f"/stops/{row.id}/"):
        assert "Star torque" in client.get(address).content.decode(), address
    answer = client.get(f"/api/v1/job-orders/{told.order.code}/record").json()
    assert [alarm["text"] for alarm in answer["alarms"]] == ["Star torque"]


def test_it_is_provisional_for_a_day_after_the_end(told: Told) -> None:
    early = operational_record(told.order.code, now=at(7200)).completeness
    assert (early.is_provisional, early.provisional_until) == (True, at(3590) + timedelta(hours=24))
    late = operational_record(told.order.code, now=at(3590) + timedelta(hours=25)).completeness
    assert (late.is_provisional, late.provisional_until) == (False, None)


def test_seven_questions_are_answered(told: Told) -> None:
    answers = {answer.key: answer.verdict for answer in record_of(told).questions}
    assert len(answers) == 7
    assert answers["limits"] == "no"
    assert answers["losses"] == "yes"
    assert answers["material"] == "yes"


def test_it_speaks_french_where_the_screen_does(told: Told) -> None:
    with translation.override("fr"):
        record = record_of(told)
    assert record.head.product == told.order.product.name_fr
    assert any(told.jam.name_fr in group.word for group in record.stop_groups)


def test_an_order_without_data_says_so_and_never_zero() -> None:
    line = line_make(2)
    order = order_make(line, code="PO-EMPTY")
    record = operational_record("PO-EMPTY", now=NOW)
    assert record.verdict == "Not started; no start is planned."
    assert record.split is None
    assert record.completeness.no_data_share is None
    actual = {row.key: row.actual for row in record.plan}
    assert actual == dict.fromkeys(actual)

    services.job_order_start(job_order_id=order.pk, at=at(0), by=PLANNER)
    started = operational_record("PO-EMPTY", now=at(600))
    assert started.verdict.startswith("No count is known of the 1,000 pcs")
    assert "0 s lost" not in started.verdict
    known = {line.key: line.known for line in started.story}
    assert known == {
        "planned": True, "executed": False, "lost": False, "reason": False, "material": False,
        "quality": False, "decision": False,
    }  # fmt: skip
    assert started.balance == ()
    assert not [row for row in started.quantities if row.quantity == 0]
    assert {answer.verdict for answer in started.questions} <= {"not_known", "no", "yes"}


STEPS = st.lists(
    st.tuples(st.integers(1, 900), st.sampled_from([2, 4, 6, 9, 11, int(STATES["starved"])])), max_size=25
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, ended=st.integers(60, 9000), known=st.integers(1, 9000))
def test_any_history_closes(steps: list[tuple[int, int]], ended: int, known: int) -> None:
    line = line_make(1)
    sender = sender_make(line.unit, roles=("state",))
    moment, said = 0, []
    for wait, state in steps:
        said.append((moment, "state", state))
        moment += wait
    sender.say([(-10, "state", 6), *said], watermark=max(known, moment))
    sender.stitch()
    order = order_make(line)
    services.job_order_start(job_order_id=order.pk, at=at(0), by=PLANNER)
    services.job_order_stop(job_order_id=order.pk, at=at(ended), by=PLANNER)
    record = operational_record(order.code, now=NOW)
    if record.split is not None:
        assert closes(record)
        assert record.split.span_seconds == ended
        [lane] = record.lanes
        covered = sum((piece.end - piece.start for piece in lane.slices), timedelta())
        assert covered == timedelta(seconds=ended)


def test_what_nobody_gave_a_reason_for_is_the_cause_when_it_costs_most() -> None:
    line = line_make(1)
    sender, order = sender_make(line.unit), order_make(line)
    states = ((0, "execute"), (600, "held"), (2400, "execute"), (3000, "blocked"), (3040, "execute"))
    sender.say((second, "state", STATES[name]) for second, name in states)
    # Its counter shows that it is being listened to.
    sender.say([(second, "good_count", 1) for second in range(0, 3600, 20)], watermark=3600)
    sender.stitch()
    services.job_order_start(job_order_id=order.pk, at=at(0), by=PLANNER)
    services.job_order_stop(job_order_id=order.pk, at=at(3600), by=PLANNER)
    record = operational_record(order.code, now=NOW)
    assert [(group.word, group.seconds) for group in record.stop_groups] == [
        ("Stop without a reason", 1800),
        ("Outfeed full", 40),
    ]
    assert "most to “Stop without a reason” (30 min" in record.verdict
    assert "uncoded=1" in record.stop_groups[0].evidence


def test_time_lost_is_told_by_the_machine_it_started_at() -> None:
    line = line_make(3)
    first, second, third = (sender_make(unit, connection=None) for unit in line.units)
    Equipment.objects.filter(parent=line.line).update(stale_after=timedelta(hours=2))
    paces = {line.units[0].pk: False, line.units[1].pk: True}
    for unit, declared in paces.items():
        Equipment.objects.filter(pk=unit).update(is_constraint=declared)
    order = order_make(line)
    first.say((second_, "state", STATES[name]) for second_, name in ((0, "execute"), (3500, "execute")))
    second.say(
        (second_, "state", STATES[name])
        for second_, name in (
            (0, "execute"),
            (1000, "blocked"),
            (1900, "execute"),
            (3000, "held"),
            (3200, "execute"),
        )
    )
    third.say(
        (second_, "state", STATES[name])
        for second_, name in ((0, "execute"), (980, "aborted"), (1899, "execute"))
    )
    for sender in (first, second, third):
        sender.say([], watermark=3600)
        sender.stitch()
    services.job_order_start(job_order_id=order.pk, at=at(0), by=PLANNER)
    services.job_order_stop(job_order_id=order.pk, at=at(3600), by=PLANNER)
    record = operational_record(order.code, now=NOW)
    assert [(group.machine, group.seconds) for group in record.stop_groups] == [
        (line.units[2].name, 900),
        (line.units[1].name, 200),
    ]
    assert (
        f"18 min 20 s lost on {line.units[1].name}, most of it started at {line.units[2].name}"
        in record.verdict
    )
    assert record.split is not None
    assert record.split.is_attributed
    assert record.stop_groups[0].evidence.startswith("/stops/?stop=")
