"""The plant the facts are about: four machines, two connections, orders, a calendar and reasons said."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta

from connectors.models import Connection, SignalDefinition
from plant.domain.calendar import Slot
from production.domain.account import Said as Reason
from production.models import JobOrder, ReasonAssertion
from tests.chaos.facts import CONNECTIONS, MODULUS, PLANT, SIGNALLED, T0, Commanded, History
from tests.chaos.oracle import CYCLES, STATE_MAP, Configured
from tests.factories.connectors import connection_make, signal_make
from tests.factories.plant import Line, calendar_make, line_make, reason_make, slot_make
from tests.factories.production import order_make, rate_make


@dataclass(frozen=True)
class Plant:
    line: Line
    connections: dict[str, Connection]
    signals: dict[int, SignalDefinition]
    orders: dict[str, JobOrder]
    configured: Configured
    history: History


def plant_make(history: History) -> Plant:
    line = line_make(len(PLANT), code="RP")
    connections = {name: connection_make(line.site, slug=name, state_map=STATE_MAP) for name in CONNECTIONS}
    signals = [
        signal_make(
            unit,
            f"{unit.code}/{role}",
            role=role,
            connection=connections[by],
            counter_modulus=MODULUS if role == "total_count" else None,
        )
        for unit in line.units
        for role, by in PLANT[unit.code].items()
    ]
    for unit in line.units:
        if cycle := CYCLES.get(unit.code):
            rate_make(unit, int(timedelta(hours=1) / cycle))
    codes = [
        *SIGNALLED,
        *sorted({fact.order for fact in history.of(Commanded) if isinstance(fact, Commanded)}),
    ]
    orders = {code: order_make(line, code=code) for code in codes}
    configured = Configured(_calendar(line), _reasons(line, history))
    return Plant(line, connections, {s.pk: s for s in signals}, orders, configured, history)


def _calendar(line: Line) -> list[Slot]:
    """Three shifts, each with a break."""
    shifts = calendar_make(line.line, start=T0)
    breaks = [
        slot_make(
            line.line,
            shift.start_time + timedelta(hours=2),
            shift.start_time + timedelta(hours=2, minutes=20),
            kind="break",
            code="B",
            version=shift.version,
            production_day=shift.production_day,
        )
        for shift in shifts
    ]
    rows = [*shifts, *breaks]
    found = [Slot(r.start_time, r.end_time, r.kind, r.code, r.production_day) for r in rows]
    return sorted(found, key=lambda slot: slot.start)


def _reasons(line: Line, history: History) -> dict[str, list[Reason]]:
    """Said about ranges of time, before most of the data came: they hold wherever the stops end up."""
    dice = random.Random(history.seed)
    known = [reason_make("RP-jam", "breakdown"), reason_make("RP-size", "setup")]
    found: dict[str, list[Reason]] = {}
    for unit in line.units:
        for number in range(4):
            start = T0 + dice.random() * (history.end - T0)
            end, reason = start + timedelta(seconds=dice.randint(60, 1800)), dice.choice(known)
            said = ReasonAssertion.objects.create(
                equipment=unit,
                start_time=start,
                end_time=end,
                reason=reason,
                said_by_rule="replay",
                said_at=T0 + timedelta(days=1, seconds=number),
            )
            told = Reason(start, end, reason.code, reason.time_class, said.pk)
            found.setdefault(unit.code, []).append(told)
    return found
