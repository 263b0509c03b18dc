from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import orjson
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from connectors.interface import ConfigurationError, SampleBatch
from connectors.protocols.sparkplug import SparkplugConfig, SparkplugConnector
from connectors.protocols.sparkplug.sparkplug_b_pb2 import Payload
from tests.connectors.edge import Edge
from tests.connectors.peers import Mosquitto, values
from tests.connectors.tck.wire import Tap

STATE = "spBv1.0/STATE/mom"


def connector(broker: Mosquitto | Tap, **changes: Any) -> SparkplugConnector:
    settings = {"host_id": "mom", "reorder_seconds": 0.3, "cooldown_seconds": 1.0, **changes}
    return SparkplugConnector(SparkplugConfig(broker=broker.url, **settings))


@pytest.fixture
def edge(broker: Mosquitto) -> Iterator[Edge]:
    made = Edge(
        "127.0.0.1",
        broker.port,
        "G",
        "E",
        {"Line/State": 6, "Line/Speed": 1.5, "Line/On": True, "Label": "a"},
    )
    yield made
    made.client.disconnect()
    made.client.loop_stop()


class Following:
    """A connector running in the background, everything it said so far."""

    def __init__(self, made: SparkplugConnector) -> None:
        self.batches: list[SampleBatch] = []
        self.made = made
        self.task = asyncio.create_task(self._run())
        # Looked at in any case: asyncio would tell of it whenever the collector runs
        self.task.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def _run(self) -> None:
        async with contextlib.aclosing(self.made.batches()) as stream:  # type: ignore[type-var]
            async for batch in stream:
                self.batches.append(batch)
                await self.made.acknowledge(batch)

    async def until(self, condition: Any, seconds: float = 60.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                if self.task.done():
                    self.task.result()
                await asyncio.sleep(0.02)

    def values(self, name: str) -> list[Any]:
        return values(self.batches, f"G/E:{name}")

    def gaps(self) -> list[tuple[str, bool]]:
        return [(gap.cause, gap.end_time is None) for batch in self.batches for gap in batch.gaps]

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@pytest.fixture
async def following(broker: Mosquitto) -> Any:
    running = Following(connector(broker))
    await running.until(lambda: running.batches)
    yield running
    await running.stop()


async def test_births_and_aliased_data_become_samples(edge: Edge, following: Following) -> None:
    edge.birth()
    await following.until(lambda: following.values("Line/State"))
    edge.send({"Line/State": 9, "Line/Speed": 2.25})
    edge.send({"Line/On": False, "Label": "é"})
    await following.until(lambda: len(following.values("Label")) == 2)
    assert following.values("Line/State") == [6, 9]
    assert following.values("Line/Speed") == [1.5, 2.25]
    assert following.values("Line/On") == [True, False]
    assert following.values("Label") == ["a", "é"]
    assert not following.values("bdSeq")
    assert following.gaps() == []


async def test_a_lost_message_is_a_gap_and_asks_for_a_birth_but_what_came_is_kept(
    edge: Edge, following: Following
) -> None:
    edge.birth()
    edge.send({"Line/State": 1})
    edge.send({"Line/State": 2}, lose=True)
    edge.send({"Line/State": 3})
    await following.until(lambda: edge.rebirth_wanted)
    edge.birth()
    await following.until(lambda: len(following.values("Line/State")) == 4)
    assert following.values("Line/State") == [6, 1, 3, 3]
    assert following.gaps() == [("seq_jump", False)]


async def test_data_before_any_birth_asks_for_one_and_is_kept_unread(
    edge: Edge, following: Following
) -> None:
    edge.send({"Line/State": 5})
    await following.until(lambda: edge.rebirth_wanted)
    assert [m.reason for b in following.batches for m in b.malformed] == ["NDATA before the node's birth"]
    edge.birth()
    await following.until(lambda: following.values("Line/State"))


async def test_a_death_opens_a_gap_that_the_next_birth_closes(edge: Edge, following: Following) -> None:
    edge.birth()
    await following.until(lambda: following.values("Line/State"))
    edge.die()
    await following.until(lambda: following.gaps())
    again = Edge("127.0.0.1", edge.client._port, "G", "E", edge.metrics, bd_seq=1)
    again.birth()
    await following.until(lambda: len(following.gaps()) == 2)
    again.stop()
    assert following.gaps()[:2] == [("death_to_birth", True), ("death_to_birth", False)]


async def test_a_death_of_an_older_session_is_ignored_and_kept(edge: Edge, following: Following) -> None:
    edge.birth()
    await following.until(lambda: following.values("Line/State"))
    from tests.connectors.edge import payload

    edge.raw("NDEATH", payload({"bdSeq": 77}, seq=None))
    edge.send({"Line/State": 8})
    await following.until(lambda: len(following.values("Line/State")) == 2)
    assert following.gaps() == []
    assert "bdSeq 77" in next(m.reason for b in following.batches for m in b.malformed)


async def test_garbage_never_ends_the_stream(edge: Edge, following: Following) -> None:
    edge.birth()
    for raw in (b"\xff\xff\xff", b"", b"{}", Payload(seq=300).SerializeToString()):
        edge.raw("NDATA", raw)
    edge.send({"Line/State": 4})
    await following.until(lambda: 4 in following.values("Line/State"))
    assert len([m for b in following.batches for m in b.malformed]) >= 3


def _states(broker: Mosquitto, into: list[dict[str, Any]]) -> paho.Client:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda c, u, message: into.append(orjson.loads(message.payload))
    client.connect("127.0.0.1", broker.port)
    client.subscribe(STATE, 1)
    client.loop_start()
    return client


async def test_the_host_says_when_it_comes_and_goes_and_contradicts_a_stranger(broker: Mosquitto) -> None:
    said: list[dict[str, Any]] = []
    watcher = _states(broker, said)
    running = Following(connector(broker))
    await running.until(lambda: any(state["online"] for state in said))
    born = next(state["timestamp"] for state in said if state["online"])
    watcher.publish(STATE, orjson.dumps({"online": False, "timestamp": 1}), qos=1, retain=True)
    await running.until(lambda: [state["online"] for state in said][-1:] == [True] and len(said) >= 3)
    assert said[-1]["timestamp"] == born
    await running.stop()
    async with asyncio.timeout(5):
        while said[-1]["online"]:
            await asyncio.sleep(0.02)
    assert said[-1]["timestamp"] >= born
    watcher.disconnect()
    watcher.loop_stop()


async def test_a_dead_broker_is_unavailable_then_a_gap_until_the_nodes_are_born_again(
    broker: Mosquitto, edge: Edge
) -> None:
    made = connector(broker)
    first = Following(made)
    await first.until(lambda: first.batches)
    edge.birth()
    await first.until(lambda: first.values("Line/State"))
    await asyncio.to_thread(broker.stop)
    await asyncio.wait({first.task}, timeout=10)
    assert "connection lost" in str(first.task.exception())
    # Mosquitto, stopping, sends the edge's will before it closes our connection
    assert first.gaps() == [("death_to_birth", True), ("connection_down", True)]
    await asyncio.to_thread(broker.start)
    second = Following(made)
    await second.until(lambda: second.batches and edge.client.is_connected())
    edge.birth()
    await second.until(lambda: second.values("Line/State"))
    assert second.gaps() == [("connection_down", False), ("death_to_birth", False)]
    await second.stop()


async def test_the_probe_shows_live_values(broker: Mosquitto, edge: Edge) -> None:
    probing = asyncio.create_task(connector(broker).probe())
    for _ in range(60):
        await asyncio.sleep(0.05)
        edge.birth() if edge.rebirth_wanted else edge.send({"Line/State": 2})
        if probing.done():
            break
    probe = await probing
    assert {sample.address for sample in probe.samples} >= {"G/E:Line/State", "G/E:Label"}


@pytest.mark.parametrize("host_id", ["", "a/b", "+", "a#"])
def test_a_host_id_that_cannot_stand_in_a_topic_is_refused(host_id: str) -> None:
    with pytest.raises(ConfigurationError, match="host_id"):
        SparkplugConnector(SparkplugConfig(broker="mqtt://x", host_id=host_id))
