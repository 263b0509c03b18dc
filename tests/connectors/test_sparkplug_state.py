"""What the host says of itself on the wire: STATE, its will, and the one command it sends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from connectors.protocols.sparkplug import link as module
from connectors.protocols.sparkplug.sparkplug_b_pb2 import Payload
from connectors.transports.mqtt_client import MqttSession
from tests.connectors.edge import Edge, payload
from tests.connectors.peers import Mosquitto
from tests.connectors.test_sparkplug import STATE, Following, connector


@dataclass
class Watcher:
    """Hears a topic as any other client would."""

    broker: Mosquitto
    topic: str
    heard: list[paho.MQTTMessage] = field(default_factory=list)

    def __enter__(self) -> Watcher:
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.on_message = lambda client, data, message: self.heard.append(message)
        self.client.connect("127.0.0.1", self.broker.port)
        self.client.subscribe(self.topic, 1)
        self.client.loop_start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def states(self) -> list[dict[str, Any]]:
        return [orjson.loads(message.payload) for message in self.heard]

    async def until(self, condition: Callable[[], Any], seconds: float = 10.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.02)


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every session the host opens, with what it did in order."""
    made: list[Any] = []

    class Recorded(MqttSession):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.did: list[Any] = []
            made.append(self)

        async def subscribe(self, topics: list[tuple[str, int]], timeout: float = 10.0) -> list[int]:
            self.did.append(("subscribe", *topics))
            return await super().subscribe(topics, timeout)

        def publish(self, topic: str, raw: bytes, *, qos: int = 0, retain: bool = False) -> Any:
            self.did.append(("publish", topic, qos, retain))
            return super().publish(topic, raw, qos=qos, retain=retain)

    monkeypatch.setattr(module, "MqttSession", Recorded)
    return made


async def test_it_subscribes_to_its_state_and_all_edges_before_it_says_it_is_there(
    broker: Mosquitto, sessions: list[Any]
) -> None:
    following = Following(connector(broker))
    await following.until(lambda: following.batches)
    await following.stop()
    assert sessions[0].did[:2] == [
        ("subscribe", (STATE, 1), ("spBv1.0/+/#", 0)),
        ("publish", STATE, 1, True),
    ]
    assert sessions[0].did[-1] == ("publish", STATE, 1, True)


async def test_state_is_retained_and_a_clean_stop_leaves_the_later_death(broker: Mosquitto) -> None:
    following = Following(connector(broker))
    await following.until(lambda: following.batches)
    with Watcher(broker, STATE) as while_running:
        await while_running.until(lambda: while_running.heard)
    await following.stop()
    with Watcher(broker, STATE) as afterwards:
        await afterwards.until(lambda: afterwards.heard)
    (born,), (died,) = while_running.states(), afterwards.states()
    assert [message.retain for message in (*while_running.heard, *afterwards.heard)] == [True, True]
    assert (born["online"], died["online"]) == (True, False)
    assert died["timestamp"] >= born["timestamp"]
    assert set(born) == {"online", "timestamp"}


async def test_the_will_carries_the_time_of_the_birth_of_the_same_connect_and_the_next_another(
    broker: Mosquitto, sessions: list[Any]
) -> None:
    made = connector(broker)
    with Watcher(broker, STATE) as watcher:
        first = Following(made)
        await watcher.until(lambda: watcher.heard)
        sessions[0]._client.socket().close()
        await watcher.until(lambda: len(watcher.heard) >= 2, seconds=40)
        await asyncio.wait({first.task}, timeout=10)
        second = Following(made)
        await watcher.until(lambda: watcher.states()[-1]["online"])
        await second.stop()
    born, died, again = watcher.states()[:3]
    assert (born["online"], died["online"], again["online"]) == (True, False, True)
    assert died["timestamp"] == born["timestamp"] < again["timestamp"]


async def test_a_host_that_is_not_primary_says_nothing_of_itself(broker: Mosquitto) -> None:
    with Watcher(broker, "spBv1.0/STATE/#") as watcher:
        following = Following(connector(broker, primary=False))
        await following.until(lambda: following.batches)
        watcher.client.publish(STATE, orjson.dumps({"online": False, "timestamp": 1}), qos=1)
        await watcher.until(lambda: watcher.heard)
        await following.stop()
    assert watcher.states() == [{"online": False, "timestamp": 1}]


async def test_a_rebirth_command_is_plain_and_answered_only_once(broker: Mosquitto) -> None:
    """tck-id-payloads-ncmd-seq, -qos, -retain and the one metric it may carry."""
    edge = Edge("127.0.0.1", broker.port, "G", "E", {"State": 6})
    with Watcher(broker, "spBv1.0/G/NCMD/E") as watcher:
        following = Following(connector(broker))
        await following.until(lambda: following.batches)
        edge.send({"State": 1})
        edge.send({"State": 2})
        await watcher.until(lambda: watcher.heard)
        edge.birth()
        await following.until(lambda: following.values("State"))
        await following.stop()
    edge.stop()
    (command,) = watcher.heard
    assert (command.qos, command.retain) == (0, False)
    message = Payload.FromString(bytes(command.payload))
    assert not message.HasField("seq")
    assert message.timestamp > 0
    assert [(metric.name, metric.boolean_value) for metric in message.metrics] == [
        ("Node Control/Rebirth", True)
    ]


async def test_a_wrong_death_is_told_once_in_the_log(
    broker: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    following = Following(connector(broker))
    await following.until(lambda: following.batches)
    edge = Edge("127.0.0.1", broker.port, "G", "E", {"State": 6})
    edge.birth()
    for _ in range(3):
        edge.raw("NDEATH", payload({"bdSeq": 77}, seq=None))
    edge.send({"State": 7})
    await following.until(lambda: len(following.values("State")) == 2)
    await following.stop()
    edge.stop()
    said = [record.getMessage() for record in caplog.records if "bdSeq 77" in record.getMessage()]
    assert said == ["mom: G/E: NDEATH with bdSeq 77, the birth said 0: ignored"]
