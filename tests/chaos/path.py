"""The whole data path in one process: a real runner on a real spool, the real tasks, a real database.

The source repeats what was not acknowledged; the carrier loses, repeats and forgets to answer; workers die
before their commit; and the power goes off at the worst instant, right before an acknowledgement or
after it: what is then on disk is all the next runner finds. Returns what is wrong, in words.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import shutil
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from django.db import connections
from django.db.models import Sum

from connectors import tasks
from connectors.domain import shipping
from connectors.domain.columns import UNDATED, key_of, micros
from connectors.domain.outage import GapRecord
from connectors.interface import Malformed, SampleBatch
from connectors.models import Connection, Gap, IngestReceipt, QuarantinedMessage, SignalSample
from connectors.runner import Runner
from connectors.services import ingest
from connectors.spool import Spool
from tests.factories.connectors import connection_make, signal_make
from tests.factories.plant import line_make

MESSAGES, LIVES = 300, 4
# Of the first tasks of each runner; the others, and all of the last runner, are only stored
FATES = (("lost", "", "dies"), ("dies", "", "unanswered"), ("lost", "", "twice"))
LIFE_SECONDS, PATIENCE = 6.0, 8.0
ADDRESSES = ("dated", "undated", "twin", "bad", "old")


@dataclass(frozen=True, slots=True)
class Told:
    number: int
    address: str
    at: int
    unreadable: bool

    @property
    def raw(self) -> bytes:
        return f"unreadable {self.number}".encode()


@dataclass
class Source:
    """Numbers its messages, repeats what was not acknowledged, and tells one gap each time it is followed."""

    dice: random.Random
    messages: list[Told]
    acknowledged: set[int] = field(default_factory=set)
    arrived: dict[int, int] = field(default_factory=dict)
    gaps: list[GapRecord] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    # Called with how many were acknowledged; True when the power is off from then on
    power_off: Callable[[int], bool] = lambda acknowledged: False
    puback_lost: bool = False
    slug = "scripted"

    @property
    def config_class(self) -> Any:
        return type("Config", (), {"from_mapping": staticmethod(lambda *_, **__: None)})

    def __call__(self, config: Any) -> Source:
        self._last = 0
        return self

    async def batches(self) -> AsyncIterator[SampleBatch]:
        now = datetime.now(UTC)
        gap = GapRecord(
            key=uuid.UUID(int=self.dice.getrandbits(128)),
            cause="process_down",
            start_time=now - timedelta(days=1),
            end_time=now,
        )
        self.gaps.append(gap)
        yield SampleBatch(messages=1, gaps=[gap])
        waiting = [told for told in self.messages if told.number not in self.acknowledged]
        while waiting:
            count = self.dice.randint(1, 9)
            yield self._batch(waiting[:count])
            del waiting[:count]
            await asyncio.sleep(0.02)
        await asyncio.Event().wait()

    def _batch(self, some: list[Told]) -> SampleBatch:
        batch, now = SampleBatch(token=some, messages=len(some)), time.time_ns() // 1000
        for told in some:
            self.arrived[told.number] = now
            if told.unreadable:
                batch.malformed.append(
                    Malformed(
                        source=told.address, reason="not JSON", raw=told.raw, arrival_time=datetime.now(UTC)
                    )
                )
                continue
            batch.samples.add(
                told.address,
                told.number,
                source_time=now if told.address == "undated" else told.at,
                arrival_time=now,
                quality=2 if told.address == "bad" else 0,
                historical=UNDATED if told.address == "undated" else 0,
                key=key_of(told.number),
            )
        return batch

    async def acknowledge(self, batch: SampleBatch) -> None:
        token: list[Told] = batch.token or []
        # What is repeated must hold one that only its number tells from a new one
        telling = any(told.address == "undated" and not told.unreadable for told in token)
        off = (telling or not self.puback_lost) and self.power_off(len(self.acknowledged) + len(token))
        if off and self.puback_lost:
            return
        for told in token:
            if told.number <= self._last:
                self.broken.append(f"acknowledged {told.number} after {self._last}")
            self._last = told.number
            self.acknowledged.add(told.number)


class Died(BaseException):
    """A worker that is gone: nothing is answered."""


class Carrier:
    """Loses tasks and answers, delivers twice, and has a worker that dies before its commit."""

    def __init__(self, source: Source, connection: Connection, signals: dict[int, str]) -> None:
        self.source, self.connection, self.signals = source, connection, signals
        self.off = False
        self.errors: Counter[str] = Counter()
        self.worker = ThreadPoolExecutor(1)
        self._fate = ""
        self.handled = 0

    def listen(self, spool: str, life: int) -> None:
        """For a new runner: answers to the one before are answers to nobody."""
        self._fates = iter(FATES[life] if life < len(FATES) else ())
        self.handled, self._told = 0, False
        self.spool_id, self._loop = spool, asyncio.get_running_loop()
        self._answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def send_ingest(
        self, spool: str, connection: str, batches: list[list[Any]], *, again: bool = False
    ) -> None:
        fate = next(self._fates, "")
        if self.off or fate == "lost":
            return
        text = json.dumps({"spool": spool, "connection": connection, "batches": batches})
        self.worker.submit(self._store, text, fate)

    def _store(self, text: str, fate: str) -> None:
        self._fate = fate
        for _ in range(2 if fate == "twice" else 1):
            try:
                tasks.ingest(**json.loads(text))
            except Died:
                pass
            except Exception as error:
                self.errors[f"{type(error).__name__}: {str(error).partition(chr(10))[0][:80]}"] += 1

    def answer(self, spool: str, answer: dict[str, Any]) -> None:
        if self._fate != "unanswered":
            with contextlib.suppress(RuntimeError):  # that runner is gone
                self._loop.call_soon_threadsafe(self._answers.put_nowait, answer)

    def receipts(self, *arguments: Any) -> None:
        """Called at the end of the transaction, before its commit."""
        WRITES_RECEIPTS(*arguments)
        if self._fate == "dies":
            raise Died

    async def answers(self, spool: str, wait: float) -> list[dict[str, Any]]:
        # Who asks again has done what the last answer asks for
        self.handled, self._told = self.handled + self._told, False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                answer = await self._answers.get()
                self._told = True
                return [answer]
        return []

    async def send_report(self, spool: str, report: dict[str, Any]) -> None:
        pass

    async def send_tick(self, watermarks: dict[str, str]) -> None:
        if not self.off:
            for at in watermarks.values():
                self.worker.submit(self._complete, micros(datetime.fromisoformat(at)))

    def _complete(self, at: int) -> None:
        """Whatever arrived up to a watermark must be stored by now."""
        kept = {int(v) for v in self._stored().values_list("v_int", flat=True)}
        said = {told.number for told in self.source.messages if not told.unreadable}
        early = [n for n, arrived in self.source.arrived.items() if arrived <= at and n in said - kept]
        if early:
            self.source.broken.append(f"complete until {at} was said while {early[:3]} still waited")

    def _stored(self) -> Any:
        return SignalSample.objects.filter(signal_id__in=self.signals)

    def judged(self, folder: Path) -> list[str]:
        """In the worker's thread, which holds the connection to the database."""
        source, broken = self.source, list(dict.fromkeys(self.source.broken))[:3]
        kept = Counter(
            (self.signals[row[0]], int(row[1]), row[2])
            for row in self._stored().values_list("signal_id", "v_int", "quality")
        )
        wanted = Counter(
            (told.address, told.number, 2 if told.address == "bad" else 0)
            for told in source.messages
            if not told.unreadable
        )
        if lost := wanted - kept:
            broken.append(f"{lost.total()} lost, such as {min(lost)}")
        if more := kept - wanted:
            broken.append(f"{more.total()} doubled or changed, such as {min(more)}")
        asides = QuarantinedMessage.objects.filter(connection=self.connection)
        raws = {bytes(raw) for raw in asides.values_list("raw", flat=True)}
        if gone := {told.raw for told in source.messages if told.unreadable} - raws:
            broken.append(f"{len(gone)} unreadable messages vanished")
        known = set(Gap.objects.filter(connection=self.connection).values_list("key", flat=True))
        if forgotten := {gap.key for gap in source.gaps[:-1]} - known:
            broken.append(f"{len(forgotten)} gaps are not recorded")
        aside = asides.aggregate(n=Sum("count"))["n"] or 0
        return broken + self._balance(kept.total(), aside) + [f"{e} ×{n}" for e, n in self.errors.items()][:2]

    def _balance(self, samples: int, aside: int) -> list[str]:
        sums = IngestReceipt.objects.filter(spool=self.spool_id).aggregate(
            s=Sum("stored"), q=Sum("quarantined")
        )
        if (sums["s"], sums["q"]) != (samples, aside):
            return [
                f"receipts tell {sums['s']} stored and {sums['q']} set aside, truly {samples} and {aside}"
            ]
        return []


