"""Until when data are known, and where they are missing: gaps, horizons, freshness."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors import selectors
from connectors.domain.columns import Columns, micros
from connectors.domain.outage import gap_declared
from connectors.models import (
    Gap,
    SignalDefinition,
    Watermark,
)
from connectors.services.ingest import Delivery, Result, deliveries_store, samples_ingest
from plant.domain.samples import Sample
from tests.factories.connectors import connection_make, signal_make
from tests.factories.plant import actor_make, line_make

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def mapped() -> SignalDefinition:
    unit = line_make(1).unit
    return signal_make(unit, "M1/value")


def columns(*values: Any, address: str = "M1/value", at: datetime = NOW, step: int = 1) -> Columns:
    return Columns.of(
        (Sample(address, at + timedelta(seconds=step * index), value) for index, value in enumerate(values)),
        arrival_time=micros(NOW),
    )


def ingest(signal: SignalDefinition, samples: Columns) -> Result:
    return samples_ingest(connection=signal.connection.slug, samples=samples, now=NOW)


def test_a_gap_is_opened_and_closed_by_two_rows_and_read_as_one(mapped: SignalDefinition) -> None:
    closed = gap_declared(source="x", cause="connection_down", start=NOW, end=NOW + timedelta(minutes=1))
    opened = replace(closed, end_time=None)
    unit = mapped.equipment_id
    for gaps in ([opened], [opened], [closed], [opened, closed]):
        deliveries_store(slug=mapped.connection.slug, deliveries=[Delivery(gaps=gaps)], now=NOW)
    assert Gap.objects.count() == 2
    (found,) = selectors.gaps_between(equipment_ids=[unit], start=NOW, end=NOW + timedelta(hours=1))
    assert found.end_time == closed.end_time
    after = NOW + timedelta(minutes=1)
    assert selectors.gaps_between(equipment_ids=[unit], start=after, end=NOW + timedelta(hours=1)) == []
    assert [gap.pk for gap in selectors.gaps_visible(actor_make("engineer", mapped.connection.site))] == [
        Gap.objects.get(end_time__isnull=False).pk
    ]


def test_the_horizon_is_the_earliest_of_the_machines_connections(mapped: SignalDefinition) -> None:
    unit = mapped.equipment_id
    assert selectors.horizon_for(equipment_id=unit) is None
    for minutes in (1, 3):
        Watermark.objects.create(connection=mapped.connection, at=NOW + timedelta(minutes=minutes))
    assert selectors.horizon_for(equipment_id=unit) == NOW + timedelta(minutes=3)
    second = signal_make(mapped.equipment, "other", connection=connection_make(mapped.connection.site))
    assert selectors.horizon_for(equipment_id=unit) is None
    Watermark.objects.create(connection=second.connection, at=NOW)
    assert selectors.horizon_for(equipment_id=unit) == NOW


def test_freshness_names_the_last_sample_of_each_connection(mapped: SignalDefinition) -> None:
    ingest(mapped, columns(1, 2))
    (found,) = selectors.connection_freshness(now=NOW + timedelta(seconds=11))
    assert (found.slug, found.age) == (mapped.connection.slug, timedelta(seconds=10))
