"""The record's page and JSON: one selector, every number opens its evidence, unchanged is 304, fast."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import Resolver404, resolve

from mom.record import answer, model
from plant.models import Decision, User
from production import services
from production.models import NoteAssertion
from tests.factories import plant as make
from tests.factories.production import PLANNER, at, order_make, sender_make
from tests.factories.record import Told, order_told

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def told() -> Told:
    return order_told()


@pytest.fixture
def supervisor(client: Client, told: Told) -> Client:
    client.force_login(account_of(told), backend=BACKEND)
    return client


def account_of(told: Told) -> User:
    return make.user_make(told.supervisor)


def page_of(client: Client, told: Told) -> str:
    found = client.get(f"/orders/{told.order.code}/")
    assert found.status_code == 200
    return str(found.content.decode())


def test_every_evidence_link_opens_something(supervisor: Client, told: Told) -> None:
    html = page_of(supervisor, told)
    ids = set(re.findall(r'\bid="([^"]+)"', html))
    anchors = set(re.findall(r'href="#([^"]+)"', html))
    assert anchors - ids == set()
    record = supervisor.get(f"/api/v1/job-orders/{told.order.code}/record").json()
    evidence = set(re.findall(r'"evidence": ?"([^"]+)"', json.dumps(record)))
    assert len(evidence) > 20
    local = {link[1:] for link in evidence if link.startswith("#")}
    missing = {
        anchor for anchor in local - ids if not anchor.startswith(("note-", "decision-", "shortage-", "gap-"))
    }
    assert missing == set()
    for link in {link for link in evidence if link.startswith("/")}:
        try:
            resolve(link.split("?")[0].split("#")[0])
        except Resolver404:
            pytest.fail(f"evidence {link} opens nothing")


def test_evidence_pages_answer(supervisor: Client, told: Told) -> None:
    html = page_of(supervisor, told)
    for link in set(re.findall(r'href="(/(?:stops|api|equipment)/[^"#]*)"', html)):
        assert supervisor.get(link.replace("&amp;", "&")).status_code == 200, link


def test_page_and_json_say_the_same(supervisor: Client, told: Told) -> None:
    html = page_of(supervisor, told)
    record = supervisor.get(f"/api/v1/job-orders/{told.order.code}/record").json()
    assert record["verdict"].replace("“", "“") in html
    assert record["split"]["unexplained_seconds"] == 0
    assert "Time check: difference 0 s" in html
    for line in record["story"]:
        assert line["title"] in html


def test_json_follows_its_schema(supervisor: Client, told: Told) -> None:
    record = supervisor.get(f"/api/v1/job-orders/{told.order.code}/record").json()
    schema = answer.schema()
    assert set(record) == set(schema["properties"]) == set(schema["required"])
    stop = schema["properties"]["stops"]["items"]
    assert set(record["stops"][0]) == set(stop["properties"])
    assert stop["properties"]["end"]["nullable"] is True
    assert schema["description"] == model.OperationalRecord.__doc__


def test_unchanged_is_304_and_a_note_makes_it_new(supervisor: Client, told: Told) -> None:
    url = f"/orders/{told.order.code}/"
    first = supervisor.get(url)
    etag = first.headers["ETag"]
    assert supervisor.get(url, headers={"If-None-Match": etag}).status_code in (304, 200)
    # A new minute is a new tag; asked twice within one it is not.
    etag = supervisor.get(url).headers["ETag"]
    again = supervisor.get(url, headers={"If-None-Match": etag})
    assert again.status_code == 304 or again.headers["ETag"] != etag
    supervisor.post(f"{url}note/", {"text": "Nozzle 7 drips", "key": "n1"})
    changed = supervisor.get(url, headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert "Nozzle 7 drips" in changed.content.decode()


def test_a_note_sent_twice_is_kept_once(supervisor: Client, told: Told) -> None:
    before = NoteAssertion.objects.count()
    for _ in range(2):
        sent = supervisor.post(f"/orders/{told.order.code}/note/", {"text": "Twice", "key": "same"})
        assert sent.status_code == 303
    assert NoteAssertion.objects.count() == before + 1


def test_a_decision_asks_why(supervisor: Client, told: Told) -> None:
    url = f"/orders/{told.order.code}/decision/"
    before = Decision.objects.count()
    assert supervisor.post(url, {"summary": "Stop early", "why": "", "key": "d1"}).status_code == 303
    assert Decision.objects.count() == before
    supervisor.post(url, {"summary": "Stop early", "why": "no more caps", "key": "d2"})
    made = Decision.objects.get(summary="Stop early")
    assert (made.job_order_code, made.why, made.said_by) == (told.order.code, "no more caps", told.supervisor)
    assert "no more caps" in page_of(supervisor, told)


def test_another_line_s_people_do_not_find_it(client: Client, told: Told) -> None:
    elsewhere = make.line_make()
    client.force_login(make.account_make("supervisor", elsewhere.line), backend=BACKEND)
    for url in (f"/orders/{told.order.code}/", f"/api/v1/job-orders/{told.order.code}/record"):
        assert client.get(url).status_code == 404
    assert client.get("/orders/NOTHING/").status_code == 404


def test_the_qr_code_is_the_deep_link_of_the_tablet(supervisor: Client, told: Told) -> None:
    html = supervisor.get(f"/orders/{told.order.code}/qr/").content.decode()
    assert "<svg" in html
    assert f"/tablet/orders/{told.order.code}/" in html


def test_ten_thousand_events_cost_no_more_queries_than_ten(client: Client) -> None:
    """Four machines, 2,500 changes of state each, counted and stopped all along an eight-hour order.

    How long it takes is measured by the benchmark of pages.
    """
    line = make.line_make(4)
    connection: Any = None
    for unit in line.units:
        sender = sender_make(unit, roles=("state", "good_count", "process_value"), connection=connection)
        connection = sender.connection
        sender.say(
            [(s * 11.5, "state", 6 if s % 2 == 0 else (11 if s % 100 != 1 else 51)) for s in range(2500)]
        )
        sender.say([(s * 30, "good_count", s * 20) for s in range(960)])
        sender.say([(s * 10, "process_value", 20 + s % 9) for s in range(2880)], watermark=28_800)
        sender.stitch()
    order = order_make(line, quantity=20_000)
    services.job_order_start(job_order_id=order.pk, at=at(0), by=PLANNER)
    services.job_order_stop(job_order_id=order.pk, at=at(28_750), by=PLANNER)
    client.force_login(make.account_make("supervisor", line.line), backend=BACKEND)
    url = f"/orders/{order.code}/"
    assert client.get(url).status_code == 200
    with CaptureQueriesContext(database) as few:
        client.get(url)
    assert len(few) <= 90
