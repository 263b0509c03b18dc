"""The database may be away for long: what machines say is kept on disk, and drained when it is back.

PostgreSQL is stopped while a publisher speaks and a spool holds the values of hours before. It comes back:
everything is drained and nothing is lost or doubled. Told: values drained per second, and how long until what
was said then was stored. Control: a spool that drops its oldest batches when it is full.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from connectors.domain.columns import Columns, encode, micros
from connectors.models import SignalSample
from connectors.spool import Spool
from tests.chaos.books import Books, books_open
from tests.chaos.kill9 import Chaos, name_new
from tests.chaos.verdict import Verdict
from tests.chaos.works import read, works
from tests.factories.connectors import connection_make, signal_make

DATABASE = "durable"
CONTROL = "drops the oldest when the spool is full"
BATCH = 500
EARLIER = timedelta(days=3)


def prove(options: list[str]) -> Verdict:
    parser = argparse.ArgumentParser(prog="outage")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--seconds", type=float, default=8.0, help="how long the database is away")
    parser.add_argument("--backlog", type=int, default=100_000, help="values spooled in the hours before")
    parser.add_argument("--rate", type=float, default=200.0, help="messages per second")
    given = parser.parse_args(options)
    return outage_proof(seed=given.seed, seconds=given.seconds, backlog=given.backlog, rate=given.rate)


def outage_proof(*, seed: int, seconds: float, backlog: int, rate: float) -> Verdict:
    verdict, books = Verdict("outage", seed), books_open(name_new())
    held = Backlog(books, backlog)
    with works(books.connection.slug) as running:
        chaos = Chaos(running, books, random.Random(seed))
        chaos.begin(rate=rate, lasting=600 + seconds)
        running.postgres.stop()
        running.end("runner")
        asyncio.run(held.spool(running.spool))
        running.keep_alive()
        time.sleep(seconds)
        running.mend()
        begun = time.monotonic()
        live = chaos.catches_up()
        while held.missing() and time.monotonic() - begun < 120 + backlog / 500:
            time.sleep(0.2)
        drained = time.monotonic() - begun
        chaos.settle(restart=False)
    chaos.broken += [f"{missing} of the backlog are not stored"] if (missing := held.missing()) else []
    caught = bool(_control(seed))
    verdict.broken += chaos.broken + ([] if caught else [f"control not noticed: {CONTROL}"])
    verdict.counts |= {"away-s": seconds, "backlog": backlog, **chaos.counts}
    verdict.counts |= {"drained-per-s": round(backlog / drained), "live-after-s": round(live, 1)}
    verdict.counts["controls"] = f"{caught:d}/1"
    return verdict


class Backlog:
    """Values of one signal, told by a connection that is silent now."""

    def __init__(self, books: Books, count: int) -> None:
        self.count = count
        self._connection = connection_make(books.line.site, slug=f"{books.connection.slug}-earlier")
        self._signal = signal_make(books.line.unit, "earlier", connection=self._connection)
        books.besides.append(self._signal.pk)

    async def spool(self, path: Path) -> None:
        spool = Spool(path)
        start, step = micros(datetime.now(UTC) - EARLIER), EARLIER // timedelta(microseconds=1) // self.count
        for first in range(0, self.count, BATCH):
            columns = Columns()
            for number in range(first, min(first + BATCH, self.count)):
                at = start + number * step
                columns.add("earlier", number, source_time=at, arrival_time=at)
            await spool.append(
                self._connection.slug, arrived=columns.arrival_time[0], samples=encode(columns, compress=True)
            )
        spool.close()

    def missing(self) -> int:
        """The key of a sample lets none be stored twice: as many as there were is all of them."""
        return self.count - read(lambda: SignalSample.objects.filter(signal_id=self._signal.pk).count())


def _control(seed: int) -> list[str]:
    from tests.chaos.mutants import noticed

    return noticed(CONTROL, seed)
