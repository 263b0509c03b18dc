"""What four machines of a line truly did, and everything ever said about it, from one seed.

The truth (pieces made) is kept aside by the generator itself; what is said is damaged as real sources
damage it: holes, data gaps, repeated and bad values, two values of one instant, counters that wrap and that
start again.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from connectors.domain.outage import GapRecord, gap_key

T0 = datetime(2026, 3, 2, 6, tzinfo=UTC)
MODULUS = 10_000
RARELY = timedelta(seconds=600)
STATES = {"execute": 6, "held": 11, "aborted": 9, "idle": 4, "starved": 51, "blocked": 52, "unmapped": 99}
# Machine → its signals and the connection each comes by; the third is told by its counter alone.
PLANT: dict[str, dict[str, str]] = {
    "RP-M1": dict.fromkeys(
        ("state", "mode", "fault_code", "good_count", "scrap_count", "order", "alarm", "tool"), "east"
    )
    | {"process_value": "west"},
    "RP-M2": dict.fromkeys(("state", "total_count", "alarm", "order"), "east"),
    "RP-M3": dict.fromkeys(("good_count", "process_value"), "west"),
    "RP-M4": dict.fromkeys(("state", "fault_code", "good_count", "process_value"), "west"),
}
CONNECTIONS = ("east", "west")
# Orders that only machines speak of
SIGNALLED = tuple(f"RP-S{number}" for number in range(4))
COUNTERS = ("good_count", "scrap_count", "total_count")

Value = int | float | str | bool


class Said(NamedTuple):
    """One sample. ``key``: the source's own; a repeated sample repeats it."""

    connection: str
    machine: str
    role: str
    at: datetime
    server: datetime | None
    key: int
    value: Value
    bad: bool = False


class Lost(NamedTuple):
    """A gap that opens, or closes."""

    connection: str
    gap: GapRecord

    @property
    def at(self) -> datetime:
        return self.gap.end_time or self.gap.start_time


class Complete(NamedTuple):
    """A watermark."""

    connection: str
    at: datetime


class Commanded(NamedTuple):
    """What a person did with an order of the line."""

    order: str
    verb: str
    at: datetime


Fact = Said | Lost | Complete | Commanded


@dataclass
class History:
    """Everything said, in source-time order, and the pieces truly counted between the first and last good
    value of each counter.
    """

    seed: int
    end: datetime
    facts: list[Fact] = field(default_factory=list)
    pieces: dict[tuple[str, str], int] = field(default_factory=dict)

    def of(self, kind: type[Fact]) -> list[Fact]:
        return [fact for fact in self.facts if isinstance(fact, kind)]


def history(seed: int, *, hours: float) -> History:
    dice = random.Random(seed)
    made = History(seed, T0 + timedelta(hours=hours))
    gaps = {name: list(_gaps(dice, name, made.end)) for name in CONNECTIONS}
    for machine, roles in PLANT.items():
        silent = list(_spans(dice, made.end, every=2400, lasting=(70, 500)))
        machine_history = _Machine(dice, machine, roles, made)
        for fact in machine_history.run():
            if fact.key in machine_history.kept:
                made.facts.append(fact)
            elif not _unheard(dice, fact, silent, gaps[fact.connection]):
                made.facts += _damaged(dice, fact)
        made.pieces |= machine_history.pieces(made.facts)
    for name in CONNECTIONS:
        made.facts += [Lost(name, gap) for gap in gaps[name]]
        made.facts += [Complete(name, at) for at in _instants(dice, made.end, every=120)]
    made.facts += _commands(dice, made.end)
    made.facts.sort(key=lambda fact: fact.at)
    return made


