"""Server time and queries of the line page and of a record with 10,000 events, against what is allowed.

``first`` is the reader who comes first after a change of the line; ``next`` comes after. Medians.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from datetime import timedelta

from django.db import connection, reset_queries
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connectors.models import SignalDefinition
from mom.pages import reading
from plant.models import Equipment
from plant.services import revision_bump
from production.domain.stops import stop_id
from production.models import AlarmInterval, JobOrder, StateInterval, Stop
from tests.benchmarks.result import Ratio
from tests.factories.pages import Plant, plant_running

TIMES = 15
LINE_MS, LINE_QUERIES, UNCHANGED_MS, RECORD_MS = 60, 12, 5, 500
EVENTS = 10_000
ALLOWED = "allowed"


def run() -> list[Ratio]:
    plant = plant_running()
    client = Client(headers={"host": "localhost"})
    assert plant.supervisor is not None
    client.force_login(plant.supervisor, backend="django.contrib.auth.backends.ModelBackend")
    path, line = "/lines/L2/", plant.lines[1]
    client.get(path)

    def changed() -> None:
        reading.forget()
        revision_bump(line_id=line.pk)

    first = _median(lambda: _ok(client, path), before=changed)
    following = _median(lambda: _ok(client, path))
    with CaptureQueriesContext(connection) as seen:
        etag = _ok(client, path, **{"x-poll": "1"})
        queries = len(seen)
    unchanged = _median(lambda: _unchanged(client, path, etag))
    record = _record(plant, client)
    return [
        _allowed("line page, first reader after a change (ms)", first, LINE_MS),
        _allowed("line page, readers after (ms)", following, LINE_MS),
        _allowed("line page, readers after (queries)", queries, LINE_QUERIES),
        _allowed("line page, unchanged poll (ms)", unchanged, UNCHANGED_MS),
        _allowed(f"record of an order with {EVENTS:,} events (ms)", record, RECORD_MS),
    ]


def _allowed(name: str, ours: float, most: float) -> Ratio:
    return Ratio(name, ours=ours, baseline=most, baseline_name=ALLOWED, goal=1, lower_is_better=True)


def _median(work: Callable[[], object], *, before: Callable[[], None] = reset_queries) -> float:
    """Milliseconds of ``work``; ``before`` is not measured."""
    taken = []
    for _ in range(TIMES):
        before()
        started = time.perf_counter()
        work()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


def _ok(client: Client, path: str, **headers: str) -> str:
    response = client.get(path, headers=headers)
    assert response.status_code == 200, response.status_code
    return response.headers.get("ETag", "")


def _unchanged(client: Client, path: str, etag: str) -> None:
    status = client.get(path, headers={"if-none-match": etag, "x-poll": "1"}).status_code
    assert status in (304, 200), status  # 200 once, where the minute turned


def _record(plant: Plant, client: Client) -> float:
    order = JobOrder.objects.get(code="OF-26-0411-L1")
    units = plant.units["L1"]
    for unit in units:
        _events(unit, order, EVENTS // len(units))
    revision_bump(line_id=order.line_id)
    return _median(lambda: _ok(client, f"/orders/{order.code}/"))


def _events(unit: Equipment, order: JobOrder, count: int) -> None:
    """Replace a machine's history by ``count`` rows: half states, a quarter stops, a quarter alarms."""
    dice = random.Random(unit.pk)
    for model in (StateInterval, Stop, AlarmInterval):
        model.objects.filter(work_unit=unit).delete()
    assert order.started_at is not None
    pace = (timezone.now() - order.started_at) / (count // 4)
    alarm = SignalDefinition.objects.get(equipment=unit, role="alarm")
    states, stops, alarms = [], [], []
    for number in range(count // 4):
        start = order.started_at + number * pace
        end = start + pace
        middle = start + pace * dice.uniform(0.3, 0.9)
        common = {"work_unit": unit, "start_time": middle, "end_time": end}
        fault = f"E{dice.randint(1, 40):02d}"
        states.append(
            StateInterval(work_unit=unit, start_time=start, end_time=middle, state="execute", mode="produce")
        )
        states.append(StateInterval(**common, state="aborted", mode="produce", fault_code=fault))
        size = "registered" if end - middle >= timedelta(seconds=120) else "micro"
        stops.append(
            Stop(
                **common,
                id=stop_id(unit.code, middle),
                base_class="own",
                size=size,
                fault_code=fault,
                needs_reason=False,
            )
        )
        alarms.append(AlarmInterval(**common, signal=alarm, code=fault))
    StateInterval.objects.bulk_create(states)
    Stop.objects.bulk_create(stops)
    AlarmInterval.objects.bulk_create(alarms)
