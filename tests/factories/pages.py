"""A bottling plant in the middle of a morning shift, deterministic; derived rows are written directly."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from connectors.models import Connection, SignalDefinition
from plant.models import (
    CalendarSlot,
    CalendarVersion,
    Department,
    Equipment,
    EquipmentClass,
    MaterialDefinition,
    Person,
    Reason,
    RoleAssignment,
    User,
)
from plant.services import revision_bump
from production.domain.counters import BUCKET, bucket_of
from production.domain.stitching import StateRow
from production.domain.stops import REGISTERED, Thresholds, needs_reason, size_of, stop_id, stops_of
from production.models import (
    AlarmInterval,
    BillOfMaterialsItem,
    IdealRate,
    JobOrder,
    JobOrderEvent,
    JobOrderVersion,
    OrderSpan,
    QuantityActual,
    ReasonAssertion,
    StateInterval,
    StitchCheckpoint,
    Stop,
    WorkMaster,
)

MACHINES = (
    ("FILL", "Filler", "Remplisseuse", "filler", 9000),
    ("CAP", "Capper", "Boucheuse", "capper", 9600),
    ("LAB", "Labeller", "Étiqueteuse", "labeller", 9600),
    ("PACK", "Case packer", "Encaisseuse", "case_packer", 9900),
    ("PAL", "Palletiser", "Palettiseur", "palletiser", 10200),
)
REASONS = (
    ("JAM", "Bottle jam", "Bourrage bouteilles", "breakdown"),
    ("LABEL", "Label reel change", "Changement bobine étiquettes", "own_other"),
    ("MECH", "Mechanical breakdown", "Panne mécanique", "breakdown"),
    ("FORMAT", "Format change", "Changement de format", "setup"),
    ("NOBOT", "No bottles", "Manque bouteilles", "no_material"),
    ("CLEAN", "Cleaning", "Nettoyage", "own_other"),
)
FAULTS = ("E17 infeed star torque", "E21 photocell B3", "E04 guard open")
ORDERS = (
    ("OF-26-0411", "LEM-33", Decimal(42000)),
    ("OF-26-0412", "ORA-33", Decimal(36000)),
    ("OF-26-0413", "LEM-75", Decimal(64000)),
    ("OF-26-0414", "COL-33", Decimal(50000)),
)
PRODUCTS = {
    "LEM-33": ("Lemonade 33 cl", "Limonade 33 cl", "33cl"),
    "ORA-33": ("Orangeade 33 cl", "Orangeade 33 cl", "33cl"),
    "LEM-75": ("Lemonade 75 cl", "Limonade 75 cl", "75cl"),
    "COL-33": ("Cola 33 cl", "Cola 33 cl", "33cl"),
}
HOURS = 8
INTO_THE_SHIFT = timedelta(hours=4, minutes=30)


@dataclass(slots=True)
class Plant:
    site: Equipment
    now: datetime
    lines: list[Equipment] = field(default_factory=list)
    units: dict[str, list[Equipment]] = field(default_factory=dict)
    supervisor: User | None = None


def _named(code: str, level: str, parent: Equipment | None, en: str, fr: str, **more: object) -> Equipment:
    path = f"{parent.path if parent else '/'}{code}/"
    return Equipment.objects.create(
        code=code, level=level, parent=parent, path=path, name_en=en, name_fr=fr, **more
    )


def plant_running(*, lines: int = 2, now: datetime | None = None, seed: int = 7) -> Plant:
    """Bottling lines four hours and a half into the shift; the first calm, the others stopping often.

    Everything is told from ``now``, five full minutes of the clock as pieces are kept, so a seed gives the
    same stops and counts at any minute of the hour.
    """
    dice = random.Random(seed)
    now = bucket_of(now or timezone.now())
    start = now - INTO_THE_SHIFT
    site = _named("SITE1", "site", None, "Valley plant", "Usine de la vallée", time_zone="Europe/Paris")
    area = _named("PACK", "area", site, "Packaging", "Conditionnement")
    plant = Plant(site, now)
    _masters(site)
    plant.supervisor = _people(site)
    for number in range(1, lines + 1):
        _line(plant, area, number, start, dice)
    return plant


def _masters(site: Equipment) -> None:
    department = Department.objects.create(code="PROD", name_en="Production", name_fr="Production")
    for at, (code, en, fr, time_class) in enumerate(REASONS):
        Reason.objects.create(
            code=code, name_en=en, name_fr=fr, time_class=time_class, department=department, position=at,
            opens_request=code == "MECH",
        )  # fmt: skip
    for code, (en, fr, family) in PRODUCTS.items():
        MaterialDefinition.objects.create(
            code=code, name_en=en, name_fr=fr, kind="finished", unit="pcs", family=family
        )
    MaterialDefinition.objects.create(
        code="BOTTLE-33", name_en="Bottle 33 cl", name_fr="Bouteille 33 cl", kind="packaging", unit="pcs"
    )
    for _code, en, fr, class_code, _rate in MACHINES:
        EquipmentClass.objects.create(code=class_code, name_en=en, name_fr=fr)
    Connection.objects.create(
        slug="plc", protocol="mqtt", site=site, name_en="Line PLCs", name_fr="API lignes"
    )


def _people(site: Equipment) -> User:
    user = User.objects.create_user("claire", password="right-horse-battery", is_staff=True)
    user.first_name, user.last_name = "Claire", "Martin"
    user.save()
    for badge, name, role, account in (
        ("1001", "Claire Martin", "supervisor", user),
        ("1002", "Youssef Benali", "operator", None),
        ("1003", "Anna Kowalska", "maintenance", None),
    ):
        person = Person.objects.create(badge=badge, name=name, user=account)
        RoleAssignment.objects.create(person=person, role=role, scope=site)
    return user


def _line(plant: Plant, area: Equipment, number: int, start: datetime, dice: random.Random) -> None:
    line = _named(f"L{number}", "line", area, f"Bottling line {number}", f"Ligne d'embouteillage {number}")
    plant.lines.append(line)
    _calendar(line, start)
    units = []
    for position, (code, en, fr, class_code, rate) in enumerate(MACHINES, 1):
        unit = _named(
            f"L{number}-{code}", "work_unit", line, en, fr, position=position * 10,
            is_constraint=position == 1, equipment_class=EquipmentClass.objects.get(code=class_code),
        )  # fmt: skip
        IdealRate.objects.create(equipment=unit, units_per_hour=rate, valid_from=start - timedelta(days=90))
        units.append(unit)
    plant.units[line.code] = units
    histories = _histories(units, start, plant.now, dice, calm=number == 1)
    for unit in units:
        _derived(unit, histories[unit.code], start, plant.now, dice)
        _counts(unit, histories[units[0].code], histories[unit.code], start, plant.now, dice)
    _orders(line, units, start, plant.now, first=(number - 1) * 2)
    revision_bump(line_id=line.pk)


def _calendar(line: Equipment, start: datetime) -> None:
    version = CalendarVersion.objects.create(line=line, valid_from=start.date(), pattern={"shifts": []})
    for at, code, en, fr in (
        (-1, "N", "Night", "Nuit"),
        (0, "M", "Morning", "Matin"),
        (1, "A", "Late", "Soir"),
    ):
        begin = start + timedelta(hours=HOURS * at)
        common = {"line": line, "version": version, "production_day": start.date()}
        CalendarSlot.objects.create(
            kind="shift", code=code, name_en=en, name_fr=fr, start_time=begin,
            end_time=begin + timedelta(hours=HOURS), **common,
        )  # fmt: skip
        CalendarSlot.objects.create(
            kind="break", code="B", name_en="Break", name_fr="Pause",
            start_time=begin + timedelta(hours=3), end_time=begin + timedelta(hours=3, minutes=30), **common,
        )  # fmt: skip


def _pauses(start: datetime) -> tuple[datetime, datetime]:
    return start + timedelta(hours=3), start + timedelta(hours=3, minutes=30)


def _histories(
    units: list[Equipment], start: datetime, now: datetime, dice: random.Random, *, calm: bool
) -> dict[str, list[StateRow]]:
    """The first machine stops by itself; those after it starve and block a little later."""
    lead = _own(start, now, dice, mean_run=1500 if calm else 420, end_stopped=not calm)
    found = {units[0].code: lead}
    for at, unit in enumerate(units[1:], 1):
        found[unit.code] = _following(lead, timedelta(seconds=20 * at), start, now, dice)
    return found


def _own(
    start: datetime, now: datetime, dice: random.Random, *, mean_run: int, end_stopped: bool
) -> list[StateRow]:
    rows, at = [], start
    lunch, back = _pauses(start)
    while at < now:
        run = timedelta(seconds=dice.expovariate(1 / mean_run) + 20)
        end = min(at + run, now)
        if at < lunch <= end:
            rows += [
                StateRow(at, lunch, "execute", "produce", "", ""),
                StateRow(lunch, back, "idle", "produce", "", ""),
            ]
            at = back
            continue
        rows.append(StateRow(at, end, "execute", "produce", "", ""))
        at = end
        if at >= now:
            break
        long = dice.random() < 0.28
        stop = timedelta(seconds=dice.uniform(150, 900) if long else dice.uniform(5, 90))
        fault = dice.choice(FAULTS) if dice.random() < 0.7 else ""
        state = "aborted" if fault else dice.choice(("stopped", "held"))
        rows.append(StateRow(at, min(at + stop, now), state, "produce", fault, ""))
        at += stop
    gap = start + timedelta(hours=1, minutes=12)
    rows = _with_gap(rows, gap, gap + timedelta(minutes=6)) if end_stopped else rows
    if end_stopped:
        rows = _cut(rows, now - timedelta(minutes=4, seconds=20))
        rows.append(StateRow(rows[-1].end or now, None, "aborted", "produce", FAULTS[0], ""))
    else:
        rows[-1] = rows[-1]._replace(end=None, state="execute", fault_code="")
    return rows


def _cut(rows: list[StateRow], at: datetime) -> list[StateRow]:
    kept = [row for row in rows if row.start < at]
    return [*kept[:-1], kept[-1]._replace(end=at)]


def _with_gap(rows: list[StateRow], start: datetime, end: datetime) -> list[StateRow]:
    found = []
    for row in rows:
        row_end = row.end or end
        if row.start < start:
            found.append(row._replace(end=min(row_end, start)))
        if row_end > end:
            found.append(row._replace(start=max(row.start, end)))
    found.append(StateRow(start, end, "unknown", "", "", "gap"))
    return sorted(found, key=lambda row: row.start)


def _following(
    lead: list[StateRow], lag: timedelta, start: datetime, now: datetime, dice: random.Random
) -> list[StateRow]:
    rows = [StateRow(start, start + lag, "starved", "produce", "", "")]
    for row in lead:
        state = "execute" if row.state == "execute" or dice.random() < 0.25 else "starved"
        state = row.state if row.state in ("idle", "unknown") else state
        begin, end = row.start + lag, None if row.end is None else row.end + lag
        if begin >= now:
            break
        end = None if end is None or end >= now else end
        if dice.random() < 0.06 and end is not None and end - begin > timedelta(minutes=6):
            middle = begin + (end - begin) / 2
            rows.append(StateRow(begin, middle, state, "produce", "", ""))
            stopped = middle + timedelta(seconds=dice.uniform(10, 260))
            rows.append(StateRow(middle, min(stopped, end), "stopped", "produce", "", ""))
            begin = min(stopped, end)
        if end is None or end > begin:
            rows.append(StateRow(begin, end, state, "produce", "", ""))
    if rows[-1].end is not None:
        rows.append(StateRow(rows[-1].end, None, "execute", "produce", "", ""))
    return rows


def _derived(
    unit: Equipment, rows: list[StateRow], start: datetime, now: datetime, dice: random.Random
) -> None:
    StateInterval.objects.bulk_create(
        StateInterval(
            work_unit=unit, start_time=row.start, end_time=row.end, state=row.state, mode=row.mode,
            fault_code=row.fault_code, cause=row.cause,
        )
        for row in rows
    )  # fmt: skip
    limits = Thresholds()
    for number, stop in enumerate(stops_of(rows)):
        end = stop.end or now
        asked = needs_reason(stop, now, limits, None)
        made = Stop.objects.create(
            id=stop_id(unit.code, stop.start), work_unit=unit, start_time=stop.start, end_time=stop.end,
            base_class=stop.base_class, size=size_of(end - stop.start, limits), fault_code=stop.fault_code,
            needs_reason=asked and stop.base_class == "own",
        )  # fmt: skip
        if made.size == REGISTERED and made.base_class == "own" and stop.end and number % 3:
            code = dice.choice(("JAM", "JAM", "LABEL", "MECH", "CLEAN"))
            ReasonAssertion.objects.create(
                equipment=unit, start_time=stop.start, end_time=stop.end,
                reason=Reason.objects.get(code=code), said_by=Person.objects.filter(badge="1002").first(),
                said_at=stop.end + timedelta(minutes=2),
            )  # fmt: skip
    StitchCheckpoint.objects.create(work_unit=unit, begun=start, folded_to=now, horizon=now)


def _signal(unit: Equipment, role: str) -> SignalDefinition:
    return SignalDefinition.objects.create(
        connection=Connection.objects.get(slug="plc"), address=f"{unit.code}/{role}", equipment=unit,
        role=role, name_en=role.replace("_", " "), name_fr=role.replace("_", " "),
    )  # fmt: skip


def _counts(
    unit: Equipment,
    lead: list[StateRow],
    rows: list[StateRow],
    start: datetime,
    now: datetime,
    dice: random.Random,
) -> None:
    """What the first machine let through is what the others count."""
    good, scrap, alarm = (_signal(unit, role) for role in ("good_count", "scrap_count", "alarm"))
    rate = MACHINES[0][-1]
    at = start
    while at < now:
        end = at + BUCKET
        ran = timedelta()
        for row in lead:
            if row.state == "execute":
                begin, finish = max(row.start, at), min(row.end or now, end, now)
                ran += max(finish - begin, timedelta())
        made = int(rate * 0.97 * ran.total_seconds() / 3600)
        lost = int(made * dice.uniform(0, 0.02))
        for signal, kind, quantity in ((good, "good", made - lost), (scrap, "scrap", lost)):
            QuantityActual.objects.create(
                work_unit=unit, signal=signal, kind=kind, start_time=at, end_time=end, quantity=quantity
            )
        at = end
    for row in rows:
        if row.fault_code:
            AlarmInterval.objects.create(
                work_unit=unit, signal=alarm, code=row.fault_code.split()[0], start_time=row.start,
                end_time=row.end,
            )  # fmt: skip


def _orders(line: Equipment, units: list[Equipment], start: datetime, now: datetime, *, first: int) -> None:
    begin = start
    for number in range(3):
        code, product_code, amount = ORDERS[(first + number) % len(ORDERS)]
        code = f"{code}-{line.code}"
        product = MaterialDefinition.objects.get(code=product_code)
        routing, _ = WorkMaster.objects.get_or_create(
            code=f"{product_code}@{line.code}", defaults={"product": product, "line": line}
        )
        BillOfMaterialsItem.objects.get_or_create(
            work_master=routing,
            material=MaterialDefinition.objects.get(code="BOTTLE-33"),
            defaults={"quantity": 1, "unit": "pcs"},
        )
        end = begin + timedelta(hours=float(amount) / 8400)
        running = number == 0
        order = JobOrder.objects.create(
            code=code, line=line, product=product, work_master=routing, quantity=amount, unit="pcs",
            planned_start=begin, planned_end=end, due_time=end + timedelta(hours=1), sequence=number + 1,
            state="running" if running else "allowed_to_start", started_at=start if running else None,
        )  # fmt: skip
        JobOrderVersion.objects.create(
            job_order=order, version=1, change="store", at=start - timedelta(days=1), actor="erp",
            plan={"quantity": str(amount)},
        )  # fmt: skip
        JobOrderEvent.objects.create(job_order=order, verb="store", at=start - timedelta(days=1), actor="erp")
        if running:
            JobOrderEvent.objects.create(job_order=order, verb="start", at=start, actor="signal")
            for equipment in [line, *units]:
                source = "events" if equipment == line else "signal"
                OrderSpan.objects.create(
                    equipment=equipment, order_code=code, start_time=start, source=source
                )
        begin = end
