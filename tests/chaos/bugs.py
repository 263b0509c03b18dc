"""Protections taken out one at a time, to show that their absence is noticed.

Each is a small patch of the product's own code, put in by the process of a proof and by no other: the product
itself carries no switch for it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import wraps
from itertools import count
from typing import Any

import numpy as np
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Max, Min

from connectors import selectors, sending, services, tasks
from connectors.domain import spool_tables
from connectors.domain.shipping import Shipping
from connectors.models import DirtyMark
from connectors.runner import Runner
from connectors.sending import Sending
from connectors.services import ingest
from connectors.spool import Spool, SpoolFull
from production.services import stitching

Make = Callable[[Any], Any]
_numbers = count(1)
_seen: dict[int, int] = {}


@dataclass(frozen=True)
class Bug:
    """``check``: by which it must be noticed. ``patches``: owner, attribute, and what makes the replacement
    from what stood there.
    """

    check: str
    patches: tuple[tuple[Any, str, Make], ...]

    def put_in(self) -> Callable[[], None]:
        """Returns what takes it out again."""
        before = [(owner, name, owner.__dict__[name]) for owner, name, _ in self.patches]
        for owner, name, make in self.patches:
            setattr(owner, name, make(getattr(owner, name)))

        def take_out() -> None:
            for owner, name, value in reversed(before):
                setattr(owner, name, value)

        return take_out


# -- runner and spool --------------------------------------------------------------------------------


def _acknowledges_first(_: Any) -> Any:
    async def stream(self: Runner, slug: str, connector: Any) -> None:
        async for batch in connector.batches():
            self._close_leftovers(slug, batch)
            await connector.acknowledge(batch)
            await asyncio.sleep(0.02)
            await self._keep(slug, batch)

    return stream


def _callbacks_in_any_order(_: Any) -> Any:
    """Each batch by itself: whichever is on disk first is acknowledged first."""

    async def stream(self: Runner, slug: str, connector: Any) -> None:
        async def handle(batch: Any, wait: float) -> None:
            await asyncio.sleep(wait)
            await self._keep(slug, batch)
            await connector.acknowledge(batch)

        async with asyncio.TaskGroup() as group:
            async for batch in connector.batches():
                group.create_task(handle(batch, next(_numbers) % 3 * 0.02))

    return stream


def _forgets_what_was_sent(send: Any) -> Any:
    @wraps(send)
    async def sending(self: Sending, shipment: Any) -> None:
        await send(self, shipment)
        await self.spool.confirm(list(shipment.entries))

    return sending


def _only_once(due: Any) -> Any:
    return lambda self, now: []


def _confirms_up_to(confirm: Any) -> Any:
    @wraps(confirm)
    async def confirming(self: Spool, sequences: Any) -> None:
        await confirm(self, range(1, max(sequences, default=0) + 1))

    return confirming


def _complete_at_once(_: Any) -> Any:
    return lambda self, slug, now, oldest: now


def _drops_the_oldest(append: Any) -> Any:
    @wraps(append)
    async def appending(self: Spool, connection: str, **values: Any) -> int:
        while True:
            try:
                return int(await append(self, connection, **values))
            except SpoolFull:
                await self.confirm([entry.sequence for entry in self.after(connection, 0, limit=10)])

    return appending


def _keeps_a_file_open(send: Any) -> Any:
    kept: list[int] = []

    @wraps(send)
    async def sending(self: Sending, shipment: Any) -> None:
        kept.append(os.open(os.devnull, os.O_RDONLY))
        await send(self, shipment)

    return sending


def _never_confirms(_: Any) -> Any:
    async def confirming(self: Spool, sequences: Any) -> None:
        return None

    return confirming


# -- ingest --------------------------------------------------------------------------------


def _replies_first(store: Any) -> Any:
    @wraps(store)
    def storing(*, deliveries: Any, **named: Any) -> Any:
        for delivery in deliveries:
            tasks._answer(str(delivery.receipt[0]), {"stored": [delivery.receipt[1]]})
        return store(deliveries=deliveries, **named)

    return storing


def _key(make: Callable[[Any], Any]) -> Make:
    """Rows whose source key is another."""

    def of(rows_of: Any) -> Any:
        def made(*arguments: Any, **named: Any) -> Any:
            rows = rows_of(*arguments, **named)
            return replace(rows, key=make(rows))

        return made

    return of


def _split_without(bad: Callable[[Any], Any]) -> Make:
    def of(split: Any) -> Any:
        def splitting(*arguments: Any) -> Any:
            rows = split(*arguments)
            return rows.take(~bad(rows)) if len(rows) else rows

        return splitting

    return of


def _drops_some(numbers_once: Any) -> Any:
    """Left out of what is stored, and so counted with what was there before."""

    def once(context: Any, rows: Any) -> Any:
        rows = numbers_once(context, rows)
        return rows.take(rows.source_time % 16 != 3) if len(rows) else rows

    return once


def _by_arrival(partitions: Any) -> Any:
    def ensured(deliveries: Any, now: datetime) -> None:
        ingest.partitions_ensure(days=[now.date()])

    return ensured


def _marked_already(mark: Any) -> Any:
    def marking(marks: Any) -> Any:
        known = set(DirtyMark.objects.values_list("work_unit_id", flat=True))
        mark([one for one in marks if one[0] not in known])
        return frozenset(unit for unit, _, _ in marks)

    return marking


# -- stitching --------------------------------------------------------------------------------


def _by_highest_number(_: Any) -> Any:
    """Marks past the highest number seen: one committed later under a lower number is never read."""

    def take(*, work_unit_id: int) -> Any:
        fresh = DirtyMark.objects.filter(work_unit_id=work_unit_id, pk__gt=_seen.get(work_unit_id, 0))
        found = fresh.aggregate(first=Min("from_time"), last=Max("to_time"), number=Max("pk"))
        if found["number"] is None:
            return None
        _seen[work_unit_id] = found["number"]
        return found["first"], found["last"]

    return take


def _own_transaction(function: Any) -> Any:
    return wraps(function)(transaction.atomic(function))


def _good_if_bad(folded: Any) -> Any:
    return lambda **named: [(*row[:3], row[2] is None) for row in folded(**named)]


def _read_in_order_of(key: Callable[[Any], Any]) -> Make:
    """``samples_folded`` in another order."""

    def of(_: Any) -> Any:
        def read(*, read_ids: Any, heard_ids: Any, start: Any, end: Any, ahead: Any, **_: Any) -> Any:
            found = selectors.samples_between(signal_ids=[*read_ids, *heard_ids], start=start, end=end)
            kept = [row for row in found if row.source_time <= row.arrival_time + ahead]
            ordered = sorted(kept, key=key)
            return [(r.source_time, r.signal_id, r.value, r.quality == 2 or r.value is None) for r in ordered]

        return read

    return of


def _connection_kept(_: Any) -> Any:
    """As long as it answers to its name; what it is connected to may be long gone."""
    return lambda self: None


def _instead(value: Any) -> Make:
    return lambda _: value


BUGS: dict[str, Bug] = {
    "acknowledges before its commit": Bug("path", ((Runner, "_stream", _acknowledges_first),)),
    "unordered callbacks": Bug("path", ((Runner, "_stream", _callbacks_in_any_order),)),
    "deletes from the spool what was only sent": Bug("path", ((Sending, "_send", _forgets_what_was_sent),)),
    "confirms everything up to the highest": Bug("path", ((Spool, "confirm", _confirms_up_to),)),
    "says complete what still waits": Bug("path", ((Runner, "_complete_until", _complete_at_once),)),
    "drops the oldest when the spool is full": Bug("spool", ((Spool, "append", _drops_the_oldest),)),
    "gives a number of the spool twice": Bug(
        "spool", ((spool_tables, "SCHEMA", lambda schema: schema.replace("AUTOINCREMENT", "")),)
    ),
    "what is new waits for all before it": Bug("lanes", ((sending, "LIVE_WITHIN", lambda _: 2**62),)),
    "never lets go": Bug(
        "soak", ((Sending, "_send", _keeps_a_file_open), (Spool, "confirm", _never_confirms))
    ),
    "replies before its commit": Bug("path", ((services, "deliveries_store", _replies_first),)),
    "no transport key": Bug(
        "path", ((ingest, "_not_received", _instead(list)), (ingest, "_receipts", _instead(lambda *_: None)))
    ),
    "no source key": Bug(
        "path",
        (
            (ingest, "rows_of", _key(lambda rows: np.array([next(_numbers) for _ in rows.key], np.int64))),
            (ingest, "_numbers_once", _instead(lambda context, rows: rows)),
        ),
    ),
    "one value per signal and instant": Bug("path", ((ingest, "rows_of", _key(lambda r: r.key * 0)),)),
    "calls repeated what it drops": Bug("conserve", ((ingest, "_numbers_once", _drops_some),)),
    "forgets the numbers of undated messages": Bug(
        "path", ((ingest, "_numbers_once", _instead(lambda context, rows: rows)),)
    ),
    "drops bad values": Bug("path", ((ingest, "_split", _split_without(lambda rows: rows.quality == 2)),)),
    "unreadable messages vanish": Bug("path", ((ingest, "messages_set_aside", _instead(lambda **_: None)),)),
    "never sends again": Bug("redis-loss", ((Shipping, "due", _only_once),)),
    "keeps a dead connection to the database": Bug(
        "dbflap",
        (
            (BaseDatabaseWrapper, "close_if_unusable_or_obsolete", _connection_kept),
            (BaseDatabaseWrapper, "close", _connection_kept),
        ),
    ),
    "gaps are not recorded": Bug("path", ((ingest, "_gaps", _instead(lambda *_: [])),)),
    "partitions by time of arrival": Bug("path", ((ingest, "_partitions", _by_arrival),)),
    "loses a mark when there is one": Bug("late", ((ingest, "_mark", _marked_already),)),
    "cursor over a bigserial": Bug("marks", ((selectors, "dirty_marks_take", _by_highest_number),)),
    "checkpoint and rows committed apart": Bug(
        "crash",
        (
            (selectors, "dirty_marks_take", _own_transaction),
            (stitching, "stitch", lambda stitch: stitch.__wrapped__),
        ),
    ),
    "counts in order of arrival": Bug(
        "records", ((selectors, "samples_folded", _read_in_order_of(lambda row: row.arrival_time)),)
    ),
    "one instant in order of arrival": Bug(
        "records",
        ((selectors, "samples_folded", _read_in_order_of(lambda row: (row.source_time, row.arrival_time))),),
    ),
    "late samples are not derived again": Bug(
        "records",
        ((stitching.Refold, "in_order", _instead(lambda self, dirty: self.checkpoint is not None)),),
    ),
    "bad quality taken for good": Bug("records", ((selectors, "samples_folded", _good_if_bad),)),
    "derives across gaps": Bug("records", ((stitching, "gaps_read", _instead(lambda *_: [])),)),
}
