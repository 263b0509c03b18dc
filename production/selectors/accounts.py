"""What happened in a window, by machine: states, orders, and the account that adds up."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import (
    BigIntegerField,
    Case,
    CharField,
    DateTimeField,
    Exists,
    F,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce, Greatest, Least

from plant import selectors as plant
from plant.domain.calendar import Slot
from plant.domain.intervals import Interval
from production.domain.account import NEAR, Account, Known, OrderUse, Said
from production.domain.account import account as account_of
from production.domain.definition import Told
from production.domain.stitching import StateRow
from production.domain.stops import StopRow
from production.models import (
    AlarmInterval,
    IdealRate,
    JobOrder,
    OrderSpan,
    StateInterval,
    StitchCheckpoint,
    Stop,
    ToolSpan,
)
from production.selectors.definitions import Families, Family, definitions_for, family_rows
from production.selectors.slow import Ran, Standards, slow_reach, slow_spans
from production.selectors.stopped import in_force, overlapping
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
    seen = _observed(equipment, *slow_reach(equipment, start, end))
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


def _ran(machines: Sequence[Equipment], seen: _Observed) -> dict[int, Ran]:
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
    machines: Sequence[Equipment], seen: _Observed, window: Interval, calendars: Mapping[int, Planned]
) -> dict[int | None, list[Slot] | None]:
    """What is planned of each machine's line, as far as the stops of the window and the data reach."""
    ids = {machine.pk for machine in machines}
    stopped = [stop for machine, rows in seen.stops.items() if machine in ids for stop in rows]
    earliest = min([window.start, *(stop.start for stop in stopped)])
    ends = [stop.end for stop in stopped if stop.end] + [seen.known[pk].horizon for pk in ids]
    latest = max([*ends, *([window.end] if window.end else [])])
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


class _About(NamedTuple):
    """Until when a machine's data are known, who tells its orders (``_teller``), its fastest ideal rate."""

    horizon: datetime
    orders: str
    fastest: Decimal | None


def _known(equipment_ids: Iterable[int]) -> QuerySet[Any, Any]:
    """Rows of machine, horizon, who tells its orders, fastest rate as text."""
    told = _teller(OrderSpan.objects.filter(equipment_id=OuterRef("work_unit_id")))
    rates = IdealRate.objects.filter(equipment_id=OuterRef("work_unit_id")).order_by()
    fastest = rates.values("equipment_id").annotate(fastest=Max("units_per_hour")).values("fastest")
    found = StitchCheckpoint.objects.filter(work_unit_id__in=list(equipment_ids)).order_by()
    return found.annotate(told=told, fastest=Coalesce(Cast(Subquery(fastest), CharField()), Value("")))


def _teller(spans: QuerySet[OrderSpan]) -> Case:
    """Who tells the orders of a machine: its own signal if it ever spoke, else what was derived for it from
    the events of its line; ``LINE`` where nothing was. Never decided by a window.
    """
    return Case(
        *(When(Exists(spans.filter(source=told)), then=Value(told)) for told in (SIGNAL, EVENTS)),
        default=Value(LINE),
    )


TIMES = ("start_time", "end_time")
# By machine or line and who told it.
Uses = dict[tuple[int, str], list[OrderUse]]
SIGNAL, EVENTS, LINE = str(OrderSpan.Source.SIGNAL), str(OrderSpan.Source.EVENTS), ""
STATE, STOP, ORDER, KNOWN, SAID, FAMILY = "state", "stop", "order", "known", "said", "family"


class _Observed(NamedTuple):
    """What is known of machines in a window, whole rows in order. Machines that never sent anything are not
    ``known``. ``said``: reasons that may reach the window or a stop of it, in the order they were said.
    ``products``: by order.
    """

    known: dict[int, _About]
    states: dict[int, list[StateRow]]
    stops: dict[int, list[StopRow]]
    spans: Uses
    said: dict[int, list[Said]]
    families: Families
    products: dict[str, int]


def _observed(machines: Sequence[Equipment], start: datetime, end: datetime) -> _Observed:
    """``states_between``, ``stops_between``, ``reasons_in_force`` and the order spans of machines and their
    lines, in one read.
    """
    by_kind: dict[str, list[Any]] = {kind: [] for kind in (STATE, STOP, ORDER, KNOWN, SAID, FAMILY)}
    for kind, *row in _observed_rows(machines, start, end):
        by_kind[kind].append(row)
    found = _Observed({}, {}, {}, {}, {}, _families(by_kind[FAMILY]), {})
    for machine, horizon, _, told, fastest, *_ in by_kind[KNOWN]:
        found.known[machine] = _About(horizon, told, Decimal(fastest) if fastest else None)
    for machine, *row in sorted(by_kind[STATE], key=_by_start):
        found.states.setdefault(machine, []).append(StateRow(*row[:6]))
    for machine, *row in sorted(by_kind[STOP], key=_by_start):
        found.stops.setdefault(machine, []).append(StopRow(*row[:4]))
    for place, *row in sorted(by_kind[ORDER], key=_by_start):
        found.spans.setdefault((place, row[3]), []).append(OrderUse(*row[:3]))
        if row[-1]:
            found.products[row[2]] = row[-1]
    for machine, begun, ended, code, time_class, *_, pk in sorted(by_kind[SAID], key=lambda row: row[-2:]):
        found.said.setdefault(machine, []).append(Said(begun, ended, code, time_class, pk))
    return found


