"""Results that arrive by a signal: pulled by time, once, whenever they land."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from production.models import OrderSpan
from quality import services, tasks
from quality.models import Nonconformance, TestResult, TestSpecification
from tests.factories.plant import Line, line_make
from tests.factories.production import T0, Sender, at, sender_make
from tests.factories.quality import specification_make
from tests.factories.traceability import order_make

pytestmark = pytest.mark.django_db
NOW = T0 + timedelta(hours=12)


@pytest.fixture
def line() -> Line:
    return line_make()


@pytest.fixture
def sender(line: Line) -> Sender:
    return sender_make(line.unit)


@pytest.fixture
def weighed(line: Line, sender: Sender) -> TestSpecification:
    signal = sender.signals["process_value"]
    return specification_make(
        line.unit, connection=sender.connection.slug, address=signal.address, every_minutes=None
    )


def values() -> list[Decimal]:
    return list(TestResult.objects.order_by("measured_at").values_list("value", flat=True))


def test_values_are_pulled_once_and_judged(sender: Sender, weighed: TestSpecification) -> None:
    sender.say([(10, "process_value", 1.5), (20, "process_value", 2.5), (30, "process_value", 1.6, True)])
    assert services.results_pull(now=NOW) == 2
    assert services.results_pull(now=NOW) == 0
    assert values() == [Decimal("1.5"), Decimal("2.5")]
    assert {result.source for result in TestResult.objects.all()} == {"signal"}
    assert Nonconformance.objects.get().opened_at == at(20)


def test_a_late_value_is_found_behind_newer_ones(sender: Sender, weighed: TestSpecification) -> None:
    sender.say([(3600, "process_value", 1.5)])
    services.results_pull(now=NOW)
    sender.say([(60, "process_value", 1.4)])
    assert services.results_pull(now=NOW) == 1
    assert values() == [Decimal("1.4"), Decimal("1.5")]


def test_a_check_of_one_product_waits_for_the_order_and_skips_others(
    line: Line, sender: Sender, weighed: TestSpecification
) -> None:
    order, other = order_make(line.line), order_make(line.line)
    weighed.products = [order.product.code]
    weighed.save()
    sender.say([(10, "process_value", 1.5), (100, "process_value", 1.6)])
    assert services.results_pull(now=NOW) == 0
    for code, start, end in ((order.code, 0, 50), (other.code, 50, None)):
        OrderSpan.objects.create(
            equipment=line.line,
            order_code=code,
            start_time=at(start),
            end_time=None if end is None else at(end),
            source="events",
        )
    assert services.results_pull(now=NOW) == 1
    assert TestResult.objects.get().job_order == order


def test_words_are_no_measurement_and_an_unknown_signal_is_no_error(
    line: Line, sender: Sender, weighed: TestSpecification
) -> None:
    specification_make(line.unit, connection="nowhere", address="nothing")
    sender.say([(10, "process_value", "warm"), (20, "process_value", True)])
    assert services.results_pull(now=NOW) == 0


def test_the_task_is_the_service(sender: Sender, weighed: TestSpecification) -> None:
    tasks.results_pull()
    assert tasks.BEAT["quality-results-pull"]["task"] == tasks.results_pull.name
