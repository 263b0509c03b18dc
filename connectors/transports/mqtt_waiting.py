"""MQTT messages between the network thread, which puts them, and the event loop, which takes them."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from connectors.domain.columns import instant

MAX_WAITING: Final = 200_000
MAX_WAITING_BYTES: Final = 64 * 2**20
# What was sent before another that overtook it: microseconds on the way
ON_THE_WAY: Final = 1_000_000


class Received(NamedTuple):
    """``arrival``: microseconds since 1970 UTC, taken in the network thread."""

    topic: str
    payload: bytes
    qos: int
    mid: int
    dup: bool
    retain: bool
    arrival: int

    @property
    def size(self) -> int:
        return len(self.topic) + len(self.payload)


@dataclass(slots=True)
class Dropped:
    """Messages of QoS 0 for which there was no room; when the first and the last came, as ``arrival``."""

    count: int
    first: int
    last: int

    @property
    def start(self) -> datetime:
        return instant(self.first - ON_THE_WAY)

    @property
    def end(self) -> datetime:
        return instant(self.last + 1)


class Waiting:
    """Bounded in messages and bytes. ``came`` and ``taken``: so many so far, each counted by one thread."""

    def __init__(self) -> None:
        self._messages: deque[Received] = deque()
        self.came = self.taken = 0
        self._came_bytes = self._taken_bytes = 0
        self._dropping = threading.Lock()
        self._dropped: Dropped | None = None

    def __len__(self) -> int:
        return len(self._messages)

    def put(self, message: Received) -> bool:
        """False when there is no room. One message alone there always is."""
        held = self._came_bytes - self._taken_bytes
        too_many = len(self._messages) >= MAX_WAITING
        if too_many or (held > 0 and held + message.size > MAX_WAITING_BYTES):
            return False
        self._came_bytes += message.size
        self._messages.append(message)
        self.came += 1
        return True

    def take(self, limit: int) -> list[Received]:
        found = [self._messages.popleft() for _ in range(min(limit, len(self._messages)))]
        self.taken += len(found)
        self._taken_bytes += sum(message.size for message in found)
        return found

    def drop(self, message: Received) -> None:
        with self._dropping:
            dropped = self._dropped or Dropped(0, message.arrival, message.arrival)
            dropped.count, dropped.last = dropped.count + 1, message.arrival
            self._dropped = dropped

    def take_dropped(self) -> Dropped | None:
        if self._dropped is None:
            return None
        with self._dropping:
            taken, self._dropped = self._dropped, None
        return taken
