"""A call for maintenance: raised once per stop, with what was known, taken, repaired, closed with a cure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import ProgrammingError, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from maintenance import selectors, services
from maintenance.domain.requests import ORDER, durations, misplaced, state_of
from maintenance.models import MaintenanceEvent, MaintenanceRequest
from plant.models import AuditEntry
from production import services as production
from production.models import OrderSpan
from tests.factories.plant import Line, actor_make, line_make, reason_make
from tests.factories.production import T0, at, sender_make
from tests.factories.traceability import order_make


@given(st.lists(st.tuples(st.sampled_from(ORDER), st.integers(-60, 600)), max_size=12))
def test_events_come_once_in_order_and_never_before_the_stop(said: list[tuple[str, int]]) -> None:
    kinds: dict[str, datetime] = {}
    for kind, minute in said:
        when = T0 + timedelta(minutes=minute)
        if misplaced(kind, when, stop_start=T0, kinds=kinds) is None:
            assert kind not in kinds
            kinds[kind] = when
    times = [kinds[kind] for kind in ORDER if kind in kinds]
    assert times == sorted(times)
    assert all(when >= T0 for when in times)
    parts = durations(stop_start=T0, kinds=kinds)
    assert all(part is None or part >= timedelta() for part in (parts.response, parts.repair, parts.total))
    assert (state_of(kinds) == "closed") == ("closed" in kinds) == (parts.total is not None)


@pytest.fixture
def line(db: None) -> Line:
    return line_make()


def raised(line: Line, seconds: float = 0, **values: Any) -> MaintenanceRequest:
    by = values.pop("by", None) or actor_make("operator", line.line)
    return services.request_raise(equipment=line.unit, stop_start=at(seconds), by=by, **values)


def test_a_request_is_raised_once_per_stop(line: Line) -> None:
    first = raised(line, description="valve leaks", reason_code="R1")
    assert raised(line, description="again") == first
    assert raised(line, 60) != first
    assert MaintenanceRequest.objects.get(pk=first.pk).description == "valve leaks"
    assert AuditEntry.objects.filter(action="maintenance_request.raise").count() == 2
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        MaintenanceRequest.objects.filter(pk=first.pk).delete()


def test_a_request_carries_what_was_known_when_the_machine_failed(line: Line) -> None:
    sender = sender_make(line.unit)
    sender.say(
        [
            (-400, "process_value", 80.0),
            (-100, "process_value", 92.5),
            (-50, "process_value", 85.0, True),
            (-20, "process_value", 88.0),
            (-310, "alarm", "OLD"),
            (-30, "alarm", "E17"),
            (-10, "alarm", ""),
            (3, "fault_code", "4711"),
        ]
    )
    order = order_make(line.line)
    OrderSpan.objects.create(equipment=line.line, order_code=order.code, start_time=at(-600), source="events")
    request = raised(line)
    context = request.context
    assert request.job_order == order
    assert (context["order"], context["product"]) == (order.code, order.product.code)
    assert [alarm["code"] for alarm in context["alarms"]] == ["E17", "4711"]
    (value,) = [value for value in context["values"] if value["role"] == "process_value"]
    assert (value["first"], value["last"], value["lowest"], value["highest"]) == (80.0, 88.0, 80.0, 92.5)
    assert value["samples"] == 3


def test_a_request_shows_the_last_three_alike_and_what_cured_them(line: Line) -> None:
    fitter = actor_make("maintenance", line.line)
    for number in range(4):
        earlier = raised(line, number * 3600, reason_code="VALVE", description=f"leak {number}")
        services.request_close(
            request_code=earlier.code, cure=f"seal {number}", by=fitter, at=at(number * 3600 + 600)
        )
    raised(line, 4 * 3600, reason_code="BELT")
    again = raised(line, 5 * 3600, reason_code="VALVE")
    assert [(like["description"], like["cure"]) for like in again.context["similar"]] == [
        ("leak 3", "seal 3"),
        ("leak 2", "seal 2"),
        ("leak 1", "seal 1"),
    ]


def test_choosing_a_reason_that_opens_a_request_raises_it(line: Line) -> None:
    sender = sender_make(line.unit)
    sender.say([(590, "state", 6), (600, "state", 9), (650, "state", 6)], watermark=660)
    sender.stitch()
    broken = reason_make("BROKEN", opens_request=True)
    plain = reason_make("PLAIN")
    operator = actor_make("operator", line.line)

    def code(reason_code: str, supersedes: int | None = None) -> int:
        said = production.reason_assert(
            equipment_id=line.unit.pk,
            start_time=at(600),
            end_time=None,
            seen_end=at(650),
            reason_code=reason_code,
            by=operator,
            comment="smells burnt",
            supersedes=supersedes,
            at=at(700),
        )
        return said.pk

    first = code(plain.code)
    assert not MaintenanceRequest.objects.exists()
    second = code(broken.code, first)
    code(broken.code, second)
    request = MaintenanceRequest.objects.get()
    assert (request.equipment, request.stop_start, request.reason_code) == (line.unit, at(600), broken.code)
    assert (request.description, request.said_by_id) == ("smells burnt", operator.person_id)
    assert request.said_at == at(700)


def test_a_request_is_taken_repaired_and_closed_with_times(line: Line) -> None:
    request, fitter = raised(line), actor_make("maintenance", line.line)
    path = line.line.path
    assert list(selectors.requests_open(equipment_path=path)) == [request]
    steps = (services.request_take, services.request_repair_start, services.request_repair_end)
    for minute, step in zip((4, 10, 30), steps, strict=True):
        step(request_code=request.code, by=fitter, at=at(minute * 60))
    services.request_close(request_code=request.code, cure="new seal", by=fitter, at=at(35 * 60))
    found = selectors.request_by_code(request.code)
    parts = selectors.request_durations(found)
    assert selectors.request_state(found) == "closed"
    assert selectors.request_cure(found) == "new seal"
    minutes = [part and part.total_seconds() / 60 for part in (parts.response, parts.repair, parts.total)]
    assert minutes == [4, 20, 35]
    assert not selectors.requests_open(equipment_path=path).exists()


def test_steps_that_do_not_fit_are_refused(line: Line) -> None:
    request, fitter = raised(line), actor_make("maintenance", line.line)

    def refused(words: str, **values: Any) -> None:
        with pytest.raises(services.RequestRefused, match=words):
            services.request_take(**{"request_code": request.code, "by": fitter, **values})

    refused("expected not before", at=at(-60))
    refused("past time", at=timezone.now() + timedelta(hours=1))
    refused("past time", at=at(60).replace(tzinfo=None))
    refused("read 'MR-9', expected a number", request_code="MR-9")
    with pytest.raises(services.RequestRefused, match="what cured it"):
        services.request_close(request_code=request.code, cure=" ", by=fitter)
    with pytest.raises(PermissionDenied):
        services.request_take(request_code=request.code, by=actor_make("operator", line.line))
    services.request_take(request_code=request.code, by=fitter, at=at(60))
    refused("said already", at=at(90))
    services.request_close(request_code=request.code, cure="ok", by=fitter, at=at(120))
    with pytest.raises(services.RequestRefused, match="was closed"):
        services.request_repair_start(request_code=request.code, by=fitter, at=at(200))
    assert MaintenanceEvent.objects.count() == 2


def test_a_stop_in_the_future_or_without_a_zone_is_refused(line: Line) -> None:
    operator = actor_make("operator", line.line)
    for start in (timezone.now() + timedelta(hours=1), at(0).replace(tzinfo=None)):
        with pytest.raises(services.RequestRefused, match="stop_start: read"):
            services.request_raise(equipment=line.unit, stop_start=start, by=operator)


def test_requests_belong_to_the_order_that_ran(line: Line) -> None:
    order = order_make(line.line, started=0, ended=60)
    inside, after = raised(line, 600), raised(line, 3600)
    other = line_make()
    raised(other, 600)
    assert inside.job_order is None
    assert list(selectors.requests_for_order(order)) == [inside]
    assert after not in selectors.requests_for_order(order)
