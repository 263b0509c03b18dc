"""How material flows through a line: machines in series and side by side, and the buffers between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

# How far apart two machines may report one event, until their link has taught better (domain.md §5).
TOLERANCE = timedelta(seconds=3)
NOTHING = timedelta()

Node = str


@dataclass(frozen=True, slots=True)
class LinkRow:
    """A declared link between two machines, named by their codes. ``tolerance`` None: the default."""

    upstream: str
    downstream: str
    capacity: int = 0
    transit: timedelta | None = None
    tolerance: timedelta | None = None


@dataclass(frozen=True, slots=True)
class GroupRow:
    """Machines that do one step side by side; it stands still when fewer than ``minimum`` run."""

    code: str
    members: tuple[str, ...]
    minimum: int = 1


@dataclass(frozen=True, slots=True)
class Link:
    """Material goes from one node to the next. ``drain``: how long a full buffer feeds the next one."""

    upstream: Node
    downstream: Node
    transit: timedelta = NOTHING
    drain: timedelta = NOTHING
    tolerance: timedelta = TOLERANCE


@dataclass(frozen=True, slots=True)
class Topology:
    """A line as a graph whose nodes are machines or parallel groups, by code."""

    groups: Mapping[Node, GroupRow]
    into: Mapping[Node, tuple[Link, ...]]
    out_of: Mapping[Node, tuple[Link, ...]]
    node_of: Mapping[str, Node]

    @property
    def links(self) -> tuple[Link, ...]:
        return tuple(link for links in self.into.values() for link in links)

    @property
    def reach(self) -> timedelta:
        """How long before something is felt at one end it may have begun at the other, at most."""
        return sum((link.transit + link.drain + 2 * link.tolerance for link in self.links), NOTHING)


def topology_of(
    *,
    machines: Sequence[str],
    links: Iterable[LinkRow],
    groups: Iterable[GroupRow] = (),
    rates: Mapping[str, Decimal] | None = None,
) -> Topology:
    """``rates``: units per hour of machines, where known; without them a buffer's time is not known: none."""
    together = {group.code: group for group in groups}
    node_of = {machine: machine for machine in machines}
    node_of |= {member: group.code for group in together.values() for member in group.members}
    rows: dict[tuple[Node, Node], list[LinkRow]] = {}
    for row in links:
        ends = node_of.get(row.upstream), node_of.get(row.downstream)
        if ends[0] is not None and ends[1] is not None and ends[0] != ends[1]:
            rows.setdefault((ends[0], ends[1]), []).append(row)
    speed = _speeds(node_of, rates or {})
    into: dict[Node, tuple[Link, ...]] = {}
    out_of: dict[Node, tuple[Link, ...]] = {}
    for (upstream, downstream), same in sorted(rows.items()):
        link = _link(upstream, downstream, same, speed)
        into[downstream] = (*into.get(downstream, ()), link)
        out_of[upstream] = (*out_of.get(upstream, ()), link)
    return Topology(together, into, out_of, node_of)


def _speeds(node_of: Mapping[str, Node], rates: Mapping[str, Decimal]) -> dict[Node, Decimal]:
    """What passes a node in an hour; machines side by side add up."""
    speed: dict[Node, Decimal] = {}
    for machine, node in node_of.items():
        if machine in rates:
            speed[node] = speed.get(node, Decimal(0)) + rates[machine]
    return speed


def _link(upstream: Node, downstream: Node, rows: Sequence[LinkRow], speed: Mapping[Node, Decimal]) -> Link:
    capacity = sum(row.capacity for row in rows)
    # The slower end: a buffer is filled and emptied over what the two have between them.
    known = [speed[node] for node in (upstream, downstream) if speed.get(node)]
    drain = timedelta(seconds=float(Decimal(3600) * capacity / min(known))) if known else NOTHING
    return Link(
        upstream,
        downstream,
        transit=max((row.transit or NOTHING for row in rows), default=NOTHING),
        drain=drain,
        tolerance=max(TOLERANCE if row.tolerance is None else row.tolerance for row in rows),
    )


def slowest(
    rates: Mapping[str, Decimal], machines: Sequence[str], groups: Iterable[GroupRow] = ()
) -> str | None:
    """The machine with the lowest ideal rate, the first of several; None when no rate is known.

    Machines side by side pass what they pass together: one of theirs speaks for them.
    """
    beside = {member: group.members for group in groups for member in group.members}
    known = [machine for machine in machines if machine in rates]

    def together(machine: str) -> Decimal:
        return sum((rates.get(other, Decimal(0)) for other in beside.get(machine, (machine,))), Decimal(0))

    return min(known, key=together, default=None)
