from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.domain.columns import micros
from connectors.domain.spool_tables import HELD
from connectors.spool import Spool, SpoolBroken, SpoolFull

STEPS = ("receive", "spool", "acknowledge", "send", "store", "answer", "confirm", "crash", "lose_answer")


class World:
    """Source, spool file and database as they are between any two steps; a crash forgets all but the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.source = list(range(40))  # messages not yet acknowledged, oldest first
        self.database: Counter[int] = Counter()
        self.receipts: set[tuple[str, int]] = set()
        self.boot()

    def boot(self) -> None:
        self.spool = Spool(self.path, synchronous="OFF")
        self.given = 0  # how far into the unacknowledged ones this session was given
        self.in_memory: list[int] = []
        self.on_disk = 0
        self.sent: list[tuple[int, int]] = []
        self.answers: list[int] = []

    async def step(self, name: str) -> None:
        await getattr(self, f"_{name}")()

    async def _receive(self) -> None:
        if self.given < len(self.source):
            self.in_memory.append(self.source[self.given])
            self.given += 1

    async def _spool(self) -> None:
        if self.in_memory:
            message = self.in_memory.pop(0)
            await self.spool.append("c", arrived=message, samples=str(message).encode())
            self.on_disk += 1

    async def _acknowledge(self) -> None:
        if self.on_disk:
            self.source.pop(0)
            self.on_disk -= 1
            self.given -= 1

    async def _send(self) -> None:
        after = self.sent[-1][0] if self.sent else 0
        self.sent += [(entry.sequence, int(entry.samples)) for entry in self.spool.after("c", after, limit=3)]

    async def _store(self) -> None:
        for sequence, message in self.sent:
            if (self.spool.id, sequence) not in self.receipts:
                self.receipts.add((self.spool.id, sequence))
                # The source's own key makes a second delivery by the source one sample
                self.database[message] |= 1
            self.answers.append(sequence)

    async def _answer(self) -> None:
        self.answers = self.answers[-3:]

    async def _lose_answer(self) -> None:
        self.answers.clear()

    async def _confirm(self) -> None:
        await self.spool.confirm(self.answers)
        self.answers.clear()

    async def _crash(self) -> None:
        self.spool.close()
        self.boot()

    async def settle(self) -> None:
        await self._crash()
        for _ in range(200):
            for name in ("receive", "spool", "acknowledge", "send", "store", "confirm"):
                await self.step(name)


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.sampled_from(STEPS), max_size=120))
def test_a_crash_between_any_two_steps_loses_and_doubles_nothing(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    async def play() -> None:
        world = World(tmp_path_factory.mktemp("spool") / "s.sqlite")
        for name in steps:
            await world.step(name)
        await world.settle()
        assert world.source == []
        assert world.database == Counter(range(40))
        assert len(world.spool) == 0
        world.spool.close()

    asyncio.run(play())


async def test_numbers_and_identity_survive_and_are_never_used_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s.sqlite")
    numbers = [await spool.append("c", arrived=1, samples=b"x") for _ in range(3)]
    await spool.confirm(numbers)
    identity = spool.id
    spool.close()
    spool = Spool(tmp_path / "s.sqlite")
    assert spool.id == identity
    assert await spool.append("c", arrived=1, samples=b"y") > max(numbers)
    spool.close()


async def test_many_callers_share_a_commit_and_keep_their_order(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s.sqlite")
    numbers = await asyncio.gather(
        *(spool.append("c", arrived=n, samples=str(n).encode()) for n in range(300))
    )
    assert numbers == sorted(numbers)
    assert [int(entry.samples) for entry in spool.after("c", 0, limit=1000)] == list(range(300))
    spool.close()


async def test_a_full_spool_refuses_and_takes_again_once_drained(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s.sqlite", limit=2 * 1024 * 1024)
    kept: list[int] = []

    async def fill() -> None:
        while True:
            kept.append(await spool.append("c", arrived=1, samples=os.urandom(50_000)))

    with pytest.raises(SpoolFull):
        await fill()
    assert spool.usage > 0.8
    assert [entry.sequence for entry in spool.after("c", 0, limit=1000)] == kept
    await spool.confirm(kept)
    await spool.append("c", arrived=1, samples=b"again")
    spool.close()


def test_one_file_serves_one_runner(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s.sqlite")
    with pytest.raises(SpoolBroken, match="another runner"):
        Spool(tmp_path / "s.sqlite")
    spool.close()


async def test_a_failed_commit_ends_the_spool_rather_than_trying_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s.sqlite")
    spool._db.execute("PRAGMA query_only=ON")
    with pytest.raises(SpoolBroken):
        await spool.append("c", arrived=1, samples=b"x")
    spool._db.execute("PRAGMA query_only=OFF")
    with pytest.raises(SpoolBroken):
        await spool.append("c", arrived=1, samples=b"x")
    spool.close()


WRITER = """
import asyncio, sys
from pathlib import Path
from connectors.spool import Spool

