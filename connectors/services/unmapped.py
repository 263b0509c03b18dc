"""Addresses nobody mapped: counting them beside the way in, and deciding that some are not wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from threading import Lock
from time import monotonic
from typing import Any

import numpy as np
from django.db import connection as database
from django.db import transaction
from django.utils.translation import gettext

from connectors.domain.columns import Columns, instant
from connectors.domain.phrase import Told, late
from connectors.models import Connection, QuarantinedMessage, SignalDefinition, UnmappedAddress
from connectors.models.quarantine import UNMAPPED
from connectors.services.context import place_of
from connectors.services.packing import Array
from plant import audit
from plant.access import Actor

# Rows of a connection: up to MOST are begun, and every half hour those that came most often are kept
MOST, KEPT = 1000, 500
OTHERS = ""
# Counts gather in the process for so long (seconds), and so many addresses of a connection by name
EVERY, REMEMBERED = 5.0, 5000
LONGEST, SHOWN = 400, 120
_TABLE = UnmappedAddress._meta.db_table
_COLUMNS = (
    "connection_id, address, count, ignored_count, first_seen, last_seen, example, ignored_by, ignored_why"
)
# In one order, the others last, in every transaction: two of them never wait for each other
_COUNT = f"""
WITH told AS (
    SELECT * FROM unnest(%(names)s::text[], %(counts)s::bigint[], %(ignored)s::bigint[],
        %(firsts)s::timestamptz[], %(lasts)s::timestamptz[], %(examples)s::text[])
        AS told (address, count, ignored, first, last, example)
), room AS (
    SELECT %(most)s - count(*) AS left FROM {_TABLE}
    WHERE connection_id = %(connection)s AND address <> '' AND ignored_at IS NULL
), placed AS (
    SELECT told.*, known.id IS NOT NULL AS is_known,
        row_number() OVER (PARTITION BY known.id IS NULL ORDER BY told.count DESC, told.address) AS place
    FROM told LEFT JOIN {_TABLE} AS known
        ON known.connection_id = %(connection)s AND known.address = told.address
), named AS (
    SELECT CASE WHEN is_known OR place <= room.left THEN address ELSE '' END AS address, count, ignored,
        first, last, example
    FROM placed CROSS JOIN room
)
INSERT INTO {_TABLE} ({_COLUMNS})
SELECT %(connection)s, address, sum(count), sum(ignored), min(first), max(last),
    CASE WHEN address = '' THEN '' ELSE max(example) END, '', ''
FROM named WHERE EXISTS (SELECT FROM {Connection._meta.db_table} WHERE id = %(connection)s)
GROUP BY address ORDER BY address DESC
ON CONFLICT (connection_id, address) DO UPDATE
SET count = {_TABLE}.count + EXCLUDED.count,
    ignored_count = {_TABLE}.ignored_count + EXCLUDED.ignored_count,
    first_seen = LEAST({_TABLE}.first_seen, EXCLUDED.first_seen),
    last_seen = GREATEST({_TABLE}.last_seen, EXCLUDED.last_seen), example = EXCLUDED.example
"""
_TRIM = f"""
WITH ranked AS (
    SELECT id, row_number() OVER (PARTITION BY connection_id ORDER BY count DESC, last_seen DESC, id) AS place
    FROM {_TABLE} WHERE address <> '' AND ignored_at IS NULL
), locked AS (
    SELECT id FROM {_TABLE} JOIN ranked USING (id) WHERE place > %s
    ORDER BY connection_id, address DESC FOR UPDATE OF {_TABLE}
), gone AS (
    DELETE FROM {_TABLE} USING locked WHERE {_TABLE}.id = locked.id RETURNING {_TABLE}.*
)
INSERT INTO {_TABLE} ({_COLUMNS})
SELECT connection_id, '', sum(count), sum(ignored_count), min(first_seen), max(last_seen), '', '', ''
FROM gone GROUP BY connection_id ORDER BY connection_id
ON CONFLICT (connection_id, address) DO UPDATE
SET count = {_TABLE}.count + EXCLUDED.count,
    ignored_count = {_TABLE}.ignored_count + EXCLUDED.ignored_count,
    first_seen = LEAST({_TABLE}.first_seen, EXCLUDED.first_seen),
    last_seen = GREATEST({_TABLE}.last_seen, EXCLUDED.last_seen)
