"""Attribution judged by the line simulator: against what curing machines gains, and against its own truth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from production.domain.line import tracks
from production.domain.line.topology import GroupRow, LinkRow, Topology, topology_of
from production.domain.line.tracks import Part
from production.domain.line.walk import MACHINE, Share, Walk
from tests.oracles import line_simulator as sim
from tests.oracles.line_simulator import History, Line, Told

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
KINDS = {
    sim.RUNNING: tracks.RUNNING,
    sim.OWN: tracks.OWN,
    sim.STARVED: tracks.STARVED,
    sim.BLOCKED: tracks.BLOCKED,
    sim.WAITING: tracks.OTHER,
}


def instant(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def topology(line: Line) -> Topology:
    """The line as an engineer would declare it: capacity, transit, ideal rates; nothing measured."""
    links = [
        LinkRow(a, b, round(buffer.capacity), timedelta(seconds=buffer.transit))
        for buffer, before, after in zip(line.buffers, line.stations, line.stations[1:], strict=False)
        for a in before.machines
        for b in after.machines[:1]
    ]
    links = [
        row if n == 0 or row.downstream != links[n - 1].downstream else LinkRow(row.upstream, row.downstream)
        for n, row in enumerate(links)
    ]
    groups = [
        GroupRow(f"G{n}", station.machines, station.minimum)
        for n, station in enumerate(line.stations)
        if len(station.machines) > 1
    ]
    rates = {name: Decimal(station.rate * 3600) for station in line.stations for name in station.machines}
    return topology_of(machines=line.machines, links=links, groups=groups, rates=rates)


def parts(machine: str, rows: Sequence[Told]) -> list[Part]:
    found = []
    for row in rows:
        start, end = instant(row.start), instant(row.end)
        if end > start:
            found.append(Part(start, end, KINDS[row.state], start, machine))
    return found


def attributed(line: Line, rows: Mapping[str, Sequence[Told]]) -> dict[datetime, list[Share]]:
    """The shares of every stop of the constraint, by the stop's start."""
    [constraint] = line.stations[line.constraint].machines
    shape = topology(line)
    machines = {name: parts(name, told) for name, told in rows.items()}
    walk = Walk(shape, tracks.tracks_of(shape, machines))
    stops = [part for part in machines[constraint] if part.kind != tracks.RUNNING]
    return {stop.start: walk.shares(constraint, stop) for stop in stops}


def named(share: Share) -> str:
    return share.cause.machine if share.cause.kind == MACHINE else share.cause.kind


def first_fault_seconds(line: Line, history: History) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for shares in attributed(line, history.machines).values():
        for share in shares:
            found[named(share)] += (share.end - share.start).total_seconds()
    return found


def own_seconds(line: Line, history: History) -> dict[str, float]:
    """How long every machine stood still by itself, and its ends waited for material or room."""
    found: dict[str, float] = defaultdict(float)
    ends = {line.machines[0]: sim.NO_MATERIAL, line.machines[-1]: sim.NO_OUTLET}
    for name, rows in history.machines.items():
        for row in rows:
            if row.cause and row.cause in (name, ends.get(name)):
                found[row.cause] += row.end - row.start
    return found


def ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 1, those of equal values averaged."""
    order = sorted(values)
    return [(2 * order.index(value) + order.count(value) + 1) / 2 for value in values]


def spearman(a: Sequence[float], b: Sequence[float]) -> float:
    """Rank correlation of two series."""
    x, y = ranks(a), ranks(b)
    mean = (len(x) + 1) / 2
    both = sum((p - mean) * (q - mean) for p, q in zip(x, y, strict=True))
    return both / (sum((p - mean) ** 2 for p in x) * sum((q - mean) ** 2 for q in y)) ** 0.5


@dataclass(frozen=True)
class Ranked:
    """One line: by machine, pieces gained by curing it, its first-fault seconds, its own downtime."""

    gained: dict[str, float]
    first_fault: dict[str, float]
    own: dict[str, float]

    def against(self, other: Mapping[str, float]) -> float:
        names = sorted(self.gained)
        return spearman([self.gained[name] for name in names], [other[name] for name in names])


def ranked(seed: int, *, hours: float) -> Ranked:
    line = sim.line_made(seed)
    history = sim.simulate(line, f"run {seed}", hours=hours)
    charged, own = first_fault_seconds(line, history), own_seconds(line, history)
    gained = {
        name: sim.simulate(line, f"run {seed}", hours=hours, cured=[name]).made - history.made
        for name in line.causes
    }
    return Ranked(gained, {name: charged[name] for name in gained}, {name: own[name] for name in gained})


@dataclass
class Score:
    """How much of what the constraint's log shows is charged to the true cause."""

    stops: int = 0
    stops_right: int = 0
    seconds: float = 0.0
    seconds_right: float = 0.0

    def add(self, other: Score) -> None:
        self.stops += other.stops
        self.stops_right += other.stops_right
        self.seconds += other.seconds
        self.seconds_right += other.seconds_right


def scored(
    line: Line, history: History, rows: Mapping[str, Sequence[Told]], offs: Mapping[str, float]
) -> Score:
    """The log's attribution against the truth, instant by instant, on the constraint's own clock."""
    [constraint] = line.stations[line.constraint].machines
    off, score = offs[constraint], Score()
    truth = [row for row in history.machines[constraint] if row.state != sim.RUNNING]
    at = 0
    for start, shares in sorted(attributed(line, rows).items()):
        begin, end = (start - BEGIN).total_seconds(), (shares[-1].end - BEGIN).total_seconds()
        while at < len(truth) and truth[at].end + off <= begin:
            at += 1
        true: dict[str, float] = defaultdict(float)
        told: dict[str, float] = defaultdict(float)
        right = 0.0
        for share in shares:
            p, q = (share.start - BEGIN).total_seconds(), (share.end - BEGIN).total_seconds()
            told[named(share)] += q - p
            for row in truth[at:]:
                if row.start + off >= end:
                    break
                both = min(q, row.end + off) - max(p, row.start + off)
                if both > 0:
                    true[row.cause] += both
                    right += both if row.cause == named(share) else 0.0
        if not true:
            continue
        score.stops += 1
        score.stops_right += max(told, key=told.__getitem__) == max(true, key=true.__getitem__)
        score.seconds += sum(true.values())
        score.seconds_right += right
    return score


def noisy(
    seed: int, *, hours: float, skew: float = 1.5, jitter: float = 0.3, missing: float = 1 / 3
) -> Score:
    """Attribution from logs with bad clocks and a share of the short stops missing."""
    line = sim.line_made(seed)
    history = sim.simulate(line, f"run {seed}", hours=hours)
    rows, offs = sim.logged(history, f"run {seed}", skew=skew, jitter=jitter, missing=missing)
    return scored(line, history, rows, offs)
