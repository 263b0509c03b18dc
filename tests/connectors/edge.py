"""A small Sparkplug B edge for tests and benchmarks: births, data and deaths as the specification
writes them.
"""

from __future__ import annotations

import time
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from connectors.protocols.sparkplug.sparkplug_b_pb2 import Payload

DATATYPES = {
    bool: (11, "boolean_value"),
    int: (4, "long_value"),
    float: (10, "double_value"),
    str: (12, "string_value"),
}


def payload(
    metrics: dict[str, Any],
    *,
    seq: int | None,
    aliases: dict[str, int] | None = None,
    at: int = 0,
    birth: bool = True,
) -> bytes:
    """``at``: ms. With aliases, DATA names metrics by alias alone."""
    at = at or time.time_ns() // 1_000_000
    message = Payload(timestamp=at)
    if seq is not None:
        message.seq = seq
    for name, value in metrics.items():
        metric = message.metrics.add()
        if birth or not aliases:
            metric.name = name
        if aliases and name in aliases:
            metric.alias = aliases[name]
        metric.timestamp = at
        datatype, field = DATATYPES[type(value)]
        if birth:
            metric.datatype = datatype
        setattr(metric, field, value if type(value) is not int else value & (2**64 - 1))
    return message.SerializeToString()


class Edge:
    """One edge node; listens for Rebirth and answers it."""

    def __init__(
        self, host: str, port: int, group: str, node: str, metrics: dict[str, Any], *, bd_seq: int = 0
    ) -> None:
        self.group, self.node, self.metrics, self.bd_seq = group, node, dict(metrics), bd_seq
        self.aliases = {name: number + 1 for number, name in enumerate(metrics)}
        self.seq, self.births, self.rebirth_wanted = 0, 0, False
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"edge-{node}")
        self.client.max_queued_messages_set(0)
        self.client.max_inflight_messages_set(1000)
        death = payload({"bdSeq": bd_seq}, seq=None)
        self.client.will_set(self._topic("NDEATH"), death, qos=1)
        self.client.on_message = self._command
        self.client.connect(host, port)
        self.client.subscribe(self._topic("NCMD"), qos=1)
        self.client.loop_start()

    def _topic(self, kind: str) -> str:
        return f"spBv1.0/{self.group}/{kind}/{self.node}"

    def _command(self, client: Any, userdata: Any, message: Any) -> None:
        self.rebirth_wanted = True

    def birth(self) -> None:
        self.seq, self.rebirth_wanted = 0, False
        self.births += 1
        metrics = {"bdSeq": self.bd_seq, "Node Control/Rebirth": False, **self.metrics}
        aliases = self.aliases
        self._publish("NBIRTH", payload(metrics, seq=0, aliases=aliases))

    def send(self, metrics: dict[str, Any], *, lose: bool = False) -> None:
        self.seq = (self.seq + 1) % 256
        self.metrics.update(metrics)
        if not lose:
            self._publish("NDATA", payload(metrics, seq=self.seq, aliases=self.aliases, birth=False))

    def _publish(self, kind: str, raw: bytes) -> None:
        self.client.publish(self._topic(kind), raw).wait_for_publish(5)

    def raw(self, kind: str, raw: bytes) -> None:
        self._publish(kind, raw)

    def stop(self) -> None:
        self.client.publish(
            self._topic("NDEATH"), payload({"bdSeq": self.bd_seq}, seq=None), qos=1
        ).wait_for_publish(5)
        self.client.disconnect()
        self.client.loop_stop()

    def die(self) -> None:
        """Without a goodbye: the broker sends the will."""
        self.client.loop_stop()
        self.client._sock_close()
