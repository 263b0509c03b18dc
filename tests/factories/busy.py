"""A running plant with what a real line has besides: samples of its counters, pauses, calls and actions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from connectors.domain.columns import Columns, micros
from connectors.services import samples_ingest
from maintenance.services import request_raise, request_take
from mom.improvement.services import action_open
from plant.access import Actor, Grant
from plant.domain.samples import Sample
from plant.models import Person
from production.models import OrderSpan, Stop
from tests.factories.pages import Plant, _signal

LONG_BEFORE = timedelta(minutes=10)
PAUSE = timedelta(hours=1), timedelta(hours=1, minutes=20)
EVERY = timedelta(seconds=30)


def plant_busy(plant: Plant) -> None:
    """The order of each line was interrupted once; its last machine's counters told every half minute; a
    third counter never spoke; maintenance is called, and one call taken; an action is open.
    """
    for line in plant.lines:
        units = plant.units[line.code]
        begun = min(OrderSpan.objects.filter(equipment=units[-1]).values_list("start_time", flat=True))
        for span in OrderSpan.objects.filter(equipment__in=[line, *units]):
            OrderSpan.objects.filter(pk=span.pk).update(end_time=begun + PAUSE[0])
            OrderSpan.objects.create(
                equipment=span.equipment,
                order_code=span.order_code,
                start_time=begun + PAUSE[1],
                source=span.source,
            )
        _signal(units[-1], "rework_count")
        told = _told(units[-1].code, begun - LONG_BEFORE, plant.now)
        columns = Columns.of(told, arrival_time=micros(plant.now))
        samples_ingest(connection="plc", samples=columns, now=plant.now)
        _taken_on(plant, units[0].code)


def _told(unit: str, start: datetime, end: datetime) -> Iterator[Sample]:
    at, number = start, 1000
    while at < end:
        for role, step in (("good_count", 60), ("scrap_count", 1)):
            yield Sample(f"{unit}/{role}", at, number * step)
        at, number = at + EVERY, number + 1


def _taken_on(plant: Plant, unit_code: str) -> None:
    by = Actor(
        label="1003",
        person_id=Person.objects.get(badge="1003").pk,
        grants=(Grant("maintenance", plant.site.path),),
    )
    stops = Stop.objects.filter(work_unit__code=unit_code).select_related("work_unit").order_by("start_time")
    raised = [
        request_raise(equipment=stop.work_unit, stop_start=stop.start_time, by=by) for stop in stops[:3]
    ]
    request_take(request_code=raised[0].code, by=by)
    action_open(
        title="New star wheel",
        equipment_code=unit_code,
        owner_badge="1003",
        due_on=plant.now.date(),
        by=by,
        at=plant.now,
        reason_code="JAM",
    )
