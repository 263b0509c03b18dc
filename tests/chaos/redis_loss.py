"""Redis is disposable: emptied or killed every few seconds, nothing is lost and records are the same.

While a publisher speaks, Valkey is emptied (FLUSHALL) and killed with kill -9 in turn. Afterwards everything
must be stored within so many seconds; nothing is lost or doubled, and what is derived is what the facts say.
Control: a runner that never sends again what was not answered.
"""

from __future__ import annotations

import argparse
import random
import time

import redis

from tests.chaos.books import books_open
from tests.chaos.kill9 import Chaos, name_new
from tests.chaos.verdict import Verdict
from tests.chaos.works import Works, works

DATABASE = "durable"
CONTROL = "never sends again"


def prove(options: list[str]) -> Verdict:
    parser = argparse.ArgumentParser(prog="redis-loss")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--losses", type=int, default=6)
    parser.add_argument("--every", type=float, default=3.0, help="seconds between losses")
    parser.add_argument("--within", type=float, default=10.0, help="seconds until nothing lags behind")
    parser.add_argument("--rate", type=float, default=200.0, help="messages per second")
    read = parser.parse_args(options)
    return redis_proof(
        seed=read.seed, losses=read.losses, every=read.every, within=read.within, rate=read.rate
    )


def redis_proof(*, seed: int, losses: int, every: float, within: float, rate: float) -> Verdict:
    verdict, books = Verdict("redis-loss", seed), books_open(name_new())
    with works(books.connection.slug) as running:
        chaos = Chaos(running, books, random.Random(seed))
        chaos.begin(rate=rate, lasting=300 + losses * (every + 10))
        for number in range(losses):
            _lose(running, number)
            time.sleep(chaos.dice.uniform(0.5, 1.5) * every)
            chaos.broken += books.balance()
        _lose(running, 0)
        lag = chaos.catches_up()
        chaos.settle(restart=False)
        caught = _control(chaos, rate)
    if lag > within:
        chaos.broken.append(f"{lag:.1f} s until everything said before the last loss was stored")
    verdict.broken += chaos.broken + ([] if caught else [f"control not noticed: {CONTROL}"])
    verdict.counts |= {"losses": losses + 1, **chaos.counts, "lag-s": round(lag, 1)}
    verdict.counts["controls"] = f"{caught:d}/1"
    return verdict


def _lose(running: Works, number: int) -> None:
    if number % 2:
        running.kill("valkey")
        running.mend()
    else:
        with redis.Redis.from_url(running.valkey.url) as client:
            client.flushall()


def _control(chaos: Chaos, rate: float) -> bool:
    running, books = chaos.works, books_open(name_new())
    running.bug, running.slugs = CONTROL, (books.connection.slug,)
    other = Chaos(running, books, chaos.dice)
    other.begin(rate=rate, lasting=120)
    # Without a worker everything that was sent is lost with the queue
    running.kill("worker")
    time.sleep(2)
    _lose(running, 0)
    running.mend()
    ledger = books.hush()
    return books.wait_stored(ledger, patience=12) > 0
