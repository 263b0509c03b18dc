"""Every second, message by message: what the broker acknowledged is stored, set aside or in the spool.

The spool is copied while its runner is held still, so it is what the disk holds at one instant; the database
is asked after it, the ledger before it. A broker passes on in order, so of what it acknowledged everything up
to the last message seen must be there: not a number may be missing, whatever receipts say. What comes after
that is on its way in the broker, and may not be at the end. After a broker was killed or held still the order
is its publisher's, and this holds again for what was said once it is back.
"""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import orjson
import psutil

from connectors.domain.columns import decode, instant
from connectors.models import QuarantinedMessage, SignalSample
from tests.chaos.books import Books, _expected
from tests.chaos.publisher import Message
from tests.chaos.works import Works, read

Key = tuple[str, int, int]


class Batch(NamedTuple):
    """Of one batch in the spool: its values, and payloads that could not be read."""

    values: frozenset[Key]
    unread: frozenset[bytes]


class Live:
    """Looks again and again; what once was stored is the sums' affair and is not looked at again."""

    def __init__(self, books: Books, works: Works) -> None:
        self.books, self.works = books, works
        self.looks = self.spooled = self.on_its_way = 0
        self._offset = self._highest = self._acknowledged_highest = self._seen = 0
        self._sent: dict[int, Message] = {}
        self._acknowledged: set[int] = set()
        # Said, by what will be stored of it; taken out when it is
        self._pending: dict[Key, int] = {}
        self._unread: dict[bytes, int] = {}
        self._batches: dict[tuple[str, int], Batch] = {}
        # A publisher that connects may say what waited after what is new: as after an upset
        self._upsets, self._in_order_after, self._back_after = -1, 0, 0

    def look(self) -> list[str]:
        self._read_ledger()
        if not self._sent:
            return []
        self.looks += 1
        held = list(self._spool())
        kept = self._stored()
        values = {key for batch in held for key in batch.values}
        unread = {raw for batch in held for raw in batch.unread}
        aside = self._aside()
        # The ledger is written before anything is said: what is found and not in it yet was said since
        seen = [self._pending[key] for key in values | kept if key in self._pending]
        seen += [self._unread[raw] for raw in unread | aside if raw in self._unread]
        self._seen = max([self._seen, *seen])
        if b"" in aside:
            aside |= set(self._unread)  # past a bound they are only counted: nobody can tell which
        there, unreadable = kept | values, aside | unread
        wanted = [n for key, n in self._pending.items() if n in self._acknowledged and key not in there]
        wanted += [n for raw, n in self._unread.items() if n in self._acknowledged and raw not in unreadable]
        for key in kept:
            self._forget(self._pending.pop(key, None))
        for raw in aside:
            self._forget(self._unread.pop(raw, None))
        self._order()
        gone = sorted(n for n in wanted if self._in_order_after < n < self._seen) if self._ordered else []
        self.spooled = max(self.spooled, len(values))
        self.on_its_way = max(self.on_its_way, len(wanted) - len(gone))
        return [
            f"{len(gone)} acknowledged, and neither stored, set aside nor in the spool: {gone[:3]}"
        ] * bool(gone)

    @property
    def _ordered(self) -> bool:
        return self._back_after < 0

    def _order(self) -> None:
        """Order begins again with what is said after the publisher was heard by the broker that is back."""
        if self._upsets != self.works.upsets:
            self._upsets, self._back_after = self.works.upsets, self._highest
        elif self._back_after >= 0 and self._acknowledged_highest > self._back_after:
            self._in_order_after, self._back_after = self._highest, -1

    def _forget(self, number: int | None) -> None:
        if number is not None:
            self._acknowledged.discard(number)
            del self._sent[number]

    def _read_ledger(self) -> None:
        path = self.books.ledger
        if path is None or not path.exists():
            return
        with path.open("rb") as file:
            file.seek(self._offset)
            read_now = file.read()
        whole = read_now[: read_now.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.decode().splitlines():
            word, number, *rest = line.split(" ")
            n = int(number)
            if word == "s" and rest[0].startswith(f"{self.books.name}/"):
                self._sent[n] = message = Message(n, rest[0], int(rest[1]))
                self._highest = max(self._highest, n)
                if message.malformed:
                    self._unread[message.payload] = n
                else:
                    self._pending[_expected(message)] = n
            elif word == "a" and n in self._sent:
                self._acknowledged_highest = max(self._acknowledged_highest, n)
                self._acknowledged.add(n)

    def _stored(self) -> set[Key]:
        """Of what is waited for. What carries no time was stamped after it was said."""
        if not self._pending:
            return set()
        since = instant(min(self._sent[n].at for n in self._pending.values()))
        rows = SignalSample.objects.filter(signal_id__in=self.books.signals, source_time__gte=since)
        found = read(lambda: list(rows.values_list("signal_id", "v_int", "source_time")))
        return {key for row in found if (key := self.books._told(*row)) in self._pending}

    def _aside(self) -> set[bytes]:
        if not self._unread:
            return set()
        mine = QuarantinedMessage.objects.filter(connection=self.books.connection)
        rows = mine.filter(raw__in=[b"", *self._unread])
        return {bytes(raw) for raw in read(lambda: list(rows.values_list("raw", flat=True)))}

    def _spool(self) -> list[Batch]:
        copy = self.works.folder / "live copy"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        with held_still(self.works.pid("runner")):
            for suffix in ("", "-wal"):
                if (part := self.works.spool.with_name(self.works.spool.name + suffix)).exists():
                    shutil.copy(part, copy / part.name)
        return self._read_spool(copy / self.works.spool.name)

    def _read_spool(self, path: Path) -> list[Batch]:
        if not path.exists():
            return []
        with contextlib.closing(sqlite3.connect(path)) as db:
            try:
                ((identity,),) = db.execute("SELECT value FROM about WHERE name = 'spool'").fetchall()
                held = {(identity, number) for (number,) in db.execute("SELECT sequence FROM batch")}
                for _, number in held - self._batches.keys():
                    row = db.execute("SELECT samples, extras FROM batch WHERE sequence = ?", (number,))
                    self._batches[identity, number] = self._batch(*row.fetchone())
            except (sqlite3.OperationalError, ValueError):
                return []  # its tables are not there yet
        self._batches = {key: batch for key, batch in self._batches.items() if key in held}
        return list(self._batches.values())

    def _batch(self, samples: bytes, extras: str) -> Batch:
        values = set()
        if samples:
            columns = decode(samples)
            for place, bits, at in zip(columns.address, columns.bits, columns.source_time, strict=True):
                topic = f"{self.books.name}/{columns.addresses[place]}"
                values.add((topic, bits, 0 if topic.endswith("/numbered") else at))
        unread = orjson.loads(extras).get("unread", ())
        return Batch(frozenset(values), frozenset(base64.b64decode(one[2]) for one in unread))


@contextlib.contextmanager
def held_still(pid: int | None) -> Iterator[None]:
    """Nothing of it runs meanwhile: what its disk holds does not change."""
    if pid is None:
        yield
        return
    os.kill(pid, signal.SIGSTOP)
    try:
        deadline = time.monotonic() + 10
        while psutil.Process(pid).status() != psutil.STATUS_STOPPED and time.monotonic() < deadline:
            time.sleep(0.001)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
