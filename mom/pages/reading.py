"""What one line's pages are made from, read once per change of the line however many people look."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

from mom.pages.taken_on import Call, Task, taken_on
from plant import selectors as plant
from plant.domain.calendar import Slot
from plant.domain.intervals import Interval
from production import selectors as production
from production.domain.account import Account
from production.domain.attribution import declared_constraint
from production.domain.line.losses import LineLosses, Worth
from production.domain.line.topology import GroupRow, Topology
from production.domain.line.tracks import within
from production.selectors import Kpi
from production.selectors.accounts import Planned
from production.selectors.line_losses import Values, losses_between, values_dated
from production.selectors.line_topology import line_groups, line_topology
from production.selectors.lines import LineAsked, StopAnswered, StopsShown, stops_shown
from production.selectors.pacing import group_of, line_exits, pacing_account, together
from production.selectors.record import Working, orders_counts
from production.selectors.slow import Standards
from production.selectors.units import ideal_rates, planned_slots, rate_in_force

if TYPE_CHECKING:
    from connectors.models import SignalDefinition
    from plant.models import CalendarSlot, Equipment
    from production.models import IdealRate, JobOrder, Stop

OFF_SHIFT = timedelta(hours=8)
CALENDAR_BEHIND, CALENDAR_AHEAD = OFF_SHIFT * 2, timedelta(hours=36)
HOUR = timedelta(hours=1)
RUNNING = ("running", "interrupted")
MOST_UNCODED = 100
MOST_SAID = 100  # of a shift: whoever said why of its dearest loss is among them
MOST_TAKEN = 20


@dataclass(frozen=True, slots=True)
class LineReading:
    """One line at ``now``. ``window``: its shift, or the last eight hours outside shifts.

    ``slots`` None: the line has no calendar. ``good``: pieces of the running order at the line's exit.
    ``losses``: by where they started; None where no link is declared or no machine paces the line.
    ``rate``: ideal pieces per hour of what paces the line for that order. ``members``: the machines that pace
    it side by side, ``constraint`` among them; ``account``: theirs. ``currency``: of what is said in money,
    empty for none.
    """

    line: Equipment
    revision: str
    zone: ZoneInfo
    now: datetime
    window: Interval
    shift: CalendarSlot | None
    slots: Sequence[Slot] | None
    units: list[Equipment]
    constraint: Equipment | None
    members: tuple[Equipment, ...]
    currency: str
    accounts: dict[int, Account]
    account: Account | None
    uncoded: list[Stop]
    said: list[StopAnswered]
    orders: list[JobOrder]
    good: Decimal | None
    rate: Decimal | None
    losses: LineLosses | None
    requests: list[Call]
    actions: list[Task]

    @property
    def order(self) -> JobOrder | None:
        return _running(self.orders)


def _running(orders: Sequence[JobOrder]) -> JobOrder | None:
    return next((order for order in orders if order.state in RUNNING), None)


Version = tuple[str, datetime]
T = TypeVar("T")
_kept: dict[tuple[str, int], tuple[Version, str, Any]] = {}


def version_of(revision: str, now: datetime) -> Version:
    return revision, now.replace(second=0, microsecond=0)


def kept(name: str, line: Equipment, version: Version, make: Callable[[], T]) -> T:
    """What was made of the line at this version: this process keeps the newest of each name and line."""
    found = _kept.get((name, line.pk))
    if found is not None and found[:2] == (version, line.path):
        value: T = found[2]
        return value
    value = make()
    _kept[(name, line.pk)] = (version, line.path, value)
    return value


def held(name: str, line_id: int, path: str, version: Version) -> Any:
    """What was made of a line at this version, if it is kept; else None."""
    found = _kept.get((name, line_id))
    return found[2] if found is not None and found[:2] == (version, path) else None


def lines_reading(lines: Mapping[Equipment, str], *, now: datetime) -> list[LineReading]:
    """The readings of lines, each with its revision, at this minute; all that changed in one go."""
    held = {line: _kept.get(("reading", line.pk)) for line in lines}
    changed = {
        line: revision
        for line, revision in lines.items()
        if (found := held[line]) is None or found[:2] != (version_of(revision, now), line.path)
    }
    for reading in _read(changed, now) if changed else ():
        version = version_of(reading.revision, now)
        held[reading.line] = _kept[("reading", reading.line.pk)] = (version, reading.line.path, reading)
    return [found[2] for found in held.values() if found is not None]


def line_reading(line: Equipment, *, revision: str, now: datetime) -> LineReading:
    """The line's reading at this revision and minute."""
    return lines_reading({line: revision}, now=now)[0]


