"""Suggested reasons of a stop, and how often people then chose them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from django.utils import timezone

from plant import selectors as plant
from production.domain.suggestion import Cause, Features, History, Hits
from production.models import JobOrder, OrderSpan, Stop
from production.selectors.stopped import in_force, overlapping

if TYPE_CHECKING:
    from plant.models import Equipment, Reason

# An entry so much older than the stop weighs next to nothing; and so many say enough.
REACH = timedelta(days=90)
MOST_READ = 1000
MOST_REPLAYED = 10_000
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Suggested:
    """A reason that may be given to the stop, and why it is suggested."""

    reason: Reason
    cause: Cause
    score: float


class Entry(NamedTuple):
    """A person's entry about a whole stop, with what was known of the stop."""

    said_at: datetime
    stop_id: Any
    machine_id: int
    features: Features
    reason_code: str


def reason_suggestions(stop: Stop, *, at: datetime | None = None) -> list[Suggested]:
    """At most three reasons of what is offered there, the likeliest first; what was said of it left out."""
    at = at or timezone.now()
    unit = plant.equipment_for_ids([stop.work_unit_id])[stop.work_unit_id]
    offered = {
        reason.code: reason for reason in plant.reasons_offered(unit, at=stop.start_time) if reason.time_class
    }
    history = History()
    since = stop.start_time - REACH
    for entry in entries_said(machines=peers_of([unit]), since=since, until=at, most=MOST_READ):
        if entry.stop_id != stop.pk:
            history.add(entry.features, entry.reason_code, entry.said_at)
    [features] = features_of([stop], [unit])
    found = history.suggestions(features, at, offered=offered.keys())
    return [Suggested(offered[item.reason_code], item.cause, item.score) for item in found]


def suggestions_by_id(stop_id: UUID) -> list[Suggested]:
    """``reason_suggestions`` of a stop by its id; none for one that is not there."""
    stop = Stop.objects.filter(pk=stop_id).first()
    return reason_suggestions(stop) if stop else []


def peers_of(units: Sequence[Equipment]) -> list[Equipment]:
    """The machines and those of their classes on the same sites: they report the same codes."""
    classes = {unit.equipment_class_id for unit in units if unit.equipment_class_id}
    sites = {unit.path.split("/")[1] for unit in units}
    same: Any = plant.configuration_rows(
        "plant.Equipment", level="work_unit", equipment_class_id__in=list(classes)
    )
    found = {unit.pk: unit for unit in units}
    found |= {unit.pk: unit for unit in same if unit.path.split("/")[1] in sites}
    return [found[key] for key in sorted(found)]


def entries_said(
    *, machines: Sequence[Equipment], since: datetime, until: datetime, most: int
) -> list[Entry]:
    """The newest entries in force that people made about whole stops, in the order they were said.

    Micro-stops are coded as a group and teach nothing about one; what rules say teaches nobody.
    """
    ids = [machine.pk for machine in machines]
    said = (
        in_force(ids)
        .filter(rule=None, said_at__lt=until, start_time__gte=since)
        .order_by("-said_at", "-pk")
        .values_list("equipment_id", "start_time", "reason__code", "said_at")[:most]
    )
    rows = list(said)[::-1]
    if not rows:
        return []
    starts = [start for _machine, start, _code, _at in rows]
    found = Stop.objects.filter(
        work_unit_id__in=ids,
        start_time__gte=min(starts),
        start_time__lte=max(starts),
        size=Stop.Size.REGISTERED,
    )
    stops = {(stop.work_unit_id, stop.start_time): stop for stop in found}
    told = [(stops[row[:2]], row) for row in rows if row[:2] in stops]
    features = features_of([stop for stop, _row in told], machines)
    return [
        Entry(row[3], stop.pk, stop.work_unit_id, known, row[2])
        for (stop, row), known in zip(told, features, strict=True)
    ]


def features_of(stops: Sequence[Stop], machines: Sequence[Equipment]) -> list[Features]:
    """What is known of each stop before anyone speaks, in a fixed number of queries and one per line."""
    if not stops:
        return []
    by_id = {machine.pk: machine for machine in machines}
    starts = [stop.start_time for stop in stops]
    start, end = min(starts), max(starts) + timedelta(seconds=1)
    lines = {by_id[stop.work_unit_id].parent_id for stop in stops}
    products = _Products([*{stop.work_unit_id for stop in stops}, *filter(None, lines)], start, end)
    shifts = {line_id: _Along(_shifts(line_id, start, end)) for line_id in lines}
    found = []
    for stop in stops:
        machine = by_id[stop.work_unit_id]
        shift = shifts[machine.parent_id].at(stop.start_time)
        found.append(
            Features(
                stop.fault_code,
                machine.code,
                products.at(machine, stop.start_time),
                shift.code if shift else "",
                str(machine.equipment_class_id or ""),
            )
        )
    return found


def _shifts(line_id: int | None, start: datetime, end: datetime) -> list[Any]:
    slots = plant.calendar_slots(line_id=line_id, start=start, end=end) if line_id else []
    return [slot for slot in slots if slot.kind == "shift"]


class _Along:
    """Spans with ``start_time`` and ``end_time``, asked for the one an instant lies in: the last begun."""

    def __init__(self, spans: Iterable[Any]) -> None:
        self._spans = sorted(spans, key=attrgetter("start_time"))
        self._starts = [span.start_time for span in self._spans]

    def at(self, instant: datetime) -> Any:
        index = bisect_right(self._starts, instant) - 1
        if index < 0:
            return None
        span = self._spans[index]
        return span if span.end_time is None or instant < span.end_time else None


class _Products:
    """The product a machine, else its line, worked on at an instant."""

    def __init__(self, equipment_ids: Sequence[int], start: datetime, end: datetime) -> None:
        spans: dict[int, list[OrderSpan]] = {}
        for span in OrderSpan.objects.filter(overlapping(start, end), equipment_id__in=equipment_ids):
            spans.setdefault(span.equipment_id, []).append(span)
        codes = {span.order_code for found in spans.values() for span in found}
        self._spans = {place: _Along(found) for place, found in spans.items()}
        self._products = dict(JobOrder.objects.filter(code__in=codes).values_list("code", "product__code"))

    def at(self, machine: Equipment, instant: datetime) -> str:
        spans = self._spans.get(machine.pk) or self._spans.get(machine.parent_id or 0)
        span = spans.at(instant) if spans else None
        return self._products.get(span.order_code, "") if span else ""


def suggestion_hits(*, line_id: int, weeks: int = 4, now: datetime | None = None) -> dict[date, Hits]:
    """By the Monday of each week: of the stops of a line people coded, how many had been suggested.

    Each is judged with what had been said before it, as the person would have seen it.
    """
    now = now or timezone.now()
    units = plant.line_work_units(line_id)
    if not units:
        return {}
    zone = plant.site_zone(units[0])
    first = _monday(now.astimezone(zone).date()) - (weeks - 1) * WEEK
    hits = {first + number * WEEK: Hits() for number in range(weeks)}
    mine, history = {unit.pk for unit in units}, History()
    since = now - weeks * WEEK - REACH
    for entry in entries_said(machines=peers_of(units), since=since, until=now, most=MOST_REPLAYED):
        week = _monday(entry.said_at.astimezone(zone).date())
        if week in hits and entry.machine_id in mine:
            ranked = history.suggestions(entry.features, entry.said_at)
            hits[week] = hits[week].plus(ranked, entry.reason_code)
        history.add(entry.features, entry.reason_code, entry.said_at)
    return hits


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
