"""What is on its way: batches on disk until the database confirms them.

One SQLite file per runner, WAL with ``synchronous=FULL``: a commit that returned survives power loss. One
writer thread commits everything that waits in one transaction (group commit); while one commit syncs, the
next group gathers. The file keeps its own identity and never reuses a number, so a copy or an old file
cannot be mistaken.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import platform
import queue
import shutil
import sqlite3
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson

from connectors.domain import spool_tables as sql
from connectors.domain.columns import instant, micros
from connectors.domain.outage import GapRecord
from connectors.domain.wire import Unread, extras_to_json, gap_from_json, gap_to_json

# A sum that took long is asked for again after 50 times as long, so that writing goes on
SUM_QUICK, SUM_SHARE, SUM_KEPT = 0.02, 50, 30.0
HIGHEST = 2**63 - 1
GROUP = 500
Said = Mapping[str, bytes | None]
PAGE_RESERVE = 16 * 1024 * 1024
DISK_RESERVE = 8 * 1024 * 1024
RESERVE_SUFFIX = ".reserve"
# How bytes that are no text any more are read as one, and written as they were
DAMAGED = "surrogateescape"
SHRINK_PAGES = 1000  # moving them needs half the reserve


class SpoolFull(Exception):
    """No room: stop acknowledging, so that the source keeps what it has.

    Nothing is ever dropped to make room.
    """


class SpoolBroken(RuntimeError):
    """The disk refused a commit. The process must end: after a failed fsync nobody knows what is on disk."""


@dataclass(frozen=True, slots=True)
class Entry:
    """``arrived``: microseconds since 1970 UTC; ``samples``: encoded columns; ``extras``: JSON of gaps
    and unread; ``count``: values and messages in it.
    """

    sequence: int
    connection: str
    arrived: int
    samples: bytes
    extras: str
    count: int = 0

    @property
    def said(self) -> Any:
        """What came with its samples. Text a disk damaged is a message nobody can read, one more than were
        counted: the samples, and what comes after, go on.
        """
        try:
            return orjson.loads(self.extras)
        except orjson.JSONDecodeError as error:
            why = f"damaged batch: what came with its values: {error}"[:280]
            damaged = Unread("spool", why, self.extras.encode("utf-8", DAMAGED), datetime.now(UTC))
            return extras_to_json(self.count + 1, (), (), [damaged])


class Reserve:
    """Room held on the spool's disk: given back when the disk is full, so that what is confirmed can still be
    deleted (deleting writes before it frees).

    An empty file tells everyone else (``manage.py doctor``) that the disk was full and still is.
    """

    def __init__(self, path: Path, size: int) -> None:
        self.path, self._size = path, size

    def hold(self) -> bool:
        """Takes the room, unless it is held already; False while the disk has not twice as much."""
        try:
            with self.path.open("ab") as file:
                if os.fstat(file.fileno()).st_blocks * 512 >= self._size:
                    return True
                disk = os.fstatvfs(file.fileno())
                if disk.f_bavail * disk.f_frsize < 2 * self._size:
                    return False
                os.posix_fallocate(file.fileno(), 0, self._size)
        except OSError:
            return False
        return True

    def release(self) -> None:
        with contextlib.suppress(OSError):
            os.truncate(self.path, 0)


class Spool:
    """Open in one process only: a second opening of the same file raises."""

    def __init__(self, path: Path, *, limit: int = 4 * 1024**3, synchronous: str = "FULL") -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = not path.exists()
        self.path, self.limit = path, limit
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=1.0)
        self._db.text_factory = lambda raw: raw.decode("utf-8", DAMAGED)
        try:
            self._rows("PRAGMA locking_mode=EXCLUSIVE")
            if fresh:
                self._rows("PRAGMA auto_vacuum=INCREMENTAL")
            self._rows("PRAGMA journal_mode=WAL")
            self._rows(f"PRAGMA synchronous={synchronous}")
            # Debian's SQLite overwrites what it deletes: as much writing again, and a full disk has no room
            self._rows("PRAGMA secure_delete=OFF")
            self._db.executescript(sql.SCHEMA)
            if not any(name == "count" for _, name, *_ in self._rows("PRAGMA table_info(batch)")):
                self._rows("ALTER TABLE batch ADD COLUMN count INTEGER NOT NULL DEFAULT 0")
            with contextlib.suppress(sqlite3.OperationalError):  # no room: slower until there is
                self._db.executescript(sql.INDEX)
            self._rows("INSERT OR IGNORE INTO about VALUES ('spool', ?)", [str(uuid.uuid4())])
            ((self.id,),) = self._rows("SELECT value FROM about WHERE name = 'spool'")
        except sqlite3.DatabaseError as error:
            self._db.close()
            busy = error.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            raise SpoolBroken(f"{path}: {error}{'; is another runner using it?' * busy}") from error
        self._reserve = Reserve(path.with_name(path.name + RESERVE_SUFFIX), min(DISK_RESERVE, limit // 8))
        self._short = not self._reserve.hold()
        self._work: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = queue.SimpleQueue()
        self._broken: BaseException | None = None
        self._used = self._size()
        self._sum_due = 0.0
        self._sums: tuple[dict[str, Any], dict[str, Any]] = {}, {}
        self._thread = threading.Thread(target=self._write, name="spool", daemon=True)
        self._thread.start()

    # -- writing: every call joins the next group commit -------------------------------------------

    async def append(
        self,
        connection: str,
        *,
        arrived: int,
        samples: bytes,
        extras: str = "{}",
        gaps: Sequence[GapRecord] = (),
        count: int = 0,
        remember: Said = MappingProxyType({}),
    ) -> int:
        """Durable when it returns, with which of its gaps are open and what to ``remember`` of it (None:
        forget); ``count``: values and messages in it.

        Raises SpoolFull, or SpoolBroken: the disk failed.
        """
        if self._short:
            self._short = not self._reserve.hold()
        if self._short:
            raise SpoolFull(self._no_room)
        if self.full:
            raise SpoolFull(f"{self.path} holds {self._used} of {self.limit} bytes")
        self._used += len(samples) + len(extras)
        values = (connection, arrived, samples, extras, count)
        return int(await self._submit(lambda: self._insert(values, gaps, remember)))

    async def remember(self, connection: str, said: Said) -> None:
        """As ``append`` does, without a batch. Raises SpoolFull."""
        await self._submit(lambda: self._remember(connection, said))

    async def confirm(self, sequences: Iterable[int]) -> None:
        """The database holds these: forget them. Raises SpoolFull: ask again."""
        numbers = list(sequences)
        await self._submit(lambda: self._delete(numbers))

    async def alive(self, at: datetime, connections: Iterable[str]) -> None:
        """These connections were heard (or known to be down) at this instant. Raises SpoolFull."""
        rows = [(slug, micros(at)) for slug in connections]
        await self._submit(lambda: self._many("INSERT OR REPLACE INTO alive VALUES (?, ?)", rows))

    async def _submit(self, work: Callable[[], Any]) -> Any:
        if self._broken is not None:
            raise SpoolBroken(str(self._broken)) from self._broken
        future: Future[Any] = Future()
        self._work.put((work, future))
        return await asyncio.wrap_future(future)

    def _write(self) -> None:
        while (first := self._work.get()) is not None:
            group = [first]
            while len(group) < GROUP and not self._work.empty():
                item = self._work.get()
                if item is None:
                    self._work.put(None)
                    break
                group.append(item)
            # A caller that gave up before its turn was never told "durable"; nothing of it is written
            wanted = [item for item in group if item[1].set_running_or_notify_cancel()]
            if wanted:
                self._commit(wanted)

    def _commit(self, group: list[tuple[Callable[[], Any], Future[Any]]]) -> None:
        try:
            with self._lock:
                self._rows("BEGIN IMMEDIATE")
                results = [work() for work, _ in group]
                self._rows("COMMIT")
                self._used = self._size()
                if self._short:
                    self._shrink()
        except BaseException as error:
            failure = self._failed(error)
            for _, future in group:
                future.set_exception(failure)
            return
        for (_, future), result in zip(group, results, strict=True):
            future.set_result(result)

    def _failed(self, error: BaseException) -> Exception:
        """A full disk is waited out: nothing of the group was written. Anything else ends the spool."""
        try:
            if isinstance(error, sqlite3.Error) and error.sqlite_errorcode == sqlite3.SQLITE_FULL:
                with self._lock:
                    if self._db.in_transaction:
                        self._rows("ROLLBACK")
                    self._used = self._size()
                self._short = True
                self._reserve.release()
                return SpoolFull(self._no_room)
        except sqlite3.Error as worse:
            error = worse
        self._broken = error
        return SpoolBroken(f"{self.path}: {error}")

    def _shrink(self) -> None:
        """Gives the disk back what was deleted: it may be this file that filled it."""
        try:
            # As a script: execute() ends this statement after its first page
            self._db.executescript(f"PRAGMA incremental_vacuum({SHRINK_PAGES})")
            self._rows("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
                raise

    @property
    def _no_room(self) -> str:
        return f"no room on the disk of {self.path}: nothing is acknowledged until there is"

    # -- the file: no cursor outlives its call, or closing would leave the file locked -------------

    def _rows(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        with contextlib.closing(self._db.execute(statement, values)) as cursor:
            return cursor.fetchall()

    def _many(self, statement: str, rows: list[Any]) -> None:
        self._db.executemany(statement, rows).close()

    def _delete(self, sequences: Iterable[int]) -> None:
        gone: Counter[str] = Counter()
        for sequence in sequences:
            statement = "DELETE FROM batch WHERE sequence = ? RETURNING connection, count"
            for slug, count in self._rows(statement, [sequence]):
                gone[slug] += count
        self._many(sql.COUNT, [(slug, 0, count) for slug, count in gone.items()])

    def _remember(self, slug: str, said: Said) -> None:
        self._many(sql.FORGET, [(slug, name) for name in said])
        self._many(sql.REMEMBER, [(slug, name, value) for name, value in said.items() if value is not None])

    def _insert(self, values: tuple[str, int, bytes, str, int], gaps: Sequence[GapRecord], said: Said) -> int:
        if said:
            self._remember(values[0], said)
        for gap in gaps:
            if gap.end_time is None:
                row = [str(gap.key), values[0], json.dumps(gap_to_json(gap))]
                self._rows("INSERT OR REPLACE INTO open_gap VALUES (?, ?, ?)", row)
            else:
                self._rows("DELETE FROM open_gap WHERE key = ?", [str(gap.key)])
        if values[4]:
            self._rows(sql.COUNT, [values[0], values[4], 0])
        statement = "INSERT INTO batch (connection, arrived, samples, extras, count) VALUES (?, ?, ?, ?, ?)"
        with contextlib.closing(self._db.execute(statement, values)) as cursor:
            return int(cursor.lastrowid or 0)

    # -- reading ---------------------------------------------------------------------------------------------

    def after(self, connection: str, sequence: int, *, limit: int, last: int | None = None) -> list[Entry]:
        """In order, those after a number, up to and with ``last``."""
        with self._lock:
            rows = self._rows(sql.AFTER, [connection, sequence, HIGHEST if last is None else last, limit])
        return [Entry(*row) for row in rows]

    def older(self, connection: str, sequence: int, at: int) -> int:
        """Number of the last one after ``sequence`` that arrived before ``at`` (microseconds); else this."""
        with self._lock:
            rows = self._rows(sql.OLDER, [connection, sequence, at])
        return int(rows[0][0]) if rows else sequence

    def oldest(self) -> dict[str, datetime]:
        """Arrival of the oldest unconfirmed batch per connection."""
        with self._lock:
            return {slug: instant(at) for slug, at in self._rows(sql.OLDEST)}

    def connections(self) -> list[str]:
        with self._lock:
            return [slug for (slug,) in self._rows(sql.WAITING)]

    def _summed(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Values written and confirmed per connection; values and batches really held, and since when. Both
        of one instant, and of up to 30 s ago where summing many batches takes long.
        """
        if time.monotonic() >= self._sum_due:
            began = time.monotonic()
            with self._lock:
                counted = self._rows("SELECT connection, received, confirmed FROM counted")
                held = self._rows(sql.HELD)
            self._sums = {slug: tuple(row) for slug, *row in counted}, {slug: row for slug, *row in held}
            took = time.monotonic() - began
            self._sum_due = began + (min(SUM_SHARE * took, SUM_KEPT) if took > SUM_QUICK else 0.0)
        return self._sums

    def report(self, now: datetime, connections: Iterable[str]) -> dict[str, Any]:
        """What this side counted, what it holds and how full its disk is, as JSON."""
        (counted, held), disk = self._summed(), shutil.disk_usage(self.path.parent)
        slugs = {*connections, *counted, *held}
        return {
            "at": now.isoformat(),
            "host": platform.node(),
            "usage": self.usage,
            "disk": [disk.used + disk.free, disk.free],  # as df: without what is kept for the system
            "full": self._short or self.full,
            "counted": {slug: counted.get(slug, (0, 0)) for slug in slugs},
            "held": {slug: held.get(slug, (0, 0, None)) for slug in slugs},
        }

    def open_gaps(self, connection: str) -> list[GapRecord]:
        """Gaps that were opened and not closed, by this process or one before it."""
        with self._lock:
            rows = self._rows("SELECT gap FROM open_gap WHERE connection = ? ORDER BY key", [connection])
        found = []
        for (gap,) in rows:
            # One whose text a disk damaged is open in the database, which tells it as well
            with contextlib.suppress(ValueError, LookupError, TypeError, AttributeError):
                found.append(gap_from_json(json.loads(gap)))
        return found

    def remembered(self, connection: str) -> dict[str, bytes]:
        with self._lock:
            return dict(self._rows("SELECT name, value FROM remembered WHERE connection = ?", [connection]))

    def last_alive(self, connection: str) -> datetime | None:
        with self._lock:
            rows = self._rows("SELECT at FROM alive WHERE connection = ?", [connection])
        return instant(rows[0][0]) if rows else None

    def __len__(self) -> int:
        with self._lock:
            return int(self._rows("SELECT count(*) FROM batch")[0][0])

    @property
    def full(self) -> bool:
        """A reserve is left, so that confirming (which writes before it frees) still works."""
        return self._used >= self.limit - min(PAGE_RESERVE, self.limit // 8)

    @property
    def usage(self) -> float:
        """Share of the limit in use, 0 to 1."""
        return self._used / self.limit

    def _size(self) -> int:
        pages, free, size = (
            self._rows(f"PRAGMA {name}")[0][0] for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    def close(self) -> None:
        self._work.put(None)
        self._thread.join(10)
        with self._lock:
            self._db.close()
