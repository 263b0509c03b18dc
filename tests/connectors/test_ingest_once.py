"""What comes more than once is stored once and said so, whichever batch or task brings it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.domain.columns import UNDATED, Columns, micros
from connectors.models import Connection, SignalDefinition, SignalSample
from connectors.services.ingest import Delivery, deliveries_store
from tests.factories.connectors import connection_make, signal_make
from tests.factories.plant import Line, line_make

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
ADDRESSES = ("a", "b", "c")
# (address, second or number of the message, value, whether it is numbered and not dated)
Value = tuple[int, int, int, bool]
VALUES = st.tuples(st.integers(0, 2), st.integers(0, 4), st.integers(0, 1), st.booleans())
TASKS = st.lists(st.lists(st.lists(VALUES, max_size=6), min_size=1, max_size=4), min_size=1, max_size=4)


@pytest.fixture
def line() -> Line:
    return line_make(1)


@pytest.fixture
def made(line: Line) -> Connection:
    return connection_make(line.site)


@pytest.fixture
def signals(line: Line, made: Connection) -> list[SignalDefinition]:
    return [signal_make(line.unit, address, connection=made) for address in ADDRESSES]


def batch(values: list[Value], arrival: datetime) -> Columns:
    columns = Columns()
    for address, number, value, undated in values:
        if undated:
            at, key = micros(arrival), 100 + number
        else:
            at, key = micros(NOW) + number * 1_000_000, value
        columns.add(
            ADDRESSES[address],
            value,
            source_time=at,
            arrival_time=micros(arrival),
            historical=UNDATED if undated else 0,
            key=key,
        )
    return columns


def told(value: Value) -> tuple[Any, ...]:
    """What makes a value the same as another: its number, or its time and itself."""
    address, number, what, undated = value
    return (address, "number", number) if undated else (address, number, what)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tasks=TASKS)
def test_each_value_is_counted_as_stored_where_it_first_came_and_nowhere_else(
    made: Connection, signals: list[SignalDefinition], tasks: list[list[list[Value]]]
) -> None:
    """Tasks of batches that overlap themselves, each other and what came before, against a dictionary."""
    first: dict[tuple[Any, ...], tuple[datetime, int]] = {}
    with transaction.atomic():
        for number, task in enumerate(tasks):
            arrivals = [NOW + timedelta(minutes=number, seconds=place) for place in range(len(task))]
            expected = []
            for arrival, values in zip(arrivals, task, strict=True):
                before = len(first)
                for value in values:
                    first.setdefault(told(value), (arrival, value[2]))
                expected.append((len(first) - before, len(values) - len(first) + before))
            deliveries = [Delivery(samples=batch(*pair)) for pair in zip(task, arrivals, strict=True)]
            _, results = deliveries_store(slug=made.slug, deliveries=deliveries, now=NOW + timedelta(hours=1))
            assert [(one.stored, one.deduplicated) for one in results] == expected
        rows = SignalSample.objects.filter(signal_id__in=[signal.pk for signal in signals])
        assert sorted(rows.values_list("arrival_time", "v_int")) == sorted(first.values())
        transaction.set_rollback(True)


def sent_twice(apart: timedelta) -> list[Columns]:
    """One message of two signals, and the broker's second copy of it."""
    message: list[Value] = [(0, 7, 1, True), (1, 7, 2, True)]
    return [batch(message, NOW), batch(message, NOW + apart)]


def stored_of(results: list[Any]) -> list[tuple[int, int]]:
    return [(one.stored, one.deduplicated) for one in results]


def test_both_copies_of_a_numbered_undated_message_in_one_batch_are_stored_once(
    made: Connection, signals: list[SignalDefinition]
) -> None:
    both = batch([(0, 7, 1, True), (1, 7, 2, True)] * 2, NOW)
    both.source_time[2] += 1_000_000
    both.source_time[3] += 1_000_000
    _, results = deliveries_store(slug=made.slug, deliveries=[Delivery(samples=both)], now=NOW)
    assert stored_of(results) == [(2, 2)]
    assert {row.source_time for row in SignalSample.objects.all()} == {NOW}


def test_its_copies_in_two_batches_of_one_task_are_stored_once(
    made: Connection, signals: list[SignalDefinition]
) -> None:
    deliveries = [Delivery(samples=columns) for columns in sent_twice(timedelta(seconds=1))]
    _, results = deliveries_store(slug=made.slug, deliveries=deliveries, now=NOW + timedelta(seconds=2))
    assert stored_of(results) == [(2, 0), (0, 2)]


def test_a_signal_of_a_numbered_message_that_was_mapped_later_is_not_taken_for_a_copy(
    line: Line, made: Connection
) -> None:
    """What the message said of another signal is stored already, under the same number."""
    signal_make(line.unit, "a", connection=made)
    columns, again = sent_twice(timedelta(seconds=1))
    _, results = deliveries_store(slug=made.slug, deliveries=[Delivery(samples=columns)], now=NOW)
    assert (results[0].stored, results[0].quarantined) == (1, 1)
    signal_make(line.unit, "b", connection=made)
    _, results = deliveries_store(slug=made.slug, deliveries=[Delivery(samples=again)], now=NOW)
    assert stored_of(results) == [(1, 1)]


def test_a_replay_costs_no_failed_copy_after_its_first_task(
    made: Connection, signals: list[SignalDefinition]
) -> None:
    tasks = [[batch([(0, number, 1, False)], NOW)] for number in range(3)]

    def store(task: list[Columns]) -> list[str]:
        deliveries = [Delivery(samples=columns) for columns in task]
        with CaptureQueriesContext(connection) as seen:
            deliveries_store(slug=made.slug, deliveries=deliveries, now=NOW)
        return [query["sql"] for query in seen.captured_queries]

    fresh = [store(task) for task in tasks]
    again = [store(task) for task in tasks]
    rolled_back = [sum(sql.startswith("ROLLBACK") for sql in queries) for queries in fresh + again]
    assert rolled_back == [0, 0, 0, 1, 0, 0]
    assert SignalSample.objects.count() == 3
