"""Line losses from what machines sent: equal to the constraint's lost time, named by where they started."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from plant.models import Equipment, EquipmentLink, ParallelGroup
from production import selectors, services
from production.domain.line.losses import LOST
from production.domain.stops import stop_id
from production.models import ContributionRate, JobOrder
from production.services.line_tolerances import line_tolerances_learn
from tests.factories.connectors import connection_make
from tests.factories.plant import Line, account_make, line_make, material_make, reason_make
from tests.factories.production import PACKML, PLANNER, STATES, at, order_make, rate_make, sender_make

pytestmark = pytest.mark.django_db
HOURS = 2 * 3600
Story = Sequence[tuple[float, str]]


def line_running(*stories: Story, paces: int = 1, order: bool = True) -> Line:
    """Machines that run from 0 on, but for what their stories tell; one order all the time."""
    line = line_make(len(stories))
    for number, unit in enumerate(line.units):
        unit.is_constraint = number == paces
        unit.stale_after = timedelta(days=1)
        unit.save(update_fields=["is_constraint", "stale_after"])
        rate_make(unit, 3600)
    source = connection_make(line.site, state_map={**PACKML, "51": "starved", "52": "blocked"})
    number_of = {name: int(number) for name, number in STATES.items()}
    senders = [sender_make(unit, roles=("state",), connection=source) for unit in line.units]
    for sender, story in zip(senders, stories, strict=True):
        sender.say([(0, "state", 6), *((s, "state", number_of[name]) for s, name in story)])
    senders[0].say([], watermark=HOURS)
    if order:
        product = material_make()
        ContributionRate.objects.create(product=product, per_unit=Decimal("0.5"), valid_from=at(-90_000))
        stored = order_make(line, product=product, quantity=100_000)
        services.job_order_start(job_order_id=stored.pk, at=at(0), by=PLANNER)
    for sender in senders:
        sender.stitch()
    return line


def lost(line: Line, start: float = 0, end: float = HOURS) -> list[tuple[str, str, str, float]]:
    """(kind, machine's number, reason, seconds) of every row; together the constraint's own lost time."""
    found = selectors.line_losses(line_id=line.line.pk, start=at(start), end=at(end))
    assert found is not None
    account = selectors.account(equipment_id=found.paced_by.pk, start=at(start), end=at(end))
    assert account is not None
    times = account.durations
    assert found.losses.lost == sum((times.get(name, timedelta()) for name in LOST), timedelta())
    told = [
        (row.kind, row.machine.rpartition("-")[2], row.reason_code, row.duration.total_seconds())
        for row in found.losses.rows
    ]
    assert told == asked(line, start, end)
    return told


def asked(line: Line, start: float, end: float) -> list[tuple[str, str, str, float]]:
    """The same through the API."""
    caller = APIClient()
    caller.force_login(account_make("engineer", line.site))
    window = {"start": at(start).isoformat(), "end": at(end).isoformat()}
    answer = caller.get(f"/api/v1/equipment/{line.line.code}/line-losses", window)
    assert answer.status_code == 200
    return [
        (row["kind"], (row["equipment"] or "").rpartition("-")[2], row["reason"] or "", float(row["seconds"]))
        for row in answer.json()["rows"]
    ]


DOWN: Story = [(600, "aborted"), (1200, "execute")]


def test_a_line_loses_what_its_constraint_loses_where_it_started() -> None:
    line = line_running(DOWN, [(650, "starved"), (1210, "execute")], [(660, "starved"), (1220, "execute")])
    assert lost(line) == [("machine", "M1", "", 560)]
    reason_make("JAM")
    services.reason_assert(
        equipment_id=line.units[0].pk, start_time=at(600), end_time=None, reason_code="JAM", by=PLANNER
    )
    assert lost(line) == [("machine", "M1", "JAM", 560)]
    assert lost(line, 700, 800) == [("machine", "M1", "JAM", 100)]


def test_a_stop_the_buffer_absorbed_costs_nothing() -> None:
    line = line_running(DOWN, [], [(3000, "held"), (3100, "execute")])
    assert lost(line) == []
    found = selectors.line_losses(line_id=line.line.pk, start=at(0), end=at(HOURS))
    assert found is not None
    told = [(cost.own.total_seconds(), cost.absorbed, cost.pieces) for cost in found.losses.machines]
    assert told == [(600, 1, 0), (0, 0, 0), (100, 1, 0)]


@pytest.mark.parametrize("open_end", [False, True])
def test_two_stations_down_the_same_hour_in_series(open_end: bool) -> None:
    hour: Story = [(600, "aborted")] + ([] if open_end else [(4200, "execute")])
    line = line_running(hour, hour, [], paces=1)
    assert lost(line) == [("machine", "M2", "", (HOURS if open_end else 4200) - 600)]


@pytest.mark.parametrize("open_end", [False, True])
def test_two_stations_down_the_same_hour_in_parallel(open_end: bool) -> None:
    def beside(first: Story, second: Story, after: Story) -> Line:
        line = line_running([], first, second, after, paces=3)
        group = ParallelGroup.objects.create(code=f"{line.line.code}-G", line=line.line, minimum_running=1)
        Equipment.objects.filter(pk__in=[unit.pk for unit in line.units[1:3]]).update(parallel_group=group)
        EquipmentLink.objects.filter(upstream__parent=line.line).delete()
        for upstream, downstream in ((0, 1), (0, 2), (1, 3), (2, 3)):
            EquipmentLink.objects.create(
                upstream=line.units[upstream], downstream=line.units[downstream], buffer_capacity=0
            )
        return line

    def until(start: float) -> Story:
        return [] if open_end else [(start, "execute")]

    down: Story = [(600, "aborted"), *until(4200)]
    assert lost(beside(down, [], [])) == [], "the other one runs on"
    starved: Story = [(610, "starved"), *until(4200)]
    both = beside(down, [(605, "aborted"), *until(4200)], starved)
    end = HOURS if open_end else 4200
    assert lost(both) == [("machine", "M3", "", end - 610)], "one hour of the line, not two"


def test_the_slowest_machine_paces_a_line_that_declares_none() -> None:
    line = line_running([], DOWN, [])
    Equipment.objects.filter(parent=line.line).update(is_constraint=False)
    order = JobOrder.objects.get()
    rate_make(line.units[1], 3000, order.product)
    rate_make(line.units[0], 3500, order.product)
    found = selectors.line_losses(line_id=line.line.pk, start=at(0), end=at(HOURS))
    assert found is not None
    assert (found.paced_by.code, found.basis) == (line.units[1].code, "lowest_rate")
    assert found.losses.lost == timedelta(seconds=600)


def test_without_a_declared_link_nothing_is_attributed() -> None:
    line = line_running(DOWN, [(650, "starved"), (1210, "execute")])
    EquipmentLink.objects.all().delete()
    assert selectors.line_losses(line_id=line.line.pk, start=at(0), end=at(HOURS)) is None


def test_the_api_tells_rows_that_add_up_and_the_stops_they_came_from() -> None:
    line = line_running(
        [(600, "aborted"), (1200, "execute")],
        [(650, "starved"), (1210, "execute"), (3000, "held"), (3007, "execute"), (5000, "blocked")],
        [(100, "held"), (130, "execute")],
    )
    caller = APIClient()
    caller.force_login(account_make("engineer", line.site))
    path = f"/api/v1/equipment/{line.line.code}/line-losses"
    window = {"start": at(0).isoformat(), "end": at(HOURS).isoformat()}
    with CaptureQueriesContext(connection) as seen:
        answer = caller.get(path, window)
    assert answer.status_code == 200
    said: dict[str, Any] = answer.json()
    assert (said["attribution"], said["paced_by"]) == ("first_fault", line.units[1].code)
    rows = said["rows"]
    assert sum(Decimal(row["seconds"]) for row in rows) == Decimal(said["seconds"]) == 560 + 7 + HOURS - 5000
    assert sum(Decimal(row["pieces"]) for row in rows) == Decimal(said["pieces"]) == 560 + 7 + HOURS - 5000
    assert sum(Decimal(row["money"]) for row in rows) == Decimal(said["money"]) == Decimal(said["pieces"]) / 2
    assert said["currency"] == "EUR"
    assert [(row["kind"], row["equipment"]) for row in rows] == [
        ("not_evaluable", None),
        ("machine", line.units[0].code),
        ("machine", line.units[1].code),
    ]
    assert rows[1]["stops"] == [str(stop_id(line.units[1].code, at(650)))]
    assert rows[1]["causing_stops"] == [str(stop_id(line.units[0].code, at(600)))]
    third = said["machines"][2]
    assert (third["stops"], third["absorbed_stops"], Decimal(third["pieces"])) == (1, 1, 0)
    assert len(seen) <= 24, [query["sql"][:80] for query in seen]
    assert caller.get(f"/api/v1/equipment/{line.unit.code}/line-losses").status_code == 404


def test_a_link_learns_how_late_its_machines_speak() -> None:
    """The one that feeds always tells of its stop five seconds after the one it starves."""
    feeds: Story = [
        row for n in range(40) for row in ((100 + n * 150 + 5, "held"), (100 + n * 150 + 45, "execute"))
    ]
    waits: Story = [
        row for n in range(40) for row in ((100 + n * 150, "starved"), (100 + n * 150 + 42, "execute"))
    ]
    line = line_running(feeds, waits)
    EquipmentLink.objects.update(transit=None)
    assert {row[0] for row in lost(line, 0, 3600)} == {"machine", "not_evaluable"}
    window: dict[str, Any] = {"start": at(0), "end": at(HOURS), "by": PLANNER}
    [told] = line_tolerances_learn(line_id=line.line.pk, **window, keep=False)
    assert (told.stops, told.tolerance, told.before) == (40, timedelta(seconds=5), None)
    assert EquipmentLink.objects.get().tolerance is None
    line_tolerances_learn(line_id=line.line.pk, **window)
    assert EquipmentLink.objects.get().tolerance == timedelta(seconds=5)
    assert lost(line, 0, 3600) == [("machine", "M1", "", 24 * 42)]
    said = StringIO()
    call_command("links_learn", line.line.code, "--days=1", stdout=said)
    assert "too few stops (0 stops)" in said.getvalue()
