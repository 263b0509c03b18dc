"""Half-open intervals of time, with the one overlap predicate everything else uses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Protocol, TypeVar


class Spanning(Protocol):
    """Anything with a half-open range in aware UTC; an ``end`` of None is still going."""

    @property
    def start(self) -> datetime: ...
    @property
    def end(self) -> datetime | None: ...


S = TypeVar("S", bound=Spanning)


@dataclass(frozen=True, slots=True)
class Interval:
    """``[start, end)`` in aware UTC; an ``end`` of None is still going. ValueError if it would hold no
    instant.
    """

    start: datetime
    end: datetime | None = None

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or (self.end is not None and self.end.tzinfo is None):
            raise ValueError(f"interval without a time zone: {self.start} to {self.end}")
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"empty interval: {self.start} to {self.end}")

    @property
    def duration(self) -> timedelta | None:
        return None if self.end is None else self.end - self.start


def overlaps(a: Spanning, b: Spanning) -> bool:
    """Whether some instant lies in both."""
    return (a.end is None or b.start < a.end) and (b.end is None or a.start < b.end)


def holds(a: Spanning, instant: datetime) -> bool:
    """Whether the instant lies in the interval."""
    return a.start <= instant and (a.end is None or instant < a.end)


def clip(a: Spanning, window: Spanning) -> Interval | None:
    """The part of ``a`` inside ``window``; None when they share no instant."""
    if not overlaps(a, window):
        return None
    ends = [end for end in (a.end, window.end) if end is not None]
    return Interval(max(a.start, window.start), min(ends, default=None))


def earliest_end(*ends: datetime | None) -> datetime | None:
    """The first of several ends, None meaning never."""
    return min((end for end in ends if end is not None), default=None)


def partition(window: Interval, cuts: Iterable[datetime]) -> list[Interval]:
    """Cut a window at every instant strictly inside it; the parts touch and together are the window."""
    inside = sorted({cut for cut in cuts if window.start < cut and (window.end is None or cut < window.end)})
    starts = [window.start, *inside]
    ends: list[datetime | None] = [*inside, window.end]
    return [Interval(start, end) for start, end in zip(starts, ends, strict=True)]


def merge(intervals: Iterable[Spanning]) -> list[Interval]:
    """The union as disjoint, non-touching intervals in order."""
    merged: list[Interval] = []
    for item in sorted(intervals, key=lambda i: i.start):
        last = merged[-1] if merged else None
        if last is None or (last.end is not None and last.end < item.start):
            merged.append(Interval(item.start, item.end))
        elif last.end is not None and (item.end is None or item.end > last.end):
            merged[-1] = Interval(last.start, item.end)
    return merged


def gaps(window: Interval, intervals: Iterable[Spanning]) -> list[Interval]:
    """The parts of the window no interval covers, in order."""
    uncovered: list[Interval] = []
    at: datetime | None = window.start
    for item in merge(intervals):
        part = clip(item, window)
        if part is None or at is None:
            continue
        if at < part.start:
            uncovered.append(Interval(at, part.start))
        at = part.end
    if at is not None and (window.end is None or at < window.end):
        uncovered.append(Interval(at, window.end))
    return uncovered


def covers_once(window: Spanning, parts: Sequence[Spanning]) -> bool:
    """Whether the parts, in order, lie end to end and are exactly the window: no gap, no overlap, nothing
    outside.
    """
    if not parts or parts[0].start != window.start or parts[-1].end != window.end:
        return False
    return all(a.end == b.start for a, b in pairwise(parts))


def duration_inside(intervals: Iterable[Spanning], window: Interval) -> timedelta:
    """Time of the window some interval covers. The window must be closed."""
    parts = (clip(item, window) for item in merge(intervals))
    return sum((part.end - part.start for part in parts if part and part.end), timedelta())
