"""What the derived rows must be, twice over and without a database.

``fold_in_order`` runs the pure fold once over everything in source-time order. ``seconds_by_state`` asks the
definition itself at every instant something changed, and shares no code with the product.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from plant.domain.calendar import Slot
from plant.domain.intervals import Interval
from production.domain.account import Account, Known, OrderUse, account
from production.domain.account import Said as Reason
from production.domain.job_order import Event, execution
from production.domain.stitching import Fold, Gap, Open, Signal, Unit, ordered
from production.domain.stops import Thresholds, needs_reason, size_of, stop_id, stops_of
from production.domain.tracks import SpanRow
from tests.chaos.facts import MODULUS, PLANT, SIGNALLED, STATES, T0, Commanded, Complete, History, Lost, Said

STALE = timedelta(seconds=60)
EARLY = datetime(2000, 1, 1, tzinfo=UTC)
STATE_MAP = {str(number): name for name, number in STATES.items() if name != "unmapped"}
# Seconds of one piece of the machines with an ideal rate
CYCLES = {"RP-M1": timedelta(seconds=1), "RP-M3": timedelta(seconds=2)}
COUNTER_SILENCE = timedelta(seconds=30)

Rows = dict[str, list[str]]
# Of each order: the number of the machine where it was said, and what
Happened = dict[str, list[tuple[int, Event]]]
# From one machine to the next, as the plant declares it: orders reach a machine that much later.
TRANSIT = timedelta(seconds=10)


@dataclass(frozen=True)
class Configured:
    """What the plant configured: the calendar and the reasons said, by machine."""

    slots: Sequence[Slot]
    reasons: dict[str, list[Reason]]


def samples_of(history: History, machine: str) -> list[Said]:
    """Each once, in the order the product promises: source time, server time (none first), key."""
    unique = {
        fact.key: fact for fact in history.of(Said) if isinstance(fact, Said) and fact.machine == machine
    }
    return sorted(unique.values(), key=lambda s: (s.at, s.server or EARLY, s.key))


def gaps_of(history: History, machine: str) -> list[Gap]:
    """Closed, unrecovered, and about this machine."""
    return [
        Gap(fact.gap.start_time, fact.gap.end_time)
        for fact in history.of(Lost)
        if isinstance(fact, Lost)
        and fact.gap.end_time
        and not fact.gap.recovered
        and any(
            f"{machine}/{role}".startswith(fact.gap.scope) for role in _roles_by(machine, fact.connection)
        )
    ]


def _roles_by(machine: str, connection: str) -> list[str]:
    return [role for role, by in PLANT[machine].items() if by == connection]


def horizon_of(history: History, machine: str) -> datetime:
    """The earliest of its connections' latest watermarks, or its last sample where that is later."""
    latest = {
        fact.connection: fact.at
        for fact in sorted(history.of(Complete), key=lambda fact: fact.at)
        if isinstance(fact, Complete)
    }
    return max(
        min(latest[name] for name in set(PLANT[machine].values())), samples_of(history, machine)[-1].at
    )


def fold_of(history: History, machine: str) -> Fold:
    roles, fold = list(PLANT[machine]), fold_begun(history, machine)
    samples = samples_of(history, machine)
    fold.feed(ordered((s.at, s.server or EARLY, s.key, roles.index(s.role), s.value, s.bad) for s in samples))
    fold.close(horizon_of(history, machine))
    return fold


def fold_begun(history: History, machine: str) -> Fold:
    """Knows the machine and its gaps, and has read nothing yet."""
    roles = list(PLANT[machine])
    signals = tuple(
        Signal(
            number,
            role,
            f"{machine}/{role}",
            STATE_MAP if role == "state" else {},
            MODULUS if role == "total_count" else None,
        )
        for number, role in enumerate(roles)
    )
    cycle = CYCLES.get(machine, timedelta())
    silence = max(COUNTER_SILENCE, cycle)
    unit = Unit(machine, signals, stale_after=STALE, counter_silence=silence, cycle=cycle)
    return Fold(unit, Open(T0 - timedelta(hours=1)), gaps_of(history, machine))


def fold_in_order(history: History, configured: Configured) -> Rows:
    """Rows of every table, and the account, as text."""
    happened = _happened(history)
    executions = {code: execution(event for _, event in events) for code, events in happened.items()}
    rows: Rows = {
        "orders": [told((code, e.state, e.started_at, e.ended_at)) for code, e in executions.items()]
    }
    for number, machine in enumerate(PLANT):
        fold, names = fold_of(history, machine), list(PLANT[machine])
        spans = [row for track in fold.spans for row in [*track.rows, *track.open_rows()]]
        alarms = [row for track in fold.alarms for row in [*track.rows, *track.open_rows()]]
        counts = [(names[row.signal], *row[1:-1], Decimal(row.quantity)) for row in fold.counted]
        rows[f"{machine} span"] = [told((names[row.signal], *row[1:])) for row in spans]
        rows[f"{machine} alarm"] = [told((names[row.signal], *row[1:])) for row in alarms]
        rows[f"{machine} count"] = [told(row) for row in counts]
        own = [OrderUse(row.start, row.end, row.value) for row in spans if names[row.signal] == "order"]
        rows |= _time_told(history, configured, machine, fold, own or _worked_at(number, happened))
    return {name: sorted(found) for name, found in rows.items()}


