"""A spool that holds hours, and a value said now: the real runner on a real spool, workers that are slow."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from connectors.domain import shipping
from connectors.domain.columns import micros
from connectors.runner import Runner
from connectors.spool import Spool

HOUR = 3_600_000_000
BATCHES = shipping.SHIPMENT_BATCHES * 5
PATIENCE = 20.0


class Carrier:
    """Answers what was sent, one task after the other; a value is said as soon as the first is taken."""

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self.sent: list[int] = []
        self.broken: list[str] = []
        self.new = 0
        self._tasks: asyncio.Queue[list[int]] = asyncio.Queue()

    async def send_ingest(
        self, spool: str, connection: str, batches: list[list[Any]], *, again: bool = False
    ) -> None:
        self._tasks.put_nowait([batch[0] for batch in batches])

    async def send_tick(self, watermarks: dict[str, str]) -> None: ...

    async def send_report(self, spool: str, report: dict[str, Any]) -> None: ...

    async def answers(self, spool: str, wait: float) -> list[dict[str, Any]]:
        if not self.new:
            self.new = await self.spool.append("c", arrived=time.time_ns() // 1000, samples=b"", count=1)
        stored = await self._tasks.get()
        await asyncio.sleep(0.1)
        self.sent += stored
        if self.new in stored and len(set(self.sent)) <= BATCHES:
            # Everything before it is still counted on: the watermark is the oldest that waits
            until = micros(self.spool.oldest()["c"])
            if until > HOUR + BATCHES:
                self.broken.append(f"complete until {until} while {HOUR} still waits")
        return [{"stored": stored}]


def check_lanes(seed: int) -> list[str]:
    """What is new does not wait for all that waits; everything is sent, and the oldest is never passed."""
    folder = Path(tempfile.mkdtemp(prefix="mom lanes "))
    try:
        return asyncio.run(_drain(folder / "s.sqlite", random.Random(seed)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _drain(path: Path, dice: random.Random) -> list[str]:
    spool = Spool(path, synchronous="OFF")
    sizes = [dice.randint(1, 30) for _ in range(BATCHES)]
    waits = [
        spool.append("c", arrived=HOUR + number, samples=b"", count=size) for number, size in enumerate(sizes)
    ]
    await asyncio.gather(*waits)
    carrier, stop = Carrier(spool), asyncio.Event()
    running = asyncio.create_task(Runner(spool, carrier, _nothing).run(stop))
    begun = time.monotonic()
    while len(spool) and time.monotonic() - begun < PATIENCE:
        await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    broken = carrier.broken
    if len(spool):
        broken.append(f"{len(spool)} batches were not sent within {PATIENCE:g} s")
    if set(carrier.sent) == set(range(1, BATCHES + 2)):
        before = carrier.sent.index(carrier.new)
        if before > 3 * BATCHES // 5:
            broken.append(f"what was new waited for {before} of {BATCHES} batches")
    else:
        broken.append("not every batch was sent")
    spool.close()
    return broken


async def _nothing() -> list[dict[str, Any]]:
    return []
