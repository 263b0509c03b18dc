"""What one line's pages are made from, read once per change of the line however many people look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

from maintenance import selectors as maintenance
from mom.improvement.selectors import open_actions
from plant import selectors as plant
from plant.access import Actor, Grant
from plant.domain.calendar import Slot
from plant.domain.intervals import Interval
from production import selectors as production
from production.domain.account import Account
from production.domain.attribution import declared_constraint
from production.selectors import Kpi, StopTold

if TYPE_CHECKING:
    from mom.improvement.models import Action
    from plant.models import CalendarSlot, Equipment
    from production.models import JobOrder

OFF_SHIFT = timedelta(hours=8)
CALENDAR_AHEAD = timedelta(hours=36)
RUNNING = ("running", "interrupted")
MOST_UNCODED = 100
SHOWN_SAID = 3


@dataclass(frozen=True, slots=True)
class LineReading:
    """One line at ``now``. ``window``: its shift, or the last eight hours outside shifts.

    ``slots`` None: the line has no calendar. ``good``: pieces of the running order at the line's exit.
    ``rate``: ideal pieces per hour of the pacing machine for that order.
    """

    line: Equipment
    zone: ZoneInfo
    now: datetime
    window: Interval
    shift: CalendarSlot | None
    slots: list[Slot] | None
    units: list[Equipment]
    constraint: Equipment | None
    accounts: dict[int, Account]
    uncoded: list[StopTold]
    said: list[StopTold]
    orders: list[JobOrder]
    good: Decimal | None
    rate: Decimal | None
    requests: list[Any]
    actions: list[Action]

    @property
    def order(self) -> JobOrder | None:
        return next((order for order in self.orders if order.state in RUNNING), None)

    @property
    def account(self) -> Account | None:
        """The pacing machine's account."""
        return self.accounts.get(self.constraint.pk) if self.constraint else None


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


def line_reading(line: Equipment, *, revision: str, now: datetime) -> LineReading:
    """The line's reading at this revision and minute."""
    return kept("reading", line, version_of(revision, now), lambda: _read(line, now))


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
    """Read everything anew."""
    _kept.clear()


def _read(line: Equipment, now: datetime) -> LineReading:
    units, zone = plant.line_places(line)
    constraint = declared_constraint(units)
    calendar = Interval(now - OFF_SHIFT * 2, now + CALENDAR_AHEAD)
    planned = plant.calendar_slots(line_id=line.pk, start=calendar.start, end=now + CALENDAR_AHEAD)
    shift = next((s for s in planned if s.kind == "shift" and s.start_time <= now < s.end_time), None)
    window = Interval(shift.start_time, shift.end_time) if shift else Interval(now - OFF_SHIFT, now)
    orders = production.dispatch_list(line_id=line.pk)
    order = next((order for order in orders if order.state in RUNNING), None)
    # Read for everyone who may see the line; what a person may do is decided per request.
    everyone = Actor(label="line page", grants=(Grant("supervisor", line.path),))
    uncoded, said = _told(everyone, window.start)
    slots = [Slot(s.start_time, s.end_time, s.kind, s.code, s.production_day) for s in planned]
    return LineReading(
        line=line,
        zone=zone,
        now=now,
        window=window,
        shift=shift,
        slots=slots or None,
        units=units,
        constraint=constraint,
        accounts=production.accounts(
            equipment=units, start=window.start, end=now, calendar=(calendar, slots)
        ),
        uncoded=uncoded,
        said=said,
        orders=orders,
        good=_good(order, units, now),
        rate=_rate(order, constraint, now),
        requests=list(maintenance.requests_open(equipment_path=line.path)[:SHOWN_SAID]),
        actions=list(open_actions(equipment_ids=[line.pk, *(unit.pk for unit in units)])[:SHOWN_SAID]),
    )


def _told(actor: Actor, start: datetime) -> tuple[list[StopTold], list[StopTold]]:
    """Stops that wait for a reason, and those of the window somebody last gave one to; newest first."""
    waiting = production.stops_uncoded(actor)[:MOST_UNCODED]
    found: Any = production.stops(actor).filter(start_time__gte=start)
    answered = found.filter(assertion_id__isnull=False)[:SHOWN_SAID]
    rows = production.told(waiting.union(answered, all=True))
    rows.sort(key=lambda row: row.stop.pk)
    rows.sort(key=lambda row: row.stop.start_time, reverse=True)
    return [row for row in rows if row.said is None], [row for row in rows if row.said is not None]


def _good(order: JobOrder | None, units: list[Equipment], now: datetime) -> Decimal | None:
    """Counted where the line ends, in the spans it worked on the order, as in its record."""
    if order is None or not units:
        return None
    counters = production.counters_of(units)
    leaving = production.line_exit(units, counters)
    found = production.order_counts(job_order=order, units=[leaving], known_to=now, counters=counters)
    counted = found[leaving.pk]
    known = [part.good for part in counted if part.good is not None]
    return sum(known, Decimal(0)) if known else None


def _rate(order: JobOrder | None, constraint: Equipment | None, now: datetime) -> Decimal | None:
    if constraint is None:
        return None
    rate = production.ideal_rate(
        equipment_id=constraint.pk, product_id=order.product_id if order else None, at=now
    )
    return rate.units_per_hour if rate else None
