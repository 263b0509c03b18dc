"""The connection to an MQTT broker: who writes, and what is left of it."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import threading
import time
from typing import Any

import paho.mqtt.client as paho
import pytest

from connectors.domain.notices import DEAF, LISTENING, Notice
from connectors.interface import Unavailable
from connectors.protocols.mqtt import MqttConnector
from connectors.transports.mqtt_broker import Broker
from connectors.transports.mqtt_client import MqttSession
from tests.connectors.peers import Mosquitto
from tests.connectors.tck.life import until
from tests.connectors.test_mqtt import connector


async def test_once_connected_only_the_network_thread_writes(
    broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    writers = list[str]()
    send = paho.Client._sock_send

    def noted(client: paho.Client, data: Any) -> int:
        kind = bytes(data[:1])[0] >> 4
        writers.append("connect" if kind == 1 else threading.current_thread().name)
        return send(client, data)

    monkeypatch.setattr(paho.Client, "_sock_send", noted)
    session = MqttSession(Broker.parse(broker.url), client_id="x", clean=True)
    await session.open()
    await session.subscribe([("t", 1)])
    for number in range(20):
        session.publish("t", str(number).encode(), qos=1)
    taken = 0
    while taken < 20:
        messages = await session.receive(limit=5, timeout=5)
        session.acknowledge([(message.mid, message.qos) for message in messages])
        taken += len(messages)
    session._client.ask()
    await until(lambda: session._client.answered == 1)
    client = session._client
    await session.close()
    assert writers[0] == "connect"
    assert len(writers) > 20
    assert {name.partition("-client-")[0] for name in writers[1:]} == {"paho-mqtt"}
    assert (client.socket(), client._sockpairR, client._sockpairW) == (None, None, None)


# -- a broker that does not let us in ------------------------------------------------------------------------


def limited(broker: Mosquitto, *lines: str) -> None:
    """The same broker again, with these settings."""
    broker.stop()
    text = (broker.folder / "mosquitto.conf").read_text()
    for line in lines:
        text = text.replace("allow_anonymous true", line) if "anonymous" in line else f"{text}{line}\n"
    (broker.folder / "limited.conf").write_text(text)
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    broker.process = subprocess.Popen([program, "-c", str(broker.folder / "limited.conf")])
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", broker.port), 1):
            return
        time.sleep(0.02)


async def said(made: MqttConnector) -> list[Notice]:
    """What one attempt says until it is lost, or until it listens."""
    found: list[Notice] = []
    with contextlib.suppress(Unavailable):
        async with contextlib.aclosing(made.batches()) as stream:  # type: ignore[type-var]
            async for batch in stream:
                found += batch.notices
                if batch.messages:
                    break
    return found


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_why_nothing_is_heard_is_said_each_time_it_is_something_else(
    broker: Mosquitto, version: str
) -> None:
    made = connector(broker, version=version)
    assert [notice.kind for notice in await said(made)] == [LISTENING]
    broker.stop()
    (gone,) = await said(made)
    assert (gone.kind, "refused" in gone.detail) == (DEAF, True)
    assert await said(made) == [], "the same again"
    limited(broker, "allow_anonymous false")
    (closed,) = await said(made)
    assert (closed.kind, "ot authorized" in closed.detail) == (DEAF, True), closed
    broker.stop()
    broker.start()
    assert [notice.kind for notice in await said(made)] == [LISTENING]


async def test_a_broker_that_grants_less_than_was_asked_for_is_refused(broker: Mosquitto) -> None:
    """With QoS 0 a message may be lost and nobody knows: that is for an engineer to choose."""
    limited(broker, "max_qos 0")
    (notice,) = await said(connector(broker))
    assert (notice.kind, "grants QoS 0" in notice.detail) == (DEAF, True), notice
    assert [notice.kind for notice in await said(connector(broker, qos=0))] == [LISTENING]