WRITES_RECEIPTS = ingest._receipts


def check_path(seed: int) -> list[str]:
    dice = random.Random(seed)
    line = line_make(1)
    made = connection_make(line.site, protocol="mqtt", config={})
    signals = {signal_make(line.unit, name, connection=made).pk: name for name in ADDRESSES}
    source = Source(dice, list(_messages(dice)))
    carrier = Carrier(source, made, signals)
    folder = Path(tempfile.mkdtemp(prefix="mom path "))
    try:
        with (
            patch("connectors.runner.connector_class", lambda _: source),
            # More and smaller tasks on their way
            patch.object(shipping, "HOLD_SECONDS", 0.0),
            patch.object(tasks, "_answer", carrier.answer),
            patch.object(ingest, "_receipts", carrier.receipts),
        ):
            for life in range(LIVES):
                asyncio.run(_live(carrier, folder, life, last=life == LIVES - 1))
            return carrier.worker.submit(carrier.judged, folder).result(60)
    finally:
        carrier.worker.submit(connections.close_all).result(60)
        carrier.worker.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


def _messages(dice: random.Random) -> Iterator[Told]:
    now = time.time_ns() // 1000
    # Not of the seed: a day that no earlier check has made a partition for
    old = random.SystemRandom().randint(30, 3000) * 86_400_000_000
    for number in range(1, MESSAGES + 1):
        address = ADDRESSES[number // 2 % len(ADDRESSES)] if number % 2 else "twin"
        at = now + (number // 4 * 1000 if address == "twin" else number * 1000)
        if address == "old":
            at -= old
        yield Told(number, address, at, dice.random() < 0.05)


async def _live(carrier: Carrier, folder: Path, life: int, *, last: bool) -> None:
    """One runner until the power goes off, or the last one until everything is stored."""
    spool = Spool(folder / str(life) / "spool.sqlite", synchronous="OFF")
    carrier.off = False
    carrier.listen(spool.id, life)
    stop, dark = asyncio.Event(), asyncio.Event()
    dies_at = len(carrier.source.acknowledged) + carrier.source.dice.randint(20, MESSAGES // LIVES)

    def power_off(acknowledged: int) -> bool:
        if not last and acknowledged >= dies_at and carrier.handled and not carrier.off:
            carrier.off = True
            _copy(spool, folder / str(life + 1))
            dark.set()
        return carrier.off

    carrier.source.power_off, carrier.source.puback_lost = power_off, life % 2 == 0
    item = {"slug": carrier.connection.slug, "protocol": "scripted", "config": {}, "addresses": []}
    runner = Runner(spool, carrier, _always([item]), tick_seconds=0.2)
    running = asyncio.create_task(runner.run(stop))
    try:
        async with asyncio.timeout(None if last else LIFE_SECONDS):
            await (_settled(spool, carrier) if last else dark.wait())
    except TimeoutError:
        carrier.off = True
        _copy(spool, folder / str(life + 1))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    spool.close()
    # What workers had taken before the power went is still done
    await asyncio.wrap_future(carrier.worker.submit(lambda: None))


async def _settled(spool: Spool, carrier: Carrier) -> None:
    """Everything said and stored, or nothing more happens."""
    before, moved = (0, 0), time.monotonic()
    while time.monotonic() - moved < PATIENCE:
        now = (len(carrier.source.acknowledged), len(spool))
        if now == (MESSAGES, 0):
            return
        if now != before:
            before, moved = now, time.monotonic()
        await asyncio.sleep(0.05)


def _copy(spool: Spool, folder: Path) -> None:
    """What the disk holds at this instant."""
    folder.mkdir()
    with spool._lock:
        for suffix in ("", "-wal"):
            part = spool.path.with_name(spool.path.name + suffix)
            if part.exists():
                shutil.copy(part, folder / part.name)


def _always(items: list[dict[str, Any]]) -> Any:
    async def read() -> list[dict[str, Any]]:
        return items

    return read
