"""One host followed from its first CONNECT to its last DISCONNECT: what the wire saw, and when.

Sessions on a real Mosquitto. In the first an edge withholds a message, later delivers one late, and a
stranger says that the host is away; it ends with a clean stop. The second is cut without a goodbye. A third
speaks MQTT 5.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from connectors.protocols.sparkplug.sparkplug_b_pb2 import Payload
from tests.connectors.edge import Edge, payload
from tests.connectors.peers import Mosquitto
from tests.connectors.tck.wire import CONNECT, DISCONNECT, PUBLISH, SUBSCRIBE, Packet, Tap
from tests.connectors.test_sparkplug import STATE, Following, connector

REORDER = 1.5
ATTEMPTS = 4
HEARD = "spBv1.0/#"


@dataclass(frozen=True)
class Heard:
    topic: str
    payload: bytes
    qos: int
    retain: bool
    at: float


class Ear:
    """Any other client of the broker."""

    def __init__(self, port: int, topic: str = HEARD) -> None:
        self.heard: list[Heard] = []
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.on_message = self._keep
        self.client.connect("127.0.0.1", port)
        self.client.subscribe(topic, 1)
        self.client.loop_start()

    def _keep(self, client: Any, data: Any, message: paho.MQTTMessage) -> None:
        at = time.monotonic()
        self.heard.append(Heard(message.topic, bytes(message.payload), message.qos, message.retain, at))

    def on(self, topic: str) -> list[Heard]:
        return [heard for heard in self.heard if heard.topic == topic]

    def states(self, topic: str = STATE) -> list[dict[str, Any]]:
        return [orjson.loads(heard.payload) for heard in self.on(topic)]

    def stop(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@dataclass
class Life:
    """``packets``: what the host sent; ``heard``: what another client received."""

    packets: list[Packet]
    heard: list[Heard]
    stamps: dict[str, float]
    gaps: list[tuple[str, bool]]
    values: list[Any]
    marks: dict[str, int] = field(default_factory=dict)

    def sent(self, kind: int, link: int = 0) -> list[Packet]:
        return [packet for packet in self.packets if packet.kind == kind and packet.link == link]

    def connect(self, link: int = 0) -> dict[str, Any]:
        return self.sent(CONNECT, link)[0].said

    def will(self, link: int = 0) -> dict[str, Any]:
        return {**self.connect(link)["will"], **orjson.loads(self.connect(link)["will"]["payload"])}

    def births(self, link: int = 0) -> list[dict[str, Any]]:
        return [state for state in self.states(link) if state["online"]]

    def deaths(self, link: int = 0) -> list[dict[str, Any]]:
        return [state for state in self.states(link) if not state["online"]]

    def states(self, link: int = 0) -> list[dict[str, Any]]:
        """What the host said of itself, with the packet's topic, QoS and retain flag."""
        found = [packet.said for packet in self.sent(PUBLISH, link) if packet.said["topic"] == STATE]
        return [{**said, **orjson.loads(said["payload"])} for said in found]

    def order(self, link: int = 0) -> list[str]:
        """Packet kinds of one connection, STATE publishes told from commands."""
        names = {CONNECT: "connect", SUBSCRIBE: "subscribe", DISCONNECT: "disconnect"}
        found = []
        for packet in self.packets:
            if packet.link == link and (packet.kind in names or packet.kind == PUBLISH):
                state = packet.said.get("topic") == STATE
                found.append(names.get(packet.kind) or ("state" if state else "command"))
        return found

    def commands(self, link: int = 0) -> list[tuple[dict[str, Any], Any]]:
        """(packet, payload read) of every command."""
        found = [packet.said for packet in self.sent(PUBLISH, link) if packet.said["topic"] != STATE]
        return [(said, Payload.FromString(said["payload"])) for said in found]


async def until(condition: Callable[[], Any], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def live(broker: Mosquitto, tap: Tap) -> Life:
    ear, stamps = Ear(broker.port), {"started": time.time() * 1000}
    await until(ear.client.is_connected)
    made = connector(tap, reorder_seconds=REORDER, cooldown_seconds=1.0)
    following = Following(made)
    await until(lambda: any(state["online"] for state in ear.states()))
    edge = Edge("127.0.0.1", broker.port, "G", "E", {"State": 6, "Speed": 1.5})
    edge.birth()
    await _withheld(edge, ear, stamps)
    edge.birth()
    await _late(edge, ear, following, stamps)
    stamps["contradicted"] = time.monotonic()
    ear.client.publish(STATE, orjson.dumps({"online": False, "timestamp": 1}), qos=1, retain=True)
    await until(lambda: said_again(ear))
    stamps["stopping"] = time.time() * 1000
    await following.stop()
    await until(lambda: not ear.states()[-1]["online"])
    values, gaps = following.values("State"), following.gaps()
    second = Following(made)
    await until(lambda: ear.states()[-1]["online"])
    stamps["cut"] = time.time() * 1000
    tap.cut()
    await until(lambda: not ear.states()[-1]["online"])
    await asyncio.wait({second.task}, timeout=20)
    await second.stop()
    third = Following(connector(tap, version="5"))
    await until(lambda: ear.states()[-1]["online"])
    await third.stop()
    edge.stop()
    ear.stop()
    return Life(tap.packets, ear.heard, stamps, gaps, values)


def said_again(ear: Ear) -> bool:
    states = ear.states()
    return {"online": False, "timestamp": 1} in states and states[-1]["online"]


def heard_times(ear: Ear, kind: str, times: int) -> bool:
    return len(ear.on(f"spBv1.0/G/{kind}/E")) >= times


def has_values(following: Following, count: int) -> bool:
    return len(following.values("State")) >= count


async def _withheld(edge: Edge, ear: Ear, stamps: dict[str, float]) -> None:
    """The second of three messages never comes. Tried again where this machine itself stood still."""
    for attempt in range(1, ATTEMPTS + 1):
        edge.send({"State": 1})
        edge.send({"State": 2}, lose=True)
        edge.send({"State": 3})
        await until(partial(heard_times, ear, "NDATA", 2 * attempt))
        stamps["jumped"] = ear.on("spBv1.0/G/NDATA/E")[-1].at
        await until(partial(heard_times, ear, "NCMD", attempt))
        stamps["asked"] = ear.on("spBv1.0/G/NCMD/E")[-1].at
        if stamps["asked"] - stamps["jumped"] <= 2 * REORDER:
            break
        edge.birth()


async def _late(edge: Edge, ear: Ear, following: Following, stamps: dict[str, float]) -> None:
    """The same, but the missing message comes after half the reorder time. Tried again if it was later."""
    for _ in range(ATTEMPTS):
        asked, known = len(ear.on("spBv1.0/G/NCMD/E")), len(following.values("State"))
        jumps = following.gaps().count(("seq_jump", False))
        sent = time.monotonic()
        edge.send({"State": 4}, lose=True)
        missing = payload({"State": 4}, seq=edge.seq, aliases=edge.aliases, birth=False)
        edge.send({"State": 5})
        await asyncio.sleep(REORDER / 2)
        edge.raw("NDATA", missing)
        await until(partial(has_values, following, known + 2))
        healed = time.monotonic() - sent
        await asyncio.sleep(1.5 * REORDER)
        stamps["asked late"] = len(ear.on("spBv1.0/G/NCMD/E")) - asked
        stamps["jumps late"] = following.gaps().count(("seq_jump", False)) - jumps
        if healed < REORDER:
            return
        edge.birth()
