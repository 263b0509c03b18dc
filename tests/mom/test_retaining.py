"""What is old enough to go is kept while something rests on it, and told where it was once it is gone."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from connectors.models import RetiredHistory
from mom.retaining import still_needed
from mom.signing.orders import order_sign
from plant.hooks import may_retire
from plant.selectors import actor_for_person
from production.models import JobOrder
from quality import services as quality
from tests.factories import plant as make
from tests.factories.connectors import signal_make
from tests.factories.production import at
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
