"""Adding up a machine's account over closed windows: shifts, the time between them, cut where rates begin."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from plant.domain.calendar import SHIFT, Slot
from production.domain.account import Segment
from production.domain.time_model import BREAKDOWN

MICROSECOND = timedelta(microseconds=1)


class Closed(NamedTuple):
    """A window to add up; ``shift_code`` empty between shifts."""

    start: datetime
    end: datetime
    shift_code: str
    production_day: date | None


class Key(NamedTuple):
    """What is told apart within a window."""

    order_code: str
    time_class: str
    reason_code: str
    uncoded: bool


class Sum(NamedTuple):
    """``failed``: starts of the stops that were a breakdown; ``times``: microseconds and stops begun."""

    window: Closed
    times: dict[Key, tuple[int, int]]
    failed: list[datetime]


def windows_of(
    start: datetime, end: datetime, slots: Sequence[Slot], cuts: Iterable[datetime] = ()
) -> list[Closed]:
    """[start, end) cut at the edges of shifts and at ``cuts``: windows that touch, in order."""
    shifts = sorted((slot for slot in slots if slot.kind == SHIFT), key=lambda slot: slot.start)
    edges = {at for slot in shifts for at in (slot.start, slot.end)} | set(cuts)
    inside = [start, *sorted(at for at in edges if start < at < end), end]
    found: list[Closed] = []
    first = 0
    for since, until in pairwise(inside):
        while first < len(shifts) and shifts[first].end <= since:
            first += 1
        shift = shifts[first] if first < len(shifts) and shifts[first].start <= since else None
        code, day = (shift.code, shift.production_day) if shift else ("", None)
        found.append(Closed(since, until, code, day))
    return found


def added_up(segments: Sequence[Segment], windows: Sequence[Closed]) -> list[Sum]:
    """Segments that lie end to end over windows that touch, added up window by window to the microsecond."""
    found: list[Sum] = []
    place = 0
    for window in windows:
        times: dict[Key, tuple[int, int]] = {}
        failed: set[datetime] = set()
        while place < len(segments) and segments[place].start < window.end:
            _add(times, failed, segments[place], window)
            if segments[place].end > window.end:
                break
            place += 1
        found.append(Sum(window, times, sorted(failed)))
    return found


def _add(times: dict[Key, tuple[int, int]], failed: set[datetime], segment: Segment, window: Closed) -> None:
    start = max(segment.start, window.start)
    key = Key(segment.order_code, segment.time_class, segment.reason_code, segment.uncoded)
    time, stops = times.get(key, (0, 0))
    time += (min(segment.end, window.end) - start) // MICROSECOND
    # The stop began here, not only this part of it.
    times[key] = time, stops + (segment.stop_start == start)
    if segment.time_class == BREAKDOWN and segment.stop_start is not None:
        failed.add(segment.stop_start)
