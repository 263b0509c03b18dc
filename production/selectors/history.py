"""How often the same reasons came back: by machine and shift, per hour run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from django.db.models import DateTimeField, F, Q, Sum, Value
from django.db.models.functions import Coalesce, Greatest, Least

from plant import selectors as plant
from production.domain import states
from production.models import ReasonAssertion, StateInterval
from production.selectors.definitions import definitions_for, families
from production.selectors.stopped import overlapping

if TYPE_CHECKING:
    from plant.models import CalendarSlot, Equipment


@dataclass(frozen=True, slots=True)
class Frequency:
    """How often one reason was given in [start, end), most often first. ``ran``: run time of its machines.

    ``given``: where and for a stop begun when, by time; ``ran_by``: each machine's run time.
    """

    reason_code: str
    count: int
    by_shift: tuple[tuple[str, int], ...]
    by_machine: tuple[tuple[str, int], ...]
    ran: timedelta
    given: tuple[tuple[str, datetime], ...] = ()
    ran_by: tuple[tuple[str, timedelta], ...] = ()

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
    on = sorted({machine for machine, _at in given})
    ran_by = tuple((units[machine].code, ran.get(machine, timedelta())) for machine in on)
    time = sum((time for _machine, time in ran_by), timedelta())
    told = tuple((units[machine].code, at) for machine, at in given)
    return Frequency(code, len(given), tuple(by_shift), tuple(by_machine), time, told, ran_by)


def _shift_at(shifts: Sequence[CalendarSlot], at: datetime) -> str:
    """Code of the shift an instant lies in; empty outside all."""
    return next((shift.code for shift in shifts if shift.start_time <= at < shift.end_time), "")


def run_time(*, equipment_ids: Iterable[int], start: datetime, end: datetime) -> dict[int, timedelta]:
    """Time each machine ran in [start, end), by what its states count as."""
    return run_times(equipment_ids=equipment_ids, windows=[(start, end)])[0]


def run_times(
    *, equipment_ids: Iterable[int], windows: Sequence[tuple[datetime, datetime]]
) -> list[dict[int, timedelta]]:
    """``run_time`` of several windows, in one read for all of them."""
    running = _running(equipment_ids)
    found: list[dict[int, timedelta]] = [{} for _ in windows]
    instant, parts = DateTimeField(), []
    for place, (start, end) in enumerate(windows):
        since = Greatest(F("start_time"), Value(start, instant))
        until = Least(Coalesce(F("end_time"), Value(end, instant)), Value(end, instant))
        rows: Any = StateInterval.objects.filter(overlapping(start, end) & running).order_by()
        rows = rows.annotate(place=Value(place)).values_list("place", "work_unit_id")
        parts.append(rows.annotate(time=Sum(until - since)))
    if parts:
        for place, machine, time in parts[0].union(*parts[1:], all=True) if parts[1:] else parts[0]:
            found[place][machine] = time
    return found


def _running(equipment_ids: Iterable[int]) -> Q:
    """Rows in which a machine runs: a state has the meaning in force when it began."""
    by_class: dict[int | None, list[int]] = {}
    for unit in plant.equipment_for_ids(equipment_ids).values():
        by_class.setdefault(unit.equipment_class_id, []).append(unit.pk)
    known = plant.remembered("time models", families) if by_class else {}
    found = Q(pk__in=[])
    for class_id, ids in by_class.items():
        versions = definitions_for(class_id, known).versions
        for version, following in zip_longest(versions, versions[1:]):
            names = [name for name, base in version.bases.items() if base == states.RUNNING]
            held = Q(work_unit_id__in=ids, state__in=names)
            if version is not versions[0]:
                held &= Q(start_time__gte=version.since)
            if following is not None:
                held &= Q(start_time__lt=following.since)
            found |= held
    return found
