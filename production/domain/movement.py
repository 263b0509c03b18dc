"""What a counter that moves, or does not, says about a machine.

Where nothing else tells its state, the machine runs while its counter moves. Where its state says execute and
the counter has stood for too long, it stopped with its last piece. What one piece takes is not standstill: a
stop seen through a counter ends one cycle before the next piece, so that slow cycles are no stops.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from operator import itemgetter
from typing import TYPE_CHECKING

from production.domain.states import EXECUTE, STOPPED
from production.domain.tracks import GAP, INACTIVE, SILENT, STATE, Change

if TYPE_CHECKING:
    from production.domain.stitching import Open, StateRow, Unit

# Why a machine that says execute counts as stopped.
NO_COUNT = "no_count"


class Movement:
    """The state of a machine told only by its counter: running while it moves, stopped from its last move."""

    def __init__(self, unit: Unit, opened: Open, events: list[Change]) -> None:
        self._silence, self._cycle, self._events = unit.counter_silence, unit.cycle, events
        self._last = opened.last_move
        self.running = self._last is not None and opened.at - self._last <= self._silence

    def take(self, moves: list[datetime], to: datetime) -> None:
        """Take the moves of a window, in any order, and what their absence until ``to`` means."""
        for at in sorted(moves):
            self._pause(at)
            if not self.running:
                began = at - self._cycle if self._last is None else max(self._last, at - self._cycle)
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
        limit: timedelta,
        cycle: timedelta,
        opened: Open,
        now: tuple[object, bool, int],
        events: list[Change],
    ) -> None:
        """``now``: state, silence and depth of gaps where the fold begins."""
        self._limit, self._cycle, self._events = max(limit, cycle), cycle, events
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
            self._events.append((max(self._since, at - self._cycle), INACTIVE, False))
            self.inactive = False
        self._since = at

    def _stood(self, until: datetime) -> None:
        if self._since is not None and not self.inactive and until - self._since > self._limit:
            self._events.append((self._since, INACTIVE, True))
            self.inactive = True
