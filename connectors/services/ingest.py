"""Storing what connectors delivered: one transaction for samples, gaps, unreadable messages, marks and
receipts.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

import numpy as np
import psycopg2.errors
from django.db import IntegrityError, transaction

from connectors.domain.columns import EPOCH, Columns, encode, instant, micros
from connectors.domain.notices import Notice
from connectors.domain.outage import GapRecord
from connectors.domain.wire import Unread
from connectors.models import DirtyMark, Gap, IngestReceipt, Watermark
from connectors.services.compaction import packed_left_out
from connectors.services.context import Context, context_of
from connectors.services.landing import look_first
from connectors.services.landing import numbers_once as _numbers_once
from connectors.services.landing import rows_copy as _copy
from connectors.services.notices import notices_append
from connectors.services.packing import Array, Rows, joined, rows_of
from connectors.services.partitions import partitions_ensure, partitions_forget
from connectors.services.quarantine import (
    CLOCKS,
    EVERY,
    UNKNOWN,
    Aside,
    CannotReread,
    Clocks,
    messages_set_aside,
)
from connectors.services.tally import Counted, tally_append
from connectors.services.unmapped import Seen
from connectors.services.waking import pressing_in, wake, wake_sparingly

FUTURE_ALLOWED = timedelta(minutes=5)
PAST_ALLOWED = timedelta(days=3660)
_DAY = 86_400_000_000
ATTEMPTS = 4
FUTURE, PAST, TYPE = "in the future", "too far in the past", "wrong type"
# A delivery with more addresses than this that no signal has sets them aside as one row, or each costs more
# than a sample that is stored
TOLD_APART = 20


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One batch.

    ``receipt`` is the spool and sequence it came under; None when the caller keeps its own key.
    ``told``: values and messages the sender says are in it, None when it does not. ``is_runner``: whether a
    receipt's spool is a runner's disk, which may hold more.
    """

    samples: Columns = field(default_factory=Columns)
    gaps: Sequence[GapRecord] = ()
    unread: Sequence[Unread] = ()
    notices: Sequence[Notice] = ()
    receipt: tuple[uuid.UUID, int] | None = None
    told: int | None = None
    is_runner: bool = True


@dataclass(frozen=True, slots=True)
class Result:
    """received = stored + deduplicated + quarantined, always. ``ignored``: of those quarantined, values of
    addresses somebody decided to ignore, which are counted and not kept.
    """

    received: int
    stored: int
    deduplicated: int
    quarantined: int
    ignored: int = 0


def samples_ingest(
    *,
    connection: str,
    samples: Columns,
    now: datetime,
    watermark: datetime | None = None,
    unread: Sequence[Unread] = (),
) -> Result:
    """Store one batch that carries no receipt of its own; ``watermark``: nothing older will come."""
    with transaction.atomic():
        context, (result,) = deliveries_store(
            slug=connection, deliveries=[Delivery(samples=samples, unread=unread)], now=now
        )
        if watermark is not None:
            watermark_append(connection_id=context.connection_id, at=min(watermark, now))
    return result


