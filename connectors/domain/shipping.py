"""Which batches are on their way to a worker, and when the next ones may go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

IN_FLIGHT: Final = 32
PER_CONNECTION: Final = 4
ANSWER_WITHIN: Final = 10.0
LONGEST_WAIT: Final = 120.0
# A database that came back is noticed within this
FAILED_WAIT: Final = 5.0
# While one shipment is on its way, less than this waits for company: fewer and fuller tasks under load.
HOLD_SECONDS: Final = 0.5
HOLD_BYTES: Final = 64 * 1024


@dataclass(slots=True)
class Shipment:
    """Batches sent as one task, until every one is answered. Instants are seconds of one steady clock."""

    connection: str
    entries: dict[int, Any]
    due: float
    wait: float = ANSWER_WITHIN

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

    def spooled(self, connection: str, size: int) -> None:
        self._waiting[connection] = self._waiting.get(connection, 0) + size

    def held(self, connection: str, now: float) -> bool:
        """Whether what was spooled must wait: for an answer, or a little longer for company."""
        ours = sum(shipment.connection == connection for shipment in self.shipments)
        if len(self.shipments) >= IN_FLIGHT or ours >= PER_CONNECTION:
            return True
        recent = now < self._begun.get(connection, now) + HOLD_SECONDS
        return ours > 0 and recent and self._waiting.get(connection, 0) < HOLD_BYTES

    def begin(self, connection: str, entries: Mapping[int, Any], *, now: float, more: bool) -> Shipment:
        """``more``: the spool holds more than these, so that the next shipment need not wait for company."""
        shipment = Shipment(connection, dict(entries), now)
        self.shipments.append(shipment)
        self._waiting[connection] = HOLD_BYTES if more else 0
        self._begun[connection] = now
        return shipment

    def due(self, now: float) -> list[Shipment]:
        return [shipment for shipment in self.shipments if shipment.due <= now]

    def stored(self, sequences: Iterable[int]) -> None:
        gone = set(sequences)
        for shipment in self.shipments:
            for sequence in gone & shipment.entries.keys():
                del shipment.entries[sequence]
        self.shipments = [shipment for shipment in self.shipments if shipment.entries]

    def failed(self, sequences: Iterable[int], now: float) -> None:
        """A worker could not store them: tried again before their answer would have been missed."""
        some = set(sequences)
        for shipment in self.shipments:
            if some & shipment.entries.keys():
                shipment.due = now + FAILED_WAIT

    def forgotten(self, now: float) -> None:
        """The broker lost what it held: nothing that is on its way will be answered."""
        for shipment in self.shipments:
            shipment.due, shipment.wait = now, ANSWER_WITHIN
