"""One year of fifty machines, from a seed: the plant, its calendar and orders, and every machine's history.

At scale 1: ten lines of five machines, 365 days, five million state intervals, fifty thousand orders. A
smaller scale has fewer lines and days; what a day of a machine holds stays the same. Derived rows are
written directly, as the stitching of such a year would leave them; what people said is said as facts.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from connectors.models import Connection, SignalDefinition
from plant.domain.calendar import Pattern, Pause, Shift, Slot, slots
from plant.models import (
    CalendarSlot,
    CalendarVersion,
    Department,
    Equipment,
    EquipmentClass,
    EquipmentLink,
    MaterialDefinition,
    Reason,
)
from production.models import IdealRate, JobOrder

SEED, LINES, DAYS, MACHINES = 20251, 10, 365, 5
CONSTRAINT, EXIT = 2, 4
FIRST_DAY = date(2025, 3, 3)
ZONE = "Europe/Paris"
FIVE = timedelta(minutes=5)
CLASSES = ("filler", "capper", "labeller", "case_packer", "palletiser")
RATES = (9600, 9400, 9000, 9800, 10200)
PRODUCTS = tuple(f"SKU{number:02d}" for number in range(12))
TIME_CLASSES = (
    "breakdown", "own_other", "setup", "no_material", "no_operator", "breakdown", "own_other", "breakdown",
)  # fmt: skip
REASONS = tuple(f"R{number:02d}" for number in range(32))
FAULTS = tuple(f"E{number:02d}" for number in range(40))
WORKDAYS, SATURDAY = frozenset(range(5)), frozenset({5})


class Orders(NamedTuple):
    """An order of a line: code, product, and when it ran."""

    code: str
    product: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Size:
    """How much of the year: lines of five machines, and days."""

    lines: int
    days: int

    @classmethod
    def of(cls, scale: float) -> Size:
        lines = max(2, min(LINES, round(LINES * scale**0.5)))
        return cls(lines, max(3, round(DAYS * scale * LINES / lines)))


@dataclass(slots=True)
class Year:
    """The plant, and what was planned of each line."""

    site: Equipment
    start: datetime
    end: datetime
    lines: list[Equipment] = field(default_factory=list)
    units: dict[int, list[Equipment]] = field(default_factory=dict)
    slots: dict[int, list[Slot]] = field(default_factory=dict)
    orders: dict[int, list[Orders]] = field(default_factory=dict)
    signals: dict[int, dict[str, SignalDefinition]] = field(default_factory=dict)


def _shift(code: str, start: int, end: int, weekdays: frozenset[int], maintenance: bool = False) -> Shift:
    pauses = [Pause("break", "BREAK", time((start + 3) % 24), time((start + 3) % 24, 30))]
    if maintenance:
        wednesday = frozenset({2})
        pauses.append(Pause("planned_maintenance", "PM", time(start + 5), time(start + 6), wednesday))
    return Shift(code, time(start), time(end), weekdays, pauses=tuple(pauses))


PATTERN = Pattern(
    ZONE,
    (
        _shift("M", 6, 14, WORKDAYS | SATURDAY),
        _shift("A", 14, 22, WORKDAYS, maintenance=True),
        _shift("N", 22, 6, WORKDAYS),
    ),
)


def _named(code: str, level: str, parent: Equipment | None, **more: object) -> Equipment:
    path = f"{parent.path if parent else '/'}{code}/"
    return Equipment.objects.create(
        code=code, level=level, parent=parent, path=path, name_en=code, name_fr=code, **more
    )


def plant_make(size: Size, dice: random.Random) -> Year:
    """Masters, calendars and orders; no history yet."""
    site = _named("YEAR", "site", None, time_zone=ZONE)
    area = _named("HALL", "area", site)
    plc = Connection.objects.create(slug="year", protocol="mqtt", site=site, name_en="PLC", name_fr="API")
    for code in CLASSES:
        EquipmentClass.objects.create(code=code, name_en=code, name_fr=code)
    for at, code in enumerate(PRODUCTS):
        MaterialDefinition.objects.create(
            code=code, name_en=code, name_fr=code, kind="finished", unit="pcs", family=f"F{at % 4}"
        )
    departments = [Department.objects.create(code=code, name_en=code) for code in ("MNT", "PROD", "LOG")]
    for at, code in enumerate(REASONS):
        Reason.objects.create(
            code=code, name_en=code, name_fr=code, position=at, time_class=TIME_CLASSES[at % 8],
            department=departments[at % 3],
        )  # fmt: skip
    planned = slots(PATTERN, FIRST_DAY, FIRST_DAY + timedelta(days=size.days - 1))
    year = Year(site, planned[0].start, max(slot.end for slot in planned))
    for number in range(1, size.lines + 1):
        _line(year, area, plc, number, planned, dice)
    return year


def _line(
    year: Year, area: Equipment, plc: Connection, number: int, planned: Sequence[Slot], dice: random.Random
) -> None:
    line = _named(f"Y{number:02d}", "line", area)
    year.lines.append(line)
    version = CalendarVersion.objects.create(line=line, valid_from=FIRST_DAY, pattern={"shifts": []})
    CalendarSlot.objects.bulk_create(
        CalendarSlot(
            line=line, version=version, kind=slot.kind, code=slot.code, production_day=slot.production_day,
            start_time=slot.start, end_time=slot.end,
        )
        for slot in planned
    )  # fmt: skip
    year.slots[line.pk] = list(planned)
    units = [_unit(line, position, year.start) for position in range(MACHINES)]
    year.units[line.pk] = units
    for upstream, downstream in pairwise(units):
        EquipmentLink.objects.create(
            upstream=upstream, downstream=downstream, buffer_capacity=300, transit=timedelta(seconds=20)
        )
    for unit, roles in ((units[CONSTRAINT], ("good_count", "scrap_count")), (units[EXIT], ("good_count",))):
        year.signals[unit.pk] = {
            role: SignalDefinition.objects.create(
                connection=plc, equipment=unit, role=role, address=f"{unit.code}/{role}"
            )
            for role in roles
        }
    year.orders[line.pk] = list(_orders(line, planned, dice))
    _rates_revised(units, year.orders[line.pk], year.start)
    _orders_store(line, year.orders[line.pk])


def _unit(line: Equipment, position: int, start: datetime) -> Equipment:
    unit = _named(
        f"{line.code}-{position + 1}", "work_unit", line, position=10 * (position + 1),
        is_constraint=position == CONSTRAINT, minimum_stop=timedelta(seconds=4),
        equipment_class=EquipmentClass.objects.get(code=CLASSES[position]),
    )  # fmt: skip
    since = start - timedelta(days=90)
    IdealRate.objects.create(equipment=unit, units_per_hour=RATES[position], valid_from=since)
    return unit


def _rates_revised(units: Sequence[Equipment], orders: Sequence[Orders], start: datetime) -> None:
    """Standards are revised once in the year, at a change of order, where the counters were read."""
    half = start + timedelta(days=180)
    later = next((order.start for order in orders if order.start >= half), None)
    if later is None:
        return
    for position, unit in enumerate(units):
        IdealRate.objects.create(equipment=unit, units_per_hour=RATES[position] + 150, valid_from=later)


def _orders(line: Equipment, planned: Sequence[Slot], dice: random.Random) -> Iterator[Orders]:
    """One after the other through each stretch of shifts, about an hour and a quarter each."""
    number = 0
    for start, end in _stretches([slot for slot in planned if slot.kind == "shift"]):
        at = start
        while at < end:
            finish = min(at + FIVE * dice.randint(11, 21), end)
            number += 1
            yield Orders(f"{line.code}-{number:05d}", dice.choice(PRODUCTS), at, finish)
            at = finish


def _stretches(shifts: Sequence[Slot]) -> Iterator[tuple[datetime, datetime]]:
    """Shifts that touch, as one."""
    start, end = shifts[0].start, shifts[0].end
    for shift in shifts[1:]:
        if shift.start > end:
            yield start, end
            start = shift.start
        end = shift.end
    yield start, end


def _orders_store(line: Equipment, orders: Sequence[Orders]) -> None:
    products = dict(MaterialDefinition.objects.values_list("code", "pk"))
    JobOrder.objects.bulk_create(
        (
            JobOrder(
                code=order.code, line=line, product_id=products[order.product], quantity=Decimal(10_000),
                unit="pcs", planned_start=order.start, planned_end=order.end, sequence=at, state="ended",
                started_at=order.start, ended_at=order.end, created_at=order.start,
            )
            for at, order in enumerate(orders)
        ),
        batch_size=5000,
    )  # fmt: skip


def instant(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), tzinfo=UTC)
