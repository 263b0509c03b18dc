"""What a line lost, by what it came from: the constraint's lost time, each instant charged to one cause.

A line is not the sum of its machines (domain.md §5): the rows add up to the constraint's lost time exactly,
and a stop the buffers absorbed costs nothing and is shown so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from plant.domain.intervals import Interval, partition
from production.domain.account import Along, Said, Segment
from production.domain.lateness import Lateness, late_by
from production.domain.line.topology import Node, Topology
from production.domain.line.tracks import OWN, SETUP, Part, Track
from production.domain.line.walk import LINE, MACHINE, Cause, Walk
from production.domain.time_model import BREAKDOWN, RUNNING, STANDARDS

LOST = STANDARDS["NF E60-182"]["TR"] - {RUNNING}
NOTHING = timedelta()
MICROSECOND = timedelta(microseconds=1)
HOUR = 3_600_000_000


class Worth(NamedTuple):
    """What an hour of the constraint makes, what a piece brings, what an hour of the line costs; None where
    nobody said.
    """

    units_per_hour: Decimal | None = None
    per_unit: Decimal | None = None
    per_hour: Decimal | None = None


class LostPart(NamedTuple):
    """A time the constraint lost: what the constraint was doing, and what that came from."""

    start: datetime
    end: datetime
    segment: Segment
    machine: str
    cause: Cause
    reason_code: str
    time_class: str
    uncoded: bool
    worth: Worth

    @property
    def duration(self) -> timedelta:
        return self.end - self.start

    @property
    def pieces(self) -> Fraction | None:
        rate = self.worth.units_per_hour
        return None if rate is None else Fraction(rate) * (self.duration // MICROSECOND) / HOUR

    @property
    def money(self) -> Fraction | None:
        pieces, each = self.pieces, self.worth.per_unit
        return None if pieces is None or each is None else pieces * Fraction(each)

    @property
    def cost(self) -> Fraction | None:
        """What the line cost meanwhile."""
        rate = self.worth.per_hour
        return None if rate is None else Fraction(rate) * (self.duration // MICROSECOND) / HOUR


Stopped = tuple[str, datetime]


@dataclass(frozen=True, slots=True)
class LossRow:
    """What one cause cost the line. ``machine``: where it began, empty if not evaluable or the line's own.

    ``money``: contribution of the pieces not made, ``cost``: of the line's time; they are two readings of one
    loss and never added. ``late``: how much less late its orders would be without it, not to be summed.
    ``stops``: those of the constraint, ``causing``: those they came from; each a machine and a start.
    """

    kind: str
    machine: str
    reason_code: str
    time_class: str
    uncoded: bool
    duration: timedelta
    pieces: Fraction | None
    money: Fraction | None
    cost: Fraction | None
    late: timedelta | None
    stops: tuple[Stopped, ...]
    causing: tuple[Stopped, ...]


@dataclass(frozen=True, slots=True)
class MachineCost:
    """One machine's own stops beside what they cost the line. ``absorbed``: own stops that cost nothing."""

    machine: str
    own: timedelta
    stops: int
    absorbed: int
    charged: timedelta
    pieces: Fraction | None


@dataclass(frozen=True, slots=True)
class LineLosses:
    """All the constraint lost in a window, the dearest cause first."""

    window: Interval
    constraint: Node
    parts: tuple[LostPart, ...]
    rows: tuple[LossRow, ...]
    machines: tuple[MachineCost, ...]

    @property
    def lost(self) -> timedelta:
        return sum((row.duration for row in self.rows), NOTHING)

    @property
    def breakdowns(self) -> tuple[int, timedelta]:
        """How often a breakdown of any machine halted the line, and for how long in all.

        A breakdown the line did not feel is none of the line's; one that had begun before counts its time.
        """
        begun = {stop for part, stop in self.halts if stop is not None and stop[1] >= self.window.start}
        return len(begun), sum((part.duration for part, _stop in self.halts), NOTHING)

    @property
    def halts(self) -> tuple[tuple[LostPart, Stopped | None], ...]:
        """Time the line stood by breakdowns of any machine, each with the stop it came from."""
        parts = (part for part in self.parts if part.time_class == BREAKDOWN)
        return tuple((part, _causing(part) or _stop_of(part)) for part in parts)


