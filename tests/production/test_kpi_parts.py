"""Figures that hold whatever lies between orders, each part judged by the rate of its time."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from mom.pages import reading
from production import selectors as production
from production.models import IdealRate, OrderSpan
from tests.factories.pages import Plant, plant_running

pytestmark = pytest.mark.django_db


@pytest.fixture
def plant() -> Plant:
    reading.forget()
    return plant_running()


def test_pieces_outside_every_order_do_not_hide_the_figures_of_the_others(plant: Plant) -> None:
    line = plant.lines[0]
    order_line = OrderSpan.objects.filter(equipment__parent=line) | OrderSpan.objects.filter(equipment=line)
    product = production.job_order_at(line_id=line.pk, at=plant.now)
    assert product is not None
    IdealRate.objects.filter(equipment__parent=line).update(product=product.product)
    window = {"start": plant.now - timedelta(hours=3), "end": plant.now}
    order_line.update(end_time=plant.now - timedelta(minutes=20))
    found = production.kpi(equipment_id=line.pk, **window)
    assert found is not None
    outside = [part for part in found.made if not part.use.code]
    assert outside, "the last twenty minutes belong to no order"
    assert outside[0].good, "and pieces were counted in them"
    assert found.trs.trs is not None
    assert found.oee.oee is not None


def test_each_part_is_judged_by_the_rate_of_its_own_time(plant: Plant) -> None:
    line, filler = plant.lines[0], plant.units["L1"][0]
    change = plant.now - timedelta(hours=1, minutes=30)
    IdealRate.objects.create(equipment=filler, units_per_hour=12000, valid_from=change)
    whole = production.kpi(equipment_id=line.pk, start=plant.now - timedelta(hours=3), end=plant.now)
    assert whole is not None
    assert all(a.use.end == b.use.start for a, b in pairwise(whole.made))
    by_rate = {part.rate.units_per_hour: part.use for part in whole.made if part.rate}
    assert (by_rate[Decimal(9000)].end, by_rate[Decimal(12000)].start) == (change, change)
