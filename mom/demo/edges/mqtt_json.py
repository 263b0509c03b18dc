"""Machines that publish JSON over MQTT: one message per machine and instant, numbered, QoS 1.

``{"t": ms, "n": number, "boot": id, "v": {"state": "RUN", "good": 1234}}``. While the broker is away the
library keeps the messages and sends them when it is back.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from itertools import groupby

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from mom.demo.edges.broker import broker_connect
from mom.demo.wiring import Sent, Wire


class MqttJsonEdge:
    """``topic`` is a template with ``{unit}``; addresses are ``unit/key``."""

    def __init__(self, broker: str, topic: str, wires: Sequence[Wire]) -> None:
        self._broker, self._topic = broker, topic
        self._client: mqtt.Client | None = None
        self._boot = secrets.token_hex(4)
        self._number = 0

    async def start(self, standing: Sequence[Sent]) -> None:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"line1-plc-{self._boot}")
        client.reconnect_delay_set(1, 10)
        broker_connect(client, self._broker)
        client.loop_start()
        self._client = client
        await self.publish(standing)

    async def publish(self, values: Sequence[Sent]) -> None:
        if self._client is None:
            return
        for (unit, at), group in groupby(values, key=lambda sent: (sent.wire.unit, sent.at)):
            self._number += 1
            body = {
                "t": at,
                "n": self._number,
                "boot": self._boot,
                "v": {_key(s.wire): s.value for s in group},
            }
            payload = json.dumps(body, separators=(",", ":")).encode()
            self._client.publish(self._topic.replace("{unit}", unit), payload, qos=1)

    async def stop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()
            client.loop_stop()


def _key(wire: Wire) -> str:
    return wire.address.partition("/")[2]
