"""What each node of a line was doing, told for the walk: one track of touching parts per machine or group."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple

from plant.domain.calendar import CLOSED, SHIFT
from production.domain import states, time_model
from production.domain.account import Account, Segment
from production.domain.line.topology import GroupRow, Node, Topology

# What a part means to a neighbour. OWN: it stands still for a cause of its own; SETUP: it is changed over;
# OFF: nobody expected it to run; OTHER: induced, without saying from which side.
RUNNING, OWN, SETUP, STARVED, BLOCKED, OTHER, OFF, NO_DATA = (
    "running", "own", "setup", "starved", "blocked", "suspended", "off", "no_data",
)  # fmt: skip
INDUCED = frozenset({STARVED, BLOCKED, OTHER})
FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)
# Reasons people give to an induced stop that leave open where it came from.
OPEN_CLASSES = frozenset(
    {time_model.STARVED, time_model.BLOCKED, time_model.SUSPENDED, time_model.NO_MATERIAL}
)


class Part(NamedTuple):
    """A time of a machine that is all of one kind. ``since``: when the stop it belongs to began."""

    start: datetime
    end: datetime
    kind: str
    since: datetime
    machine: str
    order: str = ""
    segment: Segment | None = None


def kind_of(segment: Segment) -> str:
    """What a part of a machine's account means to its neighbours."""
    base = segment.base_class or states.BASE_CLASS[segment.state]
    if base == states.RUNNING:
        return RUNNING
    if base == states.UNKNOWN:
        return NO_DATA
    if base in states.INDUCED:
        told = segment.reason_code and segment.time_class not in OPEN_CLASSES
        return OWN if told else {states.STARVED: STARVED, states.BLOCKED: BLOCKED}.get(base, OTHER)
    if segment.time_class == time_model.SETUP:
        return SETUP
    if segment.reason_code:
        return OWN
    idle = segment.time_class in (time_model.NO_LOAD, CLOSED) or segment.planned != SHIFT
    return OFF if idle else OWN


def parts_of(machine: str, segments: Iterable[Segment]) -> list[Part]:
    """The parts of one machine, from its account."""
    found: list[Part] = []
    for segment in segments:
        since = segment.stop_start or segment.start
        part = Part(segment.start, segment.end, kind_of(segment), since, machine, segment.order_code, segment)
        found.append(part)
    return found


class Track:
    """Parts of one node in order; time between them is without data."""

    def __init__(self, node: Node, parts: Sequence[Part]) -> None:
        self.node, self.parts = node, parts
        self._starts = [part.start for part in parts]

    def at(self, instant: datetime) -> Part:
        index = bisect_right(self._starts, instant) - 1
        if index >= 0 and instant < self.parts[index].end:
            return self.parts[index]
        start = self.parts[index].end if index >= 0 else FIRST
        end = self._starts[index + 1] if index + 1 < len(self._starts) else LAST
        return Part(start, end, NO_DATA, start, self.node)

    def next_of(self, kinds: Collection[str], after: datetime, until: datetime) -> Part | None:
        """The first part of such a kind that begins in (after, until]."""
        for index in range(bisect_right(self._starts, after), len(self.parts)):
            part = self.parts[index]
            if part.start > until:
                return None
            if part.kind in kinds:
                return part
        return None

    def last_of(self, kinds: Collection[str], before: datetime, since: datetime) -> Part | None:
        """The last part of such a kind that ended in (since, before]."""
        for index in range(bisect_right(self._starts, before) - 1, -1, -1):
            part = self.parts[index]
            if part.end <= since:
                return None
            if part.end <= before and part.kind in kinds:
                return part
        return None


def tracks_of(topology: Topology, machines: Mapping[str, Sequence[Part]]) -> dict[Node, Track]:
    """One track per node; a node whose machines told nothing has an empty one."""
    tracks: dict[Node, Track] = {}
    for machine, node in topology.node_of.items():
        group = topology.groups.get(node)
        if group is None:
            tracks[node] = Track(node, machines.get(machine, ()))
        elif node not in tracks:
            members = [machines.get(member, ()) for member in group.members]
            tracks[node] = Track(node, group_parts(group, members))
    return tracks


def group_parts(group: GroupRow, members: Sequence[Sequence[Part]]) -> list[Part]:
    """Machines side by side as one: running while at least the minimum runs, else what brought it below."""
    cuts = sorted({edge for parts in members for part in parts for edge in (part.start, part.end)})
    tracks = [Track(code, parts) for code, parts in zip(group.members, members, strict=True)]
    found: list[Part] = []
    for start, end in pairwise(cuts):
        part = _together(group, [track.at(start) for track in tracks])._replace(start=start, end=end)
        last = found[-1] if found else None
        if last is not None and last._replace(start=start, end=end) == part:
            found[-1] = last._replace(end=end)
        else:
            found.append(part)
    return _stops_joined(found)


def _together(group: GroupRow, now: Sequence[Part]) -> Part:
    """The one part that speaks for the group at an instant."""
    part = speaker(group, now)
    if part.kind == RUNNING:
        return part._replace(since=part.start, segment=None, machine=group.code)
    return part


def speaker(group: GroupRow, now: Sequence[Part]) -> Part:
    """Whose part is the group's: of a machine that runs while enough do, else of what left too few."""
    spare = len(now) - group.minimum
    running = [part for part in now if part.kind == RUNNING]
    if len(running) >= group.minimum:
        return running[0]
    halted: list[Part] = []
    # Their own stops first: what would have stopped the group with every other machine fed and emptied.
    for kinds in ((OWN,), (SETUP,), (STARVED, OTHER), (BLOCKED,), (OFF,), (NO_DATA,)):
        halted += sorted((part for part in now if part.kind in kinds), key=lambda part: part.since)
        if len(halted) > spare:
            return halted[spare]
    return now[0]


def _stops_joined(parts: Sequence[Part]) -> list[Part]:
    """Parts of one stop of a group know when that stop began."""
    found: list[Part] = []
    for part in parts:
        last = found[-1] if found else None
        joins = last is not None and last.end == part.start and last.kind == part.kind
        since = last.since if joins and last is not None else part.start
        found.append(part._replace(since=since))
    return found


def within(told: Account, start: datetime) -> Account:
    """What an account tells from an instant inside it on."""
    inside = [segment for segment in told.segments if segment.end > start]
    if inside and inside[0].start < start:
        inside[0] = replace(inside[0], start=start)
    return Account(max(told.start, start), told.end, tuple(inside))
