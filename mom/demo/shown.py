"""What simulated machines show on the wire: states, counters, codes, orders, lots, tools, process values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mom.demo import people
from mom.demo.machine import PIECE, Machine
from mom.demo.materials import SHORTAGE_CODE
from mom.demo.spec import ProcessValue

if TYPE_CHECKING:
    from mom.demo.events import Value
    from mom.demo.line import Line

HEARTBEAT = 120_000
IDLE_EVERY = 120_000


def condition(line: Line, index: int) -> tuple[str, str, str]:
    """(state, mode, own cause): the cause is empty while running, induced from outside, or planned."""
    machine = line.machines[index]
    if line.halt == "closed":
        return "stopped", "produce", ""
    if machine.fault >= 0:
        return machine.phase, "produce", f"fault:{machine.fault}"
    if machine.setup:
        return "stopped", machine.setup, f"setup:{machine.setup}"
    if line.halt == "waiting":
        return "idle", "produce", "late"
    if line.halt:
        return "stopped", "maintenance" if line.halt == "planned_maintenance" else "produce", ""
    if machine.shortage:
        return ("held" if index else "starved"), "produce", f"shortage:{machine.shortage}"
    if machine.order < 0:
        return "idle", "produce", ""
    if machine.blocked or machine.starved:
        return ("blocked" if machine.blocked else "starved"), "produce", ""
    return "execute", "produce", ""


def show(line: Line, index: int, at: int) -> None:
    """Put what changed on the wire, and close the true state interval that ended."""
    machine = line.machines[index]
    state, mode, why = condition(line, index)
    if why != machine.stop_why:
        people.stop_ended(line, index, at)
        machine.stop_from, machine.stop_why = at, why
    _show_order(line, index, at)
    if (state, mode) != (machine.state, machine.mode):
        interval_close(line, index, at)
        machine.state, machine.mode, machine.since = state, mode, at
    code = _fault_code(line, index)
    if machine.shown.get("state") != state:
        machine.stated = at
        _put(line, machine, at, "state", state)
        _put(line, machine, at, "speed", machine.rate)
        counters_show(line, index, at)
    _put(line, machine, at, "mode", mode)
    _put(line, machine, at, "fault_code", code)


def interval_close(line: Line, index: int, at: int) -> None:
    machine = line.machines[index]
    if machine.state and at > machine.since:
        line.ledger(
            at,
            "state",
            unit=machine.code,
            state=machine.state,
            mode=machine.mode,
            start=machine.since,
            end=at,
        )


def _fault_code(line: Line, index: int) -> int:
    machine = line.machines[index]
    if machine.fault >= 0 and machine.phase in ("held", "aborted", "blocked", "starved"):
        return line.machine_spec(index).faults[machine.fault].code
    return int(SHORTAGE_CODE) if machine.shortage else 0


def _put(line: Line, machine: Machine, at: int, role: str, value: Value, key: str = "") -> None:
    name = f"{role} {key}" if key else role
    if machine.shown.get(name) != value:
        machine.shown[name] = value
        line.read(at, machine.code, role, value, key)


def _show_order(line: Line, index: int, at: int) -> None:
    machine, spec = line.machines[index], line.machine_spec(index)
    code = ""
    if machine.order >= 0:
        order = line.orders[line.started[machine.order]]
        code = order.code
        if machine.shown.get("order") != code:
            for value in spec.values:
                _put(line, machine, at, "setpoint", _setpoint(line, value, order.product), value.key)
    if machine.shown.get("order", "") != code:
        # A count exactly at the change, moved or not: what follows belongs to the next order.
        for role, count in counters(line, index, at).items():
            machine.shown[role] = count
            line.read(at, machine.code, role, count)
    _put(line, machine, at, "order", code)
    if spec.tools and machine.tool:
        _put(line, machine, at, "tool", machine.tool)
    for used in spec.consumes[:1]:
        if used.family in machine.lots:
            _put(line, machine, at, "lot", machine.lots[used.family].lot)


def _setpoint(line: Line, value: ProcessValue, product: str) -> float:
    points = value.setpoints
    if product in points:
        return points[product]
    family = line.spec.products[product].family
    return points[family] if family in points else points[""]


def counters(line: Line, index: int, at: int) -> dict[str, int]:
    """What the device's counters stand at; a look changes nothing."""
    machine, spec = line.machines[index], line.machine_spec(index)
    ahead = machine.rate * (at - line.now)
    scrapped = machine.scrapped + (ahead if machine.rejecting else 0)
    processed = machine.processed + ahead
    stands = {
        "good_count": (processed - scrapped) // PIECE - machine.base["good"],
        "scrap_count": scrapped // PIECE - machine.base["scrap"],
        "total_count": processed // PIECE - machine.base["good"] - machine.base["scrap"],
    }
    modulus = spec.counter_modulus
    return {role: stands[role] % modulus if modulus else stands[role] for role in spec.counter_roles}


