"""What happened in a window, by machine: states, orders, and the account that adds up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from plant import selectors as plant
from plant.domain.calendar import Slot
from plant.domain.intervals import Interval
from production.domain.account import Account, Known, OrderUse
from production.domain.account import account as account_of
from production.domain.attribution import DECLARED_CONSTRAINT, declared_constraint
from production.domain.stitching import StateRow
from production.domain.stops import StopRow
from production.models import AlarmInterval, OrderSpan, StateInterval, StitchCheckpoint, Stop, ToolSpan
from production.selectors.stopped import overlapping, reasons_in_force
from production.selectors.units import planned_slots, thresholds_for

if TYPE_CHECKING:
    from plant.models import Equipment


@dataclass(frozen=True, slots=True)
class LineAccount:
    """A line's account is its declared constraint's until first-fault attribution exists; ``attribution``
    says so.
    """

    attribution: str
    equipment: Equipment
    account: Account


def account(*, equipment_id: int, start: datetime, end: datetime) -> Account | None:
    """The account of a machine in [start, end), cut where its data end; for a line, that of its constraint.

    None where nothing was ever received, or nothing of the window yet. Two windows that touch add up to the
    one of
    both: classes come from whole stops.
    """
    equipment = plant.equipment_for_ids([equipment_id])[equipment_id]
    if equipment.level == "line":
        line = line_account(line_id=equipment_id, start=start, end=end)
        return line.account if line else None
    return accounts(equipment=[equipment], start=start, end=end).get(equipment_id)


def line_account(*, line_id: int, start: datetime, end: datetime) -> LineAccount | None:
    """The account of the line's declared constraint, named as such; None when none is declared or it has no
    data.
    """
    machine = declared_constraint(plant.line_work_units(line_id))
    if machine is None:
        return None
    found = accounts(equipment=[machine], start=start, end=end).get(machine.pk)
    return LineAccount(DECLARED_CONSTRAINT, machine, found) if found else None


def accounts(*, equipment: Sequence[Equipment], start: datetime, end: datetime) -> dict[int, Account]:
    """Accounts of several machines, by id, in a fixed number of queries; machines without data are left
    out.
    """
    horizons = horizons_of(machine.pk for machine in equipment)
    machines = [m for m in equipment if m.pk in horizons and horizons[m.pk] > start]
    if not machines or end <= start:
        return {}
    ids = [machine.pk for machine in machines]
    states = states_between(equipment_ids=ids, start=start, end=end)
    stopped = stops_between(equipment_ids=ids, start=start, end=end)
    earliest = min([start, *(stop.start for rows in stopped.values() for stop in rows)])
    latest = max([end, *(stop.end for rows in stopped.values() for stop in rows if stop.end)])
    orders = orders_between(equipment=machines, start=start, end=end)
    said = reasons_in_force(equipment_ids=ids, start=earliest, end=end)
    planned: dict[int | None, list[Slot] | None] = {
        line_id: planned_slots(line_id=line_id, start=earliest, end=max(latest, *horizons.values()))
        for line_id in {machine.parent_id for machine in machines}
    }
    thresholds = thresholds_for(equipment=machines)
    found: dict[int, Account] = {}
    for machine in machines:
        horizon = horizons[machine.pk]
        known = Known(
            states=states.get(machine.pk, []),
            stops=stopped.get(machine.pk, []),
            slots=planned[machine.parent_id],
            orders=orders.get(machine.pk, []),
            reasons=said.get(machine.pk, []),
            thresholds=thresholds[machine.pk],
            horizon=horizon,
        )
        found[machine.pk] = account_of(Interval(start, min(end, horizon)), known)
    return found


def horizons_of(equipment_ids: Iterable[int]) -> dict[int, datetime]:
    """Until when each machine's data are known; machines that never sent anything are left out."""
    found = StitchCheckpoint.objects.filter(work_unit_id__in=list(equipment_ids))
    return dict(found.values_list("work_unit_id", "horizon"))