def _families(rows: Iterable[Sequence[Any]]) -> Families:
    """Families by id from rows of what each says from a date on; ``states`` and ``modes`` as text."""
    found: Families = {}
    for pk, since, _, code, states, modes, _, _, parent in rows:
        family = found.setdefault(pk, Family(code, parent or None, []))
        if since is not None:
            family.told.append(Told(code, since, json.loads(states), json.loads(modes)))
    return found


def _observed_rows(machines: Sequence[Equipment], start: datetime, end: datetime) -> QuerySet[Any, Any]:
    ids = [machine.pk for machine in machines]
    reached, none = overlapping(start, end), Value("")
    never, zero = Cast(Value(None), DateTimeField()), Value(0, BigIntegerField())
    states = StateInterval.objects.filter(reached, work_unit_id__in=ids).order_by()
    stopped = Stop.objects.filter(reached, work_unit_id__in=ids).order_by()
    spans = OrderSpan.objects.filter(reached, equipment_id__in=list(_places(machines))).order_by()
    made_of = JobOrder.objects.filter(code=OuterRef("order_code")).values("product_id")[:1]
    # The sum is in no index: the first is taken from the few found, not by walking all of the past in order.
    earlier = Min(F("start_time") + Value(timedelta()))
    first = Subquery(stopped.annotate(all=Value(1)).values("all").annotate(first=earlier).values("first"))
    earliest = Least(Value(start), Coalesce(first, Value(start)))
    # One without an end, said about a stop that ended before the window, is not about a stop in it.
    past = Stop.objects.filter(
        work_unit_id=OuterRef("equipment_id"), start_time__lt=start, end_time__lte=start
    )
    ended = Subquery(past.order_by("-start_time").values("end_time")[:1])
    about = Q(end_time=None, start_time__gte=Greatest(earliest - Value(NEAR), ended))
    said = in_force(ids).filter(about | Q(end_time__gt=earliest), start_time__lt=end).order_by()
    return states.values_list(
        Value(STATE), "work_unit_id", *TIMES, "state", "mode", "fault_code", "cause", never, zero
    ).union(
        stopped.values_list(
            Value(STOP), "work_unit_id", *TIMES, "base_class", "fault_code", none, none, never, zero
        ),
        spans.values_list(
            Value(ORDER), "equipment_id", *TIMES, "order_code", "source", none, none, never,
            Coalesce(Subquery(made_of, output_field=BigIntegerField()), zero),
        ),
        _known(ids).values_list(
            Value(KNOWN), "work_unit_id", "horizon", never, "told", "fastest", none, none, never, zero
        ),
        said.values_list(
            Value(SAID), "equipment_id", *TIMES, "reason__code", "reason__time_class", none, none,
            "said_at", "id",
        ),
        _told_families().all(),
        all=True,
    )  # fmt: skip


@cache
def _told_families() -> QuerySet[Any, Any]:
    """Put together once, never read itself: the same for all machines and times."""
    none, never = Value(""), Cast(Value(None), DateTimeField())
    return family_rows().values_list(
        Value(FAMILY), "pk", "time_models__valid_from", never, "code", _text("states"), _text("modes"),
        none, never, Coalesce("parent_id", Value(0, BigIntegerField())),
    )  # fmt: skip


def _text(name: str) -> Coalesce:
    """A JSON column of a family's time model as text."""
    return Coalesce(Cast(f"time_models__{name}", CharField()), Value(""))


def _by_start(row: Sequence[Any]) -> Any:
    return row[1]


def _places(machines: Sequence[Equipment]) -> set[int]:
    """Machines and their lines."""
    return {machine.pk for machine in machines} | {m.parent_id for m in machines if m.parent_id}


def _uses(machines: Sequence[Equipment], spans: Uses, told: Mapping[int, str]) -> dict[int, list[OrderUse]]:
    """Spans by machine: those its ``_teller`` tells."""
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
    found = OrderSpan.objects.filter(overlapping(start, end), equipment_id__in=list(_places(equipment)))
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
