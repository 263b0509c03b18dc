"""Notifications as batches, and the gaps they tell of."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from asyncua import ua

from connectors.domain.columns import NO_TIME, Row, instant, micros
from connectors.domain.outage import GapRecord, gap_declared
from connectors.interface import Malformed, SampleBatch, Unavailable
from connectors.protocols.opcua.conditions import Conditions, Overflowed
from connectors.protocols.opcua.derived import PART
from connectors.protocols.opcua.items import HEARTBEAT_HANDLE, Items
from connectors.protocols.opcua.job_reports import Reports
from connectors.protocols.opcua.notifications import Changes
from connectors.protocols.opcua.packml import Nested
from connectors.protocols.opcua.values import NotAValue, aware, overflowed, row_of, value_of

log = logging.getLogger(__name__)

LEAST_SLACK, MOST_SLACK = 0.1, 5.0
SHOWN, MOST_SHOWN = 200, 2000


class Gone(Unavailable):
    """The server has the subscription no more."""


class Silent(Unavailable):
    """The connection looks fine and nothing comes."""


@dataclass(slots=True)
class Pending:
    """A batch on its way to the disk: the number it came under (0: none), and where that is to be
    acknowledged once it is there.
    """

    unacknowledged: list[int]
    number: int
    safe: asyncio.Event

    def confirm(self) -> None:
        if not self.safe.is_set():
            self.safe.set()
            if self.number:
                self.unacknowledged.append(self.number)


class Receiving:
    """``heard`` and ``data_heard``: monotonic instants of the last notification and the last value."""

    def __init__(self, source: str, items: Items, publishing_ms: float) -> None:
        self.source, self.items = source, items
        self.heard = self.data_heard = time.monotonic()
        self.publishing_ms = publishing_ms
        self._last_source: dict[str, int] = {}
        self._ahead: timedelta | None = None
        self.namespaces: list[str] = []
        self.nested: dict[str, Nested | Reports] = {}
        self.conditions = Conditions({})
        # Of the notification before this one
        self.covered: datetime | None = None

    def published_at(self, message: ua.NotificationMessage) -> datetime:
        """By the server's clock; by ours where it does not say."""
        self.heard = time.monotonic()
        now, said = datetime.now(UTC), message.PublishTime
        if said is None or said.year < 1980:
            return now
        ahead = aware(said) - now
        # The shortest way here tells the clocks' difference best
        self._ahead = ahead if self._ahead is None else max(self._ahead, ahead)
        return aware(said)

    def server_now(self) -> datetime:
        """Not before what the server's clock says now, as far as it was heard."""
        return self.server_time() + timedelta(seconds=LEAST_SLACK)

    def server_time(self) -> datetime:
        """What the server's clock says now, or a little less."""
        return datetime.now(UTC) + (self._ahead or timedelta(0))

    def slack(self) -> timedelta:
        """How much older a value may be than the notification that brings it."""
        seconds = max(LEAST_SLACK, self.publishing_ms / 1000, self.items.slowest())
        return timedelta(seconds=min(seconds, MOST_SLACK))

    def batch(self, message: ua.NotificationMessage) -> SampleBatch:
        """What it brought. One that breaks the reading is a gap: asked for again, it would break it again.

        Raises Gone.
        """
        try:
            return self.read(message.NotificationData)
        except Gone:
            raise
        except Exception as error:
            detail = (
                f"notification {message.SequenceNumber} broke its reading: {type(error).__name__}: {error}"
            )
            log.exception("%s: %s", self.source, detail)
            return SampleBatch(gaps=[self.jump(self.covered, self.server_now(), detail)], messages=1)

    def read(self, notifications: list[Any]) -> SampleBatch:
        """Raises Gone."""
        arrival = time.time_ns() // 1000
        batch = SampleBatch()
        for notification in notifications:
            if isinstance(notification, ua.DataChangeNotification):
                self._changed(Changes.of(notification.MonitoredItems), batch, arrival)
            elif isinstance(notification, Changes):
                self._changed(notification, batch, arrival)
            elif isinstance(notification, ua.EventNotificationList):
                self._events(notification.Events, batch, arrival)
            elif isinstance(notification, ua.StatusChangeNotification):
                raise Gone(f"subscription: {getattr(notification.Status, 'name', notification.Status)}")
            batch.messages += 1
        return batch

    def _changed(self, changes: Changes, batch: SampleBatch, arrival: int) -> None:
        batch.gaps += self._full_queues(changes)
        addresses, silent, rows = self.items.addresses, self.items.silent, list[Row]()
        for change in changes.items:
            handle, _, value, status, source, server = change
            address = addresses.get(handle)
            if handle == HEARTBEAT_HANDLE:
                self.data_heard = time.monotonic()
                continue
            if address is None:
                continue
            if silent:
                silent.discard(handle)
            if PART in address:
                address, _, part = address.partition(PART)
                self._told(address, arrival if source == NO_TIME else source, status, batch, arrival)
                self.nested[address].hear(part, changes.whole(change), arrival)
                continue
            if isinstance(value, ua.DataValue):
                data = value
                try:
                    value = value_of(data)
                except (NotAValue, OverflowError) as error:
                    batch.malformed.append(unread(address, error, data, arrival))
                    continue
            row = row_of(address, value, status, source, server, arrival)
            rows.append(row)
            self._told(address, row[2], status, batch, arrival)
        batch.samples.add_rows(rows, arrival)
        for machine in self.nested.values():
            self._tell(machine, batch, arrival)

    def told(self, machine: Reports) -> SampleBatch:
        """What it has to tell without a notification."""
        batch = SampleBatch()
        self._tell(machine, batch, time.time_ns() // 1000)
        return batch

    @staticmethod
    def _tell(machine: Nested | Reports, batch: SampleBatch, arrival: int) -> None:
        machine.tell(batch.samples, arrival)
        if isinstance(machine, Reports):
            batch.malformed += machine.faults(arrival)

    def _told(self, address: str, at: int, status: int, batch: SampleBatch, arrival: int) -> None:
        """Of what instant (µs) the newest value of an address is; a gap where some before it are missing."""
        before = self._last_source.get(address)
        if before is None or at > before:
            self._last_source[address] = at
        if status and overflowed(status):
            before = arrival if before is None else before
            batch.gaps.append(self._overflow(address, min(before, at), at))

    def _events(self, events: list[ua.EventFieldList], batch: SampleBatch, arrival: int) -> None:
        for event in events:
            address = self.items.reports.get(event.ClientHandle)
            machine = self.nested.get(address) if address is not None else None
            try:
                if isinstance(machine, Reports):
                    machine.hear_event(event.EventFields, arrival)
                    self._tell(machine, batch, arrival)
                elif address is None:
                    self.conditions.hear(
                        event.EventFields, self.namespaces, batch.samples, arrival, event.ClientHandle
                    )
            except Overflowed:
                since = micros(self.covered) if self.covered else arrival
                scope = self.conditions.addresses if address is None else [address]
                batch.gaps += [self._overflow(one, since, arrival) for one in scope]

    def _full_queues(self, changes: Changes) -> list[GapRecord]:
        """Some servers drop the oldest value of a full queue without the overflow bit."""
        if len(changes) < self.items.fewest:
            return []
        found = []
        for handle, count in Counter([handle for handle, *_ in changes.items]).items():
            granted, address = self.items.granted.get(handle), self.items.addresses.get(handle, "")
            before = self._last_source.get(address)
            if granted is None or before is None or count < granted.queue or granted.queue < 2:
                continue
            first = next(source for one, _, _, _, source, _ in changes.items if one == handle)
            if first != NO_TIME:
                found.append(self._overflow(address, before, max(before, first)))
        return found

    def _overflow(self, address: str, start: int, end: int) -> GapRecord:
        detail = "the server's queue overflowed"
        return gap_declared(
            source=self.source,
            cause="overflow",
            start=instant(start),
            end=instant(end),
            scope=address,
            detail=detail,
        )

    def jump(self, since: datetime | None, until: datetime, detail: str) -> GapRecord:
        """Notifications that neither came nor are to be had again."""
        start = (since or until) - self.slack()
        return gap_declared(
            source=self.source, cause="sequence_jump", start=start, end=until, detail=detail[:500]
        )


def _shown(variant: ua.Variant | None) -> str:
    """As much of a value as is kept: writing all of a large array down would take longer than reading it."""
    value: Any = getattr(variant, "Value", None)
    if isinstance(value, list | str | bytes) and len(value) > SHOWN:
        return f"{len(value)} long, beginning {value[:SHOWN]!r}"[:MOST_SHOWN]
    return repr(variant)[:MOST_SHOWN]


def unread(address: str, error: Exception, data: ua.DataValue, arrival: int) -> Malformed:
    raw = _shown(data.Value).encode("utf-8", "replace")
    return Malformed(source=address, reason=str(error), raw=raw, arrival_time=instant(arrival))
