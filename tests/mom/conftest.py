from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client

from mom.pages import reading
from plant import selectors
from tests.factories.busy import plant_busy
from tests.factories.pages import Plant, plant_running


@pytest.fixture
def plant() -> Iterator[Plant]:
    reading.forget()
    selectors.configuration_forget()
    yield plant_running()
    reading.forget()
    selectors.configuration_forget()


@pytest.fixture
def busy(plant: Plant) -> Plant:
    plant_busy(plant)
    return plant


@pytest.fixture
def supervisor(plant: Plant, client: Client) -> Client:
    assert plant.supervisor is not None
    client.force_login(plant.supervisor, backend="django.contrib.auth.backends.ModelBackend")
    return client