async def main():
    spool = Spool(Path(sys.argv[1]))
    for number in range(100000):
        await spool.append("c", arrived=number, samples=b"x" * 500)
        print(number, flush=True)

asyncio.run(main())
"""


def test_what_a_killed_process_said_was_safe_is_there(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    command: list[Any] = [sys.executable, "-c", textwrap.dedent(WRITER), path]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = [int(process.stdout.readline()) for _ in range(50)]
    process.send_signal(signal.SIGKILL)
    said += [int(line) for line in process.stdout.read().split()]
    process.wait()
    spool = Spool(path)
    kept = [entry.arrived for entry in spool.after("c", 0, limit=200_000)]
    assert kept[: len(said)] == said
    assert len(kept) - len(said) <= 1
    spool.close()


async def test_the_last_sign_of_life_is_kept(tmp_path: Path) -> None:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    spool = Spool(tmp_path / "s.sqlite")
    assert spool.last_alive("c") is None
    await spool.alive(at, ["c"])
    spool.close()
    spool = Spool(tmp_path / "s.sqlite")
    assert spool.last_alive("c") == at
    spool.close()


async def test_what_waits_is_found_by_connection_number_and_arrival(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s.sqlite")
    assert (spool.connections(), spool.oldest()) == ([], {})
    for number, slug in enumerate(("b", "a", "b", "b"), start=1):
        await spool.append(slug, arrived=number * 10, samples=b"", count=number)
    assert spool.connections() == ["a", "b"]
    assert {slug: micros(at) for slug, at in spool.oldest().items()} == {"a": 20, "b": 10}
    assert [(e.sequence, e.count) for e in spool.after("b", 0, last=3, limit=9)] == [(1, 1), (3, 3)]
    assert [spool.older("b", 0, at) for at in (10, 31, 99)] == [0, 3, 4]
    assert spool.older("b", 4, 99) == 4
    spool.close()


@pytest.mark.asyncio
async def test_a_report_tells_what_the_disk_really_holds(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s.sqlite", synchronous="OFF")
    now = datetime.now(UTC)
    try:
        first = await spool.append("c", arrived=100, samples=b"x", count=3)
        await spool.append("c", arrived=200, samples=b"x", count=4)
        told = spool.report(now, ["c", "quiet"])
        assert (tuple(told["counted"]["c"]), list(told["held"]["c"])) == ((7, 0), [7, 2, 100])
        assert list(told["held"]["quiet"]) == [0, 0, None]
        await spool.confirm([first])
        told = spool.report(now, [])
        assert (tuple(told["counted"]["c"]), list(told["held"]["c"])) == ((7, 3), [4, 1, 200])
        await spool._submit(lambda: spool._rows("DELETE FROM batch"))
        told = spool.report(now, ["c"])
        assert (tuple(told["counted"]["c"]), list(told["held"]["c"])) == ((7, 3), [0, 0, None])
        plan = str(spool._rows(f"EXPLAIN QUERY PLAN {HELD}"))
        assert "COVERING INDEX batch_held" in plan, "no batch is read to be summed"
    finally:
        spool.close()
