"""What is old enough to go is kept while something rests on it, and told where it was once it is gone."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from connectors import services as connectors
from connectors.domain.columns import Columns, micros
from connectors.models import DirtyMark, RetiredHistory, SampleSegment
from connectors.services.ingest import samples_ingest
from maintenance import services as maintenance
from maintenance.models import MaintenanceEvent
from mom.retaining import still_needed
from mom.signing.orders import order_sign
from plant.hooks import may_retire
from plant.selectors import actor_for_person
from production.models import JobOrder
from quality import services as quality
from tests.factories import plant as make
from tests.factories.connectors import signal_make
from tests.factories.production import PLANNER, at
from tests.factories.record import Told, order_told

pytestmark = pytest.mark.django_db
A_DAY = timedelta(days=1)


@pytest.fixture
def told() -> Told:
    return order_told()


def kept(told: Told, start: datetime) -> str:
    """Why a day of a machine that the order ran on is kept."""
    veto = still_needed(told.line.units[-1].pk, start, start + A_DAY)
    return veto.message if veto else ""


def test_days_of_signed_orders_and_of_open_questions_are_kept(told: Told) -> None:
    supervisor = actor_for_person(told.supervisor)
    assert may_retire.vetoes(told.line.unit.pk, at(0) - 9 * A_DAY, at(0) - 8 * A_DAY) == []
    assert "signed" not in kept(told, at(0))
    order_sign(job_order=told.order, by=supervisor, at=timezone.now())
    assert f"signed: {told.order.code}" in kept(told, at(0))
    assert kept(told, at(0) + 9 * A_DAY) == ""

    found = quality.nonconformance_open(
        equipment=told.line.unit,
        description="scratched",
        by=make.actor_make("quality", told.line.line),
        opened_at=at(0) + 30 * A_DAY,
    )
    assert kept(told, at(0) + 30 * A_DAY - timedelta(hours=2)) == f"undecided: {found.code}"
    other = make.line_make(1)
    assert still_needed(other.unit.pk, at(0), at(0) + 40 * A_DAY) is None, "of another line"
    JobOrder.objects.filter(pk=told.order.pk).update(ended_at=None)
    assert f"not ended: {told.order.code}" in kept(told, at(0) + 9 * A_DAY)


def test_days_with_an_open_request_or_an_open_case_are_kept_until_it_is_closed(told: Told) -> None:
    quiet = at(0) + 30 * A_DAY
    machine = told.line.units[0]

    request = maintenance.request_raise(equipment=machine, stop_start=quiet + A_DAY / 2, by=PLANNER)
    assert kept(told, quiet) == f"not closed: {request.code}", "of another machine of the line"
    assert [kept(told, quiet + days * A_DAY) for days in (-1, 1)] == ["", ""]
    MaintenanceEvent.objects.create(request=request, kind="withdrawn", at=timezone.now(), actor="rule")
    assert kept(told, quiet) == "", "nobody waits for it"
    maintenance.request_raise(equipment=machine, stop_start=quiet + A_DAY / 2, by=PLANNER)
    assert kept(told, quiet) == f"not closed: {request.code}", "raised again"
    maintenance.request_close(request_code=request.code, cure="oiled", by=PLANNER)
    assert kept(told, quiet) == ""

    # The order's evidence reaches a day on; a request that belongs to it keeps all of it
    JobOrder.objects.filter(pk=told.order.pk).update(ended_at=at(0) + 3 * A_DAY)
    late = maintenance.request_raise(equipment=machine, stop_start=at(3000), by=PLANNER)
    assert late.job_order_id == told.order.pk
    assert late.code in kept(told, at(0) + 2 * A_DAY)
    maintenance.request_close(request_code=late.code, cure="oiled", by=PLANNER)
    assert late.code not in kept(told, at(0) + 2 * A_DAY)

    for place in (machine, told.line.line, told.line.area, told.line.site):
        case = quality.nonconformance_open(
            equipment=place, description="rust", by=PLANNER, opened_at=quiet + A_DAY / 2
        )
        assert kept(told, quiet) == f"undecided: {case.code}", place.level
        for decision, then in (("hold", f"undecided: {case.code}"), ("use_as_is", "")):
            quality.disposition_set(nonconformance_code=case.code, decision=decision, why="seen", by=PLANNER)
            assert kept(told, quiet) == then, (place.level, decision)


def test_packed_values_under_an_open_request_go_the_night_after_it_is_closed() -> None:
    machine = make.line_make(1).unit
    signal = signal_make(machine, "temperature")
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    first, later = today - 70 * A_DAY, today + 900 * A_DAY
    for day in (first, first + 2 * A_DAY):
        value = Columns()
        value.add("temperature", 20, source_time=micros(day) + 9, arrival_time=micros(day) + 9)
        samples_ingest(connection=signal.connection.slug, samples=value, now=today)
        DirtyMark.objects.all().delete()
        connectors.day_pack(day=day.date())
    request = maintenance.request_raise(equipment=machine, stop_start=first + A_DAY / 2, by=PLANNER)

    def days() -> list[date]:
        return list(SampleSegment.objects.order_by("day").values_list("day", flat=True))

    held = [drop.held for drop in connectors.history_due(now=later)]
    assert sorted(held) == ["", f"not closed: {request.code}"]
    connectors.history_retire(now=later)
    assert days() == [first.date()]
    maintenance.request_close(request_code=request.code, cure="oiled", by=PLANNER)
    connectors.history_retire(now=later)
    assert days() == []
    assert RetiredHistory.objects.count() == 2


def test_the_record_says_when_values_were_dropped_and_by_which_rule(told: Told, client: Client) -> None:
    signal = signal_make(told.line.unit, "dropped", name_en="Glue")
    RetiredHistory.objects.create(
        connection=signal.connection,
        signal_id=signal.pk,
        start_time=at(0) - A_DAY,
        end_time=at(0) + A_DAY,
        samples=7,
        segments=1,
        size=70,
        rule="process_value: 25 months",
        why="older than 2026-01-01",
        checksum="",
        seals=[],
        heard=b"",
    )
    client.force_login(make.account_make("engineer", told.line.line))
    page = client.get(f"/orders/{told.order.code}/").content.decode()
    assert "by the rule process_value: 25 months" in page
