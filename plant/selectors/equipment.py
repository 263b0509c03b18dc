"""Finding places: by code, by line, by role."""

from __future__ import annotations

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet

from plant.access import Actor, scoped
from plant.models import Equipment
from plant.selectors.configuration import remembered, revised, revision_text


def equipment_by_code(code: str) -> Equipment:
    """Raises Equipment.DoesNotExist, naming the code."""
    rows = Equipment.objects.select_related("equipment_class")
    try:
        return remembered(("equipment", code), lambda: rows.get(code=code))
    except Equipment.DoesNotExist:
        raise Equipment.DoesNotExist(f"no equipment {code}") from None


def equipment_for_ids(ids: Iterable[int]) -> dict[int, Equipment]:
    wanted, rows = tuple(ids), Equipment.objects.select_related("equipment_class")
    return remembered(("equipment", wanted), lambda: rows.in_bulk(wanted))


def lines(actor: Actor) -> QuerySet[Equipment]:
    """The lines the actor may look at, in order."""
    return scoped(Equipment.objects.filter(level=Equipment.Level.LINE), actor, path="path").order_by("path")


def lines_revised(actor: Actor) -> list[Equipment]:
    """The lines the actor may look at, in order, each with its ``revision``: see ``revision_of``."""
    found = list(revised(lines(actor)))
    for line in found:
        line.revision = revision_text(line.changed, line.configured)  # type: ignore[attr-defined]
    return found


def line_of(equipment: Equipment) -> Equipment | None:
    """The line an equipment is, or is part of; None above lines."""
    if equipment.level == Equipment.Level.LINE:
        return equipment
    codes = equipment.path.strip("/").split("/")
    rows = Equipment.objects.filter(code__in=codes, level=Equipment.Level.LINE)
    return remembered(("line of", equipment.pk), rows.first)


def line_work_units(line_id: int) -> list[Equipment]:
    """The machines of a line from first to last."""
    return list(
        Equipment.objects.filter(parent_id=line_id, level=Equipment.Level.WORK_UNIT)
        .select_related("equipment_class")
        .order_by("position", "code")
    )


def line_places(line: Equipment) -> tuple[list[Equipment], ZoneInfo]:
    """The machines of a line from first to last, and its site's time zone, in one read."""
    codes = line.path.strip("/").split("/")
    found = Equipment.objects.filter(
        Q(parent_id=line.pk, level=Equipment.Level.WORK_UNIT) | Q(code__in=codes, level=Equipment.Level.SITE)
    ).select_related("equipment_class")
    rows = list(found.order_by("position", "code"))
    units = [row for row in rows if row.level == Equipment.Level.WORK_UNIT]
    sites = sorted((row for row in rows if row.level == Equipment.Level.SITE), key=lambda row: row.path)
    return units, ZoneInfo(next((site.time_zone for site in sites[:1] if site.time_zone), "UTC"))


def line_constraint(line_id: int) -> Equipment | None:
    """The machine declared to pace the line; None when none is declared."""
    rows = Equipment.objects.filter(parent_id=line_id, is_constraint=True).select_related("equipment_class")
    return rows.order_by("position").first()


def site_zone(equipment: Equipment) -> ZoneInfo:
    """Time zone of the site an equipment stands in; UTC when the site names none."""
    codes = equipment.path.strip("/").split("/")
    site = Equipment.objects.filter(code__in=codes, level=Equipment.Level.SITE).first()
    return ZoneInfo(site.time_zone if site and site.time_zone else "UTC")


def sites() -> QuerySet[Equipment]:
    return Equipment.objects.filter(level=Equipment.Level.SITE).order_by("path")


def may_everywhere(actor: Actor, action: str) -> bool:
    """Whether the actor may do it on every site, for what sites share."""
    return all(actor.may(action, path) for path in sites().values_list("path", flat=True))
