"""Enrolling, badging in, being refused, being signed out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from plant import services
from plant.models import Device, Person
from plant.selectors.actors import DEVICE_COOKIE
from tests.factories import plant as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def line() -> make.Line:
    return make.line_make()


@pytest.fixture
def tablet(client: Client, line: make.Line) -> Client:
    _device, secret = make.device_make(line.line)
    client.cookies[DEVICE_COOKIE] = secret
    return client


@pytest.fixture
def operator(line: make.Line) -> Person:
    return make.person_make("operator", line.line, badge="B1001")


def badge_in(tablet: Client, badge: str = "B1001", pin: str = "4321") -> Any:
    return tablet.post("/tablet/badge/", {"badge": badge, "pin": pin})


def test_looking_at_an_enrolment_link_enrols_nothing_and_the_button_enrols_once(
    client: Client, line: make.Line
) -> None:
    device, secret = services.device_create(
        label="T1", equipment=line.line, by=make.actor_make("admin", line.site)
    )
    shown = client.get(f"/tablet/enrol/{secret}/")
    assert line.line.name in shown.content.decode()
    device.refresh_from_db()
    assert device.enrolled_at is None

    answer = client.post(f"/tablet/enrol/{secret}/")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/tablet/"
    cookie = answer.cookies[DEVICE_COOKIE]
    assert cookie["httponly"]
    assert cookie["max-age"] == 365 * 24 * 3600
    assert client.get("/tablet/").status_code == 200

    for again in (client.get(f"/tablet/enrol/{secret}/"), client.post(f"/tablet/enrol/{secret}/")):
        assert again.status_code == 410
        assert "does not work any more" in again.content.decode()


def test_an_expired_link_says_so(client: Client, line: make.Line) -> None:
    _device, secret = services.device_create(
        label="T1", equipment=line.line, by=make.actor_make("admin", line.site), valid=timedelta(seconds=-1)
    )
    assert client.get(f"/tablet/enrol/{secret}/").status_code == 410
    assert client.post(f"/tablet/enrol/{secret}/").status_code == 410
    assert Device.objects.get().enrolled_at is None


def test_reading_needs_nobody_and_a_tablet_without_enrolment_is_told_how(
    client: Client, tablet: Client
) -> None:
    assert tablet.get("/tablet/").status_code == 200
    stranger = Client()
    answer = stranger.get("/tablet/", follow=True)
    assert "not enrolled" in answer.content.decode()


def test_badge_then_pin(tablet: Client, operator: Person) -> None:
    asked = tablet.get("/tablet/badge/?badge=B1001")
    assert operator.name in asked.content.decode()
    answer = badge_in(tablet)
    assert answer.status_code == 303
    assert tablet.session["tablet_person"] == operator.pk
    assert operator.name in tablet.get("/tablet/").content.decode()
    tablet.post("/tablet/leave/")
    assert "tablet_person" not in tablet.session
    assert operator.name not in tablet.get("/tablet/").content.decode()


def test_the_language_follows_the_badge(tablet: Client, operator: Person) -> None:
    Person.objects.filter(pk=operator.pk).update(language="fr")
    badge_in(tablet)
    assert tablet.cookies["language"].value == "fr"
    assert tablet.get("/tablet/").headers["Content-Language"] == "fr"


def test_an_unknown_badge_is_named(tablet: Client) -> None:
    answer = tablet.post("/tablet/badge/", {"badge": "NOBODY"})
    assert answer.status_code == 422
    assert "“NOBODY” is not known" in answer.content.decode()


def test_a_wrong_pin_is_said_and_five_of_them_lock_this_person_on_this_tablet_only(
    tablet: Client, operator: Person, line: make.Line
) -> None:
    for _ in range(5):
        answer = badge_in(tablet, pin="0000")
        assert answer.status_code == 422
        assert "Wrong PIN" in answer.content.decode()
    locked = badge_in(tablet)
    assert "Locked on this tablet" in locked.content.decode()
    assert "tablet_person" not in tablet.session

    make.person_make("operator", line.line, badge="B1002")
    assert badge_in(tablet, badge="B1002").status_code == 303
    other = Client()
    _device, secret = make.device_make(line.line)
    other.cookies[DEVICE_COOKIE] = secret
    assert badge_in(other).status_code == 303


def test_badging_in_gives_the_session_a_new_id(tablet: Client, operator: Person) -> None:
    session = tablet.session
    session["something"] = 1
    session.save()
    before = session.session_key
    tablet.cookies["sessionid"] = str(before)
    badge_in(tablet)
    assert tablet.session.session_key != before


def test_a_person_left_alone_is_signed_out(tablet: Client, operator: Person) -> None:
    badge_in(tablet)
    assert 0 < tablet.session.get_expiry_age() <= 600
    session = tablet.session
    session.set_expiry(timezone.now() - timedelta(seconds=1))
    session.save()
    assert operator.name not in tablet.get("/tablet/").content.decode()


def test_a_revoked_tablet_stops_at_once(tablet: Client, operator: Person) -> None:
    badge_in(tablet)
    Device.objects.update(revoked_at=timezone.now())
    assert tablet.get("/tablet/").status_code == 302


def test_a_supervisor_makes_a_link_with_its_code_and_revokes(client: Client, line: make.Line) -> None:
    client.force_login(make.account_make("supervisor", line.line))
    answer = client.post("/tablet/devices/", {"equipment": line.unit.code, "label": "Filler tablet"})
    page = answer.content.decode()
    assert "<svg" in page
    assert "/tablet/enrol/" in page
    device = Device.objects.get()
    assert device.equipment == line.unit
    assert client.post(f"/tablet/devices/{device.pk}/revoke/").status_code == 303
    device.refresh_from_db()
    assert device.revoked_at is not None


def test_tablets_of_another_line_are_out_of_reach(client: Client, line: make.Line) -> None:
    elsewhere = make.line_make()
    device, _secret = make.device_make(elsewhere.line)
    client.force_login(make.account_make("supervisor", line.line))
    assert client.post("/tablet/devices/", {"equipment": elsewhere.line.code}).status_code == 404
    assert client.post(f"/tablet/devices/{device.pk}/revoke/").status_code == 404
    assert device.label not in client.get("/tablet/devices/").content.decode()


def test_an_operator_enrols_nothing(tablet: Client, operator: Person) -> None:
    badge_in(tablet)
    assert tablet.get("/tablet/devices/").status_code == 403


def test_on_a_machine_s_tablet_the_line_s_orders_ask_for_a_badge(
    client: Client, line: make.Line, operator: Person
) -> None:
    _device, client.cookies[DEVICE_COOKIE] = make.device_make(line.unit)
    assert "Badge in to see the orders" in client.get("/tablet/orders/").content.decode()
    badge_in(client)
    assert "No order is ready to start" in client.get("/tablet/orders/").content.decode()
