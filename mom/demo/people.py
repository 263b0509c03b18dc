"""What people at a simulated line do: code stops, change the plan, check quality, call maintenance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mom.demo import shown
from mom.demo.crew import operator
from mom.demo.spec import Check

if TYPE_CHECKING:
    from mom.demo.line import Line

MINUTE, HOUR, WEEK = 60_000, 3_600_000, 7 * 24 * 3_600_000
FORGOTTEN, LATE, WRONG = 0.06, 0.11, 0.07
WHY_SWAP = (
    "The truck for the second order leaves earlier",
    "Fruit batch not released yet, the next one is",
    "Le client a avancé l'enlèvement",
    "Étiquettes livrées en retard, on inverse",
    "Même format, on évite un réglage",
)
WHY_CHANGE = (
    "Customer reduced the call-off",
    "Complément demandé par le commercial",
    "Stock count corrected",
    "Reste de cuvée à passer",
)
NOTES = (
    "Bottles from this lot tip over at the infeed",
    "Bouchons un peu mous, couple à surveiller",
    "Sensor cleaned, keep an eye on it",
    "Redémarrage difficile après la pause",
    "Label reel spliced badly by the supplier",
    "Bruit anormal sur le réducteur, signalé",
)
CURES = (
    "adjusted",
    "cleaned and restarted",
    "part replaced",
    "sensor realigned",
    "screws tightened",
    "réglé et relancé",
)


def begin(line: Line, at: int) -> None:
    _plan(line, at, "swap", line.spec.swaps_per_week)
    _plan(line, at, "change", line.spec.updates_per_week)
    for number, check in enumerate(line.spec.checks):
        line.file(at + 11 * MINUTE + number * 97_000 + check.every_minutes * MINUTE // 3, "check", number)
    for index in range(len(line.machines)):
        if line.machine_spec(index).values:
            line.file(at + int(line.dice.exponential("drift", 45 * HOUR)), "drift", index)


def _plan(line: Line, at: int, what: str, per_week: float) -> None:
    if per_week:
        line.file(at + HOUR + int(line.dice.exponential(what, WEEK / per_week)), what)


def sequence_change(line: Line, at: int) -> None:
    _plan(line, at, "swap", line.spec.swaps_per_week)
    if len(line.sequence) < 3 or not line.shift:
        return
    place = line.dice.between("place", 0, len(line.sequence) - 3)
    line.sequence[place], line.sequence[place + 1] = line.sequence[place + 1], line.sequence[place]
    facts = {
        "line": line.spec.code,
        "orders": [line.orders[number].code for number in line.sequence],
        "why": line.dice.choice("why swap", WHY_SWAP),
        "by": line.dice.choice("supervisor", line.spec.supervisors),
    }
    line.happen(at, "sequence_changed", **facts)
    line.ledger(at, "sequence", **facts)


def order_change(line: Line, at: int) -> None:
    _plan(line, at, "change", line.spec.updates_per_week)
    if len(line.sequence) < 2 or not line.shift:
        return
    order = line.orders[line.sequence[line.dice.between("changed", 0, 1)]]
    percent = line.dice.choice("by percent", (80, 90, 95, 110, 120))
    order.quantity = max(500, order.quantity * percent // 100 // 100 * 100)
    order.feed = round(order.quantity * 1.008)
    facts = {
        "order": order.code, "line": line.spec.code, "quantity": order.quantity,
        "why": line.dice.choice("why change", WHY_CHANGE),
        "by": line.dice.choice("supervisor", line.spec.supervisors),
    }  # fmt: skip
    line.happen(at, "order_updated", **facts)


def stop_ended(line: Line, index: int, at: int) -> None:
    """A stop of the machine's own is over: someone may code it, maintenance may have worked on it."""
    machine, spec = line.machines[index], line.machine_spec(index)
    kind, _, what = machine.stop_why.partition(":")
    start = machine.stop_from
    if not kind or at - start < spec.registered_ms:
        return
    if kind == "fault":
        fault = spec.faults[int(what)]
        reason, others, text = fault.reason, fault.others, fault.name
        if fault.severe and at - start > 10 * MINUTE:
            _maintenance(line, index, start, at, fault.code, fault.name)
    else:
        reason = {
            "setup:cleaning": "ORG-CLEANING", "setup:changeover": "ORG-CHANGEOVER", "late": "ORG-NO-OPERATOR",
        }.get(machine.stop_why, "ORG-NO-MATERIAL")  # fmt: skip
        others, text = ("ORG-OTHER",), ""
    # Who pressed stop wants to say why: the simulated operators leave that one to them.
    if not start <= machine.pressed < at:
        _coding_plan(line, index, (start, at), reason, others, text)


