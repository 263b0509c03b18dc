"""Saved views of the stops: one click opens the same filters; theirs and their line's, never another's."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from mom.pages.saved_views import KEPT, kept_query
from mom.saved_views.models import SavedView
from plant.models import AuditEntry, Person
from tests.factories.pages import Plant
from tests.factories.plant import account_make, line_make

pytestmark = pytest.mark.django_db
FILTERS = "line=L2&equipment=&period=7d&size=all&kind=own&reason=JAM&uncoded="


def signed_in(role: str, place: object) -> Client:
    client = Client()
    client.force_login(
        account_make(role, place),  # type: ignore[arg-type]
        backend="django.contrib.auth.backends.ModelBackend",
    )
    return client


def save(client: Client, name: str, query: str = FILTERS, **more: str) -> SavedView:
    answer = client.post("/stops/views/", {"name": name, "query": query, **more})
    assert answer.status_code == 303
    return SavedView.objects.get(name=name)


def told_after(client: Client, **fields: str) -> str:
    """What the page says after a view was saved or refused."""
    answer = client.post("/stops/views/", fields)
    return client.get(answer.headers["Location"]).content.decode()


def links(client: Client) -> dict[str, str]:
    return {view.name: view.href for view in client.get("/stops/").context["views"]}


@given(st.dictionaries(st.text(max_size=12), st.text(max_size=12), max_size=8))
def test_a_view_keeps_filters_alone_and_keeping_twice_changes_nothing(given_query: dict[str, str]) -> None:
    once = kept_query(urlencode({**given_query, "page": "3", "format": "csv"}))
    assert set(parse_qs(once)) <= set(KEPT)
    assert kept_query(once) == once


def test_one_click_opens_the_filters_and_the_export_keeps_them(supervisor: Client) -> None:
    save(supervisor, "Jams", query=f"{FILTERS}&page=4&format=xlsx&stop=x")
    href = links(supervisor)["Jams"]
    page = supervisor.get(href)
    filters = page.context["filters"]
    assert (filters["line"], filters["period"], filters["reason"]) == ("L2", "7d", "JAM")
    assert (filters["page"], filters["format"], filters["stop"]) == ("", "", "")
    assert [view.name for view in page.context["views"] if view.is_here] == ["Jams"]
    text = page.content.decode()
    assert "reason=JAM" in text[text.index("format=csv") - 200 : text.index("format=csv") + 200]
    assert supervisor.get(f"{href}&format=csv").headers["Content-Type"].startswith("text/csv")


def test_the_same_name_again_replaces_and_is_told_in_the_audit_trail(supervisor: Client) -> None:
    save(supervisor, "Mine")
    save(supervisor, "Mine", query="period=8h")
    assert SavedView.objects.get().query == "period=8h"
    assert AuditEntry.objects.filter(action="saved_view.save").count() == 2


def test_a_view_is_its_owners_unless_shared_with_a_line(supervisor: Client, plant: Plant) -> None:
    save(supervisor, "Mine")
    save(supervisor, "Ours", share="1")
    here, elsewhere = signed_in("operator", plant.lines[1]), signed_in("supervisor", plant.lines[0])
    assert set(links(supervisor)) == {"Mine", "Ours"}
    assert set(links(here)) == {"Ours"}
    assert links(elsewhere) == {}


def test_sharing_needs_a_line_one_may_look_at(supervisor: Client) -> None:
    assert "choose the line" in told_after(supervisor, name="All", query="period=7d", share="1")
    other = line_make(1, code="FAR")
    far = {"name": "Far", "query": f"line={other.line.code}", "share": "1"}
    refused = supervisor.post("/stops/views/", far)
    assert refused.status_code == 404
    machine = save(supervisor, "Filler", query="equipment=L2-FILL", share="1")
    assert machine.line is not None
    assert machine.line.code == "L2"


def test_people_delete_theirs_alone(supervisor: Client, plant: Plant) -> None:
    ours = save(supervisor, "Ours", share="1")
    other = signed_in("supervisor", plant.site)
    assert other.post(f"/stops/views/{ours.pk}/delete/").status_code == 404
    answer = supervisor.post(f"/stops/views/{ours.pk}/delete/", {"query": FILTERS})
    assert urlsplit(answer.headers["Location"]).path == "/stops/"
    assert not SavedView.objects.exists()
    assert AuditEntry.objects.filter(action="saved_view.delete").exists()


def test_nameless_views_and_a_thirty_first_one_are_refused_with_words(supervisor: Client) -> None:
    assert "A view needs a name." in told_after(supervisor, name=" ", query="")
    owner = Person.objects.get(badge="1001")
    for number in range(30):
        SavedView.objects.create(
            owner=owner, page="stops", name=f"V{number}", saved_at="2026-03-02T06:00:00Z"
        )
    assert "delete one first" in told_after(supervisor, name="one more", query="")
    assert SavedView.objects.count() == 30
