"""What to do next with a subscription, and what of it is missing. No input, no output, no clock.

After a cut the server may still hold the session, the subscription and what it published (OPC UA Part 4
§6.7): the session is reactivated, else the subscription is transferred to a new one, then what was published
and not received is asked for again. Only when the server refuses both is everything made anew, and the span
between is missing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

# A server that answers for ever must not keep us; more than this is a loss like any other
REPUBLISH_MOST = 1000
REMEMBERED = 4096
LAST_NUMBER = 0xFFFFFFFF


class Step(Enum):
    OPEN = "open a session, subscribe, make every item"
    REACTIVATE = "take the old session over on a new channel"
    TRANSFER = "have a new session take the subscription over"
    REPUBLISH = "ask again for what was published meanwhile"
    VERIFY = "compare the items the server has with ours"
    PUBLISH = "receive"


@dataclass(frozen=True, slots=True)
class Heard:
    """Of one notification: whether it is new, and which ones skipped before it the server still has.

    ``lost``: it has not all of them; what it knew after ``since`` and before this one is missing.
    """

    new: bool
    since: datetime | None = None
    ask: tuple[int, ...] = ()
    lost: bool = False


@dataclass(slots=True)
class Lifecycle:
    """One subscription at one server.

    ``covered``: whatever the server published before this instant (of its clock) was received.
    """

    step: Step = Step.OPEN
    covered: datetime | None = None
    expected: int = 1
    proven: bool = False
    resumable: bool = False
    _asked: int = 0
    _available: frozenset[int] | None = None
    _received: deque[int] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def opened(self, at: datetime) -> None:
        """A new subscription; its numbers begin with 1 (Part 4 §7.8)."""
        self.step, self.expected, self.covered = Step.VERIFY, 1, at
        self.resumable, self.proven = True, False
        self._received.clear()

    def reactivated(self, accepted: bool) -> None:
        if accepted:
            self._republish(None)
        else:
            self.step = Step.TRANSFER

    def transferred(self, available: Collection[int] | None) -> None:
        """None: refused."""
        if available is None:
            self.forgotten()
        else:
            self._republish(frozenset(available))

    def _republish(self, available: frozenset[int] | None) -> None:
        self.step, self._available, self._asked = Step.REPUBLISH, available, 0
        self.proven = False

    def wanted(self) -> int | None:
        """The next number to ask for again; None: no more, the items come next."""
        number = self.expected
        known = self._available is None or number in self._available
        if self.step is Step.REPUBLISH and known and self._asked < REPUBLISH_MOST:
            return number
        if self.step is Step.REPUBLISH:
            self.step = Step.VERIFY
        return None

    def republished(self, at: datetime | None) -> None:
        """It came, published at that instant; None: the server has it no more, or answered with nothing."""
        self._asked += 1
        if at is None:
            self.step = Step.VERIFY
        else:
            self._took(self.expected, at)

    def verified(self) -> None:
        self.step = Step.PUBLISH

    def notified(self, number: int, at: datetime, *, data: bool, available: Collection[int]) -> Heard:
        """A keep-alive carries the number of the next notification, and no data."""
        self.proven = True
        if data and number in self._received:
            return Heard(False)
        since, (skipped, first) = self.covered, _skipped(self.expected, number)
        held = tuple(one for one in first if one in available)
        if data:
            self._took(number, at)
        else:
            self.expected, self.covered = number if skipped else self.expected, at
        return Heard(data, since, held, lost=len(held) < skipped)

    def recovered(self, number: int) -> None:
        """One that ``notified`` wanted asked for came."""
        self._received.append(number)

    def _took(self, number: int, at: datetime) -> None:
        self.expected, self.covered = _after(number), at
        self._received.append(number)

    def lost(self, *, stale: bool) -> Step:
        """The channel is gone, or silent. A subscription that never spoke since it was resumed never will."""
        if stale and not self.proven:
            self.resumable = False
        self.step = Step.REACTIVATE if self.resumable else Step.OPEN
        return self.step

    def forgotten(self) -> None:
        """The server has the subscription no more: what it had not delivered is lost."""
        self.resumable, self.step = False, Step.OPEN


def _after(number: int) -> int:
    """0 is never used (Part 4 §7.8)."""
    return 1 if number >= LAST_NUMBER else number + 1


def _skipped(expected: int, number: int) -> tuple[int, list[int]]:
    """How many numbers were skipped, and the first of them. One far behind is a repetition, no skip."""
    distance = (number - expected) % LAST_NUMBER if number else 0
    if distance > LAST_NUMBER // 2:
        return 0, []
    first, each = [], expected
    for _ in range(min(distance, REPUBLISH_MOST)):
        first.append(each)
        each = _after(each)
    return distance, first