def states_between(
    *, equipment_ids: Iterable[int], start: datetime, end: datetime
) -> dict[int, list[StateRow]]:
    """States of machines that overlap [start, end), whole and in order, by machine."""
    found = StateInterval.objects.filter(overlapping(start, end), work_unit_id__in=list(equipment_ids))
    fields = ("work_unit_id", "start_time", "end_time", "state", "mode", "fault_code", "cause")
    rows: dict[int, list[StateRow]] = {}
    for machine, *row in found.order_by("work_unit_id", "start_time").values_list(*fields):
        rows.setdefault(machine, []).append(StateRow(*row))
    return rows


def stops_between(
    *, equipment_ids: Iterable[int], start: datetime, end: datetime
) -> dict[int, list[StopRow]]:
    """Stops of machines that overlap [start, end), whole and in order, by machine."""
    found = Stop.objects.filter(overlapping(start, end), work_unit_id__in=list(equipment_ids))
    fields = ("work_unit_id", "start_time", "end_time", "base_class", "fault_code")
    rows: dict[int, list[StopRow]] = {}
    for machine, *row in found.order_by("work_unit_id", "start_time").values_list(*fields):
        rows.setdefault(machine, []).append(StopRow(*row))
    return rows


def orders_between(
    *, equipment: Sequence[Equipment], start: datetime, end: datetime
) -> dict[int, list[OrderUse]]:
    """Which order each machine worked on in [start, end): by its own order signal, else by its line's."""
    places = {machine.pk for machine in equipment} | {m.parent_id for m in equipment if m.parent_id}
    signalled = signalled_among(places)
    rows: dict[int, list[OrderUse]] = {}
    found = OrderSpan.objects.filter(overlapping(start, end), equipment_id__in=list(places))
    for span in found.order_by("start_time"):
        rows.setdefault(span.equipment_id, []).append(
            OrderUse(span.start_time, span.end_time, span.order_code)
        )
    return {
        machine.pk: rows.get(machine.pk if machine.pk in signalled else machine.parent_id or 0, [])
        for machine in equipment
    }


def signalled_among(equipment_ids: Iterable[int]) -> set[int]:
    """Those whose own order signal ever spoke."""
    found = OrderSpan.objects.filter(equipment_id__in=list(equipment_ids), source=OrderSpan.Source.SIGNAL)
    return set(found.order_by("equipment_id").values_list("equipment_id", flat=True).distinct())


class AlarmTold(NamedTuple):
    """An alarm of a machine: raised, acknowledged if it says so, cleared (None while active)."""

    work_unit: Equipment
    signal_id: int
    code: str
    start_time: datetime
    acknowledged_at: datetime | None
    end_time: datetime | None


def alarms_between(*, equipment_ids: Iterable[int], start: datetime, end: datetime) -> list[AlarmTold]:
    """Alarms active in [start, end), by time. One told by an alarm signal and as a fault code is one."""
    machines = plant.equipment_for_ids(equipment_ids)
    found = AlarmInterval.objects.filter(overlapping(start, end), work_unit_id__in=list(machines))
    fields = ("work_unit_id", "signal_id", "code", "start_time", "acknowledged_at", "end_time")
    rows = found.order_by("start_time", "signal_id").values_list(*fields)
    told: dict[tuple[int, str], list[AlarmTold]] = {}
    for row in rows:
        _alarm_add(told.setdefault((row[0], row[2]), []), AlarmTold(machines[row[0]], *row[1:]))
    alarms = [alarm for same in told.values() for alarm in same]
    return sorted(alarms, key=lambda alarm: (alarm.start_time, alarm.signal_id))


def _alarm_add(same: list[AlarmTold], alarm: AlarmTold) -> None:
    """Alarms of one machine and code, by start: of two signals that overlap, the acknowledged one stays."""
    last = same[-1] if same else None
    overlap = last is not None and (last.end_time is None or alarm.start_time < last.end_time)
    if last is None or not overlap or last.signal_id == alarm.signal_id:
        same.append(alarm)
    elif last.acknowledged_at is None and alarm.acknowledged_at is not None:
        same[-1] = alarm


def tools_between(*, equipment_ids: Iterable[int], start: datetime, end: datetime) -> list[ToolSpan]:
    """Tools mounted in [start, end), by machine and time."""
    found = ToolSpan.objects.filter(overlapping(start, end), work_unit_id__in=list(equipment_ids))
    return list(found.select_related("work_unit").order_by("work_unit_id", "start_time"))
