"""A station without any machine signal: what people said of it, as the values a state signal would have sent.

What was said with an end holds there and nowhere else; what was said without one holds until the next of its
sort. Where ranges overlap, the one said later holds. Nothing depends on the order entries arrived in.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from production.domain.states import UNKNOWN

# The signal that no connection has: what people said.
TOLD = 0
# The words of an operator, and the states they mean.
WORKING, NOT_WORKING = "execute", "stopped"


class Told(NamedTuple):
    """The station was in a state from ``start`` on; ``end`` None: until something else is said."""

    start: datetime
    end: datetime | None
    state: str
    said_at: datetime
    id: int


def _turn(told: Told) -> tuple[datetime, str, int]:
    """Which of two that speak of one instant holds: the later said, and of one tap the same one always."""
    return told.said_at, told.state, told.id


def told_of(said: Iterable[Told], at: datetime) -> Told | None:
    """The entry that speaks of one instant; None where none does."""
    known = [one for one in said if one.start <= at]
    ranges = [one for one in known if one.end is not None and at < one.end]
    if ranges:
        return max(ranges, key=_turn)
    lasting = [one for one in known if one.end is None]
    return max(lasting, key=lambda one: (one.start, *_turn(one)), default=None)


def state_told(said: Iterable[Told], at: datetime) -> str | None:
    told = told_of(said, at)
    return told.state if told else None


def values(said: Iterable[Told], heard: Iterable[datetime]) -> list[tuple[datetime, str]]:
    """What was said at each instant anything was ever said of, in order: the values of a state signal.

    An entry taken back still was heard then: instants only grow, so what silence means does too.
    """
    every = list(said)
    return [(at, state_told(every, at) or UNKNOWN) for at in sorted(set(heard))]
