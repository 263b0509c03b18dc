"""Who follows the server of the proof: the connector into a spool, and connectors without a protection."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from asyncua import Client, ua

from connectors.domain.columns import Columns, decode, encode
from connectors.domain.outage import GapRecord
from connectors.interface import SampleBatch, Unavailable
from connectors.protocols.opcua import OpcUaConfig, OpcUaConnector
from connectors.protocols.opcua.lifecycle import Heard, Lifecycle, Step
from connectors.protocols.opcua.session import UaSession
from connectors.spool import Spool
from connectors.transports.deadline import bounded
from tests.chaos.opcua_source import NAMESPACE

# (tag, value) → every source key it came under
Came = dict[tuple[int, int], set[tuple[int, int]]]


class Follower(ABC):
    """``came`` what was kept, ``gaps`` the last word on each span, by its key."""

    def __init__(self, port: int, tags: int) -> None:
        self.port, self.tags = port, tags
        self.came: Came = {}
        self.gaps: dict[object, GapRecord] = {}
        self._latest: dict[int, int] = {}

    @abstractmethod
    async def run(self) -> None:
        """Follows until it is cancelled."""

    def finish(self) -> None:
        """Reads back what is only on disk."""

    def latest(self, tag: int) -> int:
        return self._latest.get(tag, 0)

    def note(self, tag: int, value: int) -> None:
        self._latest[tag] = max(value, self.latest(tag))

    def take(self, columns: Columns) -> None:
        tags = [int(address.rpartition("T")[2]) for address in columns.addresses]
        for row in range(len(columns)):
            place = (tags[columns.address[row]], cast(int, columns.value(row)))
            self.note(*place)
            self.came.setdefault(place, set()).add((columns.source_time[row], columns.key[row]))


class Connected(Follower):
    """As the runner does it: on disk, then acknowledged; again after a while when the source is lost."""

    slow = 0.0

    def __init__(self, port: int, tags: int, *, made: type[OpcUaConnector], spool: Path | None) -> None:
        super().__init__(port, tags)
        config = OpcUaConfig(
            endpoint=f"opc.tcp://127.0.0.1:{port}/",
            security="none",
            publishing_ms=100.0,
            sampling_ms=50.0,
            freshness_seconds=3.0,
            addresses=tuple(f"nsu={NAMESPACE};s=T{tag}" for tag in range(tags)),
        )
        self.connector = made(config)
        self.spool = Spool(spool) if spool else None

    async def run(self) -> None:
        while True:
            try:
                stream = cast(AsyncGenerator[SampleBatch, None], self.connector.batches())
                async with contextlib.aclosing(stream):
                    async for batch in stream:
                        await self._keep(batch)
                        await self.connector.acknowledge(batch)
            except Unavailable:
                await asyncio.sleep(0.3)

    async def _keep(self, batch: SampleBatch) -> None:
        for gap in batch.gaps:
            self.gaps[gap.key] = gap
        if not len(batch.samples):
            return
        if self.spool is None:
            await asyncio.sleep(self.slow)
            self.take(batch.samples)
            return
        arrived = min(batch.samples.arrival_time)
        await self.spool.append("opcua", arrived=arrived, samples=encode(batch.samples))
        for sample in batch.samples:
            self.note(int(sample.address.rpartition("T")[2]), cast(int, sample.value))

    def finish(self) -> None:
        if self.spool is None:
            return
        at = 0
        while entries := self.spool.after("opcua", at, limit=500):
            at = entries[-1].sequence
            for entry in entries:
                self.take(decode(entry.samples))
        self.spool.close()


class StockReconnect(Follower):
    """asyncua's own ``auto_reconnect``, as its documentation shows it; it knows of no gaps."""

    async def run(self) -> None:
        client = Client(f"opc.tcp://127.0.0.1:{self.port}/", auto_reconnect=True)
        client.session_timeout = 60_000
        try:
            await client.connect()
            index = await client.get_namespace_index(NAMESPACE)
            nodes = [client.get_node(ua.NodeId.from_string(f"ns={index};s=T{t}")) for t in range(self.tags)]
            subscription = await client.create_subscription(100, self)
            await subscription.subscribe_data_change(nodes)
            await asyncio.Event().wait()
        finally:
            with contextlib.suppress(Exception):
                await bounded(client.disconnect(), 5.0)

    def datachange_notification(self, node: Any, value: int, data: Any) -> None:
        tag = int(str(node.nodeid.Identifier)[1:])
        self.came.setdefault((tag, value), set()).add((0, 0))
        self.note(tag, value)


# -- connectors without a protection -----------------------------------------------------------------------


class NoGap(OpcUaConnector):
    def _lost(self, why: str) -> GapRecord | None:
        opened = super()._lost(why)
        return opened and self._outage.restored(opened.start_time, "nothing was lost")


class GapFromNow(OpcUaConnector):
    """From when the loss was noticed, not from when the last word came."""

    def _lost(self, why: str) -> GapRecord | None:
        return self._outage.lost(datetime.now(UTC), "connection_down", why)


class Trusting(Lifecycle):
    """Takes whatever comes next for the next."""

    def wanted(self) -> int | None:
        self.step = Step.VERIFY
        return None

    def notified(self, number: int, at: datetime, *, data: bool, available: Any) -> Heard:
        super().notified(number, at, data=data, available=available)
        return Heard(data)


class NoRepublish(OpcUaConnector):
    def _new_session(self) -> UaSession:
        session = super()._new_session()
        session.life = Trusting()
        return session


class _EarlySession(UaSession):
    def _hand_over(self, batch: SampleBatch, number: int) -> asyncio.Event:
        safe = super()._hand_over(batch, number)
        if batch.token is not None:
            batch.token.confirm()
        return safe

    def left(self) -> list[SampleBatch]:
        super().left()
        return []


class AcknowledgesEarly(OpcUaConnector):
    """Told the server before the disk had it; what was on its way at a cut is gone."""

    def _new_session(self) -> UaSession:
        session = super()._new_session()
        session.__class__ = _EarlySession
        return session


CONTROLS: dict[str, type[OpcUaConnector] | None] = {
    "the library's auto_reconnect": None,
    "no gap declared": NoGap,
    "gap from when it was noticed": GapFromNow,
    "no republish": NoRepublish,
    "acknowledges before the disk has it": AcknowledgesEarly,
}


def control(name: str, port: int, tags: int) -> Follower:
    made = CONTROLS[name]
    if made is None:
        return StockReconnect(port, tags)
    found = Connected(port, tags, made=made, spool=None)
    # On a disk as slow as a busy one something is always on its way
    found.slow = 0.5 if made is AcknowledgesEarly else 0.0
    return found