def deliveries_store(
    *,
    slug: str,
    deliveries: Sequence[Delivery],
    now: datetime,
    refuse_unreadable: bool = False,
    sparingly: bool = False,
) -> tuple[Context, list[Result]]:
    """Store batches of one connection, each once. Those already received are left out of the results.

    ``refuse_unreadable`` raises CannotReread instead of setting values aside (they already are).
    ``sparingly``: a stream of batches wakes a machine at most once a second, or when a state changed.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _partitions(deliveries, now)
            with transaction.atomic():
                context = context_of(slug)
                fresh = _not_received(deliveries)
                if not fresh:
                    return context, []
                seen = None if refuse_unreadable else Seen(context.connection_id, is_stream=sparingly)
                results, landed, pressing = _store(context, fresh, now, seen)
                _receipts(fresh, results, now)
                if not refuse_unreadable:  # what was set aside was counted when it came
                    counted = [_counted(*pair) for pair in zip(fresh, results, strict=True)]
                    tally_append(connection_id=context.connection_id, counted=counted, now=now)
                tell = wake_sparingly if sparingly else wake
                transaction.on_commit(partial(tell, landed, pressing), robust=True)
                return context, results
        except (IntegrityError, psycopg2.errors.UniqueViolation, psycopg2.errors.CheckViolation):
            # Some of it is there, or another worker is storing it: its receipt or its rows are there now.
            # Or the partition of a packed day was dropped since it was looked for
            look_first(connection_id=context.connection_id)
            partitions_forget()
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("unreachable")


def watermark_append(*, connection_id: int, at: datetime) -> None:
    Watermark.objects.bulk_create([Watermark(connection_id=connection_id, at=at)], ignore_conflicts=True)


def _partitions(deliveries: Sequence[Delivery], now: datetime) -> None:
    days: set[int] = set()
    latest, earliest = now + FUTURE_ALLOWED, now - PAST_ALLOWED
    for delivery in deliveries:
        times = np.frombuffer(delivery.samples.source_time, np.int64)
        days.update(np.unique(times // _DAY).tolist())
    first, last = (earliest - EPOCH).days, (latest - EPOCH).days
    partitions_ensure(days=[instant(day * _DAY).date() for day in days if first <= day <= last])


def _not_received(deliveries: Sequence[Delivery]) -> list[Delivery]:
    keys = [delivery.receipt for delivery in deliveries if delivery.receipt is not None]
    if not keys:
        return list(deliveries)
    spools = {spool for spool, _ in keys}
    known = set(
        IngestReceipt.objects.filter(
            spool__in=spools, sequence__in=[sequence for _, sequence in keys]
        ).values_list("spool", "sequence")
    )
    return [delivery for delivery in deliveries if delivery.receipt not in known]


def _store(
    context: Context, deliveries: list[Delivery], now: datetime, seen: Seen | None
) -> tuple[list[Result], frozenset[int], frozenset[int]]:
    """Results, machines marked, and those of them whose changes people wait to see. ``seen`` counts what is
    unmapped; None where it was counted when it came, and is refused now.
    """
    asides: list[Aside] = []
    split, ignored = list[Rows](), list[int]()
    for delivery in deliveries:
        before = seen.ignored if seen else 0
        split.append(_split(context, delivery.samples, now, asides, seen))
        ignored.append(seen.ignored - before if seen else 0)
    if asides and seen is None:
        raise CannotReread(asides[0].reason)
    set_aside = [len(delivery.samples) - len(rows) for delivery, rows in zip(deliveries, split, strict=True)]
    rows = _numbers_once(context, joined([packed_left_out(rows, now=now) for rows in split]))
    new = _copy(context, rows)
    stored = np.bincount(new.batch, minlength=len(deliveries)).tolist()
    for delivery in deliveries:
        asides += [_message_aside(message) for message in delivery.unread]
    told = [notice for delivery in deliveries for notice in delivery.notices]
    notices_append(connection_id=context.connection_id, notices=told, now=now)
    messages_set_aside(connection_id=context.connection_id, revision=context.revision, asides=asides)
    touched = _marks_of_samples(context, new)
    touched += [mark for delivery in deliveries for mark in _gaps(context, delivery.gaps, now)]
    results = [
        Result(
            received=len(delivery.samples) + len(delivery.unread),
            stored=count,
            deduplicated=len(delivery.samples) - aside - count,
            quarantined=aside + len(delivery.unread),
            ignored=unwanted,
        )
        for delivery, aside, count, unwanted in zip(deliveries, set_aside, stored, ignored, strict=True)
    ]
    if seen:
        seen.remember(now)
    return results, _mark(touched), pressing_in(context, [rows])


# -- reading ------------------------------------------------------------------------------------------------


def _split(context: Context, samples: Columns, now: datetime, asides: list[Aside], seen: Seen | None) -> Rows:
    """The rows that can be stored; the others go to ``asides`` with their reason. ``seen`` counts those that
    are unmapped, of which some are ignored; None where they were counted when they came.
    """
    signal_id, equipment_id, accepts = context.lookup(samples.addresses)
    rows = rows_of(samples, signal_id=signal_id, equipment_id=equipment_id, site_id=context.site_id)
    if not len(rows):
        return rows
    address = np.frombuffer(samples.address, np.uint32)
    soon, ours, told = FUTURE_ALLOWED // timedelta(microseconds=1), micros(now), rows.arrival_time
    # Nothing arrives after it is stored: a runner's clock that says so is ahead of ours
    rows = replace(rows, arrival_time=np.minimum(told, ours))
    oldest = ours - PAST_ALLOWED // timedelta(microseconds=1)
    future, past = rows.source_time > rows.arrival_time + soon, rows.source_time < oldest
    problems = (
        (UNKNOWN, rows.signal_id == 0),
        (TYPE, ~accepts[address, rows.kind]),
        (Clocks.AHEAD, future & (told > ours + soon)),
        (Clocks.BEHIND, future & (rows.source_time <= ours + soon)),
        (FUTURE, future),
        (Clocks.PAST, past & (told < oldest)),
        (PAST, past),
    )
    good = np.ones(len(rows), bool)
    for reason, wrong in problems:
        wrong = wrong & good
        if wrong.any():
            good &= ~wrong
            if reason == UNKNOWN and seen is not None:
                wrong = seen.wanted(samples, address, wrong)
            asides += _values_aside(context, samples, address, wrong, reason)
    return rows if good.all() else rows.take(good)


def _values_aside(
    context: Context, samples: Columns, address: Array, wrong: Array, reason: str
) -> list[Aside]:
    places = np.flatnonzero(wrong)
    if not len(places):
        return []
    found = np.unique(address[places])
    if reason in CLOCKS or (reason == UNKNOWN and len(found) > TOLD_APART):
        return [_aside(samples, EVERY, reason, places)]
    asides = []
    for index in found.tolist():
        name = samples.addresses[index]
        said = f"{reason}: expected {context.signals[name].value_type}" if reason == TYPE else reason
        asides.append(_aside(samples, name, said, places[address[places] == index]))
    return asides


def _aside(samples: Columns, source: str, reason: str, places: Array) -> Aside:
    taken = samples.take(places.tolist())
    raw = encode(taken, compress=source == EVERY)
    return Aside(source, reason, "samples", raw, len(taken), instant(taken.arrival_time[0]))


def _message_aside(message: Unread) -> Aside:
    return Aside(message.source, message.reason, "message", message.raw, 1, message.arrival_time)


# -- writing ------------------------------------------------------------------------------------------------


def _counted(delivery: Delivery, result: Result) -> Counted:
    return Counted(
        spool=delivery.receipt[0] if delivery.receipt and delivery.is_runner else None,
        told=delivery.told,
        received=result.received,
        stored=result.stored,
        deduplicated=result.deduplicated,
        quarantined=result.quarantined,
        ignored=result.ignored,
        samples=delivery.samples,
    )


Mark = tuple[int, datetime, datetime]


def _marks_of_samples(context: Context, rows: Rows) -> list[Mark]:
    order = np.argsort(rows.equipment_id, kind="stable")
    equipment, times = rows.equipment_id[order], rows.source_time[order]
    ids, starts = np.unique(equipment, return_index=True)
    if not len(ids):
        return []
    low, high = np.minimum.reduceat(times, starts), np.maximum.reduceat(times, starts)
    return [
        (unit, instant(int(first)), instant(int(last)))
        for place, first, last in zip(ids.tolist(), low, high, strict=True)
        for unit in context.work_units.get(place, (place,))
    ]


def _gaps(context: Context, gaps: Sequence[GapRecord], now: datetime) -> list[Mark]:
    marks: list[Mark] = []
    rows: list[Gap] = []
    opened = _opened(context, gaps)
    for gap in gaps:
        # While it was open everything after it was unknown: closing it changes all of that.
        known_to = now + FUTURE_ALLOWED if gap.key in opened else gap.start_time
        touched: list[int | None] = [*sorted(context.equipment_in(gap.scope))]
        for equipment_id in touched or [None]:
            rows.append(_gap_row(context, gap, equipment_id, now))
            for unit in context.work_units.get(equipment_id or 0, ()):
                marks.append((unit, gap.start_time, max(known_to, gap.end_time or gap.start_time)))
    Gap.objects.bulk_create(rows, ignore_conflicts=True)
    return marks


def _opened(context: Context, gaps: Sequence[GapRecord]) -> set[uuid.UUID]:
    """Keys of closing gaps that were told as open before, now or earlier."""
    closing = {gap.key for gap in gaps if gap.end_time is not None}
    if not closing:
        return closing
    known = Gap.objects.filter(connection_id=context.connection_id, key__in=closing, end_time=None)
    return set(known.values_list("key", flat=True))


def _gap_row(context: Context, gap: GapRecord, equipment_id: int | None, now: datetime) -> Gap:
    return Gap(
        connection_id=context.connection_id,
        equipment_id=equipment_id,
        key=gap.key,
        cause=gap.cause,
        start_time=gap.start_time,
        end_time=gap.end_time,
        scope=gap.scope[:400],
        detail=gap.detail[:500],
        recovered=gap.recovered,
        recorded_at=now,
    )


def _mark(marks: list[Mark]) -> frozenset[int]:
    """Machines marked.

    Appended, never updated: two ingests that touch one machine must not wait for each other.
    """
    spans: dict[int, tuple[datetime, datetime]] = {}
    for unit, first, last in marks:
        low, high = spans.get(unit, (first, last))
        spans[unit] = (min(low, first), max(high, last))
    DirtyMark.objects.bulk_create(
        [
            DirtyMark(work_unit_id=unit, from_time=low, to_time=high)
            for unit, (low, high) in sorted(spans.items())
        ]
    )
    return frozenset(spans)


def _receipts(deliveries: list[Delivery], results: list[Result], now: datetime) -> None:
    IngestReceipt.objects.bulk_create(
        IngestReceipt(
            spool=delivery.receipt[0],
            sequence=delivery.receipt[1],
            received_at=now,
            received=result.received,
            stored=result.stored,
            deduplicated=result.deduplicated,
            quarantined=result.quarantined,
        )
        for delivery, result in zip(deliveries, results, strict=True)
        if delivery.receipt is not None
    )
