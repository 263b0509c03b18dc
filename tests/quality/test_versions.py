"""Limits have versions, results are corrected by new ones: nothing that was judged is judged anew."""

from __future__ import annotations

import threading
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import ProgrammingError, close_old_connections, connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from mom.record.quality import tests as told
from plant.models import AuditEntry
from quality import selectors, services
from quality.models import Nonconformance, SpecificationVersion, TestResult, TestSpecification
from tests.factories.plant import account_make, actor_make, line_make
from tests.factories.quality import measure, specification_make
from tests.factories.traceability import Bottling, bottling_make, minutes


@pytest.fixture
def scene(db: None) -> Bottling:
    return bottling_make()


@pytest.fixture
def torque(scene: Bottling) -> TestSpecification:
    return specification_make(scene.line.unit)


def test_a_change_of_limits_makes_a_version_another_change_does_not(torque: TestSpecification) -> None:
    [first] = selectors.versions_of(torque.pk)
    assert (first.number, first.upper, first.valid_from) == (1, Decimal("2.1"), torque.recorded_at)
    torque.name_en = "Closing torque"
    torque.every_minutes = 15
    torque.save()
    assert selectors.versions_of(torque.pk).count() == 1
    before = timezone.now()
    torque.upper = Decimal("1.9")
    torque.save()
    _, second = selectors.versions_of(torque.pk)
    assert (second.number, second.upper, second.lower) == (2, Decimal("1.9"), Decimal("1.3"))
    assert before <= second.valid_from <= timezone.now()
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        SpecificationVersion.objects.filter(pk=first.pk).update(upper=9)


def test_a_late_value_is_judged_by_the_limits_of_its_time(scene: Bottling, torque: TestSpecification) -> None:
    torque.upper = Decimal("1.9")
    torque.save()
    now = timezone.now()
    late = measure(torque, "2.0", scene.operator, at=5)
    measurement = services.Measurement(value=Decimal("2.0"), measured_at=now)
    fresh = services.result_record(specification_code=torque.code, measurement=measurement, by=scene.operator)
    assert [(r.judgement, r.upper, r.version and r.version.number) for r in (late, fresh)] == [
        ("pass", Decimal("2.1"), 1),
        ("fail", Decimal("1.9"), 2),
    ]


limits = st.lists(st.tuples(st.integers(1, 400), st.integers(10, 30)), max_size=5)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limits, st.lists(st.tuples(st.integers(0, 900), st.integers(5, 35)), min_size=1, max_size=5))
def test_every_value_is_judged_by_the_version_in_force_when_it_was_measured(
    db: None, changed: list[tuple[int, int]], measured: list[tuple[int, int]]
) -> None:
    line = line_make()
    by, weight = actor_make("quality", line.line), specification_make(line.unit, lower=None, upper=20)
    uppers, at = [(0, 20)], 0
    for number, (apart, upper) in enumerate(changed, start=2):
        at += apart
        uppers.append((at, upper))
        SpecificationVersion.objects.create(
            specification=weight, number=number, valid_from=minutes(at), upper=upper
        )
    # The first version is as young as the check, entered after all of this; it judges what no other does.
    for moment, value in measured:
        result = measure(weight, str(value), by, at=moment)
        upper = [limit for since, limit in uppers if since <= moment][-1]
        assert (result.upper, result.judgement) == (upper, "fail" if value > upper else "pass")


def test_a_result_is_corrected_by_one_that_says_why_and_both_stay(
    scene: Bottling, torque: TestSpecification
) -> None:
    wrong = measure(torque, "1.25", scene.operator, order=scene.order, gauge="G1", lot_code="PAL-1")
    torque.upper = Decimal("1.4")
    torque.save()
    right = services.result_correct(
        result_id=wrong.pk, value=Decimal("1.52"), why="digits swapped", by=scene.operator
    )
    assert (right.judgement, right.version, right.upper) == ("pass", wrong.version, Decimal("2.1"))
    assert (right.measured_at, right.job_order, right.lot_code) == (
        wrong.measured_at,
        scene.order,
        "PAL-1",
    )
    assert list(selectors.results_for_order(scene.order)) == [wrong, right]
    answer = selectors.limits_answer(scene.order, now=minutes(20))
    assert (answer.verdict, answer.passed, answer.failed) == ("yes", 1, 0)
    first, second = told(scene.order)
    assert (first.replaced, second.replaced, second.corrects) == (True, False, "digits swapped")
    assert (first.version, second.version) == (1, 1)
    assert Nonconformance.objects.get().result == wrong, "a person decides about what was opened"
    [entry] = AuditEntry.objects.filter(action="test_result.correct")
    assert entry.before is not None
    kept = str(TestResult.objects.get(pk=wrong.pk).value)
    assert (entry.why, entry.before["value"]) == ("digits swapped", kept)


