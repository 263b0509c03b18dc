"""A Sparkplug B edge node: births, data by alias, rebirth on command, a death certificate, store and forward.

Its encoder shares only the generated message classes with the product's decoder.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from connectors.protocols.sparkplug.sparkplug_b_pb2 import Payload
from mom.demo.edges.broker import broker_connect
from mom.demo.events import Value
from mom.demo.wiring import Sent, Wire

INT32, INT64, DOUBLE, BOOLEAN, STRING = 3, 4, 10, 11, 12
REBIRTH = "Node Control/Rebirth"
KEPT = 200_000


class SparkplugEdge:
    """One edge node; every machine is a device. Addresses are ``group/node/device:metric``.

    Waits for its host application (``host_id``): what happens while that is away is sent later, as history.
    """

    def __init__(self, broker: str, wires: Sequence[Wire], *, host_id: str, folder: Path) -> None:
        self._broker, self._host_id = broker, host_id
        # A device has one birth, with all its metrics.
        self._wires = sorted(wires, key=lambda wire: wire.unit)
        self._group, self._node, _ = wires[0].address.split("/", 2)
        self._aliases = {wire.address: number for number, wire in enumerate(self._wires, start=1)}
        self._counter = folder / "bdseq"
        self._bd_seq = 0
        self._seq = 0
        self._values: dict[str, Sent] = {}
        self._waiting: deque[Sent] = deque(maxlen=KEPT)
        self._born = False
        self._client: mqtt.Client | None = None
        # paho calls back from its own thread; one lock keeps seq and births in order.
        self._lock = threading.RLock()

    async def start(self, standing: Sequence[Sent]) -> None:
        for sent in standing:
            self._values[sent.wire.address] = sent
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"edge-{self._group}-{self._node}")
        client.on_connect, client.on_message, client.on_disconnect = (
            self._on_connect,
            self._on_message,
            self._on_lost,
        )
        client.reconnect_delay_set(1, 10)
        client.on_pre_connect = lambda client, userdata: self._will_set()
        self._client = client
        broker_connect(client, self._broker)
        client.loop_start()

    def _will_set(self) -> None:
        """A new birth-death number for every CONNECT; the will carries the one its birth will have."""
        with self._lock:
            client = self._client
            if client is None:
                return
            last = int(self._counter.read_text()) if self._counter.exists() else -1
            self._bd_seq = (last + 1) % 256
            self._counter.parent.mkdir(parents=True, exist_ok=True)
            self._counter.write_text(str(self._bd_seq))
            client.will_set(self._topic("NDEATH"), self._death(), qos=1, retain=False)

    def _death(self) -> bytes:
        payload = Payload(timestamp=_now())
        payload.metrics.add(name="bdSeq", datatype=INT64, timestamp=_now(), long_value=self._bd_seq)
        return bytes(payload.SerializeToString())

    def _topic(self, kind: str, device: str = "") -> str:
        return "/".join(part for part in ("spBv1.0", self._group, kind, self._node, device) if part)

    def _on_connect(self, client: mqtt.Client, userdata: Any, flags: Any, code: Any, properties: Any) -> None:
        if code.is_failure:
            return
        self._born = False
        client.subscribe([(self._topic("NCMD"), 1), (f"spBv1.0/STATE/{self._host_id}", 1)])

    def _on_lost(self, client: mqtt.Client, userdata: Any, flags: Any, code: Any, properties: Any) -> None:
        self._born = False

    def _on_message(self, client: mqtt.Client, userdata: Any, message: mqtt.MQTTMessage) -> None:
        try:
            if message.topic.startswith("spBv1.0/STATE/"):
                self._host_said(json.loads(message.payload))
            elif any(
                metric.name == REBIRTH and metric.boolean_value for metric in _metrics(bytes(message.payload))
            ):
                with self._lock:
                    self._birth()
        except (ValueError, AttributeError):
            return  # not for us; an exception here would end the library's thread

    def _host_said(self, state: dict[str, Any]) -> None:
        with self._lock:
            online = bool(state.get("online"))
            if online and not self._born:
                self._birth()
                self._forward()
            self._born = online

    def _birth(self) -> None:
        client = self._client
        if client is None:
            return
        self._seq = 0
        node = Payload(timestamp=_now(), seq=0)
        node.metrics.add(name="bdSeq", datatype=INT64, timestamp=_now(), long_value=self._bd_seq)
        node.metrics.add(name=REBIRTH, datatype=BOOLEAN, timestamp=_now(), boolean_value=False)
        client.publish(self._topic("NBIRTH"), node.SerializeToString(), qos=0)
        for device, wires in groupby(self._wires, key=lambda wire: wire.unit):
            payload = Payload(timestamp=_now(), seq=self._seq_next())
            for wire in wires:
                self._birth_metric(payload, wire)
            client.publish(self._topic("DBIRTH", device), payload.SerializeToString(), qos=0)

    def _birth_metric(self, payload: Payload, wire: Wire) -> None:
        sent = self._values.get(wire.address)
        metric = payload.metrics.add(
            name=wire.address.partition(":")[2], alias=self._aliases[wire.address], datatype=_datatype(wire),
            timestamp=max(sent.at, 0) if sent else _now(),
        )  # fmt: skip
        if sent is None:
            metric.is_null = True
        else:
            _value_set(metric, wire, sent.value)

    def _seq_next(self) -> int:
        self._seq = (self._seq + 1) % 256
        return self._seq

    async def publish(self, values: Sequence[Sent]) -> None:
        with self._lock:
            for sent in values:
                self._values[sent.wire.address] = sent
            if not self._born:
                self._waiting.extend(values)
                return
            self._data(values, historical=False)

    def _forward(self) -> None:
        """What happened while the host was away, as history; its birth already showed the present."""
        waiting = list(self._waiting)
        self._waiting.clear()
        self._data(waiting, historical=True)

    def _data(self, values: Sequence[Sent], *, historical: bool) -> None:
        assert self._client is not None
        for (device, at), group in groupby(values, key=lambda sent: (sent.wire.unit, sent.at)):
            payload = Payload(timestamp=_now(), seq=self._seq_next())
            for sent in group:
                metric = payload.metrics.add(alias=self._aliases[sent.wire.address], timestamp=at)
                if historical:
                    metric.is_historical = True
                _value_set(metric, sent.wire, sent.value)
            self._client.publish(self._topic("DDATA", device), payload.SerializeToString(), qos=0)

    async def stop(self) -> None:
        """Sign off: the same death certificate the broker would send for us."""
        client, self._client = self._client, None
        if client is not None:
            client.publish(self._topic("NDEATH"), self._death(), qos=1).wait_for_publish(2)
            client.disconnect()
            client.loop_stop()


def _metrics(raw: bytes) -> list[Any]:
    payload = Payload()
    payload.ParseFromString(raw)
    return list(payload.metrics)


def _now() -> int:
    return time.time_ns() // 1_000_000


def _datatype(wire: Wire) -> int:
    if wire.role in ("process_value", "setpoint"):
        return DOUBLE
    if wire.role in ("alarm", "order", "lot", "tool", "mode"):
        return STRING
    return INT64 if wire.role.endswith("_count") else INT32


def _value_set(metric: Any, wire: Wire, value: Value) -> None:
    """Integers travel as two's complement in unsigned fields (Sparkplug 3.0 §6.4.16)."""
    kind = _datatype(wire)
    if kind == DOUBLE:
        metric.double_value = float(value)
    elif kind == STRING:
        metric.string_value = str(value)
    elif kind == INT64:
        metric.long_value = int(value) & (1 << 64) - 1
    else:
        metric.int_value = int(value) & (1 << 32) - 1
