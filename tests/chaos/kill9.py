"""What the broker acknowledged is stored exactly once, whatever is killed and whenever.

A publisher numbers MQTT messages (QoS 1) and writes them down before it says them. Meanwhile kill -9 hits
runner, worker, one of its pool processes, a backend of PostgreSQL, all of PostgreSQL, Valkey, the broker and
the web server, at random instants and at every named fail-point; and runner, worker, broker and PostgreSQL
are held still (SIGSTOP) for seconds. Somebody posts numbered samples by REST and reads them back: what was
answered 201 is there. After every fault receipts tell what is stored, every batch the spool ever took is in
it or stored, and of what the broker acknowledged every message is stored, set aside or in the spool. At the
end nothing is lost or doubled, and what is derived is what the facts say. Control: a runner that acknowledges
before its spool's commit.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.chaos import failpoints
from tests.chaos.books import Books, SpoolRead, books_open, spool_read
from tests.chaos.live import Live
from tests.chaos.posting import Poster
from tests.chaos.publisher import Ledger
from tests.chaos.verdict import Verdict
from tests.chaos.works import Works, works
from tests.connectors.peers import free_port

DATABASE = "durable"
VICTIMS = ("runner", "worker", "pool", "backend", "postgres", "valkey", "broker", "web")
STILL = "still "
HELD = tuple(STILL + name for name in ("runner", "worker", "broker", "postgres"))
# This share of kills follows the one before at once, and hits processes on their way up
HASTE = 0.25
CONTROL = "acknowledges before its commit"


def prove(options: list[str]) -> Verdict:
    parser = argparse.ArgumentParser(prog="kill9")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--kills", type=int, default=40, help="at fail-points and random instants together")
    parser.add_argument("--rate", type=float, default=200.0, help="messages per second")
    parser.add_argument("--still", type=float, default=3.0, help="seconds somebody is held still")
    read = parser.parse_args(options)
    return kill9_proof(seed=read.seed, kills=read.kills, rate=read.rate, still=read.still)


def kill9_proof(*, seed: int, kills: int, rate: float, still: float) -> Verdict:
    verdict, books = Verdict("kill9", seed), books_open(name_new())
    with works(books.connection.slug) as running:
        running.web_port = free_port()
        poster = Poster(books, running.web_port)
        chaos = Chaos(running, books, random.Random(seed), poster=poster, still=still)
        chaos.begin(rate=rate, lasting=600 + kills * 60)
        for what in plan(chaos.dice, kills):
            chaos.strike(what)
        chaos.broken += [] if poster.wait_answered() else ["nothing answered by REST for 90 s"]
        chaos.broken += poster.end()
        running.web_port = None
        running.end("web")
        chaos.settle()
        reached = set(failpoints.reached(running.armed))
        caught = _control(running, chaos.dice, rate)
    verdict.broken += chaos.broken + ([] if caught else [f"control not noticed: {CONTROL}"])
    held = sum(chaos.kills[what] for what in HELD)
    verdict.counts |= {"kills": chaos.kills.total() - held, "held-still": held, **chaos.counts}
    verdict.counts |= {"posted": poster.answered, "balances": books.balances, **chaos.looked}
    verdict.counts |= {"fail-points": f"{len(reached)}/{len(failpoints.POINTS)}", "controls": f"{caught:d}/1"}
    if kills >= len(failpoints.POINTS) and (never := set(failpoints.POINTS) - reached):
        verdict.broken.append(f"fail-points never reached: {sorted(never)}")
    return verdict


def plan(dice: random.Random, kills: int) -> list[str]:
    """Every fail-point, every victim and everybody held still once, as far as they go, then any of them; the
    web server and one that is held still are among the first.
    """
    every = [*failpoints.POINTS, *VICTIMS, *HELD]
    lead = dice.sample(["web", dice.choice(HELD)], 2)
    first = [*lead, *dice.sample([what for what in every if what not in lead], len(every) - 2)]
    return [*first, *dice.choices(first, k=max(0, kills - len(first)))][:kills]


@dataclass
class Chaos:
    works: Works
    books: Books
    dice: random.Random
    poster: Poster | None = None
    # Seconds somebody is held still
    still: float = 3.0
    kills: Counter[str] = field(default_factory=Counter)
    counts: dict[str, int] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.live = Live(self.books, self.works)

    def begin(self, *, rate: float, lasting: float) -> None:
        self.works.mend()
        self.books.wait_listening()
        self.books.speak(self.works, rate=rate, lasting=lasting)
        if self.poster is not None:
            self.poster.begin()
        self.grows("the start")
        self.broken += self.balance()

    def balance(self, spool: SpoolRead | None = None) -> list[str]:
        """By receipts, and by the ledger."""
        return self.books.balance(spool) + self.live.look()

    @property
    def looked(self) -> dict[str, int]:
        """How often, and the most that was in the spool alone and on its way in the broker."""
        return {"looks": self.live.looks, "spooled": self.live.spooled, "on-its-way": self.live.on_its_way}

    def strike(self, what: str) -> None:
        if what in failpoints.POINTS:
            self._at_failpoint(what)
        elif what.startswith(STILL):
            self.kills[what] += self.works.hold_still(what.removeprefix(STILL), self.still)
        else:
            time.sleep(self.dice.uniform(0, 0.6))
            self.kills[what] += self.works.kill(what)
        spool = spool_read(self.works) if "runner" in self.works.dead() else None
        self.works.mend()
        self.broken += [f"after {what}: {problem}" for problem in self.balance(spool)]
        if what == "web" and self.poster is not None and not self.poster.wait_answered():
            self.broken.append("after web: nothing answered by REST for 90 s")
        if self.dice.random() >= HASTE:
            self.grows(what)

    def _at_failpoint(self, what: str) -> None:
        before = failpoints.reached(self.works.armed).count(what)
        failpoints.arm(self.works.armed, what)
        deadline = time.monotonic() + 30
        while failpoints.reached(self.works.armed).count(what) == before and time.monotonic() < deadline:
            time.sleep(0.02)
        failpoints.disarm(self.works.armed, what)
        self.kills[what] += failpoints.reached(self.works.armed).count(what) - before
        if what in failpoints.RUNNER:
            self.works.wait_dead("runner")

    def grows(self, what: str) -> None:
        """Something more is stored than before: the path is whole again."""
        before, deadline = self.books.stored(), time.monotonic() + 90
        while self.books.stored() == before:
            if time.monotonic() > deadline:
                self.broken.append(f"after {what}: nothing stored for 90 s")
                return
            time.sleep(0.1)

    def catches_up(self) -> float:
        """Seconds until everything that is acknowledged by now is stored; 90 when it never is."""
        assert self.books.ledger is not None
        ledger, begun = Ledger.read(self.books.ledger), time.monotonic()
        while self.books.missing(ledger) and time.monotonic() - begun < 90:
            time.sleep(0.1)
        return time.monotonic() - begun

    def keeps_up(self) -> float:
        """Seconds from what was said half a second ago until all said since is stored; 90 when never."""
        assert self.books.ledger is not None
        since = time.time() - 0.5
        told = Ledger.read(self.books.ledger)
        recent = [told.sent[n] for n in told.acknowledged if told.sent[n].at >= since * 1e6]
        while self.books.waiting(recent) and time.time() - since < 90:
            time.sleep(0.05)
        return time.time() - since

    def settle(self, *, patience: float = 60, restart: bool = True) -> None:
        """The publisher ends, everything arrives, and is judged."""
        ledger = self.books.hush()
        if restart:
            # Its next start sends again at once what waits for an answer that was lost
            self.works.kill("runner")
            self.works.mend()
        self.books.wait_stored(ledger, patience=patience)
        self.works.end("runner")
        self.broken += self.balance(spool_read(self.works)) + self.books.derived()
        self.counts, broken = self.books.judged(ledger)
        self.broken += broken


def _control(running: Works, dice: random.Random, rate: float) -> bool:
    """Whether the same questions notice a runner that acknowledges what is not on disk yet."""
    books = books_open(name_new())
    running.bug, running.slugs = CONTROL, (books.connection.slug,)
    chaos = Chaos(running, books, dice)
    chaos.begin(rate=rate, lasting=300)
    for _ in range(3):
        chaos.strike("spool before commit")
    chaos.settle(patience=12)
    return chaos.counts["lost"] > 0


def name_new() -> str:
    return f"K{time.time_ns() // 1000 % 10**10}"
