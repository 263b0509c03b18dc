"""A small plant for tests: plain functions, every code optional."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from django.contrib.auth.hashers import make_password
from django.utils import timezone

from plant import selectors
from plant.access import Actor
from plant.models import (
    CalendarSlot,
    CalendarVersion,
    Department,
    Device,
    Equipment,
    EquipmentClass,
    EquipmentLink,
    MaterialDefinition,
    Person,
    Reason,
    RoleAssignment,
    User,
)

_numbers = itertools.count(1)
CLASSES = ("filler", "capper", "labeller", "case_packer", "palletiser")
DAY = date(2026, 3, 2)  # a Monday
SHIFT_START = datetime(2026, 3, 2, 6, tzinfo=UTC)


def _code(prefix: str) -> str:
    return f"{prefix}{next(_numbers)}"


@dataclass(frozen=True, slots=True)
class Line:
    """A line and its machines from first to last; the first of them is the declared constraint."""

    site: Equipment
    area: Equipment
    line: Equipment
    units: list[Equipment] = field(default_factory=list)

    @property
    def unit(self) -> Equipment:
        return self.units[0]


def department_make(code: str = "") -> Department:
    code = code or _code("DEP")
    return Department.objects.get_or_create(code=code, defaults={"name_en": code, "name_fr": code})[0]


def equipment_class_make(code: str = "", parent: EquipmentClass | None = None) -> EquipmentClass:
    code = code or _code("class")
    names = {"name_en": code, "name_fr": f"{code} (fr)", "parent": parent}
    return EquipmentClass.objects.get_or_create(code=code, defaults=names)[0]


def equipment_make(
    level: str = "work_unit",
    parent: Equipment | None = None,
    *,
    code: str = "",
    position: int = 0,
    equipment_class: EquipmentClass | None = None,
    is_constraint: bool = False,
    time_zone: str = "",
) -> Equipment:
    code = code or _code(level.upper()[:4])
    return Equipment.objects.create(
        code=code,
        level=level,
        parent=parent,
        path=f"{parent.path if parent else '/'}{code}/",
        name_en=f"{level} {code}",
        name_fr=f"{level} {code} (fr)",
        position=position,
        equipment_class=equipment_class,
        is_constraint=is_constraint,
        time_zone=time_zone,
    )


def site_make(code: str = "", time_zone: str = "Europe/Paris") -> Equipment:
    return equipment_make("site", code=code or _code("SITE"), time_zone=time_zone)


def line_make(units: int = 3, *, code: str = "", site: Equipment | None = None) -> Line:
    """Site, area, line and its machines, linked in a row with buffers of 50 pieces and 10 s of transit."""
    site = site or site_make()
    area = equipment_make("area", site)
    line = equipment_make("line", area, code=code or _code("L"))
    made = [
        equipment_make(
            parent=line,
            code=f"{line.code}-M{number + 1}",
            position=(number + 1) * 10,
            equipment_class=equipment_class_make(CLASSES[number % len(CLASSES)]),
            is_constraint=number == 0,
        )
        for number in range(units)
    ]
    for upstream, downstream in itertools.pairwise(made):
        EquipmentLink.objects.create(
            upstream=upstream, downstream=downstream, buffer_capacity=50, transit=timedelta(seconds=10)
        )
    return Line(site, area, line, made)


def material_make(
    code: str = "", kind: str = "finished", unit: str = "pcs", family: str = ""
) -> MaterialDefinition:
    code = code or _code("SKU")
    return MaterialDefinition.objects.create(
        code=code, kind=kind, unit=unit, family=family, name_en=f"Material {code}", name_fr=f"Article {code}"
    )


def person_make(
    role: str = "operator", scope: Equipment | None = None, *, badge: str = "", pin: str = "4321"
) -> Person:
    """Someone with one role at one place (none without a scope) and the PIN 4321."""
    badge = badge or _code("B")
    person = Person.objects.create(badge=badge, name=f"Person {badge}", pin=make_password(pin))
    if scope is not None:
        RoleAssignment.objects.create(person=person, role=role, scope=scope)
    return person


def user_make(
    person: Person | None = None, *, username: str = "", password: str = "right-horse-battery"
) -> User:
    """An account, of the person if one is given."""
    user = User.objects.create_user(username=username or _code("user"), password=password)
    if person is not None:
        person.user = user
        person.save(update_fields=["user"])
    return user


def account_make(role: str, scope: Equipment) -> User:
    """An account whose person has one role at one place: for ``client.force_login``."""
    return user_make(person_make(role, scope))


def actor_make(role: str = "admin", scope: Equipment | None = None) -> Actor:
    """What services take as ``by``: a stored person with one role at one place (default: its own site)."""
    return selectors.actor_for_person(person_make(role, scope or site_make()))


def reason_make(
    code: str = "",
    time_class: str = "breakdown",
    *,
    equipment_class: EquipmentClass | None = None,
    parent: Reason | None = None,
    opens_request: bool = False,
    position: int = 0,
) -> Reason:
    code = code or _code("R")
    return Reason.objects.create(
        code=code,
        name_en=f"Reason {code}",
        name_fr=f"Motif {code}",
        time_class=time_class,
        equipment_class=equipment_class,
        parent=parent,
        opens_request=opens_request,
        position=position,
    )


def device_make(equipment: Equipment, *, enrolled: bool = True) -> tuple[Device, str]:
    """A tablet and its secret: the value of the cookie ``device`` once enrolled."""
    secret = _code("secret-")
    device = Device.objects.create(
        label=_code("Tablet "),
        equipment=equipment,
        digest=selectors.digest_of(secret),
        enrolled_at=timezone.now() if enrolled else None,
        expires_at=timezone.now() + timedelta(hours=1),
    )
    return device, secret


def calendar_make(
    line: Equipment, *, start: datetime = SHIFT_START, shifts: int = 3, hours: int = 8
) -> list[CalendarSlot]:
    """Consecutive shifts M, A, N, M, … from ``start``, each counted for the day of its first M; no breaks."""
    version = CalendarVersion.objects.create(line=line, valid_from=start.date(), pattern={"shifts": []})
    return [
        slot_make(
            line,
            start + number * timedelta(hours=hours),
            start + (number + 1) * timedelta(hours=hours),
            version=version,
            code="MAN"[number % 3],
            production_day=start.date() + timedelta(days=number // 3),
        )
        for number in range(shifts)
    ]


def slot_make(
    line: Equipment,
    start: datetime,
    end: datetime,
    *,
    kind: str = "shift",
    code: str = "M",
    version: CalendarVersion | None = None,
    production_day: date | None = None,
) -> CalendarSlot:
    version = (
        version
        or CalendarVersion.objects.get_or_create(
            line=line, valid_from=start.date(), defaults={"pattern": {"shifts": []}}
        )[0]
    )
    return CalendarSlot.objects.create(
        line=line,
        version=version,
        kind=kind,
        code=code,
        name_en=code,
        name_fr=code,
        production_day=production_day or start.date(),
        start_time=start,
        end_time=end,
    )
