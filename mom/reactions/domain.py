"""Which reaction plan holds for a loss, and whether it was kept. Standard library only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, Literal, NamedTuple, TypeVar

P = TypeVar("P")
State = Literal["not_asked", "waiting", "late", "in_time", "came_late", "not_needed", "missed"]


class Rule(NamedTuple, Generic[P]):
    """When a plan holds. ``path``: place, "/" for everywhere. Neither reason nor class: any stop."""

    path: str
    reason: str
    time_class: str
    plan: P


def plan_for(rules: Iterable[Rule[P]], *, path: str, reasons: Sequence[str], time_class: str) -> P | None:
    """The plan that says most about a loss: its reason before its groups (``reasons``, in that order), before
    its class, before any stop; of two alike, that of the nearest place.
    """
    ranks = {code: rank for rank, code in reversed(list(enumerate(reasons)))}
    best: tuple[int, int] | None = None
    found: P | None = None
    for item in rules:
        rank = _rank(item, ranks, time_class)
        if rank is None or not path.startswith(item.path):
            continue
        key = (rank, -len(item.path))
        if best is None or key < best:
            best, found = key, item.plan
    return found


def _rank(item: Rule[P], ranks: dict[str, int], time_class: str) -> int | None:
    if item.reason:
        return ranks.get(item.reason)
    if item.time_class:
        return len(ranks) if item.time_class == time_class else None
    return len(ranks) + 1


@dataclass(frozen=True, slots=True)
class Kept:
    """Whether somebody came in time. ``asked_at``: when the loss was known or called about; ``came_at``: when
    somebody had taken it; ``over_at``: when the stop ended. None where that did not happen (yet).
    """

    within: timedelta
    asked_at: datetime | None
    came_at: datetime | None
    over_at: datetime | None

    @property
    def due(self) -> datetime | None:
        return None if self.asked_at is None else self.asked_at + self.within

    def state(self, now: datetime) -> State:
        """A stop that ended before anyone was asked, or before the time was up, needed nobody."""
        if self.asked_at is None or self.due is None:
            return "not_asked"
        if self.came_at is not None:
            return "in_time" if self.came_at <= self.due else "came_late"
        if self.over_at is not None and self.over_at <= now:
            return "not_needed" if self.over_at <= self.due else "missed"
        return "waiting" if now <= self.due else "late"

    def margin(self, now: datetime) -> timedelta | None:
        """Time left (or to spare); less than zero: late by so much. None where nobody was asked."""
        if self.due is None:
            return None
        ended = self.over_at if self.over_at is not None and self.over_at <= now else now
        return self.due - (self.came_at if self.came_at is not None else ended)
