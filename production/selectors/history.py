"""How often the same reasons came back: by machine and shift, per hour run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import DateTimeField, F, Sum, Value
from django.db.models.functions import Coalesce, Greatest, Least

from plant import selectors as plant
from production.domain import states
from production.models import ReasonAssertion, StateInterval
from production.selectors.stopped import overlapping

if TYPE_CHECKING:
    from plant.models import CalendarSlot, Equipment

RUNNING_STATES = tuple(name for name, base in states.BASE_CLASS.items() if base == states.RUNNING)


@dataclass(frozen=True, slots=True)
class Frequency:
    """How often one reason was given in [start, end), most often first. ``ran``: run time of its machines."""

    reason_code: str
    count: int
    by_shift: tuple[tuple[str, int], ...]
    by_machine: tuple[tuple[str, int], ...]
    ran: timedelta

    @property
    def per_hundred_hours(self) -> float | None:
        """Times per hundred hours run: never per calendar time."""
        return 100 * self.count * timedelta(hours=1) / self.ran if self.ran else None


def reason_frequency(*, line_id: int, start: datetime, end: datetime) -> dict[str, Frequency]:
    """Reasons in force on a line's machines, by reason code; three queries whatever the range."""
    units = {unit.pk: unit for unit in plant.line_work_units(line_id)}
    said = ReasonAssertion.objects.filter(
        equipment_id__in=units, start_time__gte=start, start_time__lt=end,
        reason__isnull=False, superseded_by=None,
    ).order_by("start_time")  # fmt: skip
    slots = plant.calendar_slots(line_id=line_id, start=start, end=end)
    shifts = [slot for slot in slots if slot.kind == "shift"]
    ran = run_time(equipment_ids=units, start=start, end=end)
    found: dict[str, list[tuple[int, datetime]]] = {}
    for machine, at, code in said.values_list("equipment_id", "start_time", "reason__code"):
        found.setdefault(code, []).append((machine, at))
    return {code: _frequency(code, given, units, shifts, ran) for code, given in found.items()}


def _frequency(
    code: str,
    given: Sequence[tuple[int, datetime]],
    units: dict[int, Equipment],
    shifts: Sequence[CalendarSlot],
    ran: dict[int, timedelta],
) -> Frequency:
    by_machine = Counter(units[machine].code for machine, _at in given).most_common()
    by_shift = Counter(_shift_at(shifts, at) for _machine, at in given).most_common()
    time = sum((ran.get(machine, timedelta()) for machine in {m for m, _at in given}), timedelta())
    return Frequency(code, len(given), tuple(by_shift), tuple(by_machine), time)


def _shift_at(shifts: Sequence[CalendarSlot], at: datetime) -> str:
    """Code of the shift an instant lies in; empty outside all."""
    return next((shift.code for shift in shifts if shift.start_time <= at < shift.end_time), "")


def run_time(*, equipment_ids: Iterable[int], start: datetime, end: datetime) -> dict[int, timedelta]:
    """Time each machine ran in [start, end)."""
    instant = DateTimeField()
    since = Greatest(F("start_time"), Value(start, instant))
    until = Least(Coalesce(F("end_time"), Value(end, instant)), Value(end, instant))
    found: Any = StateInterval.objects.filter(
        overlapping(start, end), work_unit_id__in=list(equipment_ids), state__in=RUNNING_STATES
    )
    return dict(found.order_by().values_list("work_unit_id").annotate(time=Sum(until - since)))
