"""The plant in real time: once a second it goes on, its machines speak, its people do what people do."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import redis

from mom.demo import control
from mom.demo.edges.interface import Edge
from mom.demo.edges.mqtt_json import MqttJsonEdge
from mom.demo.edges.opcua import OpcUaEdge
from mom.demo.edges.sparkplug import SparkplugEdge
from mom.demo.simulator import LIVE, OFF, Simulator, now_ms
from mom.demo.wiring import Sent, Wiring

logger = logging.getLogger(__name__)
TICK = 1.0
COUNTERS_EVERY = 5
PROGRESS_EVERY = 5


def edge_of(wiring: Wiring, slug: str, *, broker: str, endpoint: str, folder: Path) -> Edge:
    """The machine side of one connection of the plant file."""
    connection = wiring.connections[slug]
    wires = wiring.of_connection(slug)
    config: dict[str, Any] = connection["config"]
    if connection["protocol"] == "opcua":
        return OpcUaEdge(endpoint or config["endpoint"], wires, state_names=wiring.state_names(slug))
    if connection["protocol"] == "mqtt":
        return MqttJsonEdge(broker, config["mappings"][0]["topic"], wires)
    return SparkplugEdge(broker, wires, host_id=config["host_id"], folder=folder / "sparkplug")


class Live:
    """Edges by connection. Switched off, they fall silent as machines without power do.

    ``powered`` is told the connections whose machines have come up.
    """

    def __init__(
        self,
        simulator: Simulator,
        *,
        broker: str,
        endpoint: str,
        powered: Callable[[list[str]], None] = lambda slugs: None,
    ) -> None:
        self._simulator = simulator
        self._broker, self._endpoint, self._powered = broker, endpoint, powered
        self._edges: dict[str, Edge] = {}
        self._counts: dict[str, Any] = {}
        self._ticks = 0

    async def run(self) -> None:
        """Until the simulator is told to stop."""
        simulator = self._simulator
        try:
            await self._power_on()
            while not simulator.stopping.is_set():
                began = asyncio.get_running_loop().time()
                await self._tick()
                spent = asyncio.get_running_loop().time() - began
                await asyncio.sleep(max(0.05, TICK - spent))
        finally:
            await self._power_off()
            simulator.save()

    async def _power_on(self) -> None:
        simulator = self._simulator
        standing = simulator.wiring.send(simulator.engine.standing(simulator.engine.now))
        for slug in simulator.wiring.connections:
            edge = edge_of(
                simulator.wiring,
                slug,
                broker=self._broker,
                endpoint=self._endpoint,
                folder=simulator.store.folder,
            )
            await edge.start([sent for sent in standing if sent.wire.connection == slug])
            self._edges[slug] = edge
        await asyncio.to_thread(self._powered, list(self._edges))

    async def _power_off(self) -> None:
        edges, self._edges = self._edges, {}
        for edge in edges.values():
            with contextlib.suppress(Exception):
                await edge.stop()

    async def _tick(self) -> None:
        simulator = self._simulator
        self._ticks += 1
        if not await self._switched_on():
            return
        # Saved before it is said: after a crash nothing is said twice in another way.
        sent, happenings = simulator.advance(now_ms())
        simulator.queue(happenings)
        simulator.samples += len(sent)
        simulator.save()
        await self._publish(sent)
        if self._ticks % COUNTERS_EVERY == 0:
            await self._publish(self._counters())
        if self._ticks % PROGRESS_EVERY == 0:
            await asyncio.to_thread(simulator.progress)

    async def _switched_on(self) -> bool:
        """Obey the pages' switches; Redis being away changes nothing."""
        simulator = self._simulator
        try:
            on = await asyncio.to_thread(control.is_on)
            for command in await asyncio.to_thread(control.commands_take):
                simulator.engine.stop(command["stop"], command["seconds"] * 1000)
        except (redis.RedisError, KeyError, ValueError, TypeError):
            return simulator.phase == LIVE
        if not on and simulator.phase == LIVE:
            simulator.phase = OFF
            await self._power_off()
            simulator.save()
        elif on and simulator.phase == OFF:
            simulator.wake()
            await self._power_on()
        if not on and self._ticks % PROGRESS_EVERY == 0:
            await asyncio.to_thread(simulator.progress)
        return on

    async def _publish(self, sent: list[Sent]) -> None:
        for slug, edge in self._edges.items():
            mine = [item for item in sent if item.wire.connection == slug]
            if mine:
                await edge.publish(mine)

    def _counters(self) -> list[Sent]:
        """Counters that moved since they were last shown, between the devices' own cycles."""
        engine = self._simulator.engine
        moved = []
        for item in self._simulator.wiring.send(engine.counters(engine.now)):
            if self._counts.get(item.wire.address) != item.value:
                self._counts[item.wire.address] = item.value
                moved.append(item)
        return moved