"""


@dataclass(slots=True)
class _Gathered:
    """Since the last time it was written; microseconds."""

    first: int
    last: int
    example: str
    count: int = 0
    ignored: int = 0


@dataclass(slots=True)
class _Pending:
    due: float = 0.0
    told: dict[str, _Gathered] = field(default_factory=dict)


Status = QuarantinedMessage.Status
Place = tuple[str, int]
_lock = Lock()
_pending: dict[Place, _Pending] = {}
_ignored: dict[Place, tuple[frozenset[str], float]] = {}


class Seen:
    """The unmapped addresses of one transaction's values: counted once it is committed. ``is_stream``: more
    follows soon, with which the counts can be written.
    """

    def __init__(self, connection_id: int, *, is_stream: bool) -> None:
        self._connection_id, self._is_stream = connection_id, is_stream
        self._told: dict[str, _Gathered] = {}
        self.ignored = 0

    def wanted(self, samples: Columns, address: Array, unmapped: Array) -> Array:
        """Of the rows that are unmapped, those to set aside: the others' addresses somebody ignores."""
        places = np.flatnonzero(unmapped)
        found, firsts, counts = np.unique(address[places], return_index=True, return_counts=True)
        ignored = ignored_of(self._connection_id)
        refused = []
        for index, first, count in zip(found.tolist(), places[firsts].tolist(), counts.tolist(), strict=True):
            name = _name(samples.addresses[index])
            is_ignored = name in ignored
            if is_ignored:
                refused.append(index)
                self.ignored += count
            at, told = samples.arrival_time[first], self._told.get(name)
            if told is None:
                told = self._told[name] = _Gathered(at, at, _shown(samples, first))
            _add(told, at, at, count, count if is_ignored else 0)
        if not refused:
            return unmapped
        return unmapped & ~np.isin(address, refused)

    def remember(self, now: datetime) -> None:
        if self._told:
            work = partial(_gather, self._connection_id, self._told, now, at_once=not self._is_stream)
            transaction.on_commit(work, robust=True)


def _add(told: _Gathered, first: int, last: int, count: int, ignored: int) -> None:
    told.first, told.last = min(told.first, first), max(told.last, last)
    told.count += count
    told.ignored += ignored


def _name(address: str) -> str:
    """As it can be stored."""
    if len(address) <= LONGEST and address.isprintable():
        return address
    clean = address.replace("\x00", "\N{SYMBOL FOR NULL}").encode("utf-8", "replace").decode()
    return clean[:LONGEST]


def _shown(samples: Columns, place: int) -> str:
    return _name(str(samples.value(place)))[:SHOWN]


def ignored_of(connection_id: int) -> frozenset[str]:
    """Asked at most every five seconds, and only where something unmapped came."""
    place = place_of(connection_id)
    known = _ignored.get(place)
    if known is None or known[1] < monotonic():
        rows = UnmappedAddress.objects.filter(connection_id=connection_id, ignored_at__isnull=False)
        known = _ignored[place] = (frozenset(rows.values_list("address", flat=True)), monotonic() + EVERY)
    return known[0]


def _gather(connection_id: int, told: dict[str, _Gathered], now: datetime, *, at_once: bool) -> None:
    """Of a stream every five seconds: a row an address and batch would cost more than a sample that is
    stored.
    """
    with _lock:
        pending = _pending.setdefault(place_of(connection_id), _Pending())
        for name, one in told.items():
            if name not in pending.told and len(pending.told) >= REMEMBERED:
                name = OTHERS
            same = pending.told.get(name)
            if same is None:
                pending.told[name] = one
            else:
                _add(same, one.first, one.last, one.count, one.ignored)
    unmapped_flush(now=now, at_once=at_once)


def unmapped_flush(*, now: datetime, at_once: bool = False) -> None:
    """Writes what this process has counted for long enough; of a process that is killed five seconds of these
    counts are lost. The sum on the page does not rest on them.
    """
    name = str(database.settings_dict["NAME"])
    due: list[tuple[int, dict[str, _Gathered]]] = []
    with _lock:
        for (of, connection_id), pending in _pending.items():
            if of == name and pending.told and (at_once or pending.due <= monotonic()):
                due.append((connection_id, pending.told))
                pending.told, pending.due = {}, monotonic() + EVERY
    for connection_id, told in due:
        _write(connection_id, told, now)