def test_a_correction_that_fails_opens_one_nonconformance(scene: Bottling, torque: TestSpecification) -> None:
    result = measure(torque, "1.5", scene.operator, order=scene.order)
    for value in ("2.5", "1.6", "2.6"):
        result = services.result_correct(
            result_id=result.pk, value=Decimal(value), why="read again", by=scene.operator
        )
    assert [r.value for r in selectors.corrected_of(result)] == [Decimal(v) for v in ("1.6", "2.5", "1.5")]
    opened = Nonconformance.objects.get().result
    assert opened is not None
    assert opened.value == Decimal("2.5")


def test_a_correction_that_does_not_fit_is_refused(scene: Bottling, torque: TestSpecification) -> None:
    result = measure(torque, "1.5", scene.operator)

    def refused(words: str, **changes: Any) -> None:
        values = {"result_id": result.pk, "value": Decimal("1.6"), "why": "w", "by": scene.operator}
        with pytest.raises(services.CheckRefused, match=words):
            services.result_correct(**{**values, **changes})

    refused("why: read nothing", why=" ")
    refused("result: read 0", result_id=0)
    refused("expected a number", value=Decimal("NaN"))
    with pytest.raises(PermissionDenied):
        refused("", by=actor_make("operator", line_make().line))
    made = services.result_correct(
        result_id=result.pk, value=Decimal("1.6"), why="w", by=scene.operator, key="K"
    )
    again = services.result_correct(
        result_id=result.pk, value=Decimal("1.6"), why="w", by=scene.operator, key="K"
    )
    assert made == again
    refused(f"which {made.pk} corrected already")
    refused("used for another result", key="K", value=Decimal("1.7"))


@pytest.mark.django_db(transaction=True)
def test_corrected_twice_at_once_one_is_refused() -> None:
    scene = bottling_make()
    result = measure(specification_make(scene.line.unit), "1.5", scene.operator)
    errors: list[Exception] = []

    def correct(value: str) -> None:
        try:
            services.result_correct(result_id=result.pk, value=Decimal(value), why="w", by=scene.operator)
        except Exception as error:
            errors.append(error)
        finally:
            close_old_connections()
            connection.close()

    threads = [threading.Thread(target=correct, args=(value,)) for value in ("1.6", "1.7")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [type(error) for error in errors] == [services.CheckRefused]
    assert TestResult.objects.filter(supersedes=result).count() == 1


def test_over_http_both_are_there(scene: Bottling, torque: TestSpecification) -> None:
    client = APIClient()
    user = account_make("operator", scene.line.line)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    wrong = measure(torque, "1.25", scene.operator, order=scene.order)
    path = f"/api/v1/test-results/{wrong.pk}/correction"
    body = {"value": "1.52", "why": "digits swapped"}
    made = client.post(path, body, format="json", headers={"Idempotency-Key": "1"})
    assert made.status_code == 201, made.content
    assert (made.json()["supersedes"], made.json()["version"], made.json()["why"]) == (
        wrong.pk,
        1,
        "digits swapped",
    )
    again = client.post(path, {"value": "1.6", "why": "x"}, format="json", headers={"Idempotency-Key": "2"})
    assert again.status_code == 400
    rows = client.get(f"/api/v1/test-results?job_order={scene.order.code}").json()["results"]
    assert [row["superseded_by"] for row in rows] == [made.json()["id"], None]
    rows = client.get(f"/api/v1/test-results?job_order={scene.order.code}&corrected=false").json()["results"]
    assert [row["id"] for row in rows] == [made.json()["id"]]
    [version] = client.get(f"/api/v1/test-specifications/{torque.code}/versions").json()
    assert (version["number"], version["upper"]) == (1, "2.100000")


def test_a_version_entered_in_the_same_instant_still_comes_later(torque: TestSpecification) -> None:
    at = torque.recorded_at + timedelta(seconds=1)
    for number in (2, 3):
        SpecificationVersion.objects.create(specification=torque, number=number, valid_from=at)
    found = selectors.version_at(specification_id=torque.pk, at=at)
    assert found is not None
    assert found.number == 3
