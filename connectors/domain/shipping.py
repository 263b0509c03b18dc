"""Which batches are on their way to a worker, and when the next ones may go."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

IN_FLIGHT: Final = 32
PER_CONNECTION: Final = 4
# Of what gathered earlier, of all connections: what is new finds no more than these before it in the queue
EARLIER_IN_FLIGHT: Final = 2
ANSWER_WITHIN: Final = 10.0
LONGEST_WAIT: Final = 120.0
# A database that came back is noticed within this
FAILED_WAIT: Final = 2.0
# While shipments are on their way, less than this waits for company, the longer the more they are: fewer and
# fuller tasks under load.
HOLD_SECONDS: Final = 0.025
HOLD_LONGEST: Final = 0.5
HOLD_BYTES: Final = 64 * 1024
# One task takes a worker a second at most: whoever waits behind it waits no longer.
SHIPMENT_BATCHES: Final = 500
SHIPMENT_BYTES: Final = 2 * 1024 * 1024
SHIPMENT_VALUES: Final = 20_000
EARLIER_VALUES: Final = 10_000
# What could not be sent within this (microseconds) lets newer values go first
LIVE_WITHIN: Final = 3_000_000


class Sized(Protocol):
    """A batch of the spool; ``count``: values and messages in it."""

    @property
    def samples(self) -> bytes: ...

    @property
    def extras(self) -> str: ...

    @property
    def count(self) -> int: ...


Batch = TypeVar("Batch", bound=Sized)


def fitting(batches: Iterable[Batch], *, live: bool = True) -> list[Batch]:
    """As many of the first as one task may carry; one at least."""
    taken: list[Batch] = []
    size, values, most = 0, 0, SHIPMENT_VALUES if live else EARLIER_VALUES
    for batch in batches:
        size += len(batch.samples) + len(batch.extras)
        values += batch.count
        if taken and (size > SHIPMENT_BYTES or values > most):
            break
        taken.append(batch)
    return taken


@dataclass(slots=True)
class Lanes:
    """What of one connection's spool was not sent yet, by number: everything after ``live``, and stretches
    before it (after, up to and with).

    All of it is ``live`` while sending keeps up. When it does not, what is older is put aside and what is new
    goes first.
    """

    live: int = 0
    earlier: deque[tuple[int, int]] = field(default_factory=deque)

    def next(self, *, live: bool) -> tuple[int, int | None] | None:
        """(after, up to and with) of what goes next in a lane; None: nothing waits there."""
        if live:
            return self.live, None
        return self.earlier[0] if self.earlier else None

    def sent(self, number: int, *, live: bool) -> None:
        if live:
            self.live = number
        else:
            self.earlier[0] = (number, self.earlier[0][1])

    def empty(self) -> None:
        """Nothing is left of the first stretch."""
        self.earlier.popleft()

    def put_aside(self, number: int) -> None:
        """Everything up to this number lets what is newer go first."""
        if number > self.live:
            self.earlier.append((self.live, number))
            self.live = number


@dataclass(slots=True)
class Shipment:
    """Batches sent as one task, until every one is answered. Instants are seconds of one steady clock."""

    connection: str
    entries: dict[int, Any]
    due: float
    live: bool = True
    wait: float = ANSWER_WITHIN
    is_refused: bool = False

    @property
    def is_again(self) -> bool:
        """Whether the broker may hold it already."""
        return self.wait > ANSWER_WITHIN

    def sent(self, now: float) -> None:
        """Sent again when it is not answered by then, each time after a longer wait."""
        self.due = now + self.wait
        self.wait = min(self.wait * 2, LONGEST_WAIT)


class Shipping:
    """Shipments of all connections of a runner."""

    def __init__(self) -> None:
        self.shipments: list[Shipment] = []
        self._waiting: dict[str, int] = {}
        self._begun: dict[str, float] = {}
        self._lanes: dict[str, Lanes] = {}
        self._turns: dict[str, int] = {}
        self._stored_at = float("-inf")

    def lanes(self, connection: str) -> Lanes:
        return self._lanes.setdefault(connection, Lanes())

    def in_turn(self, connections: Iterable[str]) -> list[str]:
        """Whoever sent longest ago comes first."""
        return sorted(connections, key=lambda connection: self._turns.get(connection, 0))

    def spooled(self, connection: str, size: int) -> None:
        self._waiting[connection] = self._waiting.get(connection, 0) + size

    def held(self, connection: str, now: float, *, live: bool = True) -> bool:
        """Whether what was spooled must wait: for an answer, or a little longer for company."""
        like = [shipment for shipment in self.shipments if shipment.live == live]
        ours = sum(shipment.connection == connection for shipment in like)
        if not live:
            return len(like) >= EARLIER_IN_FLIGHT
        if len(self.shipments) >= IN_FLIGHT or ours >= PER_CONNECTION:
            return True
        hold = min(HOLD_SECONDS * len(self.shipments), HOLD_LONGEST)
        recent = now < self._begun.get(connection, now) + hold
        return ours > 0 and recent and self._waiting.get(connection, 0) < HOLD_BYTES

    def begin(
        self, connection: str, entries: Mapping[int, Any], *, now: float, more: bool, live: bool = True
    ) -> Shipment:
        """``more``: the spool holds more than these, so that the next shipment need not wait for company."""
        shipment = Shipment(connection, dict(entries), now, live)
        self.shipments.append(shipment)
        self.lanes(connection).sent(max(entries), live=live)
        self._turns[connection] = max(self._turns.values(), default=0) + 1
        if live:
            self._waiting[connection] = HOLD_BYTES if more else 0
            self._begun[connection] = now
        return shipment

    def due(self, now: float) -> list[Shipment]:
        return [shipment for shipment in self.shipments if shipment.due <= now]

    def stored(self, sequences: Iterable[int], now: float) -> None:
        """The first that is stored after an outage lets the refused wait no longer."""
        gone, self._stored_at = set(sequences), now
        for shipment in self.shipments:
            for sequence in gone & shipment.entries.keys():
                del shipment.entries[sequence]
            if shipment.is_refused:
                shipment.due, shipment.is_refused = now, False
        self.shipments = [shipment for shipment in self.shipments if shipment.entries]

    def failed(self, sequences: Iterable[int], now: float) -> None:
        """A worker could not store them: tried again before their answer would have been missed."""
        some = set(sequences)
        for shipment in self.shipments:
            if some & shipment.entries.keys():
                shipment.due = now + FAILED_WAIT
                # While others are stored, it is this one that cannot be
                shipment.is_refused = now - self._stored_at > FAILED_WAIT

    def forgotten(self, now: float) -> None:
        """The broker lost what it held: nothing that is on its way will be answered."""
        for shipment in self.shipments:
            shipment.due, shipment.wait = now, ANSWER_WITHIN
