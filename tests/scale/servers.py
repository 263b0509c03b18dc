"""What stands on the hosts: a broker, Valkey, and a door through which the test's database is reached."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from django.db import connection

from mom.embedded import valkey
from tests.scale.hosts import Host, program

MQTT, REDIS, POSTGRES = 1883, 6379, 5432
PASSWORD = "only-for-tests"
BROKER = """listener {port} 0.0.0.0
allow_anonymous true
persistence false
max_queued_messages 0
max_inflight_messages 1000
user root
"""


def broker_start(host: Host, folder: Path) -> None:
    """Mosquitto on every address of the host."""
    folder.mkdir()
    (folder / "mosquitto.conf").write_text(BROKER.format(port=MQTT))
    command = (program("mosquitto"), "-c", "mosquitto.conf")
    host.start(*command, log=folder / "log", environment=os.environ, folder=folder)
    _wait_open(host, MQTT)


def valkey_start(host: Host, folder: Path) -> None:
    """As the product's own, but for the whole network of the host."""
    folder.mkdir()
    settings = valkey.SETTINGS.format(port=REDIS, password=PASSWORD)
    (folder / "valkey.conf").write_text(settings.replace("bind 127.0.0.1", "bind 0.0.0.0"))
    command = (valkey.program(), "valkey.conf")
    host.start(*command, log=folder / "log", environment=os.environ, folder=folder)
    _wait_open(host, REDIS)


def _wait_open(host: Host, port: int) -> None:
    def opened() -> None:
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
            if time.monotonic() > deadline:
                raise AssertionError(f"nothing answers at port {port} of the host {host.name}")
            time.sleep(0.02)

    host.do(opened)


@contextlib.contextmanager
def database_door(host: Host) -> Iterator[None]:
    """The tests' PostgreSQL at port 5432 of ``host``: every byte passes, both ways."""

    def listening() -> socket.socket:
        return socket.create_server(("0.0.0.0", POSTGRES))

    ended, made = threading.Event(), host.do(listening)
    thread = threading.Thread(target=lambda: asyncio.run(_serve(made, ended)), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(10)


async def _serve(listening: socket.socket, ended: threading.Event) -> None:
    async def took(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):  # the test ends
            answers, server = await _database()
            await asyncio.gather(_pump(reader, server), _pump(answers, writer))

    server = await asyncio.start_server(took, sock=listening)
    while not ended.is_set():
        await asyncio.sleep(0.1)
    server.close()


async def _database() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    entry = connection.settings_dict
    host, port = str(entry["HOST"]), str(entry["PORT"] or POSTGRES)
    if host.startswith("/"):
        return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
    return await asyncio.open_connection(host or "127.0.0.1", int(port))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()
