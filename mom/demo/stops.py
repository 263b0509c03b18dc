"""Why simulated machines stop and start: count-downs of the flow, faults with codes and alarms, staffing."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from mom.demo import materials, orders
from mom.demo.machine import PIECE

if TYPE_CHECKING:
    from mom.demo.line import Line

MINUTE = 60_000
DAY_HAZARD, NIGHT_HAZARD = 100, 128
NIGHT_REPAIR = 1.3
# What a PackML machine goes through between the end of a repair and its first piece: state, milliseconds.
RESTART = (("clearing", 8_000), ("resetting", 5_000), ("starting", 7_000))
SHORT_RESTART = (("unholding", 3_000),)


def machine_begin(line: Line, index: int, at: int) -> None:
    machine, spec = line.machines[index], line.machine_spec(index)
    machine.pace = spec.pace
    machine.strikes = [0] * len(spec.faults)
    for number in range(len(spec.faults)):
        _strike_draw(line, index, number)
    machine.strike_next()
    _reject_plan(line, index)
    machine.base = {"good": -spec.counter_start, "scrap": -(spec.counter_start // 211)}
    if spec.slow_every_hours:
        _slow_plan(line, index, at)


def _strike_draw(line: Line, index: int, number: int) -> None:
    """Faults strike after running time, counted in milliseconds × hazard."""
    machine, fault = line.machines[index], line.machine_spec(index).faults[number]
    wait = line.dice.exponential(
        f"strike {machine.code} {fault.code}", fault.every_minutes * MINUTE * DAY_HAZARD
    )
    machine.strikes[number] = machine.age + max(1, int(wait))


def _reject_plan(line: Line, index: int) -> None:
    machine, spec = line.machines[index], line.machine_spec(index)
    pieces = 1 + int(line.dice.exponential(f"reject {machine.code}", spec.scrap_every))
    machine.reject_at = (machine.processed // PIECE + pieces) * PIECE
    machine.reject_next = 1 + int(
        line.dice.exponential(f"burst {machine.code}", max(0.1, spec.scrap_burst - 1))
    )


def reject_burst(line: Line, index: int, pieces: int) -> None:
    """The first pieces after a restart are thrown away, from the next whole piece on."""
    if pieces:
        machine = line.machines[index]
        machine.reject_at = -(-machine.processed // PIECE) * PIECE
        machine.reject_next = pieces


def clock_ended(line: Line, at: int, index: int, what: str) -> None:
    machine = line.machines[index]
    if what == "fault":
        _fault_strike(line, index, at)
    elif what in ("end", "lot", "reject", "accept", "unit"):
        _piece_reached(line, index, what, at)
    elif what == "empty":
        if line.flow.upstream_finished(index):
            line.flow.move(index, line.flow.available(index))
        else:
            machine.starved = True
    elif what == "full":
        machine.blocked = True
    elif what in ("fed", "freed"):
        setattr(machine, "starved" if what == "fed" else "blocked", False)
    elif what in ("low", "low over"):
        machine.slow_in = what == "low"
    else:
        machine.slow_out = what == "high"


def _piece_reached(line: Line, index: int, what: str, at: int) -> None:
    """Take the last fraction of a piece at once, so that pieces are whole where they are counted."""
    machine = line.machines[index]
    left = {
        "end": machine.order_to - machine.processed,
        "lot": machine.lot_at - machine.processed,
        "reject": machine.reject_at - machine.processed,
        "accept": machine.rejecting,
        "unit": machine.unit_at - machine.good,
    }[what]
    if index > 0 and left > line.flow.available(index):
        machine.starved = True
        return
    if left > 0:
        line.flow.move(index, left)
    if what == "end":
        orders.order_finish(line, index, at)
    elif what == "lot":
        materials.lot_change(line, index, at)
    elif what == "reject":
        machine.rejecting = machine.reject_next * PIECE
        _reject_plan(line, index)
    elif what == "unit":
        materials.unit_finish(line, index, at)


def _fault_strike(line: Line, index: int, at: int) -> None:
    machine = line.machines[index]
    number = machine.strikes.index(machine.next_strike)
    fault = line.machine_spec(index).faults[number]
    _strike_draw(line, index, number)
    machine.strike_next()
    night = NIGHT_REPAIR if line.shift == "night" else 1.0
    seconds = (
        line.dice.lognormal(f"repair {machine.code} {fault.code}", fault.median_seconds, fault.sigma) * night
    )
    fault_begin(line, index, number, max(3_000, int(seconds * 1000)), at)


def fault_begin(line: Line, index: int, number: int, milliseconds: int, at: int) -> None:
    machine, spec = line.machines[index], line.machine_spec(index)
    fault = spec.faults[number]
    machine.fault, machine.phase = number, fault.state
    line.file(at + milliseconds, "phase", index, number, 0)
    line.read(at, machine.code, "alarm", "raised", str(fault.code))
    noticed = 2_000 + int(line.dice.lognormal(f"notice {machine.code}", 22_000, 0.8))
    if noticed < milliseconds:
        line.file(at + noticed, "acknowledge", index, fault.code)


def alarm_acknowledge(line: Line, at: int, index: int, code: int) -> None:
    line.read(at, line.machines[index].code, "alarm", "acknowledged", str(code))


def phase_next(line: Line, at: int, index: int, number: int, step: int) -> None:
    """After the repair, a PackML machine is cleared, reset and started; another one just runs again."""
    machine, spec = line.machines[index], line.machine_spec(index)
    fault = spec.faults[number]
    if step == 0:
        line.read(at, machine.code, "alarm", "cleared", str(fault.code))
    phases = (
        (RESTART if fault.severe else SHORT_RESTART if at - machine.stop_from > 30_000 else ())
        if spec.packml
        else ()
    )
    if step < len(phases):
        machine.phase, took = phases[step]
        line.file(at + took, "phase", index, number, step + 1)
        return
    machine.fault, machine.phase = -1, ""
    if fault.severe:
        reject_burst(line, index, spec.scrap_restart)


def _slow_plan(line: Line, index: int, at: int) -> None:
    spec = line.machine_spec(index)
    wait = line.dice.exponential(f"slow {spec.code}", spec.slow_every_hours * 60 * MINUTE)
    line.file(at + int(wait) + 1, "slow", index)


def slow_begin(line: Line, at: int, index: int) -> None:
    spec = line.machine_spec(index)
    line.machines[index].pace = spec.slow_percent
    took = line.dice.lognormal(f"slow for {spec.code}", spec.slow_minutes * MINUTE, 0.5)
    line.file(at + int(took) + 1, "pace", index)


def slow_end(line: Line, at: int, index: int) -> None:
    line.machines[index].pace = line.machine_spec(index).pace
    _slow_plan(line, index, at)


def staffing_change(line: Line, at: int, first: bool = False) -> None:
    staffing = line.spec.calendar.staffing(at)
    line.file(line.spec.calendar.next_change(at), "staffing")
    line.shift = staffing.shift
    hazard = NIGHT_HAZARD if staffing.shift == "night" else DAY_HAZARD
    for machine in line.machines:
        machine.hazard = hazard
    halt = "closed" if not staffing.shift else staffing.pause
    if halt or first:
        line.halt = halt
    elif line.halt and line.halt != "waiting":
        # People come back from a pause a little late: a classic loss that nobody codes.
        line.halt = "waiting"
        line.file(at + int(line.dice.lognormal("late back", 75_000, 0.7)), "resume")


def resume(line: Line, at: int) -> None:
    if line.halt == "waiting":
        line.halt = ""


def stop_by_hand(line: Line, at: int, index: int, milliseconds: int) -> None:
    """Someone presses stop: the machine is held with the last fault of its list; one that is down stays down
    for that long."""
    machine = line.machines[index]
    machine.pressed = at
    if machine.fault < 0:
        fault_begin(line, index, len(line.machine_spec(index).faults) - 1, milliseconds, at)
        return
    repair = [item for item in line.agenda if item[2] == "phase" and item[3][0] == index and item[3][2] == 0]
    if not repair:
        # It is being started again: as soon as it runs.
        line.file(at + 1_000, "stop", index, milliseconds)
    elif repair[0][0] < at + milliseconds:
        line.agenda.remove(repair[0])
        heapq.heapify(line.agenda)
        line.file(at + milliseconds, *repair[0][2:3], *repair[0][3])
