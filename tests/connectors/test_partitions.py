"""A day without its partition: made when a value of it comes, waited for while somebody holds the table."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from connectors import selectors, services
from connectors.domain.columns import Columns, micros
from connectors.models import DirtyMark, IngestReceipt, SignalDefinition
from connectors.services.ingest import Delivery, Result, deliveries_store
from connectors.services.partitions import partitions_forget
from tests.connectors.test_retaining import as_owner
from tests.factories.connectors import signal_make
from tests.factories.plant import line_make

pytestmark = pytest.mark.django_db(transaction=True)
# A day of its own: no other test makes or needs it
NOON = datetime(2031, 5, 6, 12, tzinfo=UTC)
TABLE = "connectors_signalsample_20310506"
SPOOL = uuid.uuid5(uuid.NAMESPACE_URL, "partitions")


@pytest.fixture
def signal() -> Iterator[SignalDefinition]:
    made = signal_make(line_make(1).unit, "M1/value")
    gone()
    partitions_forget()
    yield made
    gone()


def gone() -> None:
    """By hand, as an owner may: no process is told."""
    with as_owner() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {TABLE}")


def is_there() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [TABLE])
        return bool(cursor.fetchone()[0])


def batch(signal: SignalDefinition, sequence: int) -> Delivery:
    told = Columns()
    at = micros(NOON) + sequence
    told.add(signal.address, sequence, source_time=at, arrival_time=at)
    return Delivery(samples=told, receipt=(SPOOL, sequence), told=1)


def store(signal: SignalDefinition, *sequences: int) -> list[Result]:
    """As a worker does: on a connection of its own when it runs in a thread."""
    deliveries = [batch(signal, sequence) for sequence in sequences]
    later = NOON + timedelta(minutes=1)
    return deliveries_store(slug=signal.connection.slug, deliveries=deliveries, now=later)[1]


def stored(signal: SignalDefinition) -> list[Any]:
    day = timedelta(days=1)
    rows = selectors.samples_between(signal_ids=[signal.pk], start=NOON - day, end=NOON + day)
    return [row.value for row in rows]


def worker(pool: ThreadPoolExecutor, *calls: Callable[[], Any]) -> list[Future[Any]]:
    def run(call: Callable[[], Any]) -> Any:
        try:
            return call()
        finally:
            connection.close()

    return [pool.submit(run, call) for call in calls]


def waiting(count: int) -> None:
    """Until so many statements wait for a lock of the samples or of their day."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
            if cursor.fetchone()[0] >= count:
                return
        time.sleep(0.02)
    raise AssertionError(f"not {count} that wait")


def test_a_day_nobody_made_is_made_and_one_dropped_by_hand_is_made_again(signal: SignalDefinition) -> None:
    assert [one.stored for one in store(signal, 1)] == [1]
    gone()  # this process remembers that it was there
    assert [one.stored for one in store(signal, 2, 3)] == [1, 1]
    assert stored(signal) == [2, 3], "what was dropped by hand is gone, and nothing else"
    gone()
    services.partitions_ahead(now=NOON, days=0)
    assert not is_there(), "remembered"
    assert store(signal, 3) == [], "received before"
    assert [one.stored for one in store(signal, 4)] == [1]
    assert stored(signal) == [4]


def test_workers_that_need_the_same_new_day_make_it_once(signal: SignalDefinition) -> None:
    with ThreadPoolExecutor(2) as pool:
        done = worker(pool, *(lambda number=number: store(signal, number, number + 10) for number in (1, 2)))
        assert [len(one.result(60)) for one in done] == [2, 2]
    assert stored(signal) == [1, 2, 11, 12]


@pytest.mark.parametrize("mode", ["SHARE UPDATE EXCLUSIVE", "ACCESS EXCLUSIVE"])
def test_a_table_somebody_holds_is_waited_for_and_what_is_sent_again_meanwhile_counts_once(
    signal: SignalDefinition, mode: str
) -> None:
    """An index being built, or an ALTER TABLE by hand, on the day whose partition is missing."""
    with ThreadPoolExecutor(2) as pool:
        with as_owner() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(f"LOCK TABLE connectors_signalsample IN {mode} MODE")
            done = worker(pool, lambda: store(signal, 1, 2), lambda: store(signal, 1, 2))
            waiting(2)
            assert not any(one.done() for one in done)
            cursor.execute("ROLLBACK")
        assert sorted(len(one.result(60)) for one in done) == [0, 2]
    assert stored(signal) == [1, 2]
    assert IngestReceipt.objects.count() == 2
    assert DirtyMark.objects.exists()


def test_a_worker_that_may_wait_no_longer_stores_nothing_of_the_batch_and_all_of_it_later(
    signal: SignalDefinition,
) -> None:
    def impatient() -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '50ms'")
        return store(signal, 1, 2)

    with ThreadPoolExecutor(1) as pool, as_owner() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("LOCK TABLE connectors_signalsample IN SHARE UPDATE EXCLUSIVE MODE")
        [done] = worker(pool, impatient)
        assert done.exception(60) is not None, "the runner is told, and sends it again"
        cursor.execute("ROLLBACK")
    assert (IngestReceipt.objects.count(), is_there()) == (0, False)
    assert len(store(signal, 1, 2)) == 2
    assert stored(signal) == [1, 2]