def _time_told(
    history: History, configured: Configured, machine: str, fold: Fold, used: list[OrderUse]
) -> Rows:
    """States, stops and the account of one machine."""
    horizon, slots = horizon_of(history, machine), list(configured.slots)
    limits = Thresholds(minimum=CYCLES.get(machine, timedelta()))
    states = [*fold.states, *([fold.row] if fold.row else [])]
    stops = stops_of(states)
    sizes = [size_of(max(stop.end or horizon, stop.start) - stop.start, limits) for stop in stops]
    known = Known(states, stops, slots, used, configured.reasons.get(machine, ()), limits, horizon)
    return {
        f"{machine} state": [told(row) for row in states],
        f"{machine} stop": [
            told((stop_id(machine, stop.start), *stop, size, needs_reason(stop, horizon, limits, slots)))
            for stop, size in zip(stops, sizes, strict=True)
        ],
        f"{machine} account": account_told(account(Interval(T0, min(history.end, horizon)), known)),
    }


def _happened(history: History) -> Happened:
    """Of each order, and at which machine it was said: commands at the first, and the order signal of the
    first machine that spoke of it where that machine stands.
    """
    events: Happened = {code: [] for code in SIGNALLED}
    for fact in history.of(Commanded):
        assert isinstance(fact, Commanded)
        events.setdefault(fact.order, []).append((0, Event(fact.at, fact.verb)))
    told_by: dict[str, str] = {}
    for machine, row in _order_signals(history):
        if told_by.setdefault(row.value, machine) == machine:
            place = list(PLANT).index(machine)
            events[row.value].append((place, Event(row.start, "start", True)))
            if row.end:
                events[row.value].append((place, Event(row.end, "stop", True)))
    return events


def _worked_at(number: int, happened: Happened) -> list[OrderUse]:
    """When a machine without a word of its own worked: it is reached so much later, or earlier, than the
    machine that spoke.
    """
    found = []
    for code, events in happened.items():
        moved = [event._replace(at=event.at + (number - place) * TRANSIT) for place, event in events]
        found += [OrderUse(*work, code) for work in execution(moved).working]
    return found


def _order_signals(history: History) -> Iterator[tuple[str, SpanRow]]:
    for machine, roles in PLANT.items():
        names = list(roles)
        for track in fold_of(history, machine).spans if "order" in roles else ():
            for row in [*track.rows, *track.open_rows()]:
                if names[row.signal] == "order":
                    yield machine, row


def account_told(found: Account) -> list[str]:
    """Every segment but for row numbers, and that it closes."""
    assert not found.unexplained, f"{found.unexplained} unexplained"
    return [
        told((s.start, s.end, s.time_class, s.state, s.mode, s.fault_code, s.cause, s.planned, s.shift_code))
        + told((s.order_code, s.stop_start, s.stop_size, s.reason_code, s.uncoded, s.contradicted))
        for s in found.segments
    ]


def told(values: Iterable[object]) -> str:
    return "|".join(_text(value) for value in values)


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return format(value.normalize(), "f") if isinstance(value, Decimal) else str(value)


def seconds_by_state(history: History, machine: str) -> dict[str, timedelta]:
    """From a machine's first sample to its horizon: the state that held at each instant, by its definition.

    Unknown before the state was first told, while it was told badly or by a number nobody mapped, inside a
    gap, and from the stale limit of silence on.
    """
    samples, gaps = samples_of(history, machine), gaps_of(history, machine)
    heard = [sample.at for sample in samples]
    states = [sample for sample in samples if sample.role == "state"]
    changes = [sample.at for sample in states]
    end = horizon_of(history, machine)
    edges = {end, *heard, *(at + STALE for at in heard)}
    edges |= {at for gap in gaps for at in gap if at}
    instants = sorted(at for at in edges if heard[0] <= at <= end)
    found: dict[str, timedelta] = {}
    for at, until in pairwise(instants):
        silent = at - heard[bisect_right(heard, at) - 1] >= STALE
        lost = any(gap.start <= at < (gap.end or end) for gap in gaps)
        place = bisect_right(changes, at) - 1
        last = states[place] if place >= 0 else None
        known = last is not None and not last.bad and not silent and not lost
        state = STATE_MAP.get(str(last.value), "unknown") if known and last else "unknown"
        found[state] = found.get(state, timedelta()) + (until - at)
    return found
