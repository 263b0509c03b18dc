"""What a line's reading takes in one read is what the separate reads tell."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from maintenance import selectors as maintenance
from mom.improvement.selectors import open_actions
from mom.pages import reading
from plant import selectors
from plant.access import Actor, Grant
from production import selectors as production
from production.models import IdealRate
from production.selectors.accounts import _uses, stops_between, tellers
from production.selectors.observed import observed
from production.selectors.stopped import reasons_in_force
from production.selectors.units import ideal_rates, rate_in_force
from tests.factories.pages import Plant

pytestmark = pytest.mark.django_db


def test_one_read_tells_what_separate_reads_tell(busy: Plant) -> None:
    now = timezone.now()
    asked = {line: selectors.revision_of(line.pk) for line in busy.lines}
    for found in reading.lines_reading(asked, now=now):
        start, ids = found.window.start, [unit.pk for unit in found.units]
        seen = observed(found.units, start, now)
        assert seen.states
        assert seen.states == production.states_between(equipment_ids=ids, start=start, end=now)
        assert seen.stops == stops_between(equipment_ids=ids, start=start, end=now)
        assert seen.said == reasons_in_force(equipment_ids=ids, start=start, end=now)
        told = tellers(ids)
        uses = production.orders_between(equipment=found.units, start=start, end=now)
        assert _uses(found.units, seen.spans, told) == uses
        assert {pk: about.orders for pk, about in seen.known.items()} == {
            pk: told.get(pk, "") for pk in seen.known
        }
        assert {pk: about.horizon for pk, about in seen.known.items()} == production.horizons_of(ids)
        assert found.accounts == production.accounts(equipment=found.units, start=start, end=now)
        _told_as_apart(found)
        _counted_as_apart(found)


def _told_as_apart(found: reading.LineReading) -> None:
    everyone = Actor(label="line page", grants=(Grant("supervisor", found.line.path),))
    assert found.uncoded == list(production.stops_uncoded(everyone)[: reading.MOST_UNCODED])
    rows: Any = production.stops(everyone).filter(start_time__gte=found.window.start)
    said = production.told(rows.filter(assertion_id__isnull=False)[: reading.MOST_SAID])
    assert [(row.stop, row.reason, row.who, row.at) for row in found.said] == [
        (row.stop, row.said.reason.name, str(row.said.said_by), row.said.said_at)
        for row in said
        if row.said and row.said.reason
    ]
    requests = list(maintenance.requests_open(equipment_path=found.line.path)[: reading.MOST_TAKEN])
    assert requests
    assert [(call.code, call.said_by, call.said_at) for call in found.requests] == [
        (request.code, str(request.said_by), request.said_at) for request in requests
    ]
    taken = {r.code: e for r in requests for e in r.events.all() if e.kind == "taken"}
    assert {call.code: call.taken_by for call in found.requests if call.taken_by} == {
        code: str(event.person) for code, event in taken.items()
    }
    actions = open_actions(equipment_ids=[found.line.pk, *(unit.pk for unit in found.units)])
    assert [(task.title, task.owner, task.equipment) for task in found.actions] == [
        (action.title, str(action.owner), action.equipment) for action in actions
    ]


def _counted_as_apart(found: reading.LineReading) -> None:
    assert found.order is not None
    counts = production.order_counts(job_order=found.order, units=found.units[-1:], known_to=found.now)
    parts = counts[found.units[-1].pk]
    assert len(parts) == 2
    assert found.good == sum(part.good for part in parts if part.good is not None)
    spans = [
        production.quantities(
            equipment_ids=[part.equipment_id], start=part.start, end=part.end, of_order=True
        )
        for part in parts
    ]
    assert [span[found.units[-1].pk] for span in spans] == parts
    assert found.constraint is not None
    rate = production.ideal_rate(
        equipment_id=found.constraint.pk, product_id=found.order.product_id, at=found.now
    )
    assert rate is not None
    assert found.rate == rate.units_per_hour


def test_the_rate_of_the_product_comes_before_that_of_any(busy: Plant) -> None:
    now, unit = timezone.now(), busy.units["L1"][0]
    product = reading.line_reading(busy.lines[0], revision="", now=now).orders[0].product_id
    for days, which, rate in ((5, product, 100), (3, product, 200), (-3, product, 300), (1, None, 400)):
        since = now - timedelta(days=days)
        IdealRate.objects.create(equipment=unit, product_id=which, units_per_hour=rate, valid_from=since)
    rates = ideal_rates(equipment_ids=[unit.pk])
    for wanted, at in ((product, now), (None, now), (product + 1000, now), (None, now - timedelta(days=2))):
        found = rate_in_force(rates, equipment_id=unit.pk, product_id=wanted, at=at)
        assert found == production.ideal_rate(equipment_id=unit.pk, product_id=wanted, at=at)


def test_a_line_knows_its_machines_and_its_zone(plant: Plant) -> None:
    for line in plant.lines:
        units, zone = selectors.line_places(line)
        assert units == selectors.line_work_units(line.pk)
        assert zone == selectors.site_zone(line)