@dataclass
class _Machine:
    """One machine living through the hours; speaks every few seconds and at each change."""

    dice: random.Random
    name: str
    roles: dict[str, str]
    made: History
    counts: dict[str, int] = field(default_factory=dict)
    # Pieces since the beginning, which no reset touches, as they were at each sample
    true: dict[str, int] = field(default_factory=dict)
    at_sample: dict[int, tuple[str, int]] = field(default_factory=dict)
    due: datetime = T0
    # Samples around a reset: without them the pieces could not be told
    kept: set[int] = field(default_factory=set)

    def run(self) -> Iterator[Said]:
        at = T0 + timedelta(milliseconds=self.dice.randint(0, 60_000))
        self.counts = {"good_count": 50, "scrap_count": 0, "total_count": self.dice.randint(6000, 9000)}
        self.true = dict.fromkeys(COUNTERS, 0)
        order = 0
        while at < self.made.end:
            if self.dice.random() < 0.3:
                order += 1
                yield from self._tell(at, "order", SIGNALLED[order % 4] if order % 5 else "")
                yield from self._tell(at, "tool", self.dice.choice(["", "T1", "T2"]))
            until = at + timedelta(seconds=self.dice.expovariate(1 / 500) + 20)
            yield from self._episode(at, min(until, self.made.end), "execute")
            at = until
            if at >= self.made.end:
                return
            until = at + timedelta(
                seconds=self.dice.choice([8, 60, 90, 200, 700]) * self.dice.uniform(0.3, 1.5)
            )
            yield from self._stop(at, min(until, self.made.end))
            at = until

    def _stop(self, at: datetime, until: datetime) -> Iterator[Said]:
        state = self.dice.choice([name for name in STATES if name != "execute"])
        fault = self.dice.randint(10, 30) if state in ("held", "aborted") else 0
        alarm: Value = self.dice.choice(["raised", f"E{fault}", f"E{fault}:acknowledged"]) if fault else False
        yield from self._tell(at, "fault_code", fault)
        yield from self._tell(at, "alarm", alarm)
        yield from self._tell(at, "mode", self.dice.choice(["Produce", "Maintenance"]))
        for role in COUNTERS:
            # Only where the fall cannot be mistaken for anything else
            if self.counts[role] > 200 and role != "total_count" and self.dice.random() < 0.2:
                yield from self._tell(at - timedelta(milliseconds=1), role, self.counts[role], keep=True)
                self.counts[role] = 0
                yield from self._tell(at, role, 0, keep=True)
        yield from self._episode(at, until, state)
        yield from self._tell(until, "fault_code", 0)
        yield from self._tell(until, "alarm", False)

    def _episode(self, start: datetime, end: datetime, state: str) -> Iterator[Said]:
        at = start
        while at < end:
            yield from self._tell(at, "state", STATES[state])
            yield from self._tell(at, "process_value", round(self.dice.gauss(70, 2), 3))
            for role in COUNTERS:
                if self._speaks(role, at):
                    value = self.counts[role]
                    yield from self._tell(at, role, value % MODULUS if role == "total_count" else value)
            step = self.dice.uniform(4, 30)
            if state == "execute":
                for role, rate in (("good_count", 1), ("scrap_count", 0.05), ("total_count", 2)):
                    pieces = int(step * rate * self.dice.uniform(0.5, 1))
                    self.counts[role] += pieces
                    self.true[role] += pieces
            at += timedelta(milliseconds=int(step * 1000))

    def _speaks(self, role: str, at: datetime) -> bool:
        """The total is told so rarely that a step spans whole gaps and buckets."""
        if role != "total_count":
            return self.dice.random() < 0.6
        if at < self.due and self.dice.random() > 0.02:
            return False
        self.due = at + RARELY
        return True

    def _tell(self, at: datetime, role: str, value: Value, *, keep: bool = False) -> Iterator[Said]:
        if role not in self.roles:
            return
        server = at + timedelta(milliseconds=self.dice.randint(1, 900)) if self.dice.random() < 0.5 else None
        key = self.dice.getrandbits(62)
        if role in COUNTERS:
            self.at_sample[key] = (role, self.true[role])
        if keep:
            self.kept.add(key)
        yield Said(self.roles[role], self.name, role, at, server, key, value)

    def pieces(self, facts: list[Fact]) -> dict[tuple[str, str], int]:
        """Of what was really said, and well."""
        said = [f for f in facts if isinstance(f, Said) and f.machine == self.name and not f.bad]
        found: dict[tuple[str, str], list[int]] = {}
        for fact in said:
            if fact.key in self.at_sample:
                role, pieces = self.at_sample[fact.key]
                found.setdefault((self.name, role), []).append(pieces)
        return {key: max(pieces) - min(pieces) for key, pieces in found.items()}


