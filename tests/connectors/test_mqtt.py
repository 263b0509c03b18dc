from __future__ import annotations

import asyncio
import contextlib
import threading
from pathlib import Path
from typing import Any

import orjson
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from connectors.domain.columns import decode
from connectors.interface import ConfigurationError, SampleBatch, Unavailable
from connectors.protocols.mqtt import MqttConfig, MqttConnector
from connectors.runner import Runner
from connectors.spool import Spool
from connectors.transports.mqtt_broker import Broker
from connectors.transports.mqtt_client import MqttSession
from tests.connectors.peers import Mosquitto, collect, free_port, values
from tests.connectors.tck.life import until
from tests.connectors.tck.wire import PUBACK, SUBSCRIBE, Tap

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


class Nowhere:
    """A carrier whose workers never answer: what is acknowledged rests on the spool alone."""

    async def send_ingest(self, *said: Any, again: bool = False) -> None: ...

    async def send_tick(self, *said: Any) -> None: ...

    async def send_report(self, *said: Any) -> None: ...

    async def answers(self, spool: str, wait: float) -> list[dict[str, Any]]:
        await asyncio.sleep(wait)
        return []


async def test_no_puback_leaves_before_the_spool_has_synced_and_all_leave_in_order(
    broker: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read off the wire, with the runner and its spool in between; the disk is held while messages come."""
    spool, disk = Spool(tmp_path / "spool.sqlite"), threading.Event()
    commit = Spool._commit

    def held(self: Spool, group: list[Any]) -> None:
        disk.wait(30)
        commit(self, group)

    publisher, stop = Publisher(broker), asyncio.Event()
    with Tap(broker.port) as tap:
        item = {"slug": "m", "protocol": "mqtt", "revision": 1, "addresses": ["M1/count"]}
        item["config"] = {"broker": tap.url, "client_id": "mom", "mappings": list(MAPPINGS)}

        async def wanted() -> list[dict[str, Any]]:
            return [item]

        runner = asyncio.create_task(Runner(spool, Nowhere(), wanted).run(stop))
        await until(lambda: [packet for packet in tap.packets if packet.kind == SUBSCRIBE])
        monkeypatch.setattr(Spool, "_commit", held)
        for number in range(50):
            publisher.send("plant/M1/count", {"v": number, "t": 1_772_452_800_000 + number})
        await until(lambda: len(tap.passed) >= 50)
        assert [packet for packet in tap.packets if packet.kind == PUBACK] == []
        disk.set()
        await until(lambda: len([packet for packet in tap.packets if packet.kind == PUBACK]) == 50)
    acknowledged = [packet.said["mid"] for packet in tap.packets if packet.kind == PUBACK]
    assert acknowledged == sorted(acknowledged)
    kept = [entry.samples for entry in spool.after("m", 0, limit=100) if entry.samples]
    assert sum(len(decode(samples)) for samples in kept) == 50
    runner.cancel()
    await asyncio.gather(runner, return_exceptions=True)
    publisher.stop()
    spool.close()


async def test_runners_that_share_take_every_message_once_between_them(broker: Mosquitto) -> None:
    shared = [connector(broker, client_id=name, share="mom") for name in ("one", "two")]
    got: list[list[SampleBatch]] = [[], []]

    async def take(number: int) -> None:
        async with contextlib.aclosing(shared[number].batches()) as stream:  # type: ignore[type-var]
            async for batch in stream:
                got[number].append(batch)
                await shared[number].acknowledge(batch)

    tasks = [asyncio.create_task(take(number)) for number in (0, 1)]
    await until(lambda: all(got))
    publisher = Publisher(broker)
    for number in range(40):
        publisher.send("plant/M1/count", {"v": number, "t": 1_772_452_800_000 + number})
    await until(lambda: sum(len(values(batches, "M1/count")) for batches in got) >= 40)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    publisher.stop()
    each = [values(batches, "M1/count") for batches in got]
    assert sorted(each[0] + each[1]) == list(range(40))
    assert all(each)


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
