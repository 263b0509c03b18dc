"""What waits for a reason is what the account calls uncoded: one rule for which stop a reason is about."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from plant.models import Reason
from production import selectors, services
from production.models import ReasonAssertion
from production.services.reasons_auto import _unsaid
from tests.factories.plant import Line, line_make, reason_make
from tests.factories.production import PLANNER, Sender, at, order_make, sender_make

pytestmark = pytest.mark.django_db
LONG = 1200

# Seconds running, then stopped; the last stop may go on.
pauses = st.lists(st.tuples(st.integers(1, 90), st.integers(12, 130)), min_size=1, max_size=5)
# (said from, for how long: None without an end, said when)
words = st.lists(
    st.tuples(st.integers(0, 900), st.none() | st.integers(1, 200), st.integers(0, 3)), max_size=4
)
Word = tuple[int, int | None, int]


@pytest.fixture
def place() -> tuple[Line, Reason]:
    """A machine on an order, whose stops count from 10 s on."""
    line = line_make(1)
    line.unit.minimum_stop, line.unit.registered_stop = timedelta(seconds=2), timedelta(seconds=10)
    line.unit.save()
    services.job_order_start(job_order_id=order_make(line).pk, at=at(0), by=PLANNER)
    return line, reason_make("JAM")


def ran(line: Line, stops: list[tuple[int, int]], goes_on: bool) -> Sender:
    sender, now, said = sender_make(line.unit), 0, [(0.0, "state", 6)]
    for running, stopped in stops:
        said += [(now + running, "state", 11), (now + running + stopped, "state", 6)]
        now += running + stopped
    sender.say([(float(s), "process_value", 1) for s in range(0, LONG + 1, 20)])
    sender.say(said[:-1] if goes_on else said, watermark=LONG)
    sender.stitch()
    return sender


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pauses, st.booleans(), words)
@example([(20, 30), (20, 100)], False, [(20, None, 0)])
@example([(20, 30), (20, 100)], True, [(25, None, 0), (71, 1, 1)])
def test_the_queue_waits_for_what_the_account_calls_uncoded(
    place: tuple[Line, Reason], stops: list[tuple[int, int]], goes_on: bool, said: list[Word]
) -> None:
    line, reason = place
    with transaction.atomic():
        unit = ran(line, stops, goes_on).unit
        for start, lasts, when in said:
            end = None if lasts is None else at(start + lasts)
            row = {"equipment": unit, "start_time": at(start), "end_time": end, "reason": reason}
            ReasonAssertion.objects.create(**row, said_at=at(LONG + when))
        account = selectors.account(equipment_id=unit.pk, start=at(0), end=at(LONG))
        assert account is not None
        asked = {s.stop_start for s in account.segments if s.uncoded}
        told = {s.stop_start: set[int | None]() for s in account.segments if s.stop_start}
        for segment in account.segments:
            if segment.stop_start and segment.assertion_id:
                told[segment.stop_start].add(segment.assertion_id)
        rows = selectors.told(selectors.stops(PLANNER))
        assert {row.stop.start_time: bool(row.said) for row in rows} == {s: bool(told[s]) for s in told}
        # What holds in the queue, the one said last, is seen in the account.
        assert all(row.said.pk in told[row.stop.start_time] for row in rows if row.said)
        # A stop explained in part waits no more, though the account still tells the rest of it.
        waiting = {start for start in asked if start and not told[start]}
        assert {row.start_time for row in selectors.stops_uncoded(PLANNER)} == waiting
        assert {row.start_time for row in _unsaid(unit.pk)} == waiting
        for cut in range(30, LONG, 130):
            halves = [
                selectors.account(equipment_id=unit.pk, start=at(start), end=at(end))
                for start, end in ((0, cut), (cut, LONG))
            ]
            assert sum((half.uncoded for half in halves if half), timedelta()) == account.uncoded
        transaction.set_rollback(True)
