"""Checks: when they are due, how a value is judged, what a failed one causes."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import ProgrammingError, transaction
from hypothesis import given
from hypothesis import strategies as st

from plant.models import Decision, Equipment
from production.models import OrderSpan
from quality import selectors, services
from quality.domain.checks import due_at, judge, within_limits
from quality.domain.dispositions import blocks, status_of
from quality.models import Disposition, Nonconformance, TestResult, TestSpecification
from tests.factories.plant import actor_make, line_make
from tests.factories.quality import measure, specification_make
from tests.factories.traceability import START, Bottling, bottling_make, lot_make, minutes, order_make
from traceability import selectors as traceability
from traceability import services as lots

amounts = st.decimals("-1000", "1000", places=3)


@given(amounts, st.none() | amounts, st.none() | amounts)
def test_a_value_fails_exactly_when_it_is_outside_a_limit(
    value: Decimal, lower: Decimal | None, upper: Decimal | None
) -> None:
    judged = judge(value, lower=lower, upper=upper)
    outside = (lower is not None and value < lower) or (upper is not None and value > upper)
    expected = "not_judged" if lower is None and upper is None else "fail" if outside else "pass"
    assert judged == expected


@given(st.booleans(), st.none() | st.integers(1, 600), st.none() | st.integers(0, 600))
def test_a_check_is_due_at_start_then_after_its_interval(
    at_start: bool, every: int | None, last: int | None
) -> None:
    taken = None if last is None else minutes(last)
    interval = None if every is None else timedelta(minutes=every)
    due = due_at(order_start=START, last=taken, every=interval, at_start=at_start)
    if last is None and at_start:
        assert due == START
    elif interval is None:
        assert due is None
    else:
        assert due == (taken or START) + interval


def test_the_quality_question_is_answered_by_what_was_judged() -> None:
    assert within_limits(["pass", "not_judged"]).verdict == "yes"
    assert within_limits(["pass", "fail"]).verdict == "no"
    assert within_limits(["not_judged"], overdue=2).verdict == within_limits([]).verdict == "not_known"


def test_only_a_release_or_a_rework_frees_a_lot() -> None:
    freed = {decision for decision in [None, *Disposition.Decided.values] if not blocks(decision)}
    assert freed == {"use_as_is", "rework"}
    assert [status_of(decision) for decision in (None, "hold", "scrap")] == ["open", "on_hold", "decided"]


@pytest.fixture
def scene(db: None) -> Bottling:
    return bottling_make()


@pytest.fixture
def torque(scene: Bottling) -> TestSpecification:
    return specification_make(scene.line.unit, products=[scene.order.product.code])


def test_a_result_keeps_the_limits_it_was_judged_by(scene: Bottling, torque: TestSpecification) -> None:
    result = measure(torque, "2.1", scene.operator, order=scene.order, gauge="G1", sample_number=3)
    TestSpecification.objects.filter(pk=torque.pk).update(upper=Decimal("1.9"))
    kept = selectors.results_for_order(scene.order).get(pk=result.pk)
    assert (kept.judgement, kept.upper, kept.gauge, kept.sample_number) == ("pass", Decimal("2.1"), "G1", 3)
    assert kept.person_id == scene.operator.person_id
    assert not Nonconformance.objects.exists()
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        TestResult.objects.filter(pk=result.pk).update(value=1)


def test_a_failed_check_opens_a_nonconformance_by_its_named_rule(
    scene: Bottling, torque: TestSpecification
) -> None:
    result = measure(torque, "2.2", scene.operator, order=scene.order, lot_code="PAL-1")
    (opened,) = selectors.nonconformances_for_order(scene.order)
    assert (opened.result, opened.lot_code, opened.said_by_rule) == (result, "PAL-1", "rule:failed-check")
    assert opened.opened_at == result.measured_at
    assert "2.2" in opened.description
    assert "1.3 … 2.1" in opened.description
    assert selectors.limits_answer(scene.order, now=minutes(20)).verdict == "no"


def test_a_result_sent_twice_is_stored_once(scene: Bottling, torque: TestSpecification) -> None:
    first = measure(torque, "2.5", scene.operator, key="K")
    assert measure(torque, "2.5", scene.operator, key="K") == first
    with pytest.raises(services.CheckRefused, match="used for another result"):
        measure(torque, "1.5", scene.operator, key="K")
    assert (TestResult.objects.count(), Nonconformance.objects.count()) == (1, 1)


def test_a_result_without_an_order_counts_for_the_one_that_ran(
    scene: Bottling, torque: TestSpecification
) -> None:
    OrderSpan.objects.create(
        equipment=scene.line.line, order_code=scene.order.code, start_time=START, source="events"
    )
    assert measure(torque, "1.5", scene.operator).job_order == scene.order
    assert measure(torque, "1.5", scene.operator, at=-10).job_order is None


def test_a_result_of_no_order_belongs_to_what_ran_on_the_line_then(
    scene: Bottling, torque: TestSpecification
) -> None:
    inside, before = (measure(torque, "1.5", scene.operator, at=at) for at in (10, -10))
    elsewhere = specification_make(line_make().line)
    measure(elsewhere, "1.5", actor_make("quality", elsewhere.equipment))
    assert list(selectors.results_for_order(scene.order)) == [inside]
    assert before.job_order is None


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"value": "NaN"}, "value: read NaN, expected a number"),
        ({"value": "1e13"}, "expected a number"),
        ({"value": "0.0000001"}, "at most 6 decimals"),
        ({"at": 10**7}, "not in the future"),
    ],
)
def test_a_bad_value_is_refused(
    scene: Bottling, torque: TestSpecification, values: dict[str, Any], words: str
) -> None:
    with pytest.raises(services.CheckRefused, match=words):
        measure(torque, values.pop("value", "1.5"), scene.operator, **values)
    assert not TestResult.objects.exists()


def test_a_check_of_another_product_or_line_is_refused(scene: Bottling, torque: TestSpecification) -> None:
    other = order_make(scene.line.line)
    with pytest.raises(services.CheckRefused, match=f"expected one of {scene.order.product.code}"):
        measure(torque, "1.5", scene.operator, order=other)
    with pytest.raises(services.CheckRefused, match="expected an order of the line"):
        measure(torque, "1.5", scene.operator, order=order_make(line_make().line))
    with pytest.raises(PermissionDenied):
        measure(torque, "1.5", actor_make("maintenance", scene.line.line))


def due_codes(scene: Bottling, at: float, **options: Any) -> list[str]:
    return [due.specification.code for due in selectors.checks_due(scene.order, now=minutes(at), **options)]


def test_checks_due_follow_the_order_and_its_product(scene: Bottling, torque: TestSpecification) -> None:
    start = specification_make(scene.line.line, every_minutes=None, at_start=True)
    specification_make(scene.line.unit, products=["ANOTHER"])
    specification_make(scene.line.unit, is_active=False)
    assert due_codes(scene, 5) == [start.code]
    assert due_codes(scene, 31) == [start.code, torque.code]
    assert due_codes(scene, 5, ahead=timedelta(minutes=30)) == [start.code, torque.code]
    assert due_codes(scene, 31, equipment_id=scene.line.unit.pk) == [torque.code]
    measure(start, "1.5", scene.operator, at=32, order=scene.order)
    assert measure(torque, "1.5", scene.operator, at=32).job_order is None
    assert due_codes(scene, 61) == []
    (due,) = selectors.checks_due(scene.order, now=minutes(70))
    assert (due.last_at, due.late(minutes(70))) == (minutes(32), timedelta(minutes=8))


def test_an_order_that_ended_or_never_began_has_no_checks_due(torque: TestSpecification) -> None:
    line = torque.equipment.parent
    assert isinstance(line, Equipment)
    for order in (order_make(line, started=None), order_make(line, ended=20)):
        assert selectors.checks_due(order, now=minutes(600)) == []


def test_a_lot_is_blocked_until_it_is_decided(scene: Bottling) -> None:
    # One lot's story: each decision stands on the one before.
    opened = services.nonconformance_open(
        equipment=scene.line.line,
        description="dented",
        by=scene.operator,
        lot_code=scene.caps.code,
        opened_at=minutes(1),
    )

    def status() -> list[str]:
        return [veto.code for veto in traceability.lot_vetoes(scene.caps, at=minutes(5))]

    def consume() -> None:
        lots.lot_consume(
            job_order_id=scene.order.pk,
            lot_code=scene.caps.code,
            equipment_id=None,
            quantity=Decimal(1),
            at=minutes(5),
            by=scene.operator,
        )

    quality = actor_make("quality", scene.line.line)

    def decide(decision: str) -> Disposition:
        return services.disposition_set(
            nonconformance_code=opened.code, decision=decision, why="looked at", by=quality
        )

    with pytest.raises(lots.LotRefused, match=opened.code):
        consume()
    held = decide("hold")
    assert status() == ["lot_blocked"]
    released = decide("use_as_is")
    assert released.supersedes == held
    assert status() == []
    consume()
    decide("scrap")
    assert status() == ["lot_blocked"]
    kinds = Decision.objects.filter(subject_code=opened.code).values_list("kind", "said_by_id")
    assert list(kinds) == [("disposition", quality.person_id)] * 3
    assert not selectors.nonconformances_open(equipment_path=scene.line.site.path).exists()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"decision": "burn"}, "decision: read 'burn', expected one of use_as_is"),
        ({"why": "  "}, "why: read nothing"),
        ({"quantity": Decimal(-1)}, "quantity: read -1"),
        ({"quantity": Decimal("NaN")}, "quantity: read NaN"),
        ({"nonconformance_code": "NC-9"}, "read 'NC-9', expected a number known here"),
    ],
)
def test_a_bad_decision_is_refused(scene: Bottling, values: dict[str, Any], words: str) -> None:
    opened = services.nonconformance_open(equipment=scene.line.line, description="x", by=scene.operator)
    quality = actor_make("quality", scene.line.line)
    defaults: dict[str, Any] = {
        "nonconformance_code": opened.code,
        "decision": "hold",
        "why": "so",
        "by": quality,
    }
    with pytest.raises(services.CheckRefused, match=words):
        services.disposition_set(**{**defaults, **values})
    with pytest.raises(PermissionDenied):
        services.disposition_set(**{**defaults, "by": scene.operator})
    assert not Disposition.objects.exists()


def test_a_lot_that_is_only_tested_blocks_nothing_else(scene: Bottling) -> None:
    lot_make(scene.line.site, code="OTHER")
    services.nonconformance_open(
        equipment=scene.line.line, description="x", by=scene.operator, lot_code="OTHER"
    )
    assert traceability.lot_vetoes(scene.caps, at=minutes(5)) == []