def line_losses(
    *,
    window: Interval,
    constraint: Node,
    topology: Topology,
    tracks: Mapping[Node, Track],
    machines: Mapping[str, Sequence[Part]],
    said_of_line: Sequence[Said] = (),
    worth: Callable[[str, datetime], Worth] = lambda order, at: Worth(),
    cuts: Iterable[datetime] = (),
    lateness: Mapping[str, Lateness] | None = None,
) -> LineLosses:
    """The losses of a closed window. ``said_of_line``: reasons said about the line, disjoint, in order.

    ``cuts``: when a worth may change. ``lateness``: of the orders worked on, by code. ``tracks`` reach beyond
    the window as far as the topology does.
    """
    assert window.end is not None
    walk, along = Walk(topology, tracks), Along(said_of_line)
    edges = sorted({*cuts, *(edge for said in said_of_line for edge in (said.start, said.end) if edge)})
    parts: list[LostPart] = []
    for part in tracks[constraint].parts:
        start, end = max(part.start, window.start), min(part.end, window.end)
        if end <= start or part.segment is None or part.segment.time_class not in LOST:
            continue
        for piece in partition(Interval(start, end), edges):
            assert piece.end is not None
            cut, value = part._replace(start=piece.start, end=piece.end), worth(part.order, piece.start)
            if said := along.at(piece.start):
                parts.append(_said_part(cut, part.segment, said, value))
            else:
                parts += _parts(walk, constraint, cut, part.segment, value)
    rows = _rows(parts, lateness or {})
    return LineLosses(window, constraint, tuple(parts), rows, _machines(window, machines, parts))


def _said_part(part: Part, segment: Segment, said: Said, worth: Worth) -> LostPart:
    """What was said about the line overrides what its machines tell."""
    cause = Cause(LINE)
    return LostPart(
        part.start, part.end, segment, part.machine, cause, said.reason_code, said.time_class, False, worth
    )


def _parts(walk: Walk, node: Node, part: Part, segment: Segment, worth: Worth) -> list[LostPart]:
    found = []
    for share in walk.shares(node, part):
        from_there = share.cause.part.segment if share.cause.part else None
        about = from_there or segment
        # Where it began nobody may have said why; what was said of the constraint is then all there is.
        reason = about.reason_code or segment.reason_code
        found.append(
            LostPart(
                share.start, share.end, segment, part.machine, share.cause, reason, about.time_class,
                about.uncoded and not reason, worth,
            )
        )  # fmt: skip
    return found


def _rows(parts: Sequence[LostPart], lateness: Mapping[str, Lateness]) -> tuple[LossRow, ...]:
    groups: dict[tuple[str, str, str, str, bool], list[LostPart]] = {}
    for part in parts:
        key = (part.cause.kind, part.cause.machine, part.reason_code, part.time_class, part.uncoded)
        groups.setdefault(key, []).append(part)
    rows = [
        LossRow(
            *key,
            duration=sum((part.duration for part in same), NOTHING),
            pieces=total(part.pieces for part in same),
            money=total(part.money for part in same),
            cost=total(part.cost for part in same),
            late=late_by(((part.segment.order_code, part.duration) for part in same), lateness),
            stops=_distinct(_stop_of(part) for part in same),
            causing=_distinct(_causing(part) for part in same),
        )
        for key, same in groups.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.duration, row.machine, row.kind, row.reason_code)))


def total(amounts: Iterable[Fraction | None]) -> Fraction | None:
    """The sum; None where a part of it is not known."""
    found = Fraction(0)
    for amount in amounts:
        if amount is None:
            return None
        found += amount
    return found


def _stop_of(part: LostPart) -> Stopped | None:
    return (part.machine, part.segment.stop_start) if part.segment.stop_start else None


def _causing(part: LostPart) -> Stopped | None:
    there = part.cause.part
    if there is None or there.segment is None or there.segment.stop_start is None:
        return None
    return there.machine, there.segment.stop_start


def _distinct(found: Iterable[Stopped | None]) -> tuple[Stopped, ...]:
    return tuple(sorted({stop for stop in found if stop is not None}))


def _machines(
    window: Interval, machines: Mapping[str, Sequence[Part]], lost: Sequence[LostPart]
) -> tuple[MachineCost, ...]:
    """Own stops of every machine in the window, beside what they cost."""
    assert window.end is not None
    charged: dict[str, list[LostPart]] = {}
    for part in lost:
        if part.cause.kind == MACHINE:
            charged.setdefault(part.cause.machine, []).append(part)
    found = []
    for machine, parts in machines.items():
        own = [
            part
            for part in parts
            if part.kind in (OWN, SETUP) and part.start < window.end and part.end > window.start
        ]
        time = sum((min(p.end, window.end) - max(p.start, window.start) for p in own), NOTHING)
        stops, cost = {part.since for part in own}, charged.get(machine, [])
        felt = {part.cause.part.since for part in cost if part.cause.part}
        found.append(
            MachineCost(
                machine, time, len(stops), len(stops - felt), sum((p.duration for p in cost), NOTHING),
                total(part.pieces for part in cost),
            )
        )  # fmt: skip
    return tuple(found)
