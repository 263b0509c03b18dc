from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connectors.peers import Mosquitto, mosquitto
from tests.connectors.tck.life import Life, live
from tests.connectors.tck.wire import Tap


@pytest.fixture(scope="session")
def tck_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    folder: Path = tmp_path_factory.mktemp("tck")
    with mosquitto(folder) as running:
        yield running


@pytest.fixture(scope="session")
def life(tck_broker: Mosquitto) -> Life:
    """Lived once; every test looks at the same record of it."""
    with Tap(tck_broker.port) as tap:
        return asyncio.run(live(tck_broker, tap))
