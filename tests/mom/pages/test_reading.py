"""What a line's reading takes in one read is what the separate reads tell."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from mom.pages import reading
from plant import selectors
from plant.access import Actor, Grant
from production import selectors as production
from production.selectors.accounts import _known_of, _observed, _uses, stops_between, tellers
from tests.factories.pages import Plant

pytestmark = pytest.mark.django_db


def test_one_read_tells_what_separate_reads_tell(plant: Plant) -> None:
    now = timezone.now()
    for line in plant.lines:
        found = reading.line_reading(line, revision=1, now=now)
        start, ids = found.window.start, [unit.pk for unit in found.units]
        states, stops, spans = _observed(found.units, start, now)
        assert states
        assert states == production.states_between(equipment_ids=ids, start=start, end=now)
        assert stops == stops_between(equipment_ids=ids, start=start, end=now)
        told = tellers(ids)
        uses = production.orders_between(equipment=found.units, start=start, end=now)
        assert _uses(found.units, spans, told) == uses
        known = _known_of(ids)
        assert {pk: about.orders for pk, about in known.items()} == {pk: told.get(pk, "") for pk in known}
        assert {pk: a.horizon for pk, a in known.items()} == production.horizons_of(ids)
        assert found.accounts == production.accounts(equipment=found.units, start=start, end=now)
        _told_as_apart(found)


def _told_as_apart(found: reading.LineReading) -> None:
    everyone = Actor(label="line page", grants=(Grant("supervisor", found.line.path),))
    waiting = production.told(production.stops_uncoded(everyone)[: reading.MOST_UNCODED])
    rows: Any = production.stops(everyone).filter(start_time__gte=found.window.start)
    said = production.told(rows.filter(assertion_id__isnull=False)[: reading.SHOWN_SAID])
    assert found.uncoded == waiting
    assert found.said == said


def test_a_line_knows_its_machines_and_its_zone(plant: Plant) -> None:
    for line in plant.lines:
        units, zone = selectors.line_places(line)
        assert units == selectors.line_work_units(line.pk)
        assert zone == selectors.site_zone(line)
