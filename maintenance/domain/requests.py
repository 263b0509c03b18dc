"""The life of a request: raised, taken, repaired, closed; and how long each part took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

State = Literal["open", "taken", "in_repair", "repaired", "closed", "withdrawn"]
AFTER: dict[str, State] = {
    "taken": "taken",
    "repair_started": "in_repair",
    "repair_ended": "repaired",
    "closed": "closed",
}
ORDER = tuple(AFTER)
WITHDRAWN, RAISED_AGAIN = "withdrawn", "raised_again"


def kinds_of(events: Iterable[tuple[str, datetime]]) -> dict[str, datetime]:
    """When each step was taken, from (kind, at) in the order recorded; ``withdrawn`` only while it stands."""
    kinds: dict[str, datetime] = {}
    for kind, at in events:
        if kind == RAISED_AGAIN:
            kinds.pop(WITHDRAWN, None)
        elif kind == WITHDRAWN or kind in AFTER:
            kinds[kind] = at
    return kinds


def state_of(kinds: Mapping[str, datetime]) -> State:
    """The furthest a request has come, from its events by kind."""
    state: State = "withdrawn" if WITHDRAWN in kinds else "open"
    for kind in ORDER:
        if kind in kinds:
            state = AFTER[kind]
    return state


@dataclass(frozen=True, slots=True)
class Durations:
    """Parts of a stop that was repaired; None while its end is not known."""

    response: timedelta | None
    repair: timedelta | None
    total: timedelta | None


def durations(*, stop_start: datetime, kinds: Mapping[str, datetime]) -> Durations:
    """Stop to taken; repair start (else taken) to repair end (else closed); stop to closed."""
    taken, closed = kinds.get("taken"), kinds.get("closed")
    begun = kinds.get("repair_started") or taken
    ended = kinds.get("repair_ended") or closed
    return Durations(
        response=taken - stop_start if taken else None,
        repair=ended - begun if begun and ended else None,
        total=closed - stop_start if closed else None,
    )


def misplaced(kind: str, at: datetime, *, stop_start: datetime, kinds: Mapping[str, datetime]) -> str | None:
    """What is wrong with a new event; None when it fits: once each, in order, never before the stop."""
    if kind in kinds:
        return f"{kind}: it was said already, at {kinds[kind].isoformat()}"
    if WITHDRAWN in kinds:
        return f"{kind}: the request was withdrawn at {kinds[WITHDRAWN].isoformat()}"
    if "closed" in kinds:
        return f"{kind}: the request was closed at {kinds['closed'].isoformat()}"
    earliest = max((when for when in kinds.values()), default=stop_start)
    later = [other for other in ORDER[ORDER.index(kind) + 1 :] if other in kinds]
    if later:
        return f"{kind}: expected before {later[0]}, which was said already"
    if at < max(earliest, stop_start):
        return f"{kind}: read {at.isoformat()}, expected not before {max(earliest, stop_start).isoformat()}"
    return None
