"""An order reaches one machine after the other."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from production.domain.job_order import PAUSE, RESUME, START, STOP, Event, execution
from production.domain.transit import transits, working_at
from tests.strategies import seconds_after

SECOND = timedelta(seconds=1)
waits = st.none() | st.integers(0, 600).map(lambda n: n * SECOND)


@given(st.lists(waits, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_along_a_line_transit_adds_up_from_its_entry(between, random):
    machines = list(range(len(between) + 1))
    links = [(a, b, wait) for (a, b), wait in zip(pairwise(machines), between, strict=True)]
    random.shuffle(links)
    expected = [sum((wait or timedelta() for wait in between[:n]), timedelta()) for n in machines]
    assert transits(machines, links) == dict(zip(machines, expected, strict=True))


graphs = st.lists(st.tuples(st.integers(1, 7), st.integers(1, 7), waits), max_size=20)


@given(graphs, st.randoms(use_true_random=False))
def test_any_topology_has_an_answer_no_machine_is_later_than_its_fastest_feeder_allows(links, random):
    found = transits(range(1, 8), links)
    assert set(found) == set(range(1, 8))
    fed = {downstream for _, downstream, _ in links}
    assert all(found[machine] == timedelta() for machine in found if machine not in fed)
    reached = {machine for machine in found if machine not in fed}
    while more := {b for a, b, _ in links if a in reached} - reached:
        reached |= more
    for a, b, wait in links:
        if a in reached and b in fed:
            assert found[b] <= found[a] + (wait or timedelta())
    shuffled = list(links)
    random.shuffle(shuffled)
    assert transits(range(1, 8), shuffled) == found


def test_parallel_machines_and_a_way_back_take_the_fastest():
    links = [(1, 2, 60 * SECOND), (1, 3, 20 * SECOND), (2, 4, None), (3, 4, 10 * SECOND), (4, 1, SECOND)]
    assert transits([1, 2, 3, 4], links) == dict.fromkeys([1, 2, 3, 4], timedelta())
    links = [(0, 1, None), *links]
    assert transits([0, 1, 2, 3, 4], links) == {
        0: timedelta(),
        1: timedelta(),
        2: 60 * SECOND,
        3: 20 * SECOND,
        4: 30 * SECOND,
    }


verbs = st.lists(
    st.tuples(st.integers(0, 5000), st.sampled_from([START, PAUSE, RESUME, STOP])), max_size=12, unique=True
)


@given(verbs, st.integers(0, 900))
def test_commands_hold_later_by_the_transit_and_as_long(said, late):
    events = [Event(seconds_after(second), verb) for second, verb in said]
    moved = working_at(7, events, {7: late * SECOND})
    shift = late * SECOND
    expected = [(w.start + shift, w.end and w.end + shift) for w in execution(events).working]
    assert [(w.start, w.end) for w in moved] == expected


@given(st.integers(0, 900), st.integers(0, 900), st.integers(0, 5000), st.integers(1, 5000))
def test_a_machine_s_signal_is_told_where_that_machine_stands(speaker, other, begins, lasts):
    events = [
        Event(seconds_after(begins), START, True, 1),
        Event(seconds_after(begins + lasts), STOP, True, 1),
    ]
    transit = {1: speaker * SECOND, 2: other * SECOND}
    assert working_at(1, events, transit) == execution(events).working
    [work] = working_at(2, events, transit)
    assert work.start == seconds_after(begins) + (other - speaker) * SECOND
    assert work.end is not None
    assert work.end - work.start == lasts * SECOND
