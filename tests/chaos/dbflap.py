"""PostgreSQL may restart as often as it likes: no process needs a restart, and data flows again in seconds.

PostgreSQL is restarted again and again, politely or with kill -9, while a publisher speaks. Each time values
must be stored again within so many seconds of its first answer; runner and worker are the ones that were
started first. At the end nothing is lost or doubled. Control: a worker that keeps its dead connection.
"""

from __future__ import annotations

import argparse
import random
import time

from tests.chaos.books import books_open
from tests.chaos.kill9 import Chaos, name_new
from tests.chaos.verdict import Verdict
from tests.chaos.works import works

DATABASE = "durable"
CONTROL = "keeps a dead connection to the database"


def prove(options: list[str]) -> Verdict:
    parser = argparse.ArgumentParser(prog="dbflap")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--flaps", type=int, default=5)
    parser.add_argument("--within", type=float, default=10.0, help="seconds until values are stored again")
    parser.add_argument("--rate", type=float, default=100.0, help="messages per second")
    read = parser.parse_args(options)
    return dbflap_proof(seed=read.seed, flaps=read.flaps, within=read.within, rate=read.rate)


def dbflap_proof(*, seed: int, flaps: int, within: float, rate: float) -> Verdict:
    verdict, books = Verdict("dbflap", seed), books_open(name_new())
    with works(books.connection.slug) as running:
        chaos = Chaos(running, books, random.Random(seed))
        chaos.begin(rate=rate, lasting=300 + flaps * 60)
        slowest = 0.0
        for number in range(flaps):
            took = _flap(chaos)
            slowest = max(slowest, took)
            if took > within:
                chaos.broken.append(f"flap {number}: {took:.1f} s until values were stored again")
        restarted = {name: n for name, n in running.starts.items() if name != "postgres" and n > 1}
        chaos.settle(restart=False)
        caught = _control(chaos, rate)
    verdict.broken += chaos.broken + [f"had to be started again: {restarted}"] * bool(restarted)
    verdict.broken += [] if caught else [f"control not noticed: {CONTROL}"]
    verdict.counts |= {"flaps": flaps, **chaos.counts, "slowest-s": round(slowest, 1)}
    verdict.counts["controls"] = f"{caught:d}/1"
    return verdict


def _flap(chaos: Chaos) -> float:
    """Seconds from the first answer of the new PostgreSQL to a value stored by it."""
    time.sleep(chaos.dice.uniform(0.2, 1.5))
    before = chaos.books.stored()
    if chaos.dice.random() < 0.5:
        chaos.works.kill("postgres")
    else:
        chaos.works.postgres.stop()
    time.sleep(chaos.dice.uniform(0, 1.5))
    chaos.works.mend()
    begun = time.monotonic()
    while chaos.books.stored() <= before and time.monotonic() - begun < 90:
        time.sleep(0.05)
    return time.monotonic() - begun


def _control(chaos: Chaos, rate: float) -> bool:
    """Whether a worker that never renews its connection is noticed by the same question."""
    running, books = chaos.works, books_open(name_new())
    running.kill("worker")
    running.bug, running.slugs = CONTROL, (books.connection.slug,)
    other = Chaos(running, books, chaos.dice)
    other.begin(rate=rate, lasting=120)
    before = books.stored()
    running.kill("postgres")
    running.mend()
    # What was under way may still have been stored before the kill
    time.sleep(2)
    before, begun = books.stored(), time.monotonic()
    while books.stored() == before and time.monotonic() - begun < 12:
        time.sleep(0.1)
    stuck = books.stored() == before
    books.hush()
    return stuck
