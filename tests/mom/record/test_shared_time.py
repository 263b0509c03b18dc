"""The record's split where a group made the order, and where orders ran on one machine at once."""

from __future__ import annotations

import pytest
from django.utils import timezone

from mom.record.compose import operational_record
from plant.models import Equipment, ParallelGroup
from production import selectors, services
from production.services.sharing import order_share_assert
from tests.factories.plant import line_make
from tests.factories.production import PLANNER, at, order_make, sender_make
from tests.production.test_stations import mark, say

pytestmark = pytest.mark.django_db


def test_orders_at_once_have_the_machine_s_minutes_once_in_their_records() -> None:
    line = line_make(1)
    Equipment.objects.filter(pk=line.unit.pk).update(is_manual=True, is_constraint=True)
    first, second = order_make(line), order_make(line)
    say(line.unit, 0, "execute")
    services.job_order_start(job_order_id=first.pk, at=at(0), by=PLANNER)
    services.job_order_start(job_order_id=second.pk, at=at(600), by=PLANNER)
    order_share_assert(job_order_id=second.pk, weight=3, at=at(1200), by=PLANNER)
    mark(line.unit, 2400)
    records = [operational_record(order.code, now=timezone.now()) for order in (first, second)]
    splits = [record.split for record in records]
    told = selectors.account(equipment_id=line.unit.pk, start=at(0), end=at(2400))
    assert told is not None
    assert all(split is not None and split.unexplained_seconds == 0 for split in splits)
    assert [split and split.span_seconds for split in splits] == [1200, 1200]
    assert sum(split.total_seconds for split in splits if split) == told.span.total_seconds()
    assert all(
        split and other.code in split.rule for split, other in zip(splits, (second, first), strict=True)
    )


def test_a_group_that_made_the_order_is_one_account_in_its_record() -> None:
    line = line_make(2)
    group = ParallelGroup.objects.create(line=line.line, code="FILLERS", minimum_running=1)
    Equipment.objects.filter(pk__in=[unit.pk for unit in line.units]).update(parallel_group=group)
    Equipment.objects.filter(pk=line.units[0].pk).update(is_constraint=True)
    order = order_make(line)
    services.job_order_start(job_order_id=order.pk, at=at(0), by=PLANNER)
    for unit, stopped in zip(line.units, (600, 900), strict=True):
        sender = sender_make(unit, roles=["state", "process_value"])
        sender.say([(s, "process_value", 1) for s in range(0, 1801, 30)])
        sender.say([(0, "state", 6), (stopped, "state", 9), (stopped + 600, "state", 6)], watermark=1801)
        sender.stitch()
    record = operational_record(order.code, now=timezone.now())
    found = selectors.account(equipment_id=line.line.pk, start=at(0), end=at(1801))
    assert record.split is not None
    assert found is not None
    # Both stand from 900 s to 1,200 s: the step ran before and after, on one or the other.
    running = next(row.seconds for row in record.split.rows if row.time_class == "running")
    assert running == round(found.durations["running"].total_seconds()) == 1501
    assert record.split.unexplained_seconds == 0
    assert line.units[1].name in record.split.rule
