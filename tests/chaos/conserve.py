"""Nothing silently missing: what was acknowledged is stored, set aside or in the spool, at every second.

While a publisher speaks, some of it unreadable and some of it twice, its ledger is compared every second with
what is stored, what is set aside and what a copy of the running spool holds, and receipts with what is
stored. Every few seconds the runner is killed and its spool read: every batch it ever took is in it or
stored. Between runner and broker is a proxy that delays, throttles and truncates now and then. Controls: a
runner that takes a batch out of its spool once it is sent; a worker that drops values and calls them
repeated.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter

from tests.chaos.books import books_open, spool_read
from tests.chaos.kill9 import Chaos, name_new
from tests.chaos.proxy import Proxy
from tests.chaos.verdict import Verdict
from tests.chaos.works import works

DATABASE = "durable"
CONTROLS = ("deletes from the spool what was only sent", "calls repeated what it drops")
KILLED_EVERY = 4


def prove(options: list[str]) -> Verdict:
    parser = argparse.ArgumentParser(prog="conserve")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--rate", type=float, default=300.0, help="messages per second")
    parser.add_argument("--slow", type=int, default=3, help="seconds between faults of the line")
    read = parser.parse_args(options)
    return conserve_proof(seed=read.seed, seconds=read.seconds, rate=read.rate, slow=read.slow)


def conserve_proof(*, seed: int, seconds: int, rate: float, slow: int) -> Verdict:
    verdict, books = Verdict("conserve", seed), books_open(name_new())
    faults: Counter[str] = Counter()
    lasting = 300.0 + seconds * 5
    with works(books.connection.slug) as running, Proxy(running.broker.port or 0, lasting=lasting) as line:
        running.broker_port = line.port
        chaos = Chaos(running, books, random.Random(seed))
        chaos.begin(rate=rate, lasting=lasting)
        for second in range(1, seconds + 1):
            time.sleep(1)
            # What is hurt is whole again after a second: a runner that starts must find its broker
            line.heal()
            if second % KILLED_EVERY == 0:
                # Now and then with the broker, so that it says again what it had forgotten was taken
                if chaos.dice.random() < 0.3:
                    chaos.strike("broker")
                chaos.strike("runner")
            chaos.broken += chaos.balance()
            if second % slow == 0:
                faults[_hurt(line, chaos.dice)] += 1
        line.heal()
        chaos.settle()
        sums = books.sums()
        running.broker_port = None
        caught = _controls(chaos, rate)
    verdict.broken += chaos.broken
    verdict.broken += [f"control not noticed: {name}" for name, seen in caught.items() if not seen]
    verdict.counts |= chaos.looked | {f"line-{name}": count for name, count in sorted(faults.items())}
    verdict.counts |= {"balances": books.balances, "runner-kills": chaos.kills["runner"], **chaos.counts}
    verdict.counts |= {name: sums[name] for name in ("received", "deduplicated", "quarantined")}
    verdict.counts["controls"] = f"{sum(caught.values())}/{len(caught)}"
    return verdict


def _hurt(line: Proxy, dice: random.Random) -> str:
    what = dice.choice(("delay", "throttle", "truncate"))
    if what == "delay":
        line.delay(dice.uniform(0.05, 0.5))
    elif what == "throttle":
        line.throttle(dice.uniform(2_000, 20_000))
    else:
        line.truncate(dice.randint(1, 3_000))
    return what


def _controls(chaos: Chaos, rate: float) -> dict[str, bool]:
    running, books = chaos.works, books_open(name_new())
    spool, drops = CONTROLS
    running.kill("worker")
    running.bug, running.slugs = drops, (books.connection.slug,)
    other = Chaos(running, books, chaos.dice)
    other.begin(rate=rate, lasting=120)
    deadline, dropped = time.monotonic() + 20, False
    while not dropped and time.monotonic() < deadline:
        time.sleep(0.5)
        dropped = any("acknowledged, and neither" in problem for problem in other.balance())
    running.kill("runner")
    running.bug = spool
    running.mend()
    gone = False
    for wait in (3, 6, 12):
        if not gone:
            other.grows("the second control")
            # What was sent waits in the queue for nobody
            running.kill("worker")
            time.sleep(wait)
            running.kill("runner")
            gone = any("batches neither" in problem for problem in books.balance(spool_read(running)))
            running.mend()
    books.hush()
    return {spool: gone, drops: dropped}
