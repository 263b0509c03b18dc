"""A machine that says execute while its counter stands, in the database: late or in order, the same rows."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from production import services
from production.models import StateInterval, Stop
from tests.factories.production import Said, Sender, at, rate_make, sender_make

pytestmark = pytest.mark.django_db


def watched(seconds: int = 60, rate: int = 720) -> Sender:
    """A machine of five seconds a cycle that may stand for so long."""
    sender = sender_make()
    sender.unit.no_count_after = timedelta(seconds=seconds)
    sender.unit.stale_after = timedelta(minutes=30)
    sender.unit.save()
    rate_make(sender.unit, rate)
    return sender


def states(sender: Sender) -> list[tuple[float, str, str]]:
    rows = StateInterval.objects.filter(work_unit=sender.unit).order_by("start_time")
    return [((row.start_time - at(0)).total_seconds(), row.state, row.cause) for row in rows]


def pieces(*seconds: int) -> list[Said]:
    return [(second, "good_count", 1000 + number) for number, second in enumerate(seconds)]


def test_a_counter_that_stands_is_a_stop_from_its_last_piece_that_needs_a_reason():
    sender = watched()
    sender.say([(0, "state", 6), *pieces(5, 10, 15)], watermark=60)
    sender.stitch()
    assert states(sender) == [(0, "execute", "")]
    sender.say([], watermark=200)
    sender.stitch()
    assert states(sender) == [(0, "execute", ""), (15, "stopped", "no_count")]
    stop = Stop.objects.get()
    assert (stop.start_time, stop.end_time, stop.size, stop.needs_reason) == (
        at(15),
        None,
        "registered",
        True,
    )
    sender.say([(300, "good_count", 1003)], watermark=310)
    sender.stitch()
    assert states(sender)[1:] == [(15, "stopped", "no_count"), (295, "execute", "")]
    assert services.rebuild_check(work_unit_ids=[sender.unit.pk]).lines == []


def test_a_piece_that_comes_late_splits_the_stop_in_place_and_changes_nothing_after_it():
    sender = watched()
    sender.say([(0, "state", 6), *pieces(5, 10)], watermark=20)
    sender.say([(600, "good_count", 1003), (800, "state", 11), (900, "state", 6)], watermark=910)
    sender.stitch()
    before = states(sender)
    assert before[1:3] == [(10, "stopped", "no_count"), (595, "execute", "")]
    sender.say([(300, "good_count", 1002)])
    sender.stitch()
    assert states(sender) == [
        (0, "execute", ""),
        (10, "stopped", "no_count"),
        (295, "execute", ""),
        (300, "stopped", "no_count"),
        *before[2:],
    ]
    assert services.rebuild_check(work_unit_ids=[sender.unit.pk]).lines == []


def test_so_many_cycles_of_the_slowest_rate_are_the_limit():
    sender = watched(seconds=0, rate=36)
    sender.unit.no_count_after = None
    sender.unit.no_count_cycles = 3
    sender.unit.save()
    sender.say([(0, "state", 6), *pieces(100, 200, 300, 590, 700)], watermark=710)
    sender.stitch()
    assert states(sender) == [(0, "execute", "")], "three cycles of a hundred seconds"
    sender.say([], watermark=1001)
    sender.stitch()
    assert states(sender)[-1] == (700, "stopped", "no_count")


said = st.tuples(
    st.integers(0, 1800), st.sampled_from(["state", "mode", "good_count", "good_count", "process_value"])
)
arrivals = st.lists(st.tuples(st.lists(said, max_size=8), st.integers(0, 1900)), min_size=1, max_size=5)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arrivals, st.sampled_from([20, 60, 200]), st.sampled_from([90, 400]))
def test_whatever_arrives_whenever_the_rows_are_those_of_the_whole_history(landed, limit, stale):
    sender = watched(limit)
    sender.unit.stale_after = timedelta(seconds=stale)
    sender.unit.save()
    for batch, watermark in landed:
        rows: list[Said] = []
        for second, role in batch:
            value = {"state": (6, 6, 2, 11)[second % 4], "mode": ("produce", "manual")[second % 2]}
            rows.append((second, role, value.get(role, 1000 + second // 7)))
        sender.say(rows, watermark=watermark)
        sender.stitch()
        assert services.rebuild_check(work_unit_ids=[sender.unit.pk]).lines == []
