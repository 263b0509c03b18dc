"""A seeded line of machines and buffers, for judging attribution: what stopped, what was made, and why.

Fluid between events: every rate is constant until a fault strikes (by operating time), a repair ends or a
buffer runs empty or full. A machine in front of an empty buffer, or behind a full one, keeps its neighbour's
pace, and stands starved or blocked only while nothing comes or goes; it restarts once its buffer has
recovered a little. Pieces take their transit time. Knows nothing of the product: standard library only.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

RUNNING, OWN, STARVED, BLOCKED, WAITING = "running", "own", "starved", "blocked", "waiting"
NO_MATERIAL, NO_OUTLET = "no_material", "no_outlet"
# What a stop at an end of the line comes from, where it is not the machine's own.
ENDS = {STARVED: NO_MATERIAL, BLOCKED: NO_OUTLET}
EPSILON = 1e-7
NEVER = float("inf")


@dataclass(frozen=True)
class Mode:
    """One way to stop: mean operating seconds between, mean seconds to repair, what it looks like."""

    between: float
    repair: float
    state: str = OWN


@dataclass(frozen=True)
class Station:
    """One step: machines side by side, each at ``rate`` pieces a second; stands still below ``minimum``."""

    machines: tuple[str, ...]
    rate: float
    modes: tuple[Mode, ...]
    minimum: int = 1


@dataclass(frozen=True)
class Buffer:
    """Room for ``capacity`` pieces between two stations, ``transit`` seconds long."""

    capacity: float
    transit: float = 0.0


@dataclass(frozen=True)
class Line:
    stations: tuple[Station, ...]
    buffers: tuple[Buffer, ...]
    constraint: int
    """Index of the slowest station."""

    @property
    def machines(self) -> list[str]:
        return [machine for station in self.stations for machine in station.machines]

    @property
    def causes(self) -> list[str]:
        """Everything that can be cured: machines, and what the ends of the line wait for."""
        return [*self.machines, NO_MATERIAL, NO_OUTLET]


class Told(NamedTuple):
    """A machine in one state; ``cause`` is the machine it comes from, or the end of the line."""

    start: float
    end: float
    state: str
    cause: str = ""


@dataclass
class History:
    """What every machine did, and how many pieces left the line."""

    machines: dict[str, list[Told]]
    made: float


class _Clock:
    """A mode of a machine: operating seconds left until it strikes. Own dice: curing others moves none."""

    def __init__(self, mode: Mode, dice: random.Random) -> None:
        self.mode, self.dice = mode, dice
        self.left = dice.expovariate(1 / mode.between)

    def strike(self) -> float:
        self.left = self.dice.expovariate(1 / self.mode.between)
        # Repairs scatter less than exponentially: a gamma of shape 2.
        return self.dice.gammavariate(2, self.mode.repair / 2)


@dataclass
class _Machine:
    name: str
    clocks: list[_Clock]
    back_at: float = NEVER
    down: str = ""
    since_down: float = 0.0


@dataclass
class _Room:
    """A buffer: ``ready`` pieces can be taken, ``held`` also counts those on their way."""

    buffer: Buffer
    ready: float
    held: float
    arriving: float = 0.0
    why: str = ""
    queue: deque[tuple[float, float, str]] = field(default_factory=deque)

    @property
    def restart(self) -> float:
        return 0.15 * self.buffer.capacity

    @property
    def resume(self) -> float:
        return 0.85 * self.buffer.capacity


class _Run:
    def __init__(self, line: Line, seed: str, cured: frozenset[str]) -> None:
        self.line, self.now = line, 0.0
        self.stations = [
            [
                _Machine(name, [
                    _Clock(mode, random.Random(f"{seed}/{name}/{n}"))
                    for n, mode in enumerate(s.modes)
                    if ENDS.get(mode.state, name) not in cured
                ])
                for name in s.machines
            ]
            for s in line.stations
        ]  # fmt: skip
        self.rooms = [_Room(b, b.capacity / 2, b.capacity / 2) for b in line.buffers]
        count = len(line.stations)
        self.state, self.why, self.rate = [RUNNING] * count, [""] * count, [0.0] * count
        self.machines: dict[str, list[Told]] = {name: [] for name in line.machines}
        self.open: dict[str, tuple[float, str, str]] = {}
        self.made = 0.0

    def run(self, until: float) -> History:
        self._settle()
        while self.now < until:
            step = min(self._next(), until - self.now)
            self._pass(step)
            self.now += step
            self._happen()
            self._settle()
        for name, (start, state, why) in self.open.items():
            self.machines[name].append(Told(start, self.now, state, why))
        return History(self.machines, self.made)

    def _up(self, index: int) -> int:
        return sum(not machine.down for machine in self.stations[index])

    def _next(self) -> float:
        """Seconds until something changes by itself."""
        found = NEVER
        for index, machines in enumerate(self.stations):
            for machine in machines:
                if machine.down:
                    found = min(found, machine.back_at - self.now)
                elif self.rate[index] > 0:
                    found = min([found, *(clock.left for clock in machine.clocks)])
        for index, room in enumerate(self.rooms):
            taken, given = self.rate[index + 1], self.rate[index]
            if room.queue:
                found = min(found, room.queue[0][0] - self.now)
            found = min(found, _reach(room.ready, room.arriving - taken, 0.0, room.restart))
            found = min(found, _reach(room.held, given - taken, room.resume, room.buffer.capacity))
        return max(found, 0.0)

    def _pass(self, seconds: float) -> None:
        for index, machines in enumerate(self.stations):
            if self.rate[index] > 0:
                for machine in machines:
                    for clock in machine.clocks if not machine.down else ():
                        clock.left -= seconds
        for index, room in enumerate(self.rooms):
            room.ready = _snap(
                room.ready + (room.arriving - self.rate[index + 1]) * seconds, 0.0, room.restart
            )
            room.held = _snap(
                room.held + (self.rate[index] - self.rate[index + 1]) * seconds,
                room.resume,
                room.buffer.capacity,
            )
        self.made += self.rate[-1] * seconds

    def _happen(self) -> None:
        """Faults strike, repairs end, what was on its way arrives."""
        for index, machines in enumerate(self.stations):
            for machine in machines:
                if machine.down and machine.back_at <= self.now + EPSILON:
                    machine.down, machine.back_at = "", NEVER
                elif not machine.down and self.rate[index] > 0:
                    for clock in machine.clocks:
                        if clock.left <= EPSILON:
                            machine.down, machine.since_down = clock.mode.state, self.now
                            machine.back_at = self.now + clock.strike()
                            break
        for room in self.rooms:
            while room.queue and room.queue[0][0] <= self.now + EPSILON:
                _, room.arriving, room.why = room.queue.popleft()

    def _settle(self) -> None:
        """States and rates from what is now: own stops first, then along the line until nothing changes."""
        count = len(self.stations)
        wish = []
        for index, station in enumerate(self.line.stations):
            up = self._up(index)
            wish.append(station.rate * up if up >= station.minimum else 0.0)
            if not wish[-1]:
                down = sorted((m for m in self.stations[index] if m.down), key=lambda m: m.since_down)
                crossing = down[len(self.stations[index]) - station.minimum]
                self.state[index] = crossing.down
                self.why[index] = ENDS.get(crossing.down, crossing.name)
            elif not self._held(index):
                self.state[index], self.why[index] = RUNNING, ""
        for _ in range(2 * count + 2):
            if not self._once(wish):
                break
        for index in range(count):
            self._tell(index)

    def _held(self, index: int) -> bool:
        """Whether a station with machines to run is held by a neighbour."""
        return self.state[index] in (STARVED, BLOCKED) and not (
            (index == 0 and self.state[index] == STARVED)
            or (index == len(self.stations) - 1 and self.state[index] == BLOCKED)
        )

    def _once(self, wish: Sequence[float]) -> bool:
        before = (list(self.rate), list(self.state), list(self.why), [r.arriving for r in self.rooms])
        count = len(self.stations)
        for index in range(count):
            rate = wish[index]
            into = self.rooms[index - 1] if index else None
            out = self.rooms[index] if index < count - 1 else None
            if rate and self.state[index] == STARVED and into is not None:
                if into.ready >= into.restart - EPSILON:
                    self.state[index], self.why[index] = RUNNING, ""
                else:
                    rate = 0.0
                    self.why[index] = (into.arriving <= EPSILON and into.why) or self.why[index]
            if rate and self.state[index] == BLOCKED and out is not None:
                if out.held <= out.resume + EPSILON:
                    self.state[index], self.why[index] = RUNNING, ""
                else:
                    rate = 0.0
                    self.why[index] = (not self.rate[index + 1] and self.why[index + 1]) or self.why[index]
            if rate and into is not None and into.ready <= EPSILON:
                rate = min(rate, into.arriving)
                if rate <= EPSILON:
                    rate, self.state[index], self.why[index] = 0.0, STARVED, into.why
            if rate and out is not None and out.held >= out.buffer.capacity - EPSILON:
                rate = min(rate, self.rate[index + 1])
                if rate <= EPSILON:
                    rate, self.state[index], self.why[index] = 0.0, BLOCKED, self.why[index + 1]
            self.rate[index] = rate
            if out is not None:
                self._send(out, rate, self.why[index])
        return before != (self.rate, self.state, self.why, [r.arriving for r in self.rooms])

    def _send(self, room: _Room, rate: float, why: str) -> None:
        if room.buffer.transit == 0:
            room.arriving, room.why = rate, why
            return
        while room.queue and room.queue[-1][0] >= self.now + room.buffer.transit - EPSILON:
            room.queue.pop()
        last = room.queue[-1][1:] if room.queue else (room.arriving, room.why)
        if last != (rate, why):
            room.queue.append((self.now + room.buffer.transit, rate, why))

    def _tell(self, index: int) -> None:
        for machine in self.stations[index]:
            state, why = self.state[index], self.why[index]
            if machine.down:
                state, why = machine.down, ENDS.get(machine.down, machine.name)
            elif state == OWN:
                state = WAITING
            opened = self.open.get(machine.name)
            if opened is not None and opened[1:] == (state, why):
                continue
            if opened is not None and opened[0] < self.now:
                self.machines[machine.name].append(Told(opened[0], self.now, *opened[1:]))
            self.open[machine.name] = (self.now, state, why)


def _reach(level: float, change: float, low: float, high: float) -> float:
    """Seconds until a level that changes steadily meets a mark ahead of it."""
    if change < -EPSILON:
        marks = [(level - mark) / -change for mark in (low, high) if level > mark + EPSILON]
    elif change > EPSILON:
        marks = [(mark - level) / change for mark in (low, high) if level < mark - EPSILON]
    else:
        marks = []
    return min(marks, default=NEVER)


def _snap(level: float, low: float, high: float) -> float:
    return next((mark for mark in (low, high) if abs(level - mark) < 1e-6), level)


def simulate(line: Line, seed: str, *, hours: float, cured: Iterable[str] = ()) -> History:
    """The line's history with some causes cured; one seed strikes after the same operating times in all."""
    return _Run(line, seed, frozenset(cured)).run(hours * 3600)


