"""The connection to an MQTT broker: who writes, and what is left of it."""

from __future__ import annotations

import threading
from typing import Any

import paho.mqtt.client as paho
import pytest

from connectors.transports.mqtt_broker import Broker
from connectors.transports.mqtt_client import MqttSession
from tests.connectors.peers import Mosquitto
from tests.connectors.tck.life import until


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
