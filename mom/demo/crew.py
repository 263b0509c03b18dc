"""Who is on shift at a simulated line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mom.demo.line import Line


def operator(line: Line, at: int) -> str:
    """The badge of someone of the team on shift; teams change shifts every week."""
    shifts = [shift["code"] for shift in line.spec.calendar.shifts]
    turn = shifts.index(line.shift) if line.shift in shifts else 0
    team = line.spec.operators[(line.spec.calendar.week(at) + turn) % len(line.spec.operators)]
    return line.dice.choice("operator", team)
