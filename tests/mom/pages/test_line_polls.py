"""Whoever polls a line after it changed gets one drawing of it, and nobody gets another reader's."""

from __future__ import annotations

from unittest import mock

import pytest
from django.test import Client
from django.utils import timezone

from mom.pages import line as line_page
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
