"""The simulated machines speak real protocols: the product's connectors receive exactly what was shown."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.interface import Connector, SampleBatch
from connectors.protocols.mqtt import MqttConfig, MqttConnector
from connectors.protocols.opcua.connector import OpcUaConfig, OpcUaConnector
from connectors.protocols.sparkplug.connector import SparkplugConfig, SparkplugConnector
from connectors.transports.deadline import bounded
from mom.demo.edges.interface import Edge
from mom.demo.edges.mqtt_json import MqttJsonEdge
from mom.demo.edges.opcua import NotLoopback, OpcUaEdge
from mom.demo.edges.sparkplug import SparkplugEdge
from mom.demo.engine import Engine
from mom.demo.events import Reading
from mom.demo.spec import PlantSpec
from mom.demo.wiring import Sent, Wiring
from tests.connectors.peers import Mosquitto, free_port, mosquitto

MONDAY = 1_767_589_200_000
MINUTE = 60_000
needs_mosquitto = pytest.mark.skipif(
    not (shutil.which("mosquitto") or Path("/usr/sbin/mosquitto").exists()),
    reason="mosquitto is not installed",
)


@pytest.fixture(scope="module")
def wiring(plant_document: dict[str, Any]) -> Wiring:
    return Wiring(plant_document)


@pytest.fixture(scope="module")
def shown(plant: PlantSpec, wiring: Wiring) -> list[Sent]:
    """An hour of a plant that has run for two."""
    engine = Engine(plant, MONDAY)
    engine.advance(MONDAY + 120 * MINUTE)
    return wiring.send(e for e in engine.advance(MONDAY + 180 * MINUTE) if isinstance(e, Reading))


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path) as running:
        yield running


def of(shown: list[Sent], connection: str) -> list[Sent]:
    return [sent for sent in shown if sent.wire.connection == connection]


def standing(wiring: Wiring, shown: list[Sent], connection: str) -> list[Sent]:
    """A first value for every address: the first one shown, a minute before."""
    first = {
        sent.wire.address: sent._replace(at=shown[0].at - MINUTE) for sent in reversed(of(shown, connection))
    }
    return list(first.values())


def changes(first: list[Sent], then: list[Sent]) -> list[Sent]:
    last = {sent.wire.address: sent.value for sent in first}
    kept = []
    for sent in then:
        if last[sent.wire.address] != sent.value:
            kept.append(sent)
        last[sent.wire.address] = sent.value
    return kept


def by_address(pairs: list[tuple[str, int, Any]]) -> dict[str, list[tuple[int, Any]]]:
    found: dict[str, list[tuple[int, Any]]] = defaultdict(list)
    for address, at, value in pairs:
        if (at, value) not in found[address][-3:]:
            found[address].append((at, value))
    return {address: sorted(values) for address, values in found.items()}


def read(batches: list[SampleBatch]) -> list[tuple[str, int, Any]]:
    return [
        (s.address, round(s.source_time.timestamp() * 1000), s.value)
        for batch in batches
        for s in batch.samples
    ]


async def received(
    connector: Connector, edge: Edge, first: list[Sent], then: list[Sent]
) -> list[SampleBatch]:
    """Start both sides, send, and listen until the last value of every address has come."""
    expected = {sent.wire.address: (sent.at, sent.value) for sent in [*first, *then]}
    batches: list[SampleBatch] = []
    ready = asyncio.Event()

    async def listen() -> None:
        async with contextlib.aclosing(connector.batches()) as stream:  # type: ignore[type-var]
            async for batch in stream:
                batches.append(batch)
                await connector.acknowledge(batch)
                seen = {address: (at, value) for address, at, value in read(batches)}
                if set(seen) >= set(expected):
                    ready.set()
                if all(seen.get(address) == value for address, value in expected.items()):
                    return

    listening = asyncio.create_task(listen())
    try:
        await edge.start(first)
        await bounded(ready.wait(), 20)
        await edge.publish(then)
        await bounded(listening, 30)
    finally:
        listening.cancel()
        await edge.stop()
    return batches


def assert_all_arrived(batches: list[SampleBatch], first: list[Sent], then: list[Sent]) -> None:
    sent = by_address([(s.wire.address, s.at, s.value) for s in [*first, *then]])
    assert by_address(read(batches)) == sent
    assert not [problem for batch in batches for problem in batch.malformed]


async def test_opc_ua_shows_every_change_in_order(wiring: Wiring, shown: list[Sent]) -> None:
    first = standing(wiring, shown, "line1-opcua")
    # A server reports changes: a value said again is not one.
    then = changes(first, of(shown, "line1-opcua"))
    endpoint = f"opc.tcp://127.0.0.1:{free_port()}/line1"
    addresses = tuple(sent.wire.address for sent in first)
    edge = OpcUaEdge(endpoint, [sent.wire for sent in first], state_names=wiring.state_names("line1-opcua"))
    connector = OpcUaConnector(OpcUaConfig(endpoint=endpoint, security="none", addresses=addresses))
    await edge.start(first)
    batches: list[SampleBatch] = []
    last = {sent.wire.address: (sent.at, sent.value) for sent in [*first, *then]}

    async def listen() -> None:
        published = False
        async with contextlib.aclosing(connector.batches()) as stream:  # type: ignore[type-var]
            async for batch in stream:
                batches.append(batch)
                await connector.acknowledge(batch)
                seen = {address: (at, value) for address, at, value in read(batches)}
                if not published and len(seen) == len(last):
                    published = True
                    await edge.publish(then)
                if seen == last:
                    return

    try:
        await bounded(listen(), 30)
    finally:
        await edge.stop()
    assert_all_arrived(batches, first, then)


def test_opc_ua_listens_on_loopback_only(wiring: Wiring) -> None:
    wires = wiring.of_connection("line1-opcua")
    with pytest.raises(NotLoopback, match="loopback"):
        OpcUaEdge("opc.tcp://0.0.0.0:4840/", wires, state_names={})


@needs_mosquitto
async def test_mqtt_json_brings_every_value(
    wiring: Wiring, shown: list[Sent], broker: Mosquitto, plant_document: dict[str, Any]
) -> None:
    first, then = standing(wiring, shown, "line1-mqtt"), of(shown, "line1-mqtt")
    settings = wiring.connections["line1-mqtt"]["config"]
    connector = MqttConnector(MqttConfig.from_mapping({**settings, "broker": broker.url}))
    async with contextlib.aclosing(connector.batches()) as stream:  # type: ignore[type-var]
        await anext(stream)
    connector = MqttConnector(MqttConfig.from_mapping({**settings, "broker": broker.url}))
    edge = MqttJsonEdge(broker.url, settings["mappings"][0]["topic"], [sent.wire for sent in first])
    assert_all_arrived(await received(connector, edge, first, then), first, then)


@needs_mosquitto
async def test_sparkplug_brings_every_value(
    wiring: Wiring, shown: list[Sent], broker: Mosquitto, tmp_path: Path
) -> None:
    first, then = standing(wiring, shown, "line2-sparkplug"), of(shown, "line2-sparkplug")
    settings = {**wiring.connections["line2-sparkplug"]["config"], "broker": broker.url}
    connector = SparkplugConnector(SparkplugConfig.from_mapping(settings))
    wires = [sent.wire for sent in first]
    edge = SparkplugEdge(broker.url, wires, host_id=settings["host_id"], folder=tmp_path / "edge")
    assert_all_arrived(await received(connector, edge, first, then), first, then)


@needs_mosquitto
async def test_sparkplug_keeps_what_happens_while_its_host_is_away(
    wiring: Wiring, shown: list[Sent], broker: Mosquitto, tmp_path: Path
) -> None:
    first, then = standing(wiring, shown, "line2-sparkplug"), of(shown, "line2-sparkplug")
    settings = {**wiring.connections["line2-sparkplug"]["config"], "broker": broker.url}
    edge = SparkplugEdge(
        broker.url, [sent.wire for sent in first], host_id=settings["host_id"], folder=tmp_path / "edge"
    )
    await edge.start(first)
    await edge.publish(then)
    connector = SparkplugConnector(SparkplugConfig.from_mapping(settings))
    wanted = {(s.wire.address, s.at, s.value) for s in then}
    batches: list[SampleBatch] = []

    async def listen() -> None:
        async with contextlib.aclosing(connector.batches()) as stream:  # type: ignore[type-var]
            async for batch in stream:
                batches.append(batch)
                await connector.acknowledge(batch)
                if wanted <= set(read(batches)):
                    return

    try:
        await bounded(listen(), 30)
    finally:
        await edge.stop()
    historical = [s for batch in batches for s in batch.samples if s.historical]
    # The births show the present; all the rest came as history.
    assert len(historical) >= len(wanted) - len(first)
