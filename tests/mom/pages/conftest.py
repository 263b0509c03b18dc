from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client

from mom.pages import reading
from tests.factories.pages import Plant, plant_running


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