def counters_show(line: Line, index: int, at: int) -> None:
    for role, value in counters(line, index, at).items():
        _put(line, line.machines[index], at, role, value)


def counter_reset(line: Line, at: int, index: int) -> None:
    """Some devices count per job and start again at nought."""
    machine = line.machines[index]
    machine.base = {"good": machine.good // PIECE, "scrap": machine.scrapped // PIECE}
    counters_show(line, index, at)


def tick(line: Line, index: int, at: int) -> None:
    """The device's own cycle: counters, speed, process values, and its state again after a long silence."""
    machine, spec = line.machines[index], line.machine_spec(index)
    line.file(at + spec.counter_seconds * 1000, "tick", index)
    counters_show(line, index, at)
    _put(line, machine, at, "speed", machine.rate)
    for value in spec.values:
        _value_show(line, machine, value, at)
    if at - machine.stated >= HEARTBEAT:
        machine.stated = at
        line.read(at, machine.code, "state", machine.state)


def _value_show(line: Line, machine: Machine, value: ProcessValue, at: int) -> None:
    running = machine.state == "execute"
    due = 60_000 if running else IDLE_EVERY
    if at - machine.valued.get(value.key, 0) < due or (not running and value.idle is None):
        return
    machine.valued[value.key] = at
    line.read(at, machine.code, "process_value", value_now(line, machine, value), value.key)


def value_now(line: Line, machine: Machine, value: ProcessValue) -> float:
    """One step of the value's noise around its set-point, or around its resting value."""
    name = f"value {machine.code} {value.key}"
    before = machine.noise.get(value.key, 0.0)
    step = (1 - value.memory**2) ** 0.5 * line.dice.normal(name)
    noise = machine.noise[value.key] = round(value.memory * before + step, 9)
    centre = _centre(line, machine, value)
    return round(centre + value.sigma * (noise + machine.drift.get(value.key, 0.0)), value.decimals)


def _centre(line: Line, machine: Machine, value: ProcessValue) -> float:
    """What a value lies around: its set-point while running, else its resting value."""
    if machine.state == "execute" and machine.order >= 0:
        return _setpoint(line, value, line.orders[line.started[machine.order]].product)
    return value.idle or 0.0


def standing(line: Line, index: int, at: int) -> list[tuple[str, str, Value]]:
    """Everything a machine shows now, as (role, key, value); a look changes nothing."""
    machine, spec = line.machines[index], line.machine_spec(index)
    found: list[tuple[str, str, Value]] = []
    for name, value in machine.shown.items():
        role, _, key = name.partition(" ")
        found.append((role, key, value))
    known = {name.partition(" ")[0] for name in machine.shown}
    found += [(role, "", "") for role in ("order", "lot", "tool") if role not in known]
    code = _fault_code(line, index)
    found.append(("alarm", str(code), "raised" if code else "cleared"))
    for measured in spec.values:
        centre = _centre(line, machine, measured)
        noise = machine.noise.get(measured.key, 0.0) + machine.drift.get(measured.key, 0.0)
        found.append(
            ("process_value", measured.key, round(centre + measured.sigma * noise, measured.decimals))
        )
        if f"setpoint {measured.key}" not in machine.shown:
            found.append(("setpoint", measured.key, next(iter(measured.setpoints.values()))))
    return found
