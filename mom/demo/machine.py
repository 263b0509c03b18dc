"""What a simulated machine remembers, in numbers and words that survive a save and a load."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

# Flow is counted so that rate (pieces per hour) × time (ms) is whole: nothing is ever lost to rounding.
PIECE = 3_600_000
NEVER = 1 << 62


@dataclass
class Mounted:
    """A lot on a machine: what passes from ``used_from`` to ``empty_at`` (processed flow) takes from it."""

    lot: str
    material: str
    per_piece: str
    empty_at: int
    used_from: int
    since: int


@dataclass
class Machine:
    """One machine of a line. Orders are counted per line from 0 as they were started; -1 is none."""

    code: str
    speed: int = 0
    pace: int = 100
    hazard: int = 100
    rate: int = 0
    ready: bool = False
    age: int = 0
    strikes: list[int] = field(default_factory=list)
    next_strike: int = NEVER
    processed: int = 0
    scrapped: int = 0
    rejecting: int = 0
    reject_at: int = NEVER
    reject_next: int = 0
    order: int = -1
    done: int = -1
    order_from: int = 0
    order_scrap_from: int = 0
    order_since: int = 0
    order_to: int = NEVER
    lot_at: int = NEVER
    unit_at: int = NEVER
    unit_from: int = 0
    unit_since: int = 0
    starved: bool = False
    blocked: bool = False
    slow_in: bool = False
    slow_out: bool = False
    fault: int = -1
    phase: str = ""
    setup: str = ""
    shortage: str = ""
    lots: dict[str, Mounted] = field(default_factory=dict)
    tool: str = ""
    cleaned: int = 0
    # What was last shown on the wire, and since when the true state holds.
    state: str = ""
    mode: str = ""
    since: int = 0
    shown: dict[str, Any] = field(default_factory=dict)
    stated: int = 0
    base: dict[str, int] = field(default_factory=dict)
    noise: dict[str, float] = field(default_factory=dict)
    drift: dict[str, float] = field(default_factory=dict)
    valued: dict[str, int] = field(default_factory=dict)
    stop_from: int = 0
    stop_why: str = ""
    # When someone last pressed stop on it from the pages.
    pressed: int = -1

    @property
    def good(self) -> int:
        return self.processed - self.scrapped

    def strike_next(self) -> None:
        self.next_strike = min(self.strikes, default=NEVER)


def machine_dump(machine: Machine) -> dict[str, Any]:
    return asdict(machine)


def machine_load(data: dict[str, Any]) -> Machine:
    machine = Machine(**data)
    machine.lots = {family: Mounted(**lot) for family, lot in data["lots"].items()}
    return machine
