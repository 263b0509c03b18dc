"""Where a stop of the constraint began: the first-fault walk over the line (domain.md §5).

Starved looks upstream, blocked downstream, from machine to machine, until one stands still for a cause of
its own. The answer at an instant depends on that instant and on when the stop began, never on the window.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from production.domain.line.topology import Link, Node, Topology
from production.domain.line.tracks import (
    BLOCKED,
    INDUCED,
    LAST,
    NO_DATA,
    OFF,
    OTHER,
    OWN,
    SETUP,
    STARVED,
    Part,
    Track,
)  # fmt: skip

MACHINE, NO_MATERIAL, NO_OUTLET, LINE, NOT_EVALUABLE = (
    "machine", "no_material", "no_outlet", "line", "not_evaluable",
)  # fmt: skip
INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Cause:
    """What a part of a stop came from. ``part``: what the causing machine was doing, None where not known."""

    kind: str
    machine: str = ""
    part: Part | None = None


UNKNOWN_CAUSE = Cause(NOT_EVALUABLE)


class Verdict(NamedTuple):
    """A cause, and until when in the asking machine's time nothing can change it."""

    cause: Cause
    until: datetime


class Share(NamedTuple):
    """A part of a stop and its cause."""

    start: datetime
    end: datetime
    cause: Cause


class _Way(NamedTuple):
    """A direction to walk in: which links, what is induced from there, what the end of the line means."""

    upstream: bool
    wanted: frozenset[str]
    end: str


UP = _Way(True, frozenset({STARVED, OTHER}), NO_MATERIAL)
DOWN = _Way(False, frozenset({BLOCKED, OTHER}), NO_OUTLET)
THROUGH = frozenset({OFF, NO_DATA, SETUP})


class Walk:
    """The walk over one line's tracks."""

    def __init__(self, topology: Topology, tracks: Mapping[Node, Track]) -> None:
        self._topology, self._tracks = topology, tracks

    def shares(self, node: Node, part: Part) -> list[Share]:
        """A part of the constraint's stop, cut wherever its cause changes; together they are the part."""
        found: list[Share] = []
        at = part.start
        while at < part.end:
            cause, until = self.verdict(node, part, at)
            end = min(part.end, until)
            if found and found[-1].cause == cause:
                found[-1] = found[-1]._replace(end=end)
            else:
                found.append(Share(at, end, cause))
            at = end
        return found

    def verdict(self, node: Node, part: Part, at: datetime) -> Verdict:
        """The cause of one instant of a part of a node's stop."""
        if part.kind not in INDUCED:
            return Verdict(Cause(MACHINE, part.machine, part), part.end)
        ways = {STARVED: (UP,), BLOCKED: (DOWN,)}.get(part.kind, (UP, DOWN))
        until = part.end
        for way in ways:
            told = self._beyond(node, way, at, part, frozenset({node}))
            until = min(until, told.until)
            # Induced without saying from which side: a machine that stands still says more than an end.
            if told.cause.kind == MACHINE or (len(ways) == 1 and told.cause != UNKNOWN_CAUSE):
                return Verdict(told.cause, until)
        return Verdict(UNKNOWN_CAUSE, until)

    def _beyond(self, node: Node, way: _Way, at: datetime, part: Part, seen: frozenset[Node]) -> Verdict:
        """What halts a node from one side, at an instant of its part."""
        ways = self._topology.into if way.upstream else self._topology.out_of
        links = ways.get(node, ())
        if not links:
            return Verdict(self._end(way, part), LAST)
        told = [self._look(link, way, at, part, seen) for link in links]
        best = min(told, key=lambda verdict: _rank(verdict.cause))
        return Verdict(best.cause, min(verdict.until for verdict in told))

    @staticmethod
    def _end(way: _Way, part: Part) -> Cause:
        """The end of the line: nothing comes in, nothing goes out, or the one there did not say."""
        return Cause(way.end, part.machine, part) if part.kind in way.wanted else UNKNOWN_CAUSE

    def _look(self, link: Link, way: _Way, at: datetime, part: Part, seen: frozenset[Node]) -> Verdict:
        """What the neighbour over one link did when it mattered."""
        neighbour = link.upstream if way.upstream else link.downstream
        if neighbour in seen:
            return Verdict(UNKNOWN_CAUSE, LAST)
        shift = link.transit if way.upstream else timedelta()
        there = at - shift
        now = self._tracks[neighbour].at(there)
        told = self._told(neighbour, link, way, there, now, part, seen | {neighbour})
        until = min(told.until, now.end)
        return Verdict(told.cause, until + shift if until < LAST - shift else LAST)

    def _told(
        self,
        node: Node,
        link: Link,
        way: _Way,
        there: datetime,
        now: Part,
        asked: Part,
        seen: frozenset[Node],
    ) -> Verdict:
        if now.kind == OWN or (now.kind == SETUP and now.order != asked.order):
            return Verdict(Cause(MACHINE, now.machine, now), now.end)
        if now.kind in way.wanted:
            return self._beyond(node, way, there, now, seen)
        if now.kind in THROUGH:
            # Who does not say is passed over: the stop's own beginning goes on counting.
            passed = now._replace(since=max(now.since, asked.since), order=asked.order)
            told = self._beyond(node, way, there, passed, seen)
            if told.cause == UNKNOWN_CAUSE and now.kind == SETUP:
                return Verdict(Cause(MACHINE, now.machine, now), told.until)
            return told
        return self._near(node, link, way, there, asked, seen)

    def _near(
        self, node: Node, link: Link, way: _Way, there: datetime, asked: Part, seen: frozenset[Node]
    ) -> Verdict:
        """The neighbour runs: the stop beside the beginning of ours, else the one that ended last."""
        track, kinds = self._tracks[node], way.wanted | {OWN, SETUP}
        began = asked.since - (link.transit if way.upstream else timedelta())
        reach = link.drain + link.tolerance
        last = track.last_of(kinds, there, there - reach)
        following = track.next_of(kinds, there, asked.since + link.tolerance)
        if last is not None and following is not None and last.end < began - link.tolerance:
            last = None
        if last is not None and following is not None and following.start - began < began - last.end:
            last = None
        if last is not None:
            cause = self._of_stop(node, way, last, seen)
            return Verdict(cause, last.end + reach)
        if following is not None:
            return Verdict(self._of_stop(node, way, following, seen), LAST)
        return Verdict(UNKNOWN_CAUSE, LAST)

    def _of_stop(self, node: Node, way: _Way, part: Part, seen: frozenset[Node]) -> Cause:
        """What a neighbour's whole stop came from, asked where it ended: that is what was felt last."""
        if part.kind not in way.wanted:
            return Cause(MACHINE, part.machine, part)
        return self._beyond(node, way, part.end - INSTANT, part, seen).cause


def _rank(cause: Cause) -> int:
    return (MACHINE, NO_MATERIAL, NO_OUTLET, LINE, NOT_EVALUABLE).index(cause.kind)
