"""Several orders at once, and several people: shared to the microsecond, shown and never ranked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plant.models import Equipment
from production import selectors, services
from production.domain.sharing import shared
from production.selectors.presence import people_at, people_between
from production.selectors.sharing import order_times
from production.services import StaleView
from production.services.presence import presence_end, presence_start
from production.services.sharing import order_share_assert
from tests.factories.plant import line_make, person_make
from tests.factories.production import PLANNER, at, order_make
from tests.production.test_stations import mark, say


@given(
    st.integers(0, 10**9),
    st.dictionaries(st.sampled_from("ABCDE"), st.integers(0, 9), min_size=1),
)
def test_parts_add_up_exactly_and_are_within_a_microsecond_of_their_weight(
    micros: int, weights: dict[str, int]
) -> None:
    time = timedelta(microseconds=micros)
    parts = shared(time, weights)
    assert sum(parts.values(), timedelta()) == time
    total = sum(weights.values()) or len(weights)
    for code, part in parts.items():
        weight = weights[code] if any(weights.values()) else 1
        assert abs(part - time * weight / total) <= timedelta(microseconds=2)


@pytest.mark.django_db
def test_orders_at_once_share_the_seconds_of_a_station_by_their_declared_weights() -> None:
    line = line_make(1)
    Equipment.objects.filter(pk=line.unit.pk).update(is_manual=True)
    first, second = order_make(line), order_make(line)
    say(line.unit, 0, "execute")
    services.job_order_start(job_order_id=first.pk, at=at(0), by=PLANNER)
    services.job_order_start(job_order_id=second.pk, at=at(600), by=PLANNER)
    order_share_assert(job_order_id=second.pk, weight=3, at=at(1200), by=PLANNER)
    mark(line.unit, 2400)
    times = order_times(equipment_id=line.unit.pk, start=at(0), end=at(2400))
    told = selectors.account(equipment_id=line.unit.pk, start=at(0), end=at(2400))
    assert told is not None
    every = sum((time for classes in times.values() for time in classes.values()), timedelta())
    assert every == told.span == timedelta(seconds=2400)
    # Alone for 600 s, halves of 600 s, then one and three quarters of 1,200 s.
    assert sum(times[first.code].values(), timedelta()) == timedelta(seconds=600 + 300 + 300)
    assert sum(times[second.code].values(), timedelta()) == timedelta(seconds=300 + 900)
    with pytest.raises(services.Refused):
        order_share_assert(job_order_id=second.pk, weight=101, at=at(1300), by=PLANNER)


@pytest.mark.django_db
def test_people_come_and_go_and_nobody_is_there_twice() -> None:
    line = line_make(1)
    anna, ben = person_make("operator", line.site), person_make("operator", line.site)
    here = presence_start(equipment_id=line.unit.pk, person_id=anna.pk, at=at(0), by=PLANNER)
    again = presence_start(equipment_id=line.unit.pk, person_id=anna.pk, at=at(60), by=PLANNER)
    presence_start(equipment_id=line.unit.pk, person_id=ben.pk, at=at(120), by=PLANNER)
    assert here == again
    assert [each.person for each in people_at(line.line, at=at(200))] == [anna, ben]
    presence_end(presence_id=here.pk, at=at(300), by=PLANNER)
    assert [each.person for each in people_at(line.unit, at=at(400))] == [ben]
    assert people_between(line.unit, start=at(0), end=at(100)).get().end_time == at(300)
    with pytest.raises(StaleView):
        presence_end(presence_id=here.pk, at=at(500), by=PLANNER)
