"""Runs for days: whatever fails now and then, nothing is lost, nothing grows and nothing is left behind.

A publisher speaks for ``--hours`` while something fails every half minute: Valkey emptied or killed,
PostgreSQL restarted or killed, the broker killed, now and then a process of ours. Every minute the sum must
close, and memory, open files, connections to the database, the spool's file and its partitions are counted;
of a process they are compared over its own life. At the end ledger and record are compared, what is derived
is derived again, and the spool must be empty. Controls: a runner that keeps a file open for every batch and
never takes anything out of its spool.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field

import psutil
import redis
from django.db import connection as database

from tests.benchmarks.memory import MB
from tests.chaos.books import books_open, spool_read
from tests.chaos.kill9 import Chaos, name_new
from tests.chaos.verdict import Verdict
from tests.chaos.works import Works, read, works

DATABASE = "durable"
CONTROL = "never lets go"
# What does not end a process of ours is the rule, so that their lives are long enough to show what grows
FAULTS = {
    "flush": 6,
    "valkey": 3,
    "restart": 4,
    "postgres": 3,
    "backend": 4,
    "broker": 4,
    "pool": 1,
    "worker": 1,
    "runner": 1,
}
FILES, CONNECTIONS, MEGABYTES, SPOOL_MB = 12, 12, 40.0, 64.0
# A slope needs an hour after the first
SETTLED = 3600.0


def prove(options: list[str]) -> Verdict:
    parser = argparse.ArgumentParser(prog="soak")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--hours", type=float, default=0.05)
    parser.add_argument("--every", type=float, default=30.0, help="seconds between faults")
    parser.add_argument("--check", type=float, default=60.0, help="seconds between counts")
    parser.add_argument(
        "--slope", type=float, default=1.0, help="per cent of memory an hour, after the first"
    )
    parser.add_argument("--rate", type=float, default=200.0, help="messages per second")
    asked = parser.parse_args(options)
    verdict, books = Verdict("soak", asked.seed), books_open(name_new())
    with works(books.connection.slug) as running:
        chaos = Chaos(running, books, random.Random(asked.seed))
        soaked = Soaked(chaos, asked)
        chaos.begin(rate=asked.rate, lasting=asked.hours * 7200 + 600)
        soaked.run(asked.hours * 3600)
        chaos.settle(restart=False)
        verdict.broken += [*chaos.broken, *soaked.grown(), *_spool_left(running)]
        verdict.counts |= {"faults": soaked.faults.total(), "balances": books.balances, **chaos.counts}
        verdict.counts |= chaos.looked | soaked.counts
        missed = _controls_missed(chaos, asked)
    verdict.broken += [f"control not noticed: {name}" for name in missed]
    verdict.counts["controls"] = f"{2 - len(missed)}/2"
    return verdict


def _controls_missed(chaos: Chaos, asked: argparse.Namespace) -> list[str]:
    running, books = chaos.works, books_open(name_new())
    running.bug, running.slugs = CONTROL, (books.connection.slug,)
    other = Chaos(running, books, chaos.dice)
    soaked = Soaked(other, argparse.Namespace(**{**vars(asked), "every": 1e9, "check": 0.7}))
    other.begin(rate=100, lasting=120)
    files = False
    for _ in range(8):
        soaked.run(3)
        if files := any("files" in problem for problem in soaked.grown()):
            break
    books.wait_stored(books.hush(), patience=20)
    running.end("runner")
    spool = bool(_spool_left(running, tries=1))
    return ["a file kept open"] * (not files) + ["a spool that is never emptied"] * (not spool)


@dataclass
class Life:
    """One process from its first count to its last: (seconds, MB, open files)."""

    name: str
    counts: list[tuple[float, float, int]] = field(default_factory=list)

    def thirds(self, column: int) -> tuple[float, float]:
        """Median of the second and of the last third: what a process needs to begin with is in the first."""
        size = len(self.counts) // 3
        values = [count[column] for count in self.counts]
        return statistics.median(values[size : 2 * size]), statistics.median(values[-size:])

    @property
    def slope(self) -> float | None:
        """Per cent of memory an hour, after the first; None of a life that was shorter than two."""
        if self.counts[-1][0] - self.counts[0][0] < 2 * SETTLED:
            return None
        kept = [(at, size) for at, size, _ in self.counts if at - self.counts[0][0] >= SETTLED]
        line = statistics.linear_regression([at / 3600 for at, _ in kept], [size for _, size in kept])
        return line.slope / statistics.median(size for _, size in kept) * 100


@dataclass
class Soaked:
    chaos: Chaos
    asked: argparse.Namespace
    faults: Counter[str] = field(default_factory=Counter)
    lives: dict[int, Life] = field(default_factory=dict)
    connections: list[int] = field(default_factory=list)
    spool: list[float] = field(default_factory=list)
    partitions: list[int] = field(default_factory=list)

    def run(self, seconds: float) -> None:
        began = time.monotonic()
        due, counted = self._pause(), 0.0
        while (passed := time.monotonic() - began) < seconds:
            if passed >= counted:
                counted = passed + self.asked.check
                self.chaos.broken += self.chaos.balance()
                self.count(passed)
            if passed >= due:
                self.fail()
                due = time.monotonic() - began + self._pause()
            time.sleep(0.1)

    def _pause(self) -> float:
        return float(self.asked.every * self.chaos.dice.uniform(0.5, 1.5))

    def fail(self) -> None:
        (what,) = self.chaos.dice.choices(list(FAULTS), list(FAULTS.values()))
        self.faults[what] += 1
        running = self.chaos.works
        if what == "flush":
            with redis.Redis.from_url(running.valkey.url) as client:
                client.flushall()
        elif what == "restart":
            running.postgres.stop()
        else:
            running.kill(what)
        spool = spool_read(running) if what == "runner" else None
        running.mend()
        self.chaos.broken += [f"after {what}: {problem}" for problem in self.chaos.balance(spool)]
        self.chaos.grows(what)

    def count(self, at: float) -> None:
        running = self.chaos.works
        for name in ("runner", "worker"):
            if (pid := running.pid(name)) is None:
                continue
            leader = psutil.Process(pid)
            for process in (leader, *leader.children(recursive=True)):
                try:
                    size, files = process.memory_full_info().pss / MB, process.num_fds()
                except psutil.Error:
                    continue
                self.lives.setdefault(process.pid, Life(name)).counts.append((at, size, files))
        spool = [running.spool.with_name(running.spool.name + end) for end in ("", "-wal")]
        self.spool.append(sum(file.stat().st_size for file in spool if file.exists()) / MB)
        self.connections.append(_asked("SELECT count(*) FROM pg_stat_activity"))
        self.partitions.append(
            _asked("SELECT count(*) FROM pg_inherits WHERE inhparent = 'connectors_signalsample'::regclass")
        )

    def grown(self) -> list[str]:
        broken = []
        for life in self.lives.values():
            if len(life.counts) < 6:
                continue
            (early, late), (before, after) = life.thirds(2), life.thirds(1)
            if late - early > FILES:
                broken.append(f"{life.name}: {early:.0f} open files, later {late:.0f}")
            if after - before > MEGABYTES:
                broken.append(f"{life.name}: {before:.0f} MB, later {after:.0f}")
            if life.slope is not None and life.slope > self.asked.slope:
                broken.append(f"{life.name}: memory grows by {life.slope:.1f} % an hour")
        if self.connections and max(self.connections) > self.connections[0] + CONNECTIONS:
            broken.append(f"connections to the database: {self.connections[0]}, then {max(self.connections)}")
        if self.spool and self.spool[-1] > SPOOL_MB:
            broken.append(f"the spool's file holds {self.spool[-1]:.0f} MB")
        if self.partitions and self.partitions[-1] > self.partitions[0] + 2 + self.asked.hours / 24:
            broken.append(f"partitions: {self.partitions[0]}, then {self.partitions[-1]}")
        return broken

    @property
    def counts(self) -> dict[str, object]:
        long = [life for life in self.lives.values() if len(life.counts) >= 6]
        grown = [life.thirds(1)[1] - life.thirds(1)[0] for life in long]
        files = [life.thirds(2)[1] - life.thirds(2)[0] for life in long]
        slopes = [life.slope for life in long if life.slope is not None]
        return {
            "lives": len(self.lives),
            "grown-MB": round(max(grown, default=0.0), 1),
            "slope-%/h": round(max(slopes), 2) if slopes else "-",
            "files": f"{max(files, default=0.0):+.0f}",
            "connections": f"{min(self.connections)}-{max(self.connections)}",
            "spool-MB": f"{max(self.spool):.1f}",
            "partitions": f"{self.partitions[0]}-{self.partitions[-1]}",
        }


def _asked(statement: str) -> int:
    def ask() -> int:
        with database.cursor() as cursor:
            cursor.execute(statement)
            return int(cursor.fetchone()[0])

    return read(ask)


def _spool_left(running: Works, *, tries: int = 4) -> list[str]:
    """Batches a stopped runner still holds though all is stored; an answer may have been on its way."""
    for number in range(tries):
        if number:
            running.mend()
            time.sleep(4)
            running.end("runner")
        spool = spool_read(running)
        if spool is None or not spool.held:
            return []
    held = len(spool.held) if spool else 0
    return [f"{held} batches stay in the spool, though all of it is stored"]
