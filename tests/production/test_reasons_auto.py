"""Rules say a reason once, under their own name, and never over what a person said."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from plant.models import AuditEntry
from production import selectors, services, tasks
from production.models import ReasonAssertion, ReasonRule
from tests.factories.plant import equipment_class_make, line_make, person_make, reason_make
from tests.factories.production import PLANNER, Sender, at, order_make, sender_make

pytestmark = pytest.mark.django_db


@pytest.fixture
def machine() -> Sender:
    """A machine on an order that has just said E17 and stopped."""
    line = line_make(1)
    sender = sender_make(line.unit)
    services.job_order_start(job_order_id=order_make(line).pk, at=at(0), by=PLANNER)
    sender.say([(s, "process_value", 1) for s in range(0, 150, 20)])
    sender.say([(0, "state", 6), (97, "alarm", "E17"), (100, "state", 11)], watermark=150)
    return sender


def ends(machine: Sender) -> None:
    """It runs again at 700 s."""
    machine.say([(s, "process_value", 1) for s in range(150, 1000, 20)])
    machine.say([(700, "state", 6)], watermark=1000)


def rule_make(code: str = "R12", fault: str = "E17", **fields: Any) -> ReasonRule:
    fields.setdefault("valid_from", at(-3600))
    reason = fields.pop("reason", None) or reason_make("JAM")
    return ReasonRule.objects.create(code=code, fault_code=fault, reason=reason, **fields)


def test_a_rule_speaks_when_the_stop_is_long_enough_and_once(machine):
    rule = rule_make()
    tasks.stitch(machine.unit.pk)
    assert not ReasonAssertion.objects.exists()
    machine.say([(s, "process_value", 1) for s in range(150, 1000, 20)], watermark=1000)
    for _ in range(3):
        tasks.stitch(machine.unit.pk)
        tasks.reasons()
    said = ReasonAssertion.objects.get()
    assert (said.rule_id, said.reason.code, said.said_by_rule) == (rule.pk, "JAM", "auto: rule R12")
    assert (said.start_time, said.end_time, said.said_by) == (at(100), None, None)
    assert AuditEntry.objects.get(action="stop.reason").after["reported"] == "E17"
    [row] = selectors.told(selectors.stops(PLANNER))
    assert row.said == said


def test_a_person_holds_over_the_rule_even_if_said_offline_before(machine):
    rule_make()
    reason_make("CLEAN", "own_other")
    ends(machine)
    tasks.stitch(machine.unit.pk)
    assert ReasonAssertion.objects.get().end_time == at(700)
    services.reason_assert(
        equipment_id=machine.unit.pk, start_time=at(100), end_time=at(700), reason_code="CLEAN", by=PLANNER,
        seen_end=at(700), at=at(130),
    )  # fmt: skip
    [row] = selectors.told(selectors.stops(PLANNER))
    assert row.said is not None
    assert row.said.reason.code == "CLEAN"
    account = selectors.account(equipment_id=machine.unit.pk, start=at(0), end=at(1000))
    assert account is not None
    assert {s.reason_code for s in account.segments} == {"", "CLEAN"}


def test_what_was_said_or_taken_back_by_a_person_is_left_alone(machine):
    rule_make()
    ends(machine)
    tasks.stitch(machine.unit.pk)
    said = ReasonAssertion.objects.get()
    services.reason_assert(
        equipment_id=machine.unit.pk, start_time=at(100), end_time=at(700), reason_code="", by=PLANNER,
        supersedes=said.pk,
    )  # fmt: skip
    assert services.reasons_auto(work_unit_id=machine.unit.pk) == 0
    assert ReasonAssertion.objects.count() == 2


def test_a_changed_or_retired_rule_rewrites_nothing(machine):
    rule = rule_make()
    ends(machine)
    tasks.stitch(machine.unit.pk)
    ReasonRule.objects.filter(pk=rule.pk).update(reason=reason_make("OTHER"), fault_code="E99", priority=5)
    rule_make("R13", "E17", reason=reason_make("THIRD"), priority=9)
    services.reasons_catch_up()
    services.rebuild(work_unit_ids=[machine.unit.pk])
    services.reasons_catch_up()
    assert ReasonAssertion.objects.get().reason.code == "JAM"


def test_rules_of_another_machine_class_time_or_retired_reason_keep_silent(machine):
    narrow = equipment_class_make("narrow", equipment_class_make("wide"))
    machine.unit.equipment_class = narrow
    machine.unit.save()
    retired = reason_make("RETIRED")
    retired.valid_to = at(50)
    retired.save()
    rule_make("R1", reason=retired)
    rule_make("R2", equipment=line_make(1).unit, reason=reason_make("A"))
    rule_make("R3", equipment_class=equipment_class_make("other"), reason=reason_make("B"))
    rule_make("R4", valid_from=at(101), reason=reason_make("C"))
    rule_make("R5", look_back=timedelta(seconds=2), reason=reason_make("D"))
    rule_make("R6", is_active=False, reason=reason_make("E"))
    ends(machine)
    tasks.stitch(machine.unit.pk)
    assert not ReasonAssertion.objects.exists()
    rule_make("R7", equipment_class=narrow.parent, reason=reason_make("F"))
    assert services.reasons_auto(work_unit_id=machine.unit.pk) == 1


def test_the_database_takes_one_word_of_rules_per_stop(machine):
    rule = rule_make()
    row = {
        "equipment": machine.unit, "start_time": at(100), "end_time": at(700), "reason": rule.reason,
        "rule": rule,
    }  # fmt: skip
    ReasonAssertion.objects.create(**row)
    with pytest.raises(IntegrityError), transaction.atomic():
        ReasonAssertion.objects.create(**row)
    ReasonAssertion.objects.create(**{**row, "rule": None}, said_by=person_make())
