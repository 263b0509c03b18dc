"""The simulated plant: its lines side by side, one stream of events in order of time.

``advance(until)`` serves the past and live alike, and gives the same events in whatever steps it is called.
"""

from __future__ import annotations

import heapq
from typing import Any

from mom.demo import shown
from mom.demo.events import Event, Reading, Truth
from mom.demo.line import Line
from mom.demo.spec import PlantSpec

FORMAT = 1


class Engine:
    """A seeded plant. ``dump`` and ``load`` carry everything, so a second run goes on where the first was."""

    def __init__(self, spec: PlantSpec, start: int) -> None:
        self.spec = spec
        self.now = start
        self.lines = [Line(line, spec.seed, start) for line in spec.lines]

    def advance(self, until: int) -> list[Event]:
        """Everything that happens up to and including ``until`` (ms since 1970)."""
        self.now = max(self.now, until)
        return list(heapq.merge(*(line.advance(until) for line in self.lines), key=lambda event: event.at))

    def counters(self, at: int) -> list[Reading]:
        """All counters as they stand at ``at`` (not before the last advance); looking changes nothing."""
        return [
            Reading(at, machine.code, role, "", value)
            for line in self.lines
            for index, machine in enumerate(line.machines)
            for role, value in shown.counters(line, index, at).items()
        ]

    def standing(self, at: int) -> list[Reading]:
        """Everything every machine shows at ``at``: what someone who connects now would see first."""
        return [
            Reading(at, machine.code, role, key, value)
            for line in self.lines
            for index, machine in enumerate(line.machines)
            for role, key, value in shown.standing(line, index, at)
        ]

    def open_intervals(self, at: int) -> list[Truth]:
        """The state every machine is in now, as ledger lines that end at ``at``."""
        return [
            Truth(
                at, "state", f"{machine.code}-open",
                {
                    "unit": machine.code, "state": machine.state, "mode": machine.mode,
                    "start": machine.since, "end": at,
                },
            )
            for line in self.lines
            for machine in line.machines
            if at > machine.since
        ]  # fmt: skip

    def stop(self, unit: str, milliseconds: int) -> bool:
        """Press stop on a machine for a while; False when it is unknown."""
        for line in self.lines:
            for index, machine in enumerate(line.machines):
                if machine.code == unit:
                    line.file(self.now + 1, "stop", index, milliseconds)
                    return True
        return False

    def skip(self, to: int) -> None:
        """The simulator was off until ``to``: the plant stood still, nobody looked, nothing is invented."""
        if to > self.now:
            for line in self.lines:
                line.skip(self.now, to)
            self.now = to

    def dump(self) -> dict[str, Any]:
        return {"format": FORMAT, "now": self.now, "lines": [line.dump() for line in self.lines]}

    @classmethod
    def load(cls, spec: PlantSpec, data: dict[str, Any]) -> Engine:
        if data.get("format") != FORMAT:
            raise ValueError(f"saved demo plant: read format {data.get('format')!r}, expected {FORMAT}")
        engine = cls.__new__(cls)
        engine.spec, engine.now = spec, data["now"]
        engine.lines = [
            Line.load(line, spec.seed, saved) for line, saved in zip(spec.lines, data["lines"], strict=True)
        ]
        return engine
