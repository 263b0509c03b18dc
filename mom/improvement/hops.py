"""The loss trail of a stop as hops in their fixed order, each with its delay. Standard library only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

ORDER = ("signal", "stop", "reason", "call", "repair", "decision", "action")


@dataclass(frozen=True, slots=True)
class Step:
    """One row a hop is made of: when, what sort, who, about what, and the page it stands on."""

    at: datetime
    kind: str
    who: str = ""
    what: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class Hop:
    """One hop of the trail. No steps: it is missing, which ``asked`` tells from nobody having to do it.

    ``delay``: since the last hop before it that is known; less than zero: it came earlier.
    """

    key: str
    asked: bool
    steps: tuple[Step, ...] = ()
    delay: timedelta | None = None

    @property
    def is_missing(self) -> bool:
        return not self.steps

    @property
    def at(self) -> datetime | None:
        return self.steps[0].at if self.steps else None


def hop_make(key: str, steps: Iterable[Step], *, asked: bool) -> Hop:
    """Steps in the order they happened."""
    return Hop(key, asked, tuple(sorted(steps, key=lambda step: step.at)))


def trail_told(hops: Iterable[Hop]) -> tuple[Hop, ...]:
    """The hops in their fixed order with the delay of each; one that is missing has none and adds none."""
    found: list[Hop] = []
    last: datetime | None = None
    for hop in sorted(hops, key=lambda item: ORDER.index(item.key)):
        if hop.at is None:
            found.append(hop)
            continue
        found.append(replace(hop, delay=None if last is None else hop.at - last))
        last = hop.at
    return tuple(found)