def _damaged(dice: random.Random, fact: Said) -> Iterator[Said]:
    """A value may be bad, come twice, or have a twin of its instant that the server received before it."""
    luck = dice.random()
    if luck < (0.15 if fact.role == "total_count" else 0.02):
        fact = fact._replace(bad=True)
    elif luck < 0.05 and fact.role in ("state", "process_value", "fault_code"):
        server = fact.server or fact.at + timedelta(seconds=1)
        fact = fact._replace(server=server)
        earlier = server - timedelta(milliseconds=dice.randint(1, 500))
        value: Value = dice.choice(list(STATES.values())) if fact.role == "state" else 7
        yield fact._replace(server=earlier, key=dice.getrandbits(62), value=value)
    yield fact
    while dice.random() < 0.04:
        yield fact


def _unheard(
    dice: random.Random, fact: Said, silent: list[tuple[datetime, datetime]], gaps: list[GapRecord]
) -> bool:
    if any(start <= fact.at < end for start, end in silent):
        return True
    within = any(
        gap.end_time and gap.start_time <= fact.at < gap.end_time and fact.machine.startswith(gap.scope)
        for gap in gaps
        if not gap.recovered
    )
    return within and dice.random() < 0.7


def _gaps(dice: random.Random, connection: str, end: datetime) -> Iterator[GapRecord]:
    """Each gap twice: as it opened and as it closed. Some concern one machine, some were recovered."""
    for start, until in _spans(dice, end, every=1500, lasting=(5, 600)):
        scope = dice.choice(["", "", dice.choice([m for m in PLANT if connection in PLANT[m].values()])])
        key = gap_key(connection, start.isoformat())
        opened = GapRecord(key=key, cause="seq_jump", start_time=start, scope=scope)
        yield opened
        yield replace(opened, end_time=until, recovered=dice.choice(["", "", "history"]))


def _commands(dice: random.Random, end: datetime) -> Iterator[Commanded]:
    """Orders of the line one after another, each paused now and then."""
    at, number = T0 + timedelta(seconds=dice.randint(60, 900)), 0
    while at < end:
        yield Commanded(f"RP-C{number}", "start", at)
        for verb in ("pause", "resume") * dice.randint(0, 1) + ("stop",):
            at += timedelta(seconds=dice.randint(300, 3000))
            if at < end:
                yield Commanded(f"RP-C{number}", verb, at)
        at += timedelta(seconds=dice.randint(1, 900))
        number += 1


def _spans(
    dice: random.Random, end: datetime, *, every: float, lasting: tuple[int, int]
) -> Iterator[tuple[datetime, datetime]]:
    """Disjoint spans, ``every`` seconds apart on average."""
    at = T0 + timedelta(seconds=dice.expovariate(1 / every))
    while at < end:
        until = at + timedelta(milliseconds=dice.randint(lasting[0] * 1000, lasting[1] * 1000))
        yield at, min(until, end)
        at = until + timedelta(seconds=dice.expovariate(1 / every) + 1)


def _instants(dice: random.Random, end: datetime, *, every: float) -> Iterator[datetime]:
    at = T0
    while at < end:
        at += timedelta(seconds=dice.uniform(0.2, 1.8) * every)
        yield at