def _coding_plan(
    line: Line, index: int, span: tuple[int, int], reason: str, others: tuple[str, ...], text: str
) -> None:
    luck = line.dice.uniform("coding")
    night = 1.6 if line.shift == "night" else 1.0
    if luck < FORGOTTEN * night:
        return
    if luck < (FORGOTTEN + LATE) * night:
        delay = line.dice.between("late by minutes", 60, 360) * MINUTE
    else:
        delay = 15_000 + int(line.dice.lognormal("coded in", 50_000, 0.8))
    said = line.dice.choice("mistaken", others) if others and line.dice.chance("wrong", WRONG) else reason
    planned = {
        "unit": line.machines[index].code, "start": span[0], "end": span[1], "reason": said,
        "comment": line.dice.choice("note", NOTES) if line.dice.chance("comment", 0.08) else "",
    }  # fmt: skip
    line.file(span[1] + delay, "code", planned, reason, text)


def stop_code(line: Line, at: int, planned: dict[str, Any], true_reason: str, fault: str) -> None:
    facts = {**planned, "by": operator(line, at)}
    line.happen(at, "stop_coded", **facts)
    line.ledger(at, "reason", true_reason=true_reason, fault=fault, **facts)


def _maintenance(line: Line, index: int, start: int, end: int, fault: int, text: str) -> None:
    facts = {
        "request": line.number("request"), "unit": line.machines[index].code, "start": start, "end": end,
        "fault": fault, "text": text, "by": line.dice.choice("maintainer", line.spec.maintainers),
        "cure": line.dice.choice("cure", CURES),
    }  # fmt: skip
    line.ledger(end, "intervention", **facts)
    line.file(end + 4 * MINUTE, "request", facts)


def request_step(line: Line, at: int, facts: dict[str, Any]) -> None:
    line.happen(at, "intervention", **facts, raised_by=operator(line, facts["start"]))


def check_do(line: Line, at: int, number: int) -> None:
    check = line.spec.checks[number]
    line.file(
        at + int(check.every_minutes * MINUTE * (0.9 + 0.3 * line.dice.uniform("check"))), "check", number
    )
    index = next(i for i, machine in enumerate(line.machines) if machine.code == check.unit)
    machine = line.machines[index]
    if machine.state != "execute":
        return
    order = line.orders[line.started[machine.order]]
    if check.products and order.product not in check.products:
        return
    facts = {
        "specification": check.specification, "order": order.code, "unit": machine.code, "lot": order.lot,
        "product": order.product, "value": _measured(line, index, check), "by": operator(line, at),
    }  # fmt: skip
    if not check.in_sheet:
        line.happen(at, "test_done", **facts)
    line.ledger(at, "test", in_sheet=check.in_sheet, **facts)


def _measured(line: Line, index: int, check: Check) -> float:
    machine = line.machines[index]
    value = next(value for value in line.machine_spec(index).values if value.key == check.value)
    true = shown.value_now(line, machine, value)
    return round(true + check.sigma * line.dice.normal(f"gauge {check.specification}"), check.decimals)


def drift_begin(line: Line, at: int, index: int) -> None:
    """Something slowly goes out of adjustment; the next quality checks will see it."""
    machine = line.machines[index]
    value = line.dice.choice("drifting", line.machine_spec(index).values)
    size = 3.5 if line.dice.chance("upwards", 0.5) else -3.5
    machine.drift[value.key] = size
    lasts = int(line.dice.lognormal("drifts for", 55 * MINUTE, 0.4))
    line.ledger(at, "drift", unit=machine.code, value=value.key, sigmas=size, start=at, end=at + lasts)
    line.file(at + lasts, "settled", index, value.key)


def drift_end(line: Line, at: int, index: int, key: str) -> None:
    line.machines[index].drift.pop(key, None)
    line.file(at + int(line.dice.exponential("drift", 45 * HOUR)) + 1, "drift", index)
