"""The live plant: pages' switches reach it, its machines fall silent and speak again."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from connectors.protocols.sparkplug.sparkplug_b_pb2 import Payload
from mom.demo import control
from mom.demo.client import Api
from mom.demo.edges.sparkplug import REBIRTH, SparkplugEdge
from mom.demo.live import Live
from mom.demo.simulator import LIVE, OFF, Simulator, now_ms
from mom.demo.store import Store
from mom.demo.wiring import Wiring
from mom.embedded.valkey import EmbeddedValkey
from tests.connectors.peers import Mosquitto, free_port, mosquitto

SECONDS = 20.0


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    folder = tmp_path / "broker"
    folder.mkdir()
    with mosquitto(folder) as running:
        yield running


@pytest.fixture
def redis_url(tmp_path: Path, settings: Any) -> Iterator[str]:
    server = EmbeddedValkey(tmp_path / "valkey")
    server.start()
    settings.REDIS_URL = server.url
    yield server.url
    server.stop()


class Heard:
    """Everything published on the broker."""

    def __init__(self, broker: Mosquitto) -> None:
        self.messages: list[tuple[str, bytes]] = []
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self.client.on_message = lambda client, data, message: self.messages.append(
            (message.topic, bytes(message.payload))
        )
        ready = threading.Event()
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.on_connect = lambda client, *_: client.subscribe("#", 1) and None
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()
        assert ready.wait(SECONDS)

    def topics(self, word: str) -> list[str]:
        return [topic for topic, _ in self.messages if word in topic]

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def heard(broker: Mosquitto) -> Iterator[Heard]:
    listener = Heard(broker)
    yield listener
    listener.close()


async def until(condition: Any) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.05)


def simulator_of(document: dict[str, Any], folder: Path) -> Simulator:
    """A plant that has run for six hours and goes live now; nobody takes what its people say."""
    stopping = threading.Event()
    api = Api("http://127.0.0.1:9", {person["badge"]: "x" for person in document["persons"]}, stopping)
    simulator = Simulator(
        document, Store(folder), api, days=0.25, stopping=stopping, tell_progress=control.progress_tell
    )
    simulator.advance(now_ms())
    simulator.phase = LIVE
    simulator.save()
    return simulator


@contextlib.asynccontextmanager
async def running(simulator: Simulator, broker: Mosquitto) -> Any:
    endpoint = f"opc.tcp://127.0.0.1:{free_port()}/line1"
    task = asyncio.create_task(Live(simulator, broker=broker.url, endpoint=endpoint).run())
    try:
        yield task
    finally:
        simulator.stopping.set()
        await asyncio.wait_for(task, SECONDS)


async def test_switched_off_it_is_silent_and_on_again_it_speaks(
    plant_document: dict[str, Any], tmp_path: Path, broker: Mosquitto, redis_url: str, heard: Heard
) -> None:
    simulator = simulator_of(plant_document, tmp_path / "demo")
    async with running(simulator, broker):
        await until(lambda: heard.topics("saint-cyr/line1"))
        await until(lambda: control.progress() is not None)
        control.switch(on=False)
        await until(lambda: simulator.phase == OFF)
        off_at = simulator.engine.now
        heard.messages.clear()
        control.switch(on=True)
        await until(lambda: simulator.phase == LIVE)
        await until(lambda: heard.topics("saint-cyr/line1"))
    assert simulator.engine.now > off_at


async def test_the_stop_button_stops_the_machine(
    plant_document: dict[str, Any], tmp_path: Path, broker: Mosquitto, redis_url: str
) -> None:
    simulator = simulator_of(plant_document, tmp_path / "demo")
    machine = next(m for line in simulator.engine.lines for m in line.machines if m.code == "L1-FILLER")
    async with running(simulator, broker):
        was_down = machine.fault >= 0
        control.machine_stop("L1-FILLER", 600)
        await until(lambda: was_down or machine.state == "held" or simulator.engine.lines[0].halt)
    with pytest.raises(ValueError, match="expected 1 to 3600"):
        control.machine_stop("L1-FILLER", 0)


async def test_going_on_after_a_stop_leaves_a_gap_and_keeps_the_outbox(
    plant_document: dict[str, Any], tmp_path: Path
) -> None:
    first = simulator_of(plant_document, tmp_path / "demo")
    _, happenings = first.advance(first.engine.now)
    first.queue(happenings)
    first.save()
    stood_at = first.engine.now
    first.close()
    second = simulator_again(plant_document, tmp_path / "demo")
    assert second.phase == LIVE
    assert second.engine.now == stood_at
    second.wake()
    sent, _ = second.advance(now_ms())
    assert sent
    assert all(item.at > stood_at for item in sent)
    second.close()


def simulator_again(document: dict[str, Any], folder: Path) -> Simulator:
    stopping = threading.Event()
    return Simulator(
        document, Store(folder), Api("http://127.0.0.1:9", {}, stopping), days=0.25, stopping=stopping
    )


async def test_a_rebirth_command_is_obeyed_and_death_carries_the_birth_number(
    plant_document: dict[str, Any], tmp_path: Path, broker: Mosquitto, heard: Heard
) -> None:
    wires = Wiring(plant_document).of_connection("line2-sparkplug")
    edge = SparkplugEdge(broker.url, wires, host_id="mom", folder=tmp_path / "edge")
    await edge.start([])
    heard.client.publish("spBv1.0/STATE/mom", b'{"online":true,"timestamp":1}', qos=1, retain=True)
    await until(lambda: len(heard.topics("DBIRTH")) == 6)
    command = Payload(timestamp=1)
    command.metrics.add(name=REBIRTH, datatype=11, boolean_value=True)
    heard.client.publish("spBv1.0/Saint-Cyr/NCMD/Line2", command.SerializeToString(), qos=0)
    await until(lambda: len(heard.topics("DBIRTH")) == 12)
    await edge.stop()
    await until(lambda: heard.topics("NDEATH"))
    numbers = {kind: _metric(heard, kind, "bdSeq").long_value for kind in ("NBIRTH", "NDEATH")}
    assert numbers["NBIRTH"] == numbers["NDEATH"]
    again = SparkplugEdge(broker.url, wires, host_id="mom", folder=tmp_path / "edge")
    heard.messages.clear()
    await again.start([])
    await until(lambda: heard.topics("NBIRTH"))
    assert _metric(heard, "NBIRTH", "bdSeq").long_value == numbers["NBIRTH"] + 1
    await again.stop()


def _metric(heard: Heard, kind: str, name: str) -> Any:
    raw = next(payload for topic, payload in heard.messages if kind in topic)
    payload = Payload()
    payload.ParseFromString(raw)
    return next(metric for metric in payload.metrics if metric.name == name)
