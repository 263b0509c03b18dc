from __future__ import annotations

import asyncio
from typing import Any

import orjson
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from connectors.interface import ConfigurationError, SampleBatch, Unavailable
from connectors.protocols.mqtt import MqttConfig, MqttConnector
from connectors.transports.mqtt_client import Broker, MqttSession
from tests.connectors.peers import Mosquitto, collect, free_port, values

MAPPINGS = ({"topic": "plant/{equipment}/{signal}", "value": "v", "time": "t"},)


def connector(broker: Mosquitto | str, **changes: Any) -> MqttConnector:
    url = broker if isinstance(broker, str) else broker.url
    settings = {"client_id": "mom", "mappings": MAPPINGS, **changes}
    return MqttConnector(MqttConfig(broker=url, **settings))


class Publisher:
    def __init__(self, broker: Mosquitto) -> None:
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()

    def send(self, topic: str, body: Any) -> None:
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        self.client.publish(topic, raw, qos=1).wait_for_publish(5)

    def stop(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_unacknowledged_messages_come_again_and_acknowledged_ones_do_not(
    broker: Mosquitto, version: str
) -> None:
    made = connector(broker, version=version)
    await collect(made, lambda batches: bool(batches))
    publisher = Publisher(broker)
    for number in range(10):
        publisher.send("plant/M1/count", {"v": number, "t": 1_772_452_800_000 + number})

    seen: list[SampleBatch] = []
    stream: Any = made.batches()
    while len(values(seen, "M1/count")) < 10:
        seen.append(await anext(stream))
    await stream.aclose()
    again = await collect(made, lambda b: len(values(b, "M1/count")) == 10)
    assert values(again, "M1/count") == list(range(10))
    publisher.send("plant/M1/count", {"v": 99, "t": 1_772_452_900_000})
    last = await collect(made, lambda b: 99 in values(b, "M1/count"))
    assert values(last, "M1/count") == [99]
    publisher.stop()


async def test_what_was_published_while_we_were_away_is_delivered_and_the_gap_is_recovered(
    broker: Mosquitto,
) -> None:
    made = connector(broker)
    await collect(made, lambda batches: bool(batches))
    publisher = Publisher(broker)
    stream = made.batches()
    await anext(stream)
    await asyncio.to_thread(broker.stop)
    lost: list[SampleBatch] = []

    async def drain() -> None:
        async for batch in stream:
            lost.append(batch)

    with pytest.raises(Unavailable):
        await drain()
    assert [gap.cause for batch in lost for gap in batch.gaps] == ["connection_down"]
    await asyncio.to_thread(broker.start)
    publisher.client.reconnect()
    publisher.send("plant/M1/count", {"v": 7, "t": 1_772_452_800_000})
    got = await collect(made, lambda b: values(b, "M1/count") == [7])
    (closed,) = [gap for batch in got for gap in batch.gaps]
    assert (closed.cause, closed.recovered) == ("connection_down", "broker_queue")
    publisher.stop()


async def test_unreadable_payloads_are_acknowledged_and_kept_whole(broker: Mosquitto) -> None:
    made = connector(broker)
    await collect(made, lambda batches: bool(batches))
    publisher = Publisher(broker)
    for raw in (b"{", b"\xff\x00", orjson.dumps({"v": [1]}), orjson.dumps({"t": 1})):
        publisher.send("plant/M1/count", raw)
    publisher.send("plant/M1/count", {"v": 1, "t": 1_772_452_800_000})
    got = await collect(made, lambda b: bool(values(b, "M1/count")))
    assert [m.raw for b in got for m in b.malformed][:2] == [b"{", b"\xff\x00"]
    assert len([m for b in got for m in b.malformed]) == 4
    assert not [m for b in await collect(made, lambda batches: bool(batches)) for m in b.malformed]
    publisher.stop()


async def test_an_error_in_the_network_thread_ends_the_stream(
    broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = MqttSession(Broker.parse(broker.url), client_id="x", clean=True)
    await session.open()
    await session.subscribe([("#", 0)])

    def broken() -> Any:
        raise RuntimeError("no clock")

    monkeypatch.setattr("connectors.transports.mqtt_client.time.time_ns", broken)
    publisher = Publisher(broker)
    publisher.send("a", b"1")
    with pytest.raises(Unavailable, match="no clock"):
        await session.receive(limit=1, timeout=5)
    publisher.stop()
    await session.close()


async def test_no_broker_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="refused"):
        await collect(connector(f"mqtt://127.0.0.1:{free_port()}"), lambda batches: False)


async def test_the_probe_shows_values_and_leaves_the_queue_alone(broker: Mosquitto) -> None:
    made = connector(broker)
    await collect(made, lambda batches: bool(batches))
    publisher = Publisher(broker)
    publisher.send("plant/M1/count", {"v": 1, "t": 1_772_452_800_000})
    probing = asyncio.create_task(made.probe())
    await asyncio.sleep(1)
    publisher.send("plant/M1/speed", {"v": 2.5, "t": 1_772_452_800_000})
    probe = await probing
    assert [(sample.address, sample.value) for sample in probe.samples] == [("M1/speed", 2.5)]
    got = await collect(made, lambda b: len(values(b, "M1/count")) == 1 and bool(values(b, "M1/speed")))
    assert values(got, "M1/count") == [1]
    publisher.stop()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"broker": "http://x"}, "expected mqtt://"),
        ({"mappings": ()}, "expected at least one rule"),
        ({"mappings": ({"topic": "a/{b", "value": ""},)}, "takes a whole level"),
        ({"mappings": ({"topic": "a", "vlaue": ""},)}, "vlaue"),
        ({"client_id": ""}, "client_id"),
        ({"qos": 2}, "qos"),
        ({"version": "4"}, "version"),
    ],
)
def test_a_configuration_that_cannot_work_says_which_setting(changes: dict[str, Any], named: str) -> None:
    url = changes.pop("broker", "mqtt://localhost")

    def build() -> None:
        connector(url, **changes)._open_session("x", clean=True)

    with pytest.raises(ConfigurationError, match=named):
        build()