def _write(connection_id: int, told: dict[str, _Gathered], now: datetime) -> None:
    def column(read: Callable[[_Gathered], object]) -> list[Any]:
        return [read(one) for one in told.values()]

    with database.cursor() as cursor:
        said: dict[str, Any] = {
            "connection": connection_id,
            "most": MOST,
            "names": list(told),
            "counts": column(lambda one: one.count),
            "ignored": column(lambda one: one.ignored),
            "firsts": column(lambda one: min(instant(one.first), now)),
            "lasts": column(lambda one: min(instant(one.last), now)),
            "examples": column(lambda one: one.example),
        }
        cursor.execute(_COUNT, said)


def unmapped_trim() -> None:
    """Keeps the addresses that came most often and those that are ignored; the rest is one row, counts and
    all. What is mapped by now is no longer listed.
    """
    mapped = SignalDefinition.objects.values_list("connection_id", "address")
    with transaction.atomic(), database.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {_TABLE} USING {mapped.model._meta.db_table} AS signal"
            f" WHERE signal.connection_id = {_TABLE}.connection_id AND signal.address = {_TABLE}.address"
        )
        cursor.execute(_TRIM, [KEPT])


class CannotIgnore(Told, ValueError):
    """Not on the list of unmapped addresses, or nobody said why."""

    is_bad_input = True

    def __str__(self) -> str:
        return self.said(gettext)


@transaction.atomic
def unmapped_ignore(
    *, connection: Connection, addresses: Sequence[str], why: str, by: Actor, now: datetime
) -> int:
    """Values of these addresses are from now on counted and no longer kept. Raises CannotIgnore."""
    by.require("connection.edit", connection.site)
    if not why.strip():
        raise CannotIgnore(late("say why they are not wanted"))
    rows = _listed(connection, addresses)
    fresh = [row for row in rows if row.ignored_at is None]
    said = {"ignored_at": now, "ignored_by": by.label[:80], "ignored_why": why.strip()[:300]}
    UnmappedAddress.objects.filter(pk__in=[row.pk for row in fresh]).update(**said)
    _messages_move(connection, fresh, Status.OPEN, Status.IGNORED)
    _decided(connection, "address.ignore", fresh, why.strip(), by, now)
    return len(fresh)


@transaction.atomic
def unmapped_unignore(
    *, connection: Connection, addresses: Sequence[str], by: Actor, now: datetime, why: str = ""
) -> int:
    """Values of these addresses are kept again, as those of any that nobody mapped. Raises CannotIgnore."""
    by.require("connection.edit", connection.site)
    rows = [row for row in _listed(connection, addresses) if row.ignored_at is not None]
    UnmappedAddress.objects.filter(pk__in=[row.pk for row in rows]).update(
        ignored_at=None, ignored_by="", ignored_why=""
    )
    _messages_move(connection, rows, Status.IGNORED, Status.OPEN)
    _decided(connection, "address.unignore", rows, why.strip(), by, now)
    return len(rows)


def _listed(connection: Connection, addresses: Sequence[str]) -> list[UnmappedAddress]:
    wanted = {address for address in addresses if address != OTHERS}
    found = UnmappedAddress.objects.select_for_update().filter(connection=connection, address__in=wanted)
    rows = list(found.order_by("-address"))
    if not wanted:
        raise CannotIgnore(late("name at least one address"))
    if missing := wanted - {row.address for row in rows}:
        raise CannotIgnore(late("%(address)s is not among the unmapped addresses"), address=min(missing))
    return rows


def _messages_move(
    connection: Connection, rows: Sequence[UnmappedAddress], before: Status, after: Status
) -> None:
    """What is kept of them waits for nobody while they are ignored."""
    kept = QuarantinedMessage.objects.filter(connection=connection, reason__in=UNMAPPED, status=before)
    kept.filter(source__in=[row.address for row in rows]).update(status=after)


def _decided(
    connection: Connection, action: str, rows: Sequence[UnmappedAddress], why: str, by: Actor, now: datetime
) -> None:
    if not rows:
        return
    before = [
        {"address": row.address, "by": row.ignored_by, "why": row.ignored_why}
        for row in rows
        if row.ignored_at
    ]
    audit.record(
        by=by,
        action=action,
        subject_type="connection",
        subject_code=connection.slug,
        why=why,
        before=before or None,
        after=sorted(row.address for row in rows),
        at=now,
    )
    place = place_of(connection.pk)
    _ignored.pop(place, None)
    transaction.on_commit(lambda: _ignored.pop(place, None))
