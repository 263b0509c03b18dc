"""Displays on the wall: they tell what is so, to whom it concerns, and cost little between changes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mom.calls.services import call_raise, call_take
from plant import selectors
from plant.models import Device, Equipment, Person
from plant.services import revision_bump
from production.models import StateInterval, StitchCheckpoint, Stop
from production.services.assertions import reason_assert
from tests.factories.pages import Plant
from tests.factories.plant import device_make, line_make

pytestmark = pytest.mark.django_db
POLL = {"HTTP_X_POLL": "1"}


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch: pytest.MonkeyPatch, plant: Plant) -> None:
    """At the instant the plant is told of: a minute later its data would be old."""
    monkeypatch.setattr(timezone, "now", lambda: plant.now)


def display(place: Equipment) -> Client:
    """A display enrolled for a place, nobody signed in."""
    _device, secret = device_make(place)
    client = Client()
    client.cookies["device"] = secret
    return client


def test_a_stop_going_on_is_told_with_since_when_and_who_has_it(supervisor: Client, plant: Plant) -> None:
    filler = plant.units["L2"][0]
    stop = Stop.objects.get(work_unit=filler, end_time=None)
    before = supervisor.get("/lines/L2/tv/").context["tv"]
    assert (before.kind, before.machine, before.since) == ("stop", filler.name, stop.start_time)
    assert before.halted[0].equipment == filler.name
    assert before.halted[0].who == ""
    operator = selectors.actor_for_person(Person.objects.get(badge="1002"))
    reason_assert(
        equipment_id=filler.pk,
        start_time=stop.start_time,
        end_time=None,
        reason_code="JAM",
        by=operator,
        at=plant.now,
    )
    after = supervisor.get("/lines/L2/tv/").context["tv"]
    assert (after.halted[0].why, after.halted[0].who) == ("Bottle jam", "Youssef Benali")


def test_a_call_waits_until_somebody_takes_it(supervisor: Client, plant: Plant) -> None:
    operator = selectors.actor_for_person(Person.objects.get(badge="1002"))
    call = call_raise(kind="material", equipment=plant.lines[1], by=operator, at=plant.now)
    page = supervisor.get("/lines/L2/tv/")
    [told] = page.context["tv"].calls
    assert (told.word, told.who, told.since) == ("Material", "", plant.now)
    assert "1 call waiting" in supervisor.get("/tv/").content.decode()
    call_take(call_id=call.pk, by=selectors.actor_for_person(Person.objects.get(badge="1001")), at=plant.now)
    [told] = supervisor.get("/lines/L2/tv/").context["tv"].calls
    assert told.who == "Claire Martin"
    assert "call waiting" not in supervisor.get("/tv/").content.decode()


def test_what_is_not_known_is_not_told_as_running(supervisor: Client, plant: Plant) -> None:
    for unit in plant.units["L1"]:
        StateInterval.objects.filter(work_unit=unit).delete()
        StitchCheckpoint.objects.filter(work_unit=unit).delete()
        Stop.objects.filter(work_unit=unit).delete()
    revision_bump(line_id=plant.lines[0].pk)
    page = supervisor.get("/lines/L1/tv/")
    tv = page.context["tv"]
    assert (tv.kind, tv.silent) == ("unknown", len(plant.units["L1"]))
    text = page.content.decode()
    assert "No data" in text
    assert "No machine stands still" not in text


def test_data_gone_old_say_until_when_they_reach(supervisor: Client, plant: Plant) -> None:
    late = plant.now - timedelta(minutes=5)
    for unit in plant.units["L1"]:
        StitchCheckpoint.objects.filter(work_unit=unit).update(horizon=late)
    revision_bump(line_id=plant.lines[0].pk)
    assert supervisor.get("/lines/L1/tv/").context["tv"].data_until == late


def test_every_state_is_colour_shape_and_word(supervisor: Client) -> None:
    text = supervisor.get("/tv/").content.decode()
    for tv in supervisor.get("/tv/").context["lines"]:
        card = text[text.index(f"<h2>{tv.line.name}") - 60 :][:600]
        assert f"tv-{tv.kind}" in card
        assert f"icons.svg#{tv.kind}" in card
        assert tv.word in card


def test_an_enrolled_display_shows_its_line_alone_and_writes_nothing(plant: Plant) -> None:
    client = display(plant.lines[0])
    page = client.get("/lines/L1/tv/")
    assert page.status_code == 200
    assert page.context["screens"] == ["/lines/L1/tv/"]
    assert client.get("/lines/L2/tv/").status_code == 404
    assert [tv.line.code for tv in client.get("/tv/").context["lines"]] == ["L1"]
    assert client.post("/stops/views/", {"name": "x"}).status_code == 403


def test_a_display_of_a_site_sees_no_other_site(plant: Plant) -> None:
    line_make(1, code="FAR")
    assert [tv.line.code for tv in display(plant.site).get("/tv/?rotate=30").context["lines"]] == ["L1", "L2"]


def test_a_revoked_display_is_sent_to_sign_in(plant: Plant) -> None:
    client = display(plant.lines[0])
    Device.objects.update(revoked_at=plant.now)
    assert client.get("/lines/L1/tv/", **POLL).status_code == 302  # type: ignore[arg-type]


def test_a_supervisor_makes_a_display_that_opens_its_screen_by_itself(
    supervisor: Client, plant: Plant
) -> None:
    page = supervisor.post("/tv/displays/", {"equipment": "SITE1", "label": "Canteen"})
    link = page.context["link"]
    assert link in page.content.decode().replace("&amp;", "&")
    client = Client()
    path = link.removeprefix("http://testserver")
    assert client.get(path).status_code == 200
    answer = client.post(path)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/tv/?rotate=30")
    assert client.get(answer.headers["Location"]).status_code == 200
    assert client.cookies["language"].value == "en"
    assert Client().post(path).status_code == 410


@pytest.mark.parametrize(("asked", "seconds"), [("", 0), ("30", 30), ("1", 5), ("9999", 600), ("x", 0)])
def test_screens_go_round_when_asked_and_never_too_fast(supervisor: Client, asked: str, seconds: int) -> None:
    page = supervisor.get(f"/tv/?rotate={asked}")
    assert page.context["rotate"] == seconds
    assert page.context["screens"] == ["/tv/", "/lines/L1/tv/", "/lines/L2/tv/"]


@pytest.mark.parametrize("path", ["/tv/", "/lines/L2/tv/"])
def test_unchanged_answers_304_in_few_reads(supervisor: Client, plant: Plant, path: str) -> None:
    first = supervisor.get(path, **POLL)  # type: ignore[arg-type]
    assert b"<html" not in first.content
    with CaptureQueriesContext(connection) as seen:
        again = supervisor.get(path, HTTP_IF_NONE_MATCH=first.headers["ETag"], **POLL)  # type: ignore[arg-type]
    assert again.status_code == 304
    assert len(seen) <= 4
    revision_bump(line_id=plant.lines[1].pk)
    changed = supervisor.get(path, HTTP_IF_NONE_MATCH=first.headers["ETag"], **POLL)  # type: ignore[arg-type]
    assert changed.status_code == 200


def test_the_line_page_opens_its_display(supervisor: Client) -> None:
    assert "/lines/L2/tv/" in supervisor.get("/lines/L2/").content.decode()