def line_kpi(reading: LineReading, *, revision: str) -> Kpi | None:
    """The line's figures in its reading's window, with all they were computed from."""
    if not reading.units:
        return None
    window = {"start": reading.window.start, "end": reading.now}
    return kept(
        "kpi",
        reading.line,
        version_of(revision, reading.now),
        lambda: production.kpi(equipment_id=reading.line.pk, **window),
    )


def forget() -> None:
    """Read everything anew; master data are kept under a revision of their own."""
    _kept.clear()


@dataclass(frozen=True, slots=True)
class _Setup:
    """A line's master data."""

    units: list[Equipment]
    zone: ZoneInfo
    counters: list[SignalDefinition]
    rates: list[IdealRate]
    topology: Topology | None
    groups: list[GroupRow]
    values: Values

    @property
    def reach(self) -> timedelta:
        """How far beyond a window what happened in it may have begun."""
        return self.topology.reach if self.topology else timedelta()


@dataclass(frozen=True, slots=True)
class _Shift:
    """A line's calendar around an hour; ``slots`` None: it has none."""

    reach: Interval
    rows: list[CalendarSlot]
    slots: list[Slot] | None

    def at(self, now: datetime) -> CalendarSlot | None:
        return next((s for s in self.rows if s.kind == "shift" and s.start_time <= now < s.end_time), None)


def _setup(line: Equipment) -> _Setup:
    units, zone = plant.line_places(line)
    rates = ideal_rates(equipment_ids=[unit.pk for unit in units])
    groups = line_groups(line_id=line.pk, units=units)
    topology = line_topology(line_id=line.pk, units=units, groups=groups)
    values = values_dated(line_id=line.pk)
    return _Setup(units, zone, production.counters_of(units), rates, topology, groups, values)


