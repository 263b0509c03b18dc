"""The checklist of a changeover: ticked with its times, split into internal and external, never rewritten."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from plant.access import rule
from plant.models import CalendarSlot
from production import services
from production.models import ChangeoverStandard, ChangeoverStep, ChangeoverStepAssertion, JobOrder
from production.selectors.changeover_steps import RUN_WITHIN, checklist, sequence_costs
from production.selectors.changeovers import products_of
from production.services.assertions import Refused
from production.services.changeover_steps import changeover_step_tick
from tests.factories.pages import Plant
from tests.mom.pages.test_changeovers import changed_over

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
HOUR = 60 * MINUTE


@pytest.fixture
def steps(plant: Plant) -> dict[str, ChangeoverStep]:
    """On line 2: one external and one internal, of the line's own standard."""
    standard = ChangeoverStandard.objects.create(line=plant.lines[1], seconds=1200)
    return {
        code: ChangeoverStep.objects.create(
            changeover=standard, code=code, name_en=code.title(), position=position, is_external=external,
            standard_time=10 * MINUTE,
        )
        for position, (code, external) in enumerate((("PARTS", True), ("FORMAT", False)))
    }  # fmt: skip


def target(plant: Plant) -> JobOrder:
    return JobOrder.objects.filter(line=plant.lines[1]).order_by("sequence")[1]


def tick(
    order: JobOrder, step: ChangeoverStep, act: str, minutes: int, plant: Plant
) -> ChangeoverStepAssertion:
    at = plant.now - 30 * MINUTE + minutes * MINUTE
    return changeover_step_tick(job_order_id=order.pk, step_id=step.pk, act=act, by=rule("test"), at=at)


def test_ticked_with_its_times_the_changeover_is_split(
    supervisor: Client, plant: Plant, steps: dict[str, ChangeoverStep]
) -> None:
    changed_over(plant, 25)
    order = target(plant)
    JobOrder.objects.filter(pk=order.pk).update(started_at=plant.now - 30 * MINUTE)
    assert b"internal and external: not known" in supervisor.get("/changeovers/?line=L2").content
    tick(order, steps["PARTS"], "start", -30, plant)
    tick(order, steps["PARTS"], "done", -20, plant)
    tick(order, steps["FORMAT"], "start", -20, plant)
    tick(order, steps["FORMAT"], "done", -8, plant)
    page = supervisor.get(f"/changeovers/{order.code}/")
    split = page.context["split"]
    # The line stood from 25 minutes before its end at 0: five of the parts' ten lie in it.
    assert (split.internal, split.external_inside, split.not_known) == (12 * MINUTE, 5 * MINUTE, 8 * MINUTE)
    assert (
        b"internal 12 min, external while it stood 5 min" in supervisor.get("/changeovers/?line=L2").content
    )


def test_ticks_are_appended_taken_back_and_said_again(
    supervisor: Client, plant: Plant, steps: dict[str, ChangeoverStep]
) -> None:
    order = target(plant)
    address = f"/changeovers/{order.code}/"
    for act in ("start", "done", "undo", "done"):
        answer = supervisor.post(address, {"step": steps["FORMAT"].pk, "act": act}, follow=True)
        assert b"note-error" not in answer.content
    rows = ChangeoverStepAssertion.objects.order_by("pk")
    assert [(row.start_time is None, row.end_time is None) for row in rows] == [
        (False, True), (False, False), (True, True), (True, False),
    ]  # fmt: skip
    assert "time not known" in supervisor.get(address).content.decode()
    with pytest.raises(Refused, match="done already"):
        tick(order, steps["FORMAT"], "start", 0, plant)
    with pytest.raises(Refused, match="unknown step"):
        changeover_step_tick(job_order_id=order.pk, step_id=0, act="done", by=rule("test"), at=plant.now)


def test_the_standard_that_says_most_and_has_steps_gives_the_checklist(
    plant: Plant, steps: dict[str, ChangeoverStep]
) -> None:
    line = plant.lines[1]
    first, second = JobOrder.objects.filter(line=line).order_by("sequence")[:2]
    products = products_of([first.code, second.code])
    before, after = products[first.code], products[second.code]
    own = ChangeoverStandard.objects.create(
        line=line, from_product=first.product, to_product=second.product, seconds=600
    )
    assert [step.code for step in checklist(line_id=line.pk, before=before, after=after)] == [
        "PARTS",
        "FORMAT",
    ]
    ChangeoverStep.objects.create(changeover=own, code="OWN", position=1)
    assert [step.code for step in checklist(line_id=line.pk, before=before, after=after)] == ["OWN"]
    assert [step.code for step in checklist(line_id=line.pk, before=None, after=after)] == ["PARTS", "FORMAT"]


def test_a_change_of_sequence_costs_what_was_measured(supervisor: Client, plant: Plant) -> None:
    line = plant.lines[1]
    ChangeoverStandard.objects.create(line=line, seconds=600)
    orders = list(JobOrder.objects.filter(line=line, ended_at=None).order_by("sequence"))
    assert len(orders) >= 2
    services.sequence_change(
        line_id=line.pk, job_order_ids=[order.pk for order in reversed(orders)], by=rule("test"),
        why="glass is late", at=plant.now - 40 * MINUTE,
    )  # fmt: skip
    [found] = sequence_costs(line_id=line.pk, start=plant.now - HOUR, end=plant.now, done=[])
    assert (found.cost, found.measured) == (timedelta(), 0)
    chosen = found.decision.detail["after"]
    changed_over(plant, 25)
    from production import selectors as production

    done = production.line_changeovers(line_id=line.pk, start=plant.now - timedelta(days=1), end=plant.now)
    assert done is not None
    run = done.done[0]._replace(from_order=chosen[0], to_order=chosen[1])
    [found] = sequence_costs(line_id=line.pk, start=plant.now - HOUR, end=plant.now, done=[run])
    assert (found.standard, found.cost, found.measured) == (timedelta(), 15 * MINUTE, 1)
    late = run._replace(start=plant.now + RUN_WITHIN)
    [found] = sequence_costs(line_id=line.pk, start=plant.now - HOUR, end=plant.now, done=[late])
    assert (found.cost, found.measured) == (timedelta(), 0), "run long after: not this decision's"


def test_the_day_and_the_changeovers_tell_one_cost_of_a_change_with_both_its_names(
    supervisor: Client, plant: Plant
) -> None:
    line = plant.lines[1]
    ChangeoverStandard.objects.create(line=line, seconds=600)
    orders = list(JobOrder.objects.filter(line=line).order_by("sequence"))
    services.sequence_change(
        line_id=line.pk, job_order_ids=[order.pk for order in reversed(orders)], by=rule("test"),
        why="glass is late", at=plant.now - MINUTE,
    )  # fmt: skip
    slot = CalendarSlot.objects.filter(line=line, kind="shift").earliest("start_time")
    day = f"/lines/L2/days/{slot.production_day.isoformat()}/"
    pages = [supervisor.get(address) for address in ("/changeovers/?line=L2", day)]
    [once], [again] = (page.context["costs"] for page in pages)
    assert once == again
    for page in pages:
        text = page.content.decode()
        assert "glass is late" in text
        assert "by standards" in text
        assert "By standards: what was known when it was decided." in text
