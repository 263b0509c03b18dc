"""The database may be away for long: what machines say is kept on disk, and drained when it is back.

PostgreSQL is stopped while a publisher speaks and the spool of its connection holds values of days before.
It comes back: everything is drained, nothing is lost or doubled, what is said meanwhile is stored within
seconds, and no watermark passes what still waits. Control: a spool that drops its oldest batches when full.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from connectors.domain.columns import Columns, encode, micros
from connectors.models import SignalSample, Watermark
from connectors.spool import Spool
from tests.chaos.books import Books, books_open
from tests.chaos.kill9 import Chaos, name_new
from tests.chaos.verdict import Verdict
from tests.chaos.works import read, works
from tests.factories.connectors import signal_make

DATABASE = "durable"
CONTROL = "drops the oldest when the spool is full"
BATCH = 500
EARLIER = timedelta(days=3)
WITHIN = 5.0


def prove(options: list[str]) -> Verdict:
    parser = argparse.ArgumentParser(prog="outage")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--seconds", type=float, default=8.0, help="how long the database is away")
    parser.add_argument("--backlog", type=int, default=500_000, help="values spooled in the hours before")
    parser.add_argument("--rate", type=float, default=200.0, help="messages per second")
    parser.add_argument("--within", type=float, default=WITHIN, help="seconds what is said then may take")
    given = parser.parse_args(options)
    return outage_proof(given)


def outage_proof(given: argparse.Namespace) -> Verdict:
    verdict, dice = Verdict("outage", given.seed), random.Random(given.seed)
    books = books_open(name_new())
    with works(books.connection.slug) as running:
        chaos = Chaos(running, books, dice)
        draining = _drained(chaos, given)
        chaos.settle(restart=False)
    chaos.broken += draining.broken
    if draining.slowest > given.within:
        chaos.broken.append(f"what was said while it drained took {draining.slowest:.1f} s to be stored")
    caught = bool(_control(given.seed))
    verdict.broken += chaos.broken + ([] if caught else [f"control not noticed: {CONTROL}"])
    verdict.counts |= {"away-s": given.seconds, "backlog": given.backlog, **chaos.counts}
    verdict.counts |= {"drained-per-s": round(given.backlog / draining.took), "live-looks": draining.looks}
    verdict.counts |= {"live-after-s": round(draining.slowest, 1), "controls": f"{caught:d}/1"}
    return verdict


def _drained(chaos: Chaos, given: argparse.Namespace) -> Draining:
    running, books = chaos.works, chaos.books
    held = Backlog(books, given.backlog)
    chaos.begin(rate=given.rate, lasting=600 + given.seconds)
    running.postgres.stop()
    running.end("runner")
    asyncio.run(held.spool(running.spool))
    running.keep_alive()
    time.sleep(given.seconds)
    running.mend()
    chaos.grows("the outage")
    draining = Draining(chaos, held)
    draining.watch(most=120 + given.backlog / 500)
    return draining


@dataclass
class Draining:
    """``slowest``: seconds that anything said while the backlog went in took to be stored."""

    chaos: Chaos
    held: Backlog
    slowest: float = 0.0
    took: float = 0.0
    looks: int = 0
    broken: list[str] = field(default_factory=list)

    def watch(self, *, most: float) -> None:
        begun = time.monotonic()
        while self.held.missing() and time.monotonic() - begun < most:
            self.slowest = max(self.slowest, self.chaos.keeps_up())
            self.looks += 1
            if self.held.passed() and self.held.missing():
                self.broken.append("a watermark passed what still waited")
        self.took = time.monotonic() - begun
        if missing := self.held.missing():
            self.broken.append(f"{missing} of the backlog are not stored")


class Backlog:
    """Values of one more signal of the same connection, told in the days before."""

    def __init__(self, books: Books, count: int) -> None:
        self.count = count
        self._connection = books.connection
        self._signal = signal_make(books.line.unit, "earlier", connection=self._connection)
        books.besides.append(self._signal.pk)

    async def spool(self, path: Path) -> None:
        spool = Spool(path)
        self._since = datetime.now(UTC)
        start, step = micros(self._since - EARLIER), EARLIER // timedelta(microseconds=1) // self.count
        for first in range(0, self.count, BATCH):
            columns = Columns()
            for number in range(first, min(first + BATCH, self.count)):
                at = start + number * step
                columns.add("earlier", number, source_time=at, arrival_time=at)
            await spool.append(
                self._connection.slug,
                arrived=columns.arrival_time[0],
                samples=encode(columns, compress=True),
                count=len(columns),
            )
        spool.close()

    def missing(self) -> int:
        """The key of a sample lets none be stored twice: as many as there were is all of them."""
        return self.count - read(lambda: SignalSample.objects.filter(signal_id=self._signal.pk).count())

    def passed(self) -> bool:
        """Whether a watermark says that all was stored which had come before the outage ended."""
        said = Watermark.objects.filter(connection=self._connection, at__gt=self._since)
        return read(said.exists)


def _control(seed: int) -> list[str]:
    from tests.chaos.mutants import noticed

    return noticed(CONTROL, seed)
