"""What happened in a window, by machine: states, orders, and the account that adds up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from plant.domain.calendar import Slot
from plant.domain.intervals import Interval
from production.domain.account import Account, Known, OrderUse
from production.domain.account import account as account_of
from production.domain.stitching import StateRow
from production.domain.stops import StopRow
from production.models import OrderSpan, StateInterval, StitchCheckpoint, Stop, ToolSpan
from production.selectors.definitions import definitions_for
from production.selectors.observed import EVENTS, LINE, SIGNAL, Observed, Uses, observed, places_of
from production.selectors.slow import Ran, Standards, slow_reach, slow_spans
from production.selectors.stopped import overlapping
from production.selectors.units import cycle_at, planned_slots, thresholds_of

if TYPE_CHECKING:
    from plant.models import Equipment


class Planned(NamedTuple):
    """What is planned of a line as far as it was read; ``slots`` None: the line has no calendar at all."""

    reach: Interval
    slots: Sequence[Slot] | None


def accounts(
    *,
    equipment: Sequence[Equipment],
    start: datetime,
    end: datetime,
    calendars: Mapping[int, Planned] | None = None,
    standards: Standards | None = None,
) -> dict[int, Account]:
    """By id, in a fixed number of queries, machines without data left out. ``calendars`` of lines and
    ``standards`` of machines, where read already.
    """
    if not equipment or end <= start:
        return {}
    seen = observed(equipment, *slow_reach(equipment, start, end))
    machines = [m for m in equipment if m.pk in seen.known and seen.known[m.pk].horizon > start]
    ran = _ran(machines, seen)
    planned = _planned(machines, seen, Interval(start, end), calendars or {})
    slow = slow_spans(machines, ran, start, end, products=seen.products, standards=standards)
    found: dict[int, Account] = {}
    for machine in machines:
        did = ran[machine.pk]
        known = Known(
            states=did.states,
            stops=seen.stops.get(machine.pk, []),
            slots=planned[machine.parent_id],
            orders=did.orders,
            reasons=seen.said.get(machine.pk, []),
            thresholds=thresholds_of(machine, cycle_at(seen.known[machine.pk].fastest)),
            horizon=did.horizon,
            definitions=did.definitions,
            slow=slow.get(machine.pk, ()),
        )
        found[machine.pk] = account_of(Interval(start, min(end, did.horizon)), known)
    return found


def _ran(machines: Sequence[Equipment], seen: Observed) -> dict[int, Ran]:
    """What each machine did, and what its states count as."""
    orders = _uses(machines, seen.spans, {machine: known.orders for machine, known in seen.known.items()})
    return {
        machine.pk: Ran(
            seen.states.get(machine.pk, []),
            orders.get(machine.pk, []),
            definitions_for(machine.equipment_class_id, seen.families),
            seen.known[machine.pk].horizon,
        )
        for machine in machines
    }


def _planned(
    machines: Sequence[Equipment], seen: Observed, window: Interval, calendars: Mapping[int, Planned]
) -> dict[int | None, list[Slot] | None]:
    """What is planned of each machine's line, as far as the stops of the window reach: one that goes on as
    far as the data.
    """
    assert window.end is not None
    reached = [
        (stop.start, stop.end or seen.known[machine.pk].horizon)
        for machine in machines
        for stop in seen.stops.get(machine.pk, ())
    ]
    earliest = min([window.start, *(start for start, _ in reached)])
    latest = max([window.end, *(end for _, end in reached)])
    return {
        line_id: _slots(line_id, calendars, earliest, latest)
        for line_id in {machine.parent_id for machine in machines}
    }


def _slots(
    line_id: int | None, calendars: Mapping[int, Planned], start: datetime, end: datetime
) -> list[Slot] | None:
    """What is planned in [start, end), read only where what was read already does not reach it."""
    read = calendars.get(line_id or 0)
    if read is None or (read.slots is not None and not _reaches(read.reach, start, end)):
        return planned_slots(line_id=line_id, start=start, end=end)
    if read.slots is None:
        return None
    return [slot for slot in read.slots if slot.start < end and slot.end > start]


def _reaches(reach: Interval, start: datetime, end: datetime) -> bool:
    return reach.start <= start and (reach.end is None or end <= reach.end)


def _uses(machines: Sequence[Equipment], spans: Uses, told: Mapping[int, str]) -> dict[int, list[OrderUse]]:
    """Spans by machine, of who tells its orders."""
    found: dict[int, list[OrderUse]] = {}
    for machine in machines:
        teller, line = told.get(machine.pk, LINE), machine.parent_id or 0
        of_line = [*spans.get((line, SIGNAL), ()), *spans.get((line, EVENTS), ())]
        found[machine.pk] = spans.get((machine.pk, teller), []) if teller != LINE else of_line
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
    """Which order each machine worked on in [start, end): by its own order signal, else by its line's events
    moved by the transit to it.
    """
    rows: Uses = {}
    found = OrderSpan.objects.filter(overlapping(start, end), equipment_id__in=list(places_of(equipment)))
    for span in found.order_by("start_time"):
        use = OrderUse(span.start_time, span.end_time, span.order_code)
        rows.setdefault((span.equipment_id, span.source), []).append(use)
    return _uses(equipment, rows, tellers([machine.pk for machine in equipment]))


def tellers(equipment_ids: Iterable[int]) -> dict[int, str]:
    """Who tells the orders of each machine."""
    found = OrderSpan.objects.filter(equipment_id__in=list(equipment_ids)).order_by("equipment_id", "source")
    told: dict[int, str] = {}
    for machine, source in found.values_list("equipment_id", "source").distinct():
        # In the order of their names: what its signal says comes last and holds.
        told[machine] = source
    return told


def tools_between(*, equipment_ids: Iterable[int], start: datetime, end: datetime) -> list[ToolSpan]:
    """Tools mounted in [start, end), by machine and time."""
    found = ToolSpan.objects.filter(overlapping(start, end), work_unit_id__in=list(equipment_ids))
    return list(found.select_related("work_unit").order_by("work_unit_id", "start_time"))