def line_made(seed: int) -> Line:
    """A line of five to seven stations around its slowest, with buffers from tight to roomy."""
    dice = random.Random(f"line {seed}")
    count = dice.randint(5, 7)
    constraint = dice.randint(1, count - 2)
    pace = dice.uniform(1.5, 4.0)
    stations = []
    for index in range(count):
        # Faster the further from the slowest, as lines are built.
        rate = pace * (1 + (0.06 + 0.05 * abs(index - constraint)) * (index != constraint))
        modes = [
            Mode(dice.uniform(240, 1500), dice.uniform(8, 40)),
            Mode(dice.uniform(2.5, 10) * 3600, dice.uniform(300, 1500)),
        ]
        if index == 0:
            modes.append(Mode(dice.uniform(4, 12) * 3600, dice.uniform(200, 700), STARVED))
        if index == count - 1:
            modes.append(Mode(dice.uniform(4, 12) * 3600, dice.uniform(200, 700), BLOCKED))
        names: tuple[str, ...] = (f"M{index + 1}",)
        beside = seed % 3 == 0 and index == (constraint + 2 if constraint + 2 < count - 1 else constraint - 1)
        if beside and 0 < index < count - 1:
            names = (f"M{index + 1}A", f"M{index + 1}B")
        stations.append(Station(names, rate, tuple(modes)))
    buffers = []
    for _ in range(count - 1):
        transit = dice.choice([0.0, 2.0, 8.0, 20.0])
        seconds = transit * 2 + dice.choice([6, 15, 40, 90, 180])
        buffers.append(Buffer(round(seconds * pace), transit))
    return Line(tuple(stations), tuple(buffers), constraint)


def logged(
    history: History, seed: str, *, skew: float, jitter: float, missing: float, short: float = 10.0
) -> tuple[dict[str, list[Told]], dict[str, float]]:
    """What machines with bad clocks would have told, and how far each clock was off (seconds).

    Each clock is off by up to ``skew``, each change by a normal ``jitter``; of the stops shorter than
    ``short`` a share is ``missing``, as if the machine had run.
    """
    dice = random.Random(f"{seed}/log")
    found: dict[str, list[Told]] = {}
    offs: dict[str, float] = {}
    for name, rows in history.machines.items():
        off = offs[name] = dice.uniform(-skew, skew)
        kept: list[Told] = []
        for row in rows:
            lost = row.state != RUNNING and row.end - row.start < short and dice.random() < missing
            state = RUNNING if lost else row.state
            start = row.start + off + dice.gauss(0, jitter)
            if kept and kept[-1].state == state:
                kept[-1] = kept[-1]._replace(end=row.end + off)
                continue
            if kept:
                start = max(start, kept[-1].start + 0.001)
                kept[-1] = kept[-1]._replace(end=start)
            kept.append(Told(start, max(row.end + off, start + 0.001), state))
        found[name] = kept
    return found, offs
