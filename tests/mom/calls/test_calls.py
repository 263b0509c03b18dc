"""Calls for help: raised once, taken by one, resolved, passed on only to people on shift."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from maintenance import selectors as maintenance
from mom.calls import services
from mom.calls.models import HelpCall, HelpCallEvent
from mom.calls.selectors import call_by_id, call_told, calls_shown, people_on_shift
from mom.calls.services import (
    RESOLVE,
    TAKE,
    CallRefused,
    call_raise,
    call_resolve,
    call_take,
    calls_pass_on,
)
from mom.tasks import BEAT
from mom.tasks import calls_pass_on as task
from plant import audit, selectors
from plant.access import Actor
from plant.models import CalendarSlot, CalendarVersion, Person
from tests.factories import plant as make

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"


def actor(person: Person) -> Actor:
    return selectors.actor_for_person(person)


def shift_make(line: make.Line) -> None:
    """One that began two hours ago."""
    now = timezone.now()
    version = CalendarVersion.objects.create(line=line.line, valid_from=now.date(), pattern={"shifts": []})
    CalendarSlot.objects.create(
        line=line.line,
        version=version,
        kind="shift",
        code="M",
        start_time=now - timedelta(hours=2),
        end_time=now + timedelta(hours=6),
        production_day=now.date(),
    )


def seen(person: Person, minutes_ago: float = 30) -> Person:
    at = timezone.now() - timedelta(minutes=minutes_ago)
    audit.record(by=actor(person), action="person.badge_in", subject_type="person", subject_code="x", at=at)
    return person


def test_raised_twice_it_is_one_call_and_the_caller_sees_who_took_it() -> None:
    line = make.line_make()
    caller, fitter = make.person_make("operator", line.line), make.person_make("operator", line.line)
    now = timezone.now()
    first = call_raise(kind="material", equipment=line.line, by=actor(caller), at=now)
    assert call_raise(kind="material", equipment=line.line, by=actor(caller), at=now) == first
    call_take(call_id=first.pk, by=actor(fitter), at=now + timedelta(minutes=2))
    told = calls_shown(actor(caller), now=now + timedelta(minutes=3), path=line.line.path)[0]
    assert (told.state, told.taken_by) == ("taken", fitter.name)
    with pytest.raises(CallRefused, match=fitter.name):
        call_take(call_id=first.pk, by=actor(caller), at=now + timedelta(minutes=3))
    call_resolve(call_id=first.pk, by=actor(fitter), at=now + timedelta(minutes=9))
    told = call_told(call_by_id(first.pk))
    assert told.resolved_at == now + timedelta(minutes=9)
    with pytest.raises(CallRefused):
        call_resolve(call_id=first.pk, by=actor(fitter), at=now + timedelta(minutes=9))
    assert call_raise(kind="material", equipment=line.line, by=actor(caller), at=now) != first


def test_a_call_of_maintenance_is_its_request_too() -> None:
    line = make.line_make()
    caller, fitter = make.person_make("operator", line.line), make.person_make("maintenance", line.line)
    now = timezone.now() - timedelta(minutes=20)
    call = call_raise(kind="maintenance", equipment=line.unit, by=actor(caller), at=now)
    call_take(call_id=call.pk, by=actor(fitter), at=now + timedelta(minutes=4))
    kinds = maintenance.events_by_kind(maintenance.request_by_code(call.request_code))
    assert kinds["taken"] == now + timedelta(minutes=4)


def test_it_is_passed_on_only_to_people_on_shift_once_at_each_step() -> None:
    line, other = make.line_make(), make.line_make()
    shift_make(line)
    here = seen(make.person_make("supervisor", line.line))
    make.person_make("supervisor", line.line)  # at home: not seen since the shift began
    seen(make.person_make("supervisor", line.line), minutes_ago=150)
    seen(make.person_make("supervisor", other.line))
    caller = seen(make.person_make("operator", line.line))
    engineer = seen(make.person_make("engineer", line.site))
    now = timezone.now()
    assert people_on_shift(equipment=line.unit, roles=("supervisor",), now=now) == [here]
    call = call_raise(kind="material", equipment=line.unit, by=actor(caller), at=now)
    assert calls_pass_on(now=now + TAKE - timedelta(seconds=1)) == 0
    assert calls_pass_on(now=now + TAKE) == 1
    assert calls_pass_on(now=now + TAKE + timedelta(seconds=30)) == 0
    told = call_told(call_by_id(call.pk))
    assert (told.passed_to, told.level) == ((here.name,), 1)
    call_take(call_id=call.pk, by=actor(here), at=now + TAKE)
    assert calls_pass_on(now=now + RESOLVE) == 1
    rows = HelpCallEvent.objects.filter(call=call, kind="passed_on", level=2)
    assert {row.person for row in rows} == {here, engineer}
    call_resolve(call_id=call.pk, by=actor(here), at=now + RESOLVE)
    assert calls_pass_on(now=now + 2 * RESOLVE) == 0


def test_with_nobody_on_shift_that_is_said() -> None:
    line = make.line_make()
    caller = make.person_make("operator", line.line)
    now = timezone.now()
    call = call_raise(kind="lead", equipment=line.line, by=actor(caller), at=now)
    assert calls_pass_on(now=now + TAKE) == 1
    assert call_told(call_by_id(call.pk)).passed_to == ("",)


def test_a_call_taken_in_time_is_not_passed_on() -> None:
    line = make.line_make()
    person = make.person_make("operator", line.line)
    now = timezone.now()
    call = call_raise(kind="quality", equipment=line.line, by=actor(person), at=now)
    call_take(call_id=call.pk, by=actor(person), at=now)
    assert calls_pass_on(now=now + TAKE + timedelta(minutes=1)) == 0


def test_steps_are_facts_the_application_cannot_change() -> None:
    from django.db.utils import ProgrammingError

    line = make.line_make()
    person = make.person_make("operator", line.line)
    call_raise(kind="lead", equipment=line.line, by=actor(person), at=timezone.now())
    with pytest.raises(ProgrammingError, match="permission denied"), connection.cursor() as cursor:
        cursor.execute("UPDATE mom_helpcall SET kind = 'material'")


def test_a_tick_looks_for_calls_to_pass_on() -> None:
    assert BEAT["calls-pass-on"]["task"] == task.name


def test_who_comes_takes_it_on_the_page_of_their_places_only(client: Client) -> None:
    line, other = make.line_make(), make.line_make()
    caller = make.person_make("operator", line.line)
    call = call_raise(kind="quality", equipment=line.line, by=actor(caller), at=timezone.now())
    client.force_login(make.account_make("quality", other.site), BACKEND)
    assert f'data-call="{call.pk}"' not in client.get("/calls/").content.decode()
    assert client.post(f"/calls/{call.pk}/take/").status_code == 404
    person = make.person_make("quality", line.site)
    client.force_login(make.user_make(person), BACKEND)
    assert f'data-call="{call.pk}"' in client.get("/calls/").content.decode()
    assert client.post(f"/calls/{call.pk}/take/").status_code == 302
    assert f"taken by {person.name}" in client.get("/calls/", headers={"X-Poll": "1"}).content.decode()
    assert client.post(f"/calls/{call.pk}/done/").status_code == 302
    assert call_told(call_by_id(call.pk)).state == "resolved"


def test_a_call_that_cannot_be_passed_on_stops_no_other(monkeypatch, caplog) -> None:
    line = make.line_make(1)
    shift_make(line)
    operator = make.person_make("operator", line.line)
    seen(make.person_make("supervisor", line.line))
    now = timezone.now()
    first, second = (
        call_raise(kind=kind, equipment=line.line, by=actor(operator), at=now) for kind in ("quality", "lead")
    )
    done = services._pass_on

    def pass_on(call: HelpCall, at: datetime) -> int:
        if call.pk == first.pk:
            raise ArithmeticError("odd")
        return done(call, at)

    monkeypatch.setattr(services, "_pass_on", pass_on)
    assert calls_pass_on(now=now + TAKE + timedelta(minutes=1)) == 1
    assert [e.call_id for e in HelpCallEvent.objects.filter(kind="passed_on")] == [second.pk]
    assert "odd" in caplog.text
