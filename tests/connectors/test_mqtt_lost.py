"""What a lost link, a full memory or a forgetful broker takes away is on record, and nothing comes twice."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import paho.mqtt.client as paho
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion

from connectors.domain.columns import instant, micros
from connectors.domain.outage import GapRecord, in_scope
from connectors.interface import Connector, SampleBatch, Unavailable
from connectors.protocols.mqtt import MqttConfig, MqttConnector
from connectors.protocols.sparkplug import SparkplugConfig, SparkplugConnector
from connectors.transports import mqtt_waiting
from connectors.transports.mqtt_broker import Broker
from connectors.transports.mqtt_client import MqttSession
from connectors.transports.mqtt_waiting import Received, Waiting
from tests.chaos.proxy import Proxy
from tests.connectors.edge import Edge
from tests.connectors.peers import Mosquitto, values
from tests.connectors.tck.life import until

TIMED = ({"topic": "plant/{equipment}/{signal}", "value": "v", "time": "t"},)
BARE = ({"topic": "plant/{equipment}/{signal}", "value": ""},)


@pytest.fixture
def proxy(broker: Mosquitto) -> Iterator[Proxy]:
    with Proxy(broker.port, lasting=120) as made:
        yield made


@pytest.fixture
def publisher(broker: Mosquitto) -> Iterator[paho.Client]:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    yield client
    client.disconnect()
    client.loop_stop()


def send(publisher: paho.Client, body: str) -> None:
    publisher.publish("plant/M1/count", body, qos=1).wait_for_publish(10)


@dataclass
class Told:
    """What a connector said, over as many connections as it took."""

    made: Connector
    batches: list[SampleBatch] = field(default_factory=list)
    noticed: list[datetime] = field(default_factory=list)

    async def follow(self) -> None:
        while True:
            try:
                async with contextlib.aclosing(self.made.batches()) as stream:  # type: ignore[type-var]
                    async for batch in stream:
                        self.batches.append(batch)
                        await self.made.acknowledge(batch)
            except Unavailable:
                self.noticed.append(instant(time.time_ns() // 1000))
                await asyncio.sleep(0.1)

    def gaps(self) -> list[GapRecord]:
        return list({gap.key: gap for batch in self.batches for gap in batch.gaps}.values())


@contextlib.asynccontextmanager
async def following(made: Connector) -> Any:
    told = Told(made)
    task = asyncio.create_task(told.follow())
    try:
        await until(lambda: any(batch.messages for batch in told.batches))
        yield told
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


# -- a link that hangs half-open -----------------------------------------------------------------------------


def json_of(broker: Any, **changes: Any) -> MqttConnector:
    settings = {"client_id": "mom", "mappings": TIMED, "qos": 0, **changes}
    return MqttConnector(MqttConfig(broker=f"mqtt://127.0.0.1:{broker.port}", **settings))


@pytest.mark.parametrize("kind", ["json", "sparkplug"])
async def test_what_is_sent_into_a_half_open_link_lies_in_a_gap(
    broker: Mosquitto, proxy: Proxy, publisher: paho.Client, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    defaults = MqttSession.__init__.__kwdefaults__ or {}
    monkeypatch.setitem(defaults, "keepalive", 2)
    edge = Edge("127.0.0.1", broker.port, "G", "E", {"n": 0})
    config = SparkplugConfig(broker=f"mqtt://127.0.0.1:{proxy.port}", host_id="mom", cooldown_seconds=1.0)
    made: Connector = json_of(proxy) if kind == "json" else SparkplugConnector(config)
    address = "M1/count" if kind == "json" else "G/E:n"
    sent: dict[int, int] = {}

    def say() -> None:
        number, at = len(sent) + 1, time.time_ns() // 1_000_000
        if kind == "json":
            publisher.publish("plant/M1/count", f'{{"v":{number},"t":{at}}}').wait_for_publish(10)
        else:
            edge.send({"n": number})
        sent[number] = at

    async with following(made) as told:
        edge.birth()
        if kind == "sparkplug":
            await until(lambda: values(told.batches, address) != [])
        for _ in range(20):
            say()
        await until(lambda: 20 in values(told.batches, address))
        proxy.swallow()
        deadline = time.monotonic() + 60
        while not told.noticed and time.monotonic() < deadline:
            say()
            await asyncio.sleep(0.02)
        proxy.heal()
        await until(lambda: edge.rebirth_wanted or kind == "json")
        edge.birth()
        await until(lambda: [gap for gap in told.gaps() if gap.end_time] != [])
        say()
        await until(lambda: len(sent) in values(told.batches, address))
    edge.stop()
    lost = {number: at for number, at in sent.items() if number not in values(told.batches, address)}
    assert len(lost) > 10
    # Sparkplug: the node's own gap, whatever the connection's is
    covering = [gap for gap in told.gaps() if in_scope(address, gap.scope) and (gap.scope or kind == "json")]
    for at in lost.values():
        assert any(holds(gap, at) for gap in covering)
    first = min(lost.values())
    assert first * 1000 < micros(told.noticed[0]) - 1_000_000, "noticed at once: nothing is proven"


def holds(gap: GapRecord, at_ms: int) -> bool:
    end = gap.end_time
    return micros(gap.start_time) // 1000 <= at_ms and (end is None or at_ms <= micros(end) // 1000)


async def test_a_gap_begins_no_earlier_than_its_session(broker: Mosquitto) -> None:
    session = MqttSession(Broker.parse(broker.url), client_id="x", clean=True)
    before = instant(time.time_ns() // 1000)
    assert session.lost_since(before) == before
    await session.open()
    after = instant(time.time_ns() // 1000)
    assert before <= session.lost_since(after) <= after
    await session.close()


# -- a memory that is full ---------------------------------------------------------------------------------


def received(number: int, size: int, qos: int = 0) -> Received:
    return Received("t", bytes(size - 1), qos, 0, False, False, number)


@given(st.lists(st.integers(min_value=1, max_value=400), max_size=60), st.integers(1, 5))
def test_what_waits_is_bounded_in_bytes_and_what_was_put_comes_in_order(sizes: list[int], each: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mqtt_waiting, "MAX_WAITING_BYTES", 1000)
        patch.setattr(mqtt_waiting, "MAX_WAITING", 7)
        waiting, held, taken = Waiting(), list[Received](), list[Received]()
        for number, size in enumerate(sizes):
            message = received(number, size)
            if waiting.put(message):
                held.append(message)
            else:
                waiting.drop(message)
                taken += waiting.take(each)
            assert len(waiting) <= 7
            assert sum(one.size for one in held[len(taken) :]) <= 1000
        taken += waiting.take(100)
        dropped = waiting.take_dropped()
    assert taken == held
    assert (dropped.count if dropped else 0) == len(sizes) - len(held)
    assert waiting.take_dropped() is None


async def test_messages_without_room_are_a_gap_that_names_how_many(
    broker: Mosquitto, publisher: paho.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_waiting, "MAX_WAITING_BYTES", 300)
    made, batches = json_of(broker), list[SampleBatch]()
    stream: Any = made.batches()
    batches.append(await anext(stream))
    waiting = made._session._waiting  # type: ignore[union-attr]
    sent = {number: time.time_ns() // 1_000_000 for number in range(30)}
    for number, at in sent.items():
        send(publisher, f'{{"v":{number},"t":{at}}}')
    await until(lambda: waiting.came + (waiting._dropped.count if waiting._dropped else 0) == 30)
    while not batches[-1].gaps:
        batches.append(await anext(stream))
    send(publisher, '{"v":99,"t":1772452800000}')
    while 99 not in values(batches, "M1/count"):
        batches.append(await anext(stream))
    await stream.aclose()
    (gap,) = [gap for batch in batches for gap in batch.gaps]
    lost = sorted(set(sent) - set(values(batches, "M1/count")))
    assert 0 < len(lost) < 30
    assert (gap.cause, gap.recovered, gap.detail.split()[0]) == ("no_room", "", str(len(lost)))
    assert gap.end_time is not None
    assert all(holds(gap, sent[number]) for number in lost)


async def test_a_clean_session_without_room_ends_where_the_first_was_dropped(
    broker: Mosquitto, publisher: paho.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_waiting, "MAX_WAITING", 3)
    session = MqttSession(Broker.parse(broker.url), client_id="x", clean=True)
    await session.open()
    await session.subscribe([("#", 0)])
    for number in range(5):
        send(publisher, str(number))
    dropped_by = instant(time.time_ns() // 1000)
    await until(lambda: not session.connected)
    taken = [message.payload for message in await session.receive(limit=10, timeout=5)]
    assert taken == [b"0", b"1", b"2"]
    with pytest.raises(Unavailable, match="more messages than can be held"):
        await session.receive(limit=10, timeout=5)
    assert session.lost_since(instant(time.time_ns() // 1000)) <= dropped_by
    await session.close()


async def drained(stream: Any) -> None:
    async for _ in stream:
        pass


# -- a message that comes again ------------------------------------------------------------------------------


async def test_a_copy_after_a_lost_puback_is_not_stored_twice(
    broker: Mosquitto, proxy: Proxy, publisher: paho.Client
) -> None:
    made = json_of(proxy, mappings=BARE, qos=1)
    batches: list[SampleBatch] = []
    stream: Any = made.batches()
    batches.append(await anext(stream))
    send(publisher, "1")
    while not values(batches, "M1/count"):
        batches.append(await anext(stream))
    proxy.swallow()
    await made.acknowledge(batches[-1])
    await until(lambda: proxy.swallowed >= 4)
    proxy.cut()
    proxy.heal()
    with pytest.raises(Unavailable):
        await drained(stream)
    async with following(made) as told:
        send(publisher, "2")
        await until(lambda: 2 in values(told.batches, "M1/count"))
    assert values(told.batches, "M1/count") == [2]


async def test_another_message_under_the_id_of_a_stored_one_is_stored(
    broker: Mosquitto, proxy: Proxy, publisher: paho.Client
) -> None:
    """The broker lost its session and counts anew; its first message says the same and is lost on the way."""
    made = json_of(proxy, mappings=BARE, qos=1)
    async with following(made) as told:
        send(publisher, "1")
        await until(lambda: values(told.batches, "M1/count") == [1])
        await asyncio.to_thread(broker.stop)
        (broker.folder / "mosquitto.db").unlink()
        await asyncio.to_thread(broker.start)
        await until(lambda: [gap for gap in told.gaps() if gap.end_time] != [])
        proxy.swallow()
        await until(publisher.is_connected)
        send(publisher, "1")
        await until(lambda: proxy.swallowed > 0)
        proxy.cut()
        proxy.heal()
        send(publisher, "2")
        await until(lambda: 2 in values(told.batches, "M1/count"))
    assert values(told.batches, "M1/count") == [1, 1, 2]


async def test_a_broker_that_kept_its_session_is_not_taken_for_one_that_kept_everything(
    broker: Mosquitto, proxy: Proxy
) -> None:
    async with following(json_of(proxy, qos=1)) as told:
        proxy.cut()
        await until(lambda: [gap for gap in told.gaps() if gap.end_time] != [])
    (gap,) = told.gaps()
    assert gap.recovered == "broker_queue"
    assert "what its queue had no room for" in gap.detail


async def test_the_answer_to_a_ping_tells_that_the_broker_has_read_what_was_acknowledged(
    broker: Mosquitto, publisher: paho.Client
) -> None:
    made = json_of(broker, mappings=BARE, qos=1)
    async with following(made) as told:
        for _ in range(3):
            send(publisher, "1")
        await until(lambda: len(values(told.batches, "M1/count")) == 3)
        await until(lambda: len(made._unconfirmed) == 0)
