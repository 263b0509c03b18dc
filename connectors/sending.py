"""From the spool to the workers: batches go out as tasks, answers confirm them."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import time
from typing import Any, Protocol

from connectors.domain.shipping import LIVE_WITHIN, SHIPMENT_BATCHES, Shipment, Shipping, fitting
from connectors.spool import Spool, SpoolFull

log = logging.getLogger(__name__)

LINGER = 0.01


class Carrier(Protocol):
    """The broker between a runner and the workers."""

    async def send_ingest(
        self, spool: str, connection: str, batches: list[list[Any]], *, again: bool = False
    ) -> None:
        """``again``: a copy of what was sent before; refused (an error) where it would only lie behind it."""

    async def send_tick(self, watermarks: dict[str, str]) -> None: ...

    async def send_report(self, spool: str, report: dict[str, Any]) -> None: ...

    async def answers(self, spool: str, wait: float) -> list[dict[str, Any]]: ...


class Troubles:
    """Logs the first failure of a thing and its recovery, nothing between."""

    def __init__(self) -> None:
        self._failing: set[str] = set()

    def failed(self, what: str, why: object) -> None:
        if what not in self._failing:
            self._failing.add(what)
            log.warning("%s: %s", what, why)

    def recovered(self, what: str) -> None:
        if what in self._failing:
            self._failing.discard(what)
            log.warning("%s: recovered", what)


class Sending:
    """``spooled`` is told of each batch; ``dispatch`` and ``answered`` run until they are cancelled."""

    def __init__(self, spool: Spool, carrier: Carrier, troubles: Troubles) -> None:
        self.spool, self.carrier, self.troubles = spool, carrier, troubles
        self._shipping = Shipping()
        self._news = asyncio.Event()
        self._stored: set[int] = set()

    def spooled(self, connection: str, size: int) -> None:
        """A batch of so many bytes is on disk."""
        self._shipping.spooled(connection, size)
        self._news.set()

    async def dispatch(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._news.wait()
            self._news.clear()
            for shipment in self._shipping.due(time.monotonic()):
                await self._send(shipment)
            for slug in self._shipping.in_turn(await asyncio.to_thread(self.spool.connections)):
                await self._ship(slug)
            await asyncio.sleep(LINGER)

    async def _ship(self, slug: str) -> None:
        """What is new first: it does not wait for what gathered while something was away."""
        for live in (True, False):
            while not self._shipping.held(slug, time.monotonic(), live=live):
                if not await self._ship_next(slug, live=live):
                    break

    async def _ship_next(self, slug: str, *, live: bool) -> bool:
        lanes, now = self._shipping.lanes(slug), time.time_ns() // 1000
        waiting = lanes.next(live=live)
        if waiting is None:
            return False
        after, last = waiting
        entries = await asyncio.to_thread(self.spool.after, slug, after, last=last, limit=SHIPMENT_BATCHES)
        taken = fitting(entries, live=live)
        more = len(taken) < len(entries) or len(entries) == SHIPMENT_BATCHES
        if live and more and taken[0].arrived < now - LIVE_WITHIN:
            lanes.put_aside(await asyncio.to_thread(self.spool.older, slug, after, now - LIVE_WITHIN))
            return True
        if not taken:
            if not live:
                lanes.empty()
            return not live
        batches = {entry.sequence: entry for entry in taken}
        shipment = self._shipping.begin(slug, batches, now=time.monotonic(), more=more, live=live)
        await self._send(shipment)
        return True

    async def _send(self, shipment: Shipment) -> None:
        batches = [
            [entry.sequence, base64.b64encode(entry.samples).decode(), entry.said]
            for entry in shipment.entries.values()
        ]
        try:
            await self.carrier.send_ingest(
                self.spool.id, shipment.connection, batches, again=shipment.is_again
            )
            self.troubles.recovered("broker")
        except Exception as error:
            self.troubles.failed("broker", error)
            shipment.due = time.monotonic() + 2.0
            return
        shipment.sent(time.monotonic())

    async def answered(self) -> None:
        while True:
            try:
                answers = await self.carrier.answers(self.spool.id, 1.0)
            except Exception as error:
                self.troubles.failed("broker", error)
                await asyncio.sleep(1.0)
                continue
            self._stored.update(sequence for answer in answers for sequence in answer.get("stored", ()))
            if self._stored:
                await self._confirm()
            for answer in answers:
                if "forgotten" in answer:
                    self._shipping.forgotten(time.monotonic())
                if "failed" in answer:
                    self.troubles.failed("ingest", answer.get("error"))
                    self._shipping.failed(answer["failed"], time.monotonic())

    async def _confirm(self) -> None:
        """On a full disk even deleting may have to wait: it is asked for again with the next answers."""
        try:
            await self.spool.confirm(self._stored)
        except SpoolFull as error:
            self.troubles.failed("spool", error)
            return
        self._shipping.stored(self._stored, time.monotonic())
        self._stored = set()
        self._news.set()
        self.troubles.recovered("ingest")
