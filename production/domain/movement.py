"""What a counter that moves, or does not, says about a machine.

Where nothing else tells its state, the machine runs while its counter moves. Where its state says execute and
the counter has stood for too long, it stopped with its last piece. What one piece takes is not standstill: a
stop seen through a counter ends one cycle before the next piece, so that slow cycles are no stops.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from datetime import datetime, timedelta
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from production.domain.states import EXECUTE, STOPPED
from production.domain.tracks import GAP, INACTIVE, SILENT, STATE, Change

if TYPE_CHECKING:
    from production.domain.stitching import Open, StateRow, Unit

# Why a machine that says execute counts as stopped.
NO_COUNT = "no_count"


class Pace(NamedTuple):
    """From ``start`` on a piece takes ``cycle``, and so long without one means stopped."""

    start: datetime
    silence: timedelta
    cycle: timedelta


def _start_of(pace: Pace) -> datetime:
    return pace.start


def pace_at(unit: Unit, at: datetime) -> Pace:
    """That of the order at work when a piece was made; at the instant of a change, of the order before."""
    place = bisect_left(unit.paces, at, key=_start_of)
    if place:
        return unit.paces[place - 1]
    limit = unit.counter_silence if unit.by_counter or unit.no_count is None else unit.no_count
    return Pace(at, limit, unit.cycle)


class Movement:
    """The state of a machine told only by its counter: running while it moves, stopped from its last move."""

    def __init__(self, unit: Unit, opened: Open, events: list[Change]) -> None:
        self._unit, self._events = unit, events
        self._last = opened.last_move
        self.running = self._last is not None and opened.at - self._last <= self._silence

    @property
    def _silence(self) -> timedelta:
        """How long none may come after the last piece."""
        assert self._last is not None
        return pace_at(self._unit, self._last).silence

    def take(self, moves: list[datetime], to: datetime) -> None:
        """Take the moves of a window, in any order, and what their absence until ``to`` means."""
        for at in sorted(moves):
            self._pause(at)
            if not self.running:
                began = at - pace_at(self._unit, at).cycle
                began = began if self._last is None else max(self._last, began)
                self._events.append((began, STATE, (EXECUTE, "")))
                self.running = True
            self._last = at
        self._pause(to)

    def _pause(self, until: datetime) -> None:
        if self.running and self._last is not None and until - self._last > self._silence:
            self._events.append((self._last, STATE, (STOPPED, "")))
            self.running = False


def is_idle_count(row: StateRow | None) -> bool:
    return row is not None and row.cause == NO_COUNT


class Inactivity:
    """Times in which a machine says execute and its counter stands: from its last piece, or from when it said
    so, until one cycle before the next piece. Time without data is not counted as standing.
    """

    def __init__(
        self,
        unit: Unit,
        opened: Open,
        now: tuple[object, bool, int],
        events: list[Change],
    ) -> None:
        """``now``: state, silence and depth of gaps where the fold begins."""
        self._unit, self._events = unit, events
        self._state, self._silent, self._depth = now
        self._taken = opened.at
        self.inactive = self._says_execute and is_idle_count(opened.state)
        # Since when it runs without a piece; None while it does not run.
        self._since: datetime | None = None
        if self._says_execute:
            began = opened.run_since or opened.at
            self._since = began if opened.last_move is None else max(began, opened.last_move)

    @property
    def _says_execute(self) -> bool:
        return self._state == (EXECUTE, "") and not self._silent and self._depth == 0

    def take(self, moves: Iterable[datetime], to: datetime, *, final: bool) -> None:
        """Take the pieces of a window, in any order, and the changes that lie in it."""
        found = [
            (at, 1, name, value)
            for at, name, value in self._events
            if name in (STATE, SILENT, GAP) and self._taken <= at and (at < to or (final and at == to))
        ]
        # A piece made at the instant of a change belongs to the time before it.
        pending: list[tuple[datetime, int, str, object]] = [*((at, 0, "", None) for at in moves), *found]
        pending.sort(key=itemgetter(0, 1))
        for place, (at, _, name, value) in enumerate(pending):
            if not name:
                self._piece(at)
                continue
            self._change(name, value)
            if place + 1 == len(pending) or pending[place + 1][0] != at:
                self._changed(at)
        self._stood(to)
        self._taken = to

    def _change(self, name: str, value: object) -> None:
        if name == STATE:
            self._state = value
        elif name == SILENT:
            self._silent = bool(value)
        else:
            self._depth += value  # type: ignore[operator]

    def _changed(self, at: datetime) -> None:
        if self._says_execute and self._since is None:
            self._since = at
        elif not self._says_execute and self._since is not None:
            self._stood(at)
            if self.inactive:
                self._events.append((at, INACTIVE, False))
            self.inactive, self._since = False, None

    def _piece(self, at: datetime) -> None:
        if self._since is None:
            return
        self._stood(at)
        if self.inactive:
            self._events.append((max(self._since, at - pace_at(self._unit, at).cycle), INACTIVE, False))
            self.inactive = False
        self._since = at

    def _stood(self, until: datetime) -> None:
        if self._since is None or self.inactive:
            return
        pace = pace_at(self._unit, self._since)
        if until - self._since > max(pace.silence, pace.cycle):
            self._events.append((self._since, INACTIVE, True))
            self.inactive = True
