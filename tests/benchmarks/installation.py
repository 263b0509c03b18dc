"""A whole installation (``python -m mom.embedded``) of its own for a measurement, and this process beside."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connections

from mom.embedded.broker import mosquitto_program
from mom.embedded.environment import FILE_NAME, ROOT
from mom.embedded.places import private_write
from plant import env
from tests.connectors.peers import free_port

OURS = (
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "REDIS_URL",
    "MQTT_URL",
    "MOM_DATA_DIR",
    "DJANGO_SETTINGS_MODULE",
)


@dataclass(frozen=True)
class Installation:
    """``variables``: addresses of its servers, as its processes know them."""

    process: subprocess.Popen[str]
    port: int
    variables: dict[str, str]


@contextlib.contextmanager
def installation(*, demo: bool, **addresses: str) -> Iterator[Installation]:
    """Ready when entered; nothing is left of it afterwards. ``addresses``: servers instead of its own.

    Mosquitto must be installed: the stand-in broker is for the demo alone.
    """
    assert mosquitto_program(), "mosquitto is missing; apt-get install mosquitto"
    with tempfile.TemporaryDirectory(prefix="mom-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        data = folder / "data"
        data.mkdir(mode=0o711)
        # One key, so that a session made here is good there.
        private_write(data / "secret_key", settings.SECRET_KEY)
        process, port = _start(data, demo=demo, addresses=addresses)
        try:
            _ready(process)
            yield Installation(process, port, json.loads((data / FILE_NAME).read_text()))
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)


def _start(data: Path, *, demo: bool, addresses: dict[str, str]) -> tuple[subprocess.Popen[str], int]:
    port = free_port()
    command = [sys.executable, "-m", "mom.embedded", "--port", str(port), "--data-dir", str(data)]
    kept = {key: value for key, value in os.environ.items() if key not in OURS}
    process = subprocess.Popen(
        command if demo else [*command, "--no-demo"],
        cwd=ROOT,
        env=kept | addresses,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    return process, port


def _ready(process: subprocess.Popen[str]) -> None:
    said = []
    assert process.stdout is not None
    for line in process.stdout:
        said.append(line)
        if line.startswith("Ready in"):
            return
    raise AssertionError("".join(said))


@contextlib.contextmanager
def beside(place: Installation) -> Iterator[None]:
    """This process works on the installation's database, as the application's role."""
    entry = connections["default"].settings_dict
    before = dict(entry)
    connections["default"].close()
    entry.update(env.database("", place.variables["DATABASE_URL"]))
    try:
        yield
    finally:
        connections["default"].close()
        entry.update(before)
