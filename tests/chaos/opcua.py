"""OPC UA: after every cut each value is received or inside a declared gap, and none is doubled.

A server writes down each value before it takes it. Between it and the connector a proxy resets connections
or lets them hang half-open; the server is killed and started again, or forgets sessions and subscriptions. At
the end every value of the ledger is in the spool under one source key, or its source time lies in a gap that
was not taken back. Controls follow the same server through proxies that are cut at the same instants: each
must lose something it does not declare.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from connectors.domain.columns import micros
from connectors.domain.outage import GapRecord, in_scope
from connectors.protocols.opcua import OpcUaConnector
from tests.chaos.opcua_followers import CONTROLS, Connected, Follower, control
from tests.chaos.opcua_source import NAMESPACE
from tests.chaos.proxy import Proxy
from tests.chaos.verdict import Verdict
from tests.connectors.peers import free_port

DATABASE = "none"
EPOCH_SIZE = 1_000_000
SETTLE_SECONDS = 60.0
KINDS = ("reset", "refused", "half-open", "forgotten")


def prove(options: list[str]) -> Verdict:
    parser = argparse.ArgumentParser(prog="opcua")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--cuts", type=int, default=12)
    parser.add_argument("--restarts", type=int, default=1)
    parser.add_argument("--tags", type=int, default=10)
    parser.add_argument("--hz", type=float, default=10.0)
    parser.add_argument("--longest", type=float, default=2.0, help="seconds of the longest cut")
    parser.add_argument("--controls", type=int, default=len(CONTROLS))
    read = parser.parse_args(options)
    return opcua_proof(**vars(read))


def opcua_proof(
    *, seed: int, cuts: int, restarts: int, tags: int, hz: float, longest: float, controls: int
) -> Verdict:
    # What the library says of every cut is no news here
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    verdict = Verdict("opcua", seed, {"cuts": cuts + restarts, "tags": tags, "hz": hz})
    with tempfile.TemporaryDirectory(prefix="opcua-proof-") as folder, ExitStack() as stack:
        source = Source(Path(folder) / "ledger", tags=tags, hz=hz)
        stack.callback(source.kill)
        source.start()
        proxies = {
            name: stack.enter_context(Proxy(source.port, lasting=7200))
            for name in ("product", *list(CONTROLS)[:controls])
        }
        followers: dict[str, Follower] = {
            "product": Connected(
                proxies["product"].port, tags, made=OpcUaConnector, spool=Path(folder) / "spool.sqlite3"
            )
        }
        followers |= {name: control(name, proxies[name].port, tags) for name in list(CONTROLS)[:controls]}
        chaos = Chaos(random.Random(seed), source, list(proxies.values()), longest)
        asyncio.run(chaos.run(followers, plan(chaos.dice, cuts, restarts)))
        written = source.ledger()
        judged = {place: at for place, at in written.items() if chaos.since <= at <= chaos.until}
        _judge(verdict, judged, followers)
    verdict.counts |= {"seconds": round(chaos.seconds), "down": round(chaos.down)}
    return verdict


def plan(dice: random.Random, cuts: int, restarts: int) -> list[str]:
    """Every kind in turn, in an order of chance, the restarts among them."""
    found = [KINDS[number % len(KINDS)] for number in range(cuts)] + ["restart"] * restarts
    dice.shuffle(found)
    return found


@dataclass
class Source:
    """The server, in a process of its own; values of a new start begin where no earlier one came to."""

    book: Path
    tags: int
    hz: float
    port: int = field(default_factory=free_port)
    starts: int = 0
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self.starts += 1
        numbers = (self.tags, self.hz, self.starts * EPOCH_SIZE, self.tags // 2)
        program = [sys.executable, "-m", "tests.chaos.opcua_source", self.port, self.book, *numbers]
        self.process = subprocess.Popen(
            list(map(str, program)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        if self.process.stdout.readline().strip() != "ready":
            raise RuntimeError("the server of the proof did not start")

    def tell(self, word: str) -> None:
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            for stream in (self.process.stdin, self.process.stdout):
                if stream is not None:
                    stream.close()
            self.process = None

    def latest(self) -> int:
        return max(value for _, value in self.ledger())

    def ledger(self) -> dict[tuple[int, int], int]:
        """(tag, value) → source time; a line cut off by a kill was never taken."""
        text = self.book.read_text()
        lines = text[: text.rfind("\n") + 1].splitlines()
        return {(int(tag), int(value)): int(at) for tag, value, at in map(str.split, lines)}


@dataclass
class Chaos:
    dice: random.Random
    source: Source
    proxies: list[Proxy]
    longest: float
    since: int = 0
    until: int = 0
    seconds: float = 0.0
    down: float = 0.0

    async def run(self, followers: dict[str, Follower], cuts: Iterable[str]) -> None:
        began = time.monotonic()
        tasks = [asyncio.create_task(follower.run()) for follower in followers.values()]
        try:
            await self._all_current(followers.values())
            self.since = time.time_ns() // 1000
            for kind in cuts:
                started = time.monotonic()
                await self._strike(kind)
                self.down += time.monotonic() - started
                await asyncio.sleep(self.dice.uniform(0.2, 1.5))
            await self._settle(followers["product"])
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=20)
        self.seconds = time.monotonic() - began
        self.source.kill()

    async def _strike(self, kind: str) -> None:
        lasting = min(self.longest, 0.05 * (self.longest / 0.05) ** self.dice.random())
        if kind == "half-open":
            # Long enough for a notification to be swallowed
            lasting = max(lasting, 0.3)
            self._each(Proxy.swallow)
        elif kind == "restart":
            await asyncio.to_thread(self.source.kill)
            await asyncio.to_thread(self.source.start)
            return
        elif kind == "forgotten":
            # Cut while it forgets: told of it, a client would know without asking
            self._each(lambda proxy: proxy.cut(refuse=True))
            self.source.tell("forget")
        else:
            self._each(lambda proxy: proxy.cut(refuse=kind == "refused"))
        await asyncio.sleep(lasting)
        if kind == "half-open" and self.dice.random() < 0.5:
            self._each(Proxy.cut)
        self._each(Proxy.heal)

    def _each(self, work: Callable[[Proxy], None]) -> None:
        for proxy in self.proxies:
            work(proxy)

    async def _all_current(self, followers: Iterable[Follower]) -> None:
        """Until every one has heard of every value as it is now."""
        now, tags = self.source.latest(), range(self.source.tags)
        async with asyncio.timeout(SETTLE_SECONDS):
            while any(follower.latest(tag) < now for follower in followers for tag in tags):
                await asyncio.sleep(0.1)

    async def _settle(self, product: Follower) -> None:
        """Until the product is up to date and none of its gaps is open; the others had as long, and more."""
        self.until = time.time_ns() // 1000
        with contextlib.suppress(TimeoutError):
            await self._all_current([product])
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline and any(gap.end_time is None for gap in product.gaps.values()):
            await asyncio.sleep(0.2)
        await asyncio.sleep(2.0)


# -- judging ---------------------------------------------------------------------------------------------


def _judge(verdict: Verdict, ledger: dict[tuple[int, int], int], followers: dict[str, Follower]) -> None:
    found = {name: _found(ledger, follower) for name, follower in followers.items()}
    product = found.pop("product")
    verdict.counts |= {"values": len(ledger), "received": product.received, "in_gaps": product.declared}
    verdict.counts |= {"lost": product.lost, "doubled": product.doubled, "gaps": product.gaps}
    if product.lost:
        verdict.broken.append(f"{product.lost} values neither came nor are in a gap, {product.example}")
    if product.doubled:
        verdict.broken.append(f"{product.doubled} values came under two keys")
    if product.unclosed:
        verdict.broken.append(f"{product.unclosed} gaps were never closed")
    if product.received < len(ledger) // 4:
        verdict.broken.append("less than a quarter was received: nothing is proven")
    # A gap whose end was lost on the way is noticed like a value
    caught = {name: other.lost + other.doubled + other.unclosed for name, other in found.items()}
    verdict.broken += [f"control not noticed: {name}" for name, lost in caught.items() if not lost]
    verdict.counts["controls"] = f"{sum(map(bool, caught.values()))}/{len(caught)}"
    verdict.counts["missed_by_controls"] = ",".join(map(str, caught.values())) or "-"


@dataclass
class Found:
    received: int = 0
    declared: int = 0
    lost: int = 0
    doubled: int = 0
    gaps: int = 0
    unclosed: int = 0
    example: str = ""


def _found(ledger: dict[tuple[int, int], int], follower: Follower) -> Found:
    follower.finish()
    found = Found(gaps=len(follower.gaps))
    missing = [gap for gap in follower.gaps.values() if not gap.recovered]
    found.unclosed = sum(gap.end_time is None for gap in follower.gaps.values())
    for (tag, value), at in ledger.items():
        keys = follower.came.get((tag, value), ())
        if keys:
            found.received += 1
            found.doubled += len(keys) > 1
        elif any(_holds(gap, tag, at) for gap in missing):
            found.declared += 1
        else:
            found.lost += 1
            found.example = found.example or f"first T{tag}={value} of {at}"
    return found


def _holds(gap: GapRecord, tag: int, at: int) -> bool:
    if not in_scope(f"nsu={NAMESPACE};s=T{tag}", gap.scope) or at < micros(gap.start_time):
        return False
    return gap.end_time is None or at <= micros(gap.end_time)
