"""Nothing silently missing: received = stored + deduplicated + quarantined + in the spool, at every second.

While a publisher speaks, some of it unreadable and some of it twice, the sum is asked for every second, and
every few seconds the runner is killed and its spool read: every batch it ever took is in it or stored.
Control: a runner that takes a batch out of its spool once it is sent.
"""

from __future__ import annotations

import argparse
import random
import time

from tests.chaos.books import books_open, spool_read
from tests.chaos.kill9 import Chaos, name_new
from tests.chaos.verdict import Verdict
from tests.chaos.works import works

DATABASE = "durable"
CONTROL = "deletes from the spool what was only sent"
KILLED_EVERY = 4


def prove(options: list[str]) -> Verdict:
    parser = argparse.ArgumentParser(prog="conserve")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--rate", type=float, default=300.0, help="messages per second")
    read = parser.parse_args(options)
    return conserve_proof(seed=read.seed, seconds=read.seconds, rate=read.rate)


def conserve_proof(*, seed: int, seconds: int, rate: float) -> Verdict:
    verdict, books = Verdict("conserve", seed), books_open(name_new())
    with works(books.connection.slug) as running:
        chaos = Chaos(running, books, random.Random(seed))
        chaos.begin(rate=rate, lasting=300 + seconds * 5)
        for second in range(1, seconds + 1):
            time.sleep(1)
            if second % KILLED_EVERY == 0:
                # Now and then with the broker, so that it says again what it had forgotten was taken
                if chaos.dice.random() < 0.3:
                    chaos.strike("broker")
                chaos.strike("runner")
            chaos.broken += books.balance()
        chaos.settle()
        sums = books.sums()
        caught = _control(chaos, rate)
    verdict.broken += chaos.broken + ([] if caught else [f"control not noticed: {CONTROL}"])
    verdict.counts |= {"balances": books.balances, "runner-kills": chaos.kills["runner"], **chaos.counts}
    verdict.counts |= {name: sums[name] for name in ("received", "deduplicated", "quarantined")}
    verdict.counts["controls"] = f"{caught:d}/1"
    return verdict


def _control(chaos: Chaos, rate: float) -> bool:
    running, books = chaos.works, books_open(name_new())
    running.bug, running.slugs = CONTROL, (books.connection.slug,)
    other = Chaos(running, books, chaos.dice)
    other.begin(rate=rate, lasting=120)
    # What was sent waits in the queue for nobody
    running.kill("worker")
    time.sleep(4)
    running.kill("runner")
    caught = bool(books.balance(spool_read(running)))
    running.mend()
    books.hush()
    return caught
