"""Whoever polls a line after it changed gets one drawing of it, and nobody another reader's; whoever holds
the newest is told so by one question, for as long as nothing changed that says who asks.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import transaction
from django.test import Client
from django.utils import timezone

from mom.pages import line as line_page
from plant.models import Equipment, Person, RoleAssignment, User
from plant.services import revision_bump
from tests.factories.pages import Plant
from tests.factories.plant import account_make

pytestmark = pytest.mark.django_db
POLL = {"x-poll": "1"}


@pytest.fixture(autouse=True)
def _stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now().replace(second=10)
    monkeypatch.setattr(timezone, "now", lambda: now)


def test_one_drawing_serves_all_who_poll_until_the_line_changes(supervisor: Client, plant: Plant) -> None:
    with mock.patch.object(line_page, "render", wraps=line_page.render) as drawn:
        first = supervisor.get("/lines/L2/", headers=POLL)
        again = supervisor.get("/lines/L2/", headers=POLL)
        assert drawn.call_count == 1
        revision_bump(line_id=plant.lines[1].pk)
        changed = supervisor.get("/lines/L2/", headers=POLL)
        assert drawn.call_count == 2
    assert first.content == again.content
    for answer in (first, again, changed):
        assert answer["ETag"].strip('"') in answer.content.decode()
    assert first["ETag"] != changed["ETag"]


def test_a_drawing_is_not_given_to_a_reader_with_other_rights_or_words(
    supervisor: Client, plant: Plant
) -> None:
    told = supervisor.get("/lines/L2/", headers=POLL)
    visitor = Client()
    visitor.force_login(
        account_make("quality", plant.lines[1]), backend="django.contrib.auth.backends.ModelBackend"
    )
    seen = visitor.get("/lines/L2/", headers=POLL)
    assert seen["ETag"] != told["ETag"]
    assert seen.content != told.content
    supervisor.cookies["language"] = "fr"
    assert "Heure par heure" in supervisor.get("/lines/L2/", headers=POLL).content.decode()
    asked = supervisor.get("/lines/L2/?now=1", headers=POLL)
    assert asked["ETag"] != told["ETag"]


def _asks_again(client: Client) -> dict[str, str]:
    """What a reader sends who holds the newest copy, and has been told so before."""
    held = POLL | {"if-none-match": client.get("/lines/L2/", headers=POLL)["ETag"]}
    assert client.get("/lines/L2/", headers=held).status_code == 304
    return held


def test_an_unchanged_poll_is_answered_by_one_question(
    supervisor: Client, plant: Plant, django_assert_num_queries: Any
) -> None:
    held = _asks_again(supervisor)
    with django_assert_num_queries(1):
        assert supervisor.get("/lines/L2/", headers=held).status_code == 304
    revision_bump(line_id=plant.lines[1].pk)
    drawn = supervisor.get("/lines/L2/", headers=POLL)
    with django_assert_num_queries(1):
        shared = supervisor.get("/lines/L2/", headers=held)
    assert shared.content == drawn.content
    assert {**shared.headers} == {**drawn.headers}
    held["if-none-match"] = drawn["ETag"]
    page = held | {"accept": "text/html"}
    assert supervisor.get("/lines/L2/", headers=page).status_code == 200
    assert supervisor.get("/lines/L1/", headers=held).status_code == 200


def _account(**changes: Any) -> Callable[[Plant, Client], object]:
    return lambda plant, client: User.objects.filter(pk=client.session[SESSION_KEY]).update(**changes)


def _session(**changes: Any) -> Callable[[Plant, Client], object]:
    return lambda plant, client: Session.objects.filter(pk=client.session.session_key).update(**changes)


def _elsewhere(plant: Plant, client: Client) -> None:
    person = Person.objects.get(user_id=client.session[SESSION_KEY])
    RoleAssignment.objects.filter(person=person).update(scope=plant.lines[0])


CHANGES: dict[str, tuple[Callable[[Plant, Client], object], int]] = {
    "line": (lambda plant, client: revision_bump(line_id=plant.lines[1].pk), 200),
    "words": (lambda plant, client: client.cookies.load({"language": "fr"}), 200),
    "name": (lambda plant, client: Equipment.objects.filter(code="L2-CAP").update(name_en="New"), 200),
    "line gone": (lambda plant, client: Equipment.objects.filter(code="L2").update(code="L9"), 404),
    "role elsewhere": (_elsewhere, 404),
    "no role": (lambda plant, client: RoleAssignment.objects.all().delete(), 403),
    "not active": (_account(is_active=False), 302),
    "password": (_account(password="another"), 302),
    "owes a password": (_account(must_change_password=True), 302),
    "expired": (_session(expire_date=datetime(2020, 1, 1, tzinfo=UTC)), 302),
    "nonsense": (_session(session_data="nonsense"), 302),
    "signed out": (lambda plant, client: Session.objects.all().delete(), 302),
}


def test_whatever_changes_about_a_reader_is_seen_at_the_next_poll(supervisor: Client, plant: Plant) -> None:
    session = supervisor.cookies["sessionid"].value
    seen = {}
    for name, (change, _) in CHANGES.items():
        reader = Client()
        reader.cookies["sessionid"] = session
        with transaction.atomic():
            held = _asks_again(reader)
            change(plant, reader)
            seen[name] = reader.get("/lines/L2/", headers=held).status_code
            transaction.set_rollback(True)
    assert seen == {name: expected for name, (_, expected) in CHANGES.items()}


def test_a_session_of_somebody_else_is_not_answered_as_the_one_before(
    supervisor: Client, plant: Plant
) -> None:
    """The account of now is watched, not the one the session was met with."""
    held = _asks_again(supervisor)
    other = account_make("supervisor", plant.lines[1])
    session = supervisor.session
    session[SESSION_KEY], session[HASH_SESSION_KEY] = str(other.pk), other.get_session_auth_hash()
    session.save()
    held = _asks_again(supervisor)
    User.objects.filter(pk=other.pk).update(is_active=False)
    assert supervisor.get("/lines/L2/", headers=held).status_code == 302
