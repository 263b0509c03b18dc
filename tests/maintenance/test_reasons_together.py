"""Reasons of several stops said in one transaction: stops locked in one order, lines last, nobody stuck."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import pytest
from django.db import close_old_connections, connection, transaction
from rest_framework.test import APIClient

from maintenance.models import MaintenanceRequest
from maintenance.services.requests import _stop_lock
from plant import hooks
from plant.hooks import ReasonSaid
from plant.models import Reason
from plant.services import revision_bump
from production import services
from production.models import ReasonAssertion, ReasonRule
from tests.factories.plant import Line, account_make, line_make, reason_make
from tests.factories.production import PLANNER, at, order_make, sender_make

pytestmark = pytest.mark.django_db(transaction=True)
FIRST, SECOND = at(100), at(800)
PATIENCE = 20


@pytest.fixture
def line() -> Line:
    """A machine that stopped twice, for E17 both times, and a reason that calls maintenance."""
    line = line_make(1)
    sender = sender_make(line.unit)
    services.job_order_start(job_order_id=order_make(line).pk, at=at(0), by=PLANNER)
    sender.say([(s, "process_value", 1) for s in range(0, 1600, 20)])
    sender.say([(97, "alarm", "E17"), (300, "alarm", ""), (797, "alarm", "E17")])
    sender.say(
        [(0, "state", 6), (100, "state", 11), (700, "state", 6), (800, "state", 11), (1400, "state", 6)],
        watermark=1600,
    )
    sender.stitch()
    reason_make("CALL", opens_request=True)
    return line


@contextmanager
def heard(before: Callable[[ReasonSaid], None], after: Callable[[ReasonSaid], None]) -> Iterator[None]:
    """Told of every reason before maintenance locks its stop, and after."""
    hooks.reason_said.register("a test", before)
    hooks.reason_said.register("z test", after)
    try:
        yield
    finally:
        del hooks.reason_said._listeners["a test"], hooks.reason_said._listeners["z test"]


def at_once(*works: Callable[[], object]) -> list[Exception]:
    errors: list[Exception] = []

    def run(work: Callable[[], object]) -> None:
        try:
            work()
        except Exception as error:
            errors.append(error)
        finally:
            close_old_connections()
            connection.close()

    threads = [threading.Thread(target=run, args=(work,), name=str(n)) for n, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return errors


def test_a_rule_that_speaks_of_two_stops_and_somebody_who_raises_the_second(line: Line) -> None:
    call = Reason.objects.get(code="CALL")
    ReasonRule.objects.create(code="R1", fault_code="E17", reason=call, valid_from=at(-3600))
    held, asked = threading.Event(), threading.Event()

    def before(said: ReasonSaid) -> None:
        if said.start_time == SECOND:
            asked.set()
        else:
            held.wait(PATIENCE)

    def somebody() -> None:
        # As ``request_raise`` locks: the stop, then its line; in between the rule comes to wait for the stop.
        with transaction.atomic():
            _stop_lock(line.unit.pk, SECOND)
            held.set()
            asked.wait(PATIENCE)
            revision_bump(line_id=line.line.pk)

    with heard(before, lambda said: None):
        errors = at_once(lambda: services.reasons_auto(work_unit_id=line.unit.pk), somebody)
    assert errors == []
    assert asked.is_set()
    assert ReasonAssertion.objects.count() == MaintenanceRequest.objects.count() == 2


def test_two_lists_of_the_same_stops_in_opposite_order(line: Line) -> None:
    both = threading.Barrier(2)
    user = account_make("operator", line.line)
    body = {"equipment": line.unit.code, "reason": "CALL"}
    # The same instants, spelled in two zones.
    items = [
        {**body, "start_time": start.isoformat(), "end_time": (start + timedelta(seconds=600)).isoformat()}
        for start in (FIRST, SECOND)
    ]
    moved = [{**item, "start_time": item["start_time"].replace("+00:00", "Z")} for item in items]
    answers: list[list[tuple[int, int]]] = []

    def after(said: ReasonSaid) -> None:
        # Each has one stop, or the other waits for this one and never comes.
        with suppress(threading.BrokenBarrierError):
            both.wait(1)

    def post(rows: list[dict[str, str]]) -> None:
        caller = APIClient()
        caller.force_login(user)
        key = {"Idempotency-Key": str(uuid.uuid4())}
        answer = caller.post("/api/v1/stops/reasons", rows, format="json", headers=key)
        answers.append([(row["index"], row["status"]) for row in answer.json()])

    with heard(lambda said: None, after):
        errors = at_once(lambda: post(items), lambda: post(moved[::-1]))
    assert errors == []
    assert answers == [[(0, 201), (1, 201)]] * 2
    assert MaintenanceRequest.objects.count() == 2
