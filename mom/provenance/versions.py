"""Configuration figures were computed with: rates, time models, calendars, limits, each since when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from mom.pages.definitions import limits
from mom.pages.origins import origin_word
from mom.pages.words import quantity
from mom.provenance.model import Version
from plant import selectors as plant
from production import selectors as production

if TYPE_CHECKING:
    from plant.models import Equipment
    from production.selectors import Kpi


def versions_of(equipment: Equipment, found: Kpi) -> tuple[Version, ...]:
    """Ideal rates, calendars and limits in force in the window."""
    rates = {part.rate.pk: part.rate for part in found.made if part.rate}
    rows = [
        Version(
            _("Ideal rate of %(machine)s") % {"machine": found.paced_by.name},
            _("%(rate)s per hour") % {"rate": quantity(rate.units_per_hour)},
            rate.valid_from,
            rate.recorded_at,
        )
        for rate in rates.values()
    ]
    start, end = found.account.start, found.account.end
    return (
        *_models(found.paced_by, start, end),
        *rows,
        *_calendars(equipment, start, end),
        *_limits(found.paced_by),
    )


def _models(machine: Equipment, start: datetime, end: datetime) -> Sequence[Version]:
    """What its states count as: the time model in force, or several where it changed in between."""
    found = production.time_models_in_force(equipment=machine, start=start, end=end)
    what = _("Time model of %(machine)s") % {"machine": machine.name}
    return [Version(what, model.name or _("built in"), model.since) for model in found]


def _calendars(equipment: Equipment, start: datetime, end: datetime) -> Sequence[Version]:
    line = equipment if equipment.level == "line" else plant.line_of(equipment)
    if line is None:
        return ()
    ids = {slot.version_id for slot in plant.calendar_slots(line_id=line.pk, start=start, end=end)}
    rows: Any = plant.configuration_rows("plant.CalendarVersion", pk__in=ids)
    return [
        Version(
            _("Calendar of %(line)s") % {"line": line.name},
            _("version from %(day)s") % {"day": date_format(row.valid_from, "SHORT_DATE_FORMAT")},
            None,
            row.recorded_at,
        )
        for row in rows
    ]


def _limits(machine: Equipment) -> Sequence[Version]:
    """From how long a standstill is a stop, and one that needs a reason; when silence is no data."""
    return [Version(origin_word(machine.name, what), value) for what, value in limits(machine)]