def _calendar(line: Equipment, hour: datetime) -> _Shift:
    reach = Interval(hour - CALENDAR_BEHIND, hour + HOUR + CALENDAR_AHEAD)
    assert reach.end is not None
    rows = plant.calendar_slots(line_id=line.pk, start=reach.start, end=reach.end)
    slots = [Slot(s.start_time, s.end_time, s.kind, s.code, s.production_day) for s in rows]
    has_one = rows or plant.configuration_rows("plant.CalendarSlot", line_id=line.pk).exists()
    return _Shift(reach, rows, slots if has_one else None)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A line about to be read."""

    line: Equipment
    revision: str
    setup: _Setup
    calendar: _Shift
    shift: CalendarSlot | None
    window: Interval

    @classmethod
    def of(cls, line: Equipment, revision: str, now: datetime) -> _Asked:
        hour = now.replace(minute=0, second=0, microsecond=0)
        setup = plant.configuration_kept(("line", line.pk), revision=revision, make=lambda: _setup(line))
        calendar = plant.configuration_kept(
            ("calendar", line.pk, hour), revision=revision, make=lambda: _calendar(line, hour)
        )
        shift = calendar.at(now)
        window = Interval(shift.start_time, shift.end_time) if shift else Interval(now - OFF_SHIFT, now)
        return cls(line, revision, setup, calendar, shift, window)


def _read(lines: Mapping[Equipment, str], now: datetime) -> list[LineReading]:
    asked = [_Asked.of(line, revision, now) for line, revision in lines.items()]
    orders = production.dispatch_lists(line_ids=[one.line.pk for one in asked])
    told = _accounts(asked, now)
    places = {one.line.pk: LineAsked(one.line.path, one.setup.units, one.window.start) for one in asked}
    shown = stops_shown(lines=places, waiting=MOST_UNCODED, answered=MOST_SAID)
    goods = _goods(asked, orders, now)
    calls, tasks = taken_on({one.line: one.setup.units for one in asked}, most=MOST_TAKEN)
    return [
        _reading(one, now, told, orders[one.line.pk], shown[one.line.pk], goods.get(one.line.pk),
                 calls[one.line.pk], tasks[one.line.pk])
        for one in asked
    ]  # fmt: skip


def _reading(
    one: _Asked,
    now: datetime,
    told: Mapping[int, Account],
    orders: list[JobOrder],
    shown: StopsShown,
    good: Decimal | None,
    calls: list[Call],
    tasks: list[Task],
) -> LineReading:
    units = one.setup.units
    constraint = declared_constraint(units)
    order = _running(orders)
    group = group_of(one.setup.groups, constraint) if constraint else None
    members = together(units, group, constraint) if constraint else ()
    worth = _worth(one, members, order, now)
    accounts = _within(told, units, one.window.start)
    return LineReading(
        line=one.line,
        revision=one.revision,
        zone=one.setup.zone,
        now=now,
        window=one.window,
        shift=one.shift,
        slots=one.calendar.slots or None,
        units=units,
        constraint=constraint,
        members=members,
        currency=one.setup.values.currency,
        accounts=accounts,
        account=pacing_account(constraint, group, members, accounts) if constraint else None,
        uncoded=shown.waiting,
        said=shown.answered,
        orders=orders,
        good=good,
        rate=worth.units_per_hour,
        losses=_losses(one, now, told, constraint, worth),
        requests=calls,
        actions=tasks,
    )


def _worth(one: _Asked, members: Sequence[Equipment], order: JobOrder | None, now: datetime) -> Worth:
    """Of the running order: what those that pace the line make of it, together, and what that brings."""
    product = order.product_id if order else None
    found = [
        rate.units_per_hour
        for unit in members
        if (rate := rate_in_force(one.setup.rates, equipment_id=unit.pk, product_id=product, at=now))
    ]
    payers = [one.line.pk, *(unit.pk for unit in members)]
    said = one.setup.values.worth_of(product, now, payers)
    return said._replace(units_per_hour=sum(found, Decimal(0)) if found else None)


def _accounts(asked: Sequence[_Asked], now: datetime) -> dict[int, Account]:
    """Of every machine, from before its shift as far as its line's losses may have begun.

    Lines whose shifts began together are read together.
    """
    calendars = {one.line.pk: Planned(one.calendar.reach, one.calendar.slots) for one in asked}
    together: dict[datetime, list[Equipment]] = {}
    for one in asked:
        together.setdefault(one.window.start, []).extend(one.setup.units)
    found: dict[int, Account] = {}
    reach = max((one.setup.reach for one in asked), default=timedelta())
    standards = Standards(
        [signal for one in asked for signal in one.setup.counters],
        [rate for one in asked for rate in one.setup.rates],
    )
    for start, units in together.items():
        found |= production.accounts(
            equipment=units, start=start - reach, end=now, calendars=calendars, standards=standards
        )
    return found


def _within(told: Mapping[int, Account], units: Sequence[Equipment], start: datetime) -> dict[int, Account]:
    """What was read of machines, from the beginning of their shift on."""
    return {
        unit.pk: within(told[unit.pk], start)
        for unit in units
        if unit.pk in told and told[unit.pk].end > start
    }


def _losses(
    one: _Asked,
    now: datetime,
    told: Mapping[int, Account],
    constraint: Equipment | None,
    worth: Worth,
) -> LineLosses | None:
    topology = one.setup.topology
    if topology is None or constraint is None or now <= one.window.start:
        return None
    return losses_between(
        window=Interval(one.window.start, now),
        paced_by=constraint,
        units=one.setup.units,
        topology=topology,
        read=told,
        worth=lambda order, at: worth,
    )


def slots_of(reading: LineReading, order: JobOrder) -> Sequence[Slot] | None:
    """The calendar as far as an order reaches: what the reading keeps of it, or more for a long order."""
    now = reading.now
    first = min((at for at in (order.started_at, order.planned_start) if at), default=now)
    last = max(now, order.planned_end or now)
    is_kept = now - CALENDAR_BEHIND + HOUR <= first and last <= now + CALENDAR_AHEAD
    if reading.slots is None or is_kept:
        return reading.slots
    return planned_slots(line_id=reading.line.pk, start=first, end=last)


def _goods(
    asked: Sequence[_Asked], orders: Mapping[int, list[JobOrder]], now: datetime
) -> dict[int, Decimal | None]:
    """By line: counted where it ends, in the spans it worked on its running order, as in its record."""
    at_work: list[tuple[int, Working]] = []
    for one in asked:
        order, setup = _running(orders[one.line.pk]), one.setup
        if order is not None and setup.units:
            exits = line_exits(setup.units, setup.groups, setup.counters)
            at_work.append((one.line.pk, Working(order, exits)))
    counters = [signal for one in asked for signal in one.setup.counters]
    counts = orders_counts(asked=[work for _, work in at_work], known_to=now, counters=counters)
    found: dict[int, Decimal | None] = {}
    for (line_id, work), counted in zip(at_work, counts, strict=True):
        parts = [part for unit in work.units for part in counted[unit.pk]]
        known = [part.good for part in parts if part.good is not None]
        found[line_id] = sum(known, Decimal(0)) if known else None
    return found
