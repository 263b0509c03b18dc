"""Stitching against the database: what is stored equals the fold of all samples, whatever arrived when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.domain.outage import GapRecord, gap_key
from connectors.services import Delivery, deliveries_store
from plant.models import Equipment
from production import services
from production.models import OrderSpan, QuantityActual, StateInterval, StitchCheckpoint, Stop
from production.selectors.quantities import quantities
from production.services.rebuilding import rebuild_check
from tests.factories.production import ARRIVED, Said, Sender, at, rate_make, sender_make

pytestmark = pytest.mark.django_db


def states(sender: Sender) -> list[tuple[float, str]]:
    rows = StateInterval.objects.filter(work_unit=sender.unit).order_by("start_time")
    return [((row.start_time - at(0)).total_seconds(), row.state) for row in rows]


def differences(sender: Sender) -> list[str]:
    return rebuild_check(work_unit_ids=[sender.unit.pk]).lines


def test_samples_become_states_stops_and_counts():
    sender = sender_make()
    sender.say([(0, "state", 6), (0, "good_count", 100), (50, "good_count", 150), (60, "state", 11)])
    sender.say([(260, "state", 6), (270, "good_count", 151)], watermark=280)
    sender.stitch()
    assert states(sender) == [(0, "execute"), (60, "held"), (120, "unknown"), (260, "execute")]
    assert [s.size for s in Stop.objects.all()] == ["micro"]
    assert sum(q.quantity for q in QuantityActual.objects.all()) == 51
    assert StitchCheckpoint.objects.get().horizon == at(280)
    assert differences(sender) == []


def test_silence_grows_with_the_watermark_and_an_open_stop_becomes_registered():
    sender = sender_make()
    sender.say([(0, "state", 6), (10, "state", 11)], watermark=20)
    sender.stitch()
    assert Stop.objects.get().size == "micro"
    for second in range(40, 200, 40):
        sender.say([(second, "process_value", 1)], watermark=second + 10)
        sender.stitch()
    stop = Stop.objects.get()
    assert (stop.size, stop.needs_reason, stop.end_time) == ("registered", True, None)
    sender.say([], watermark=400)
    sender.stitch()
    assert states(sender)[-1] == (220, "unknown")
    assert Stop.objects.get().end_time == at(220)


def test_a_late_sample_touches_only_its_window():
    sender = sender_make()
    sender.say([(s, "state", 6 if s % 600 else 2) for s in range(0, 36_000, 30)], watermark=36_000)
    sender.stitch()
    before = dict(StateInterval.objects.values_list("start_time", "pk"))
    sender.say([(3005, "state", 11), (3010, "state", 6)])
    read = sender.stitch()
    assert read.samples < 150
    after = dict(StateInterval.objects.values_list("start_time", "pk"))
    assert {t for t in before if before[t] != after.get(t)} <= {at(3000), at(3030)}
    assert (3005, "held") in states(sender)
    assert differences(sender) == []


def test_a_stitch_asks_little_of_the_database(django_assert_max_num_queries: Any):
    """Lock, marks, checkpoint, configuration, horizon, last samples, three tables, gaps, samples; then what
    changed.
    """
    sender = sender_make(roles=("state", "good_count"))
    said: list[Said] = [(s, "state", 6 if s % 600 else 2) for s in range(0, 7200, 30)]
    said += [(s + 1, "good_count", s) for s in range(0, 7200, 60)]
    sender.say(said[:-10], watermark=7000)
    sender.stitch()
    sender.say(said[-10:], watermark=7200)
    with django_assert_max_num_queries(21):
        sender.stitch()
    sender.say([(3005, "state", 11)])
    with django_assert_max_num_queries(21):
        assert sender.stitch().rows
    assert differences(sender) == []


def test_what_is_kept_of_a_machine_between_stitches_is_never_stale():
    sender = sender_make()
    sender.say([(0, "state", 6), (200, "state", 6)], watermark=210)
    sender.stitch()
    # Not told to the program: the database itself says that master data changed.
    Equipment.objects.filter(pk=sender.unit.pk).update(stale_after=timedelta(minutes=5))
    sender.say([(400, "state", 6)], watermark=410)
    sender.stitch()
    assert states(sender) == [(0, "execute"), (60, "unknown"), (200, "execute")]


def test_in_order_samples_are_read_once():
    sender = sender_make()
    for minute in range(20):
        seconds = range(60 * minute, 60 * minute + 60)
        sender.say([(second, "good_count", second) for second in seconds], watermark=seconds[-1])
        assert sender.stitch().samples == 60
    seconds = range(1200, 1260)
    sender.say([(second, "process_value", 1) for second in seconds], watermark=seconds[-1])
    assert sender.stitch().samples == 12, "of values that drive nothing, two in ten seconds show no silence"
    assert differences(sender) == []


def test_stitching_again_changes_nothing():
    sender = sender_make()
    sender.say([(0, "state", 6), (30, "good_count", 5), (40, "good_count", 9)], watermark=50)
    sender.stitch()
    assert sender.stitch() == services.Stitched()


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "state": st.sampled_from([6, 6, 2, 11, 51, 99]),
    "mode": st.sampled_from(["Produce", "maintenance"]),
    "fault_code": st.sampled_from([0, 17, 21]),
    "good_count": st.integers(0, 2000),
    "order": st.sampled_from(["", "A", "B"]),
    "alarm": st.sampled_from([False, "raised", "acknowledged", "E7"]),
    "tool": st.sampled_from(["", "T1", "T2"]),
    "lot": st.sampled_from(["", "A7", "A8"]),
    "process_value": st.floats(0, 9),
}


# Ideal pieces per hour: none, one that makes many steps odd, one that makes few.
rates = st.sampled_from([None, 600, 30_000])


@st.composite
def batches(draw: st.DrawFn) -> list[tuple[list[Said], int | None]]:
    """What arrives, batch by batch: some in order, some late, some twice."""
    made: list[tuple[list[Said], int | None]] = []
    for _ in range(draw(st.integers(1, 6))):
        first = draw(st.integers(0, 3000))
        rows: list[Said] = []
        for _ in range(draw(st.integers(0, 12))):
            role = draw(st.sampled_from(sorted(VALUES)))
            bad = draw(st.sampled_from([False, False, False, True]))
            rows.append((first + draw(st.integers(0, 400)), role, draw(VALUES[role]), bad))
        made.append((rows, draw(st.none() | st.integers(0, 4000))))
    return made


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches(), rates)
def test_whatever_arrives_whenever_the_rows_are_those_of_the_whole_history(arrivals, rate):
    sender = sender_make()
    if rate is not None:
        rate_make(sender.unit, rate)
    for said, watermark in arrivals:
        sender.say(said, watermark)
        sender.stitch()
    assert differences(sender) == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.lists(st.tuples(st.integers(0, 1500), st.integers(0, 500)), max_size=10),
            st.none() | st.integers(0, 2000),
        ),
        min_size=1,
        max_size=5,
    ),
    rates,
)
def test_a_machine_told_by_its_counter_is_the_same_whatever_arrives_whenever(arrivals, rate):
    sender = sender_make(roles=("good_count", "process_value"))
    if rate is not None:
        rate_make(sender.unit, rate)
    for said, watermark in arrivals:
        sender.say([(second, "good_count", value) for second, value in said], watermark)
        sender.stitch()
    assert differences(sender) == []


def test_silence_before_a_counter_moved_is_kept_when_it_is_first_known():
    sender = sender_make(roles=("good_count",))
    for second in (0, 331):
        sender.say([(second, "good_count", 0)])
        sender.stitch()
    assert differences(sender) == []


def test_many_values_of_one_instant_are_counted_once_each():
    sender = sender_make(roles=("state", "good_count"))
    sender.say([(0, "state", 6), (10, "good_count", 500)])
    sender.say([(20, "good_count", value) for value in (90, 7, 60, 3)], watermark=30)
    sender.stitch()
    assert differences(sender) == []


def toggling(until: int) -> list[Said]:
    """A state that changes every minute, so that a late window soon agrees with what was stored."""
    return [(second, "state", 6 if second // 60 % 2 else 2) for second in range(0, until, 20)]


def lose(sender: Sender, start: float, end: float | None) -> None:
    gap = GapRecord(
        key=gap_key(sender.unit.code, start),
        cause="seq_jump",
        start_time=at(start),
        end_time=None if end is None else at(end),
    )
    deliveries_store(slug=sender.connection.slug, deliveries=[Delivery(gaps=[gap])], now=ARRIVED)
    sender.stitch()


def odd(sender: Sender, start: float, end: float) -> tuple[Any, Any]:
    """(good, kept apart) as any window tells them, ends read from samples, the rest from rows."""
    found = quantities(equipment_ids=[sender.unit.pk], start=at(start), end=at(end))[sender.unit.pk]
    return found.good, found.unverified


def test_a_jump_faster_than_believable_is_kept_and_not_counted():
    sender = sender_make()
    rate_make(sender.unit, 3600)
    counts = [(0, 100), (300, 400), (310, 5000), (320, 5010), (900, 5500)]
    sender.say([(second, "good_count", value) for second, value in counts], watermark=1000)
    sender.stitch()
    [jump] = QuantityActual.objects.filter(flag="implausible")
    assert (jump.quantity, jump.start_time, jump.end_time) == (4600, at(300), at(310))
    for start, end in ((0, 1000), (1, 1000), (299, 901), (0, 10_000)):
        assert odd(sender, start, end) == (800, 4600)
    assert differences(sender) == []


def test_a_counter_may_declare_its_own_maximum():
    sender = sender_make()
    rate_make(sender.unit, 3600)
    signal = sender.signals["good_count"]
    signal.maximum_rate = 360_000
    signal.save()
    sender.say([(0, "good_count", 100), (10, "good_count", 5000)], watermark=20)
    sender.stitch()
    assert odd(sender, 0, 20) == (4900, 0)
    signal.maximum_rate = 60
    signal.save()
    services.rebuild(work_unit_ids=[sender.unit.pk])
    assert odd(sender, 0, 20) == (0, 4900)


def test_a_step_across_a_gap_told_late_is_flagged():
    sender = sender_make()
    sender.say([*toggling(2000), (0, "good_count", 5), (900, "good_count", 50)], watermark=2000)
    sender.stitch()
    lose(sender, 310, 330)
    assert [row.flag for row in QuantityActual.objects.all()] == ["gap"]
    assert differences(sender) == []


def test_an_open_gap_told_late_inside_a_silence_holds_after_it():
    sender = sender_make()
    sender.say([*toggling(300), *((s, "state", 6) for s in range(900, 2000, 20))], watermark=2000)
    sender.stitch()
    lose(sender, 500, None)
    assert states(sender)[-1] == (900, "unknown")
    assert differences(sender) == []


def test_closing_a_gap_changes_all_that_followed_while_it_was_open():
    sender = sender_make()
    sender.say([*toggling(300), *((s, "state", 6) for s in range(900, 2000, 20))], watermark=2000)
    sender.stitch()
    lose(sender, 130, None)
    lose(sender, 130, 150)
    assert states(sender)[-1] == (900, "execute")
    assert differences(sender) == []


def test_a_gap_that_ends_after_everything_known_tells_no_silence():
    sender = sender_make()
    sender.say([(0, "state", 6), (10, "state", 11)])
    lose(sender, 5, 90_000)
    assert differences(sender) == []


def test_a_counter_that_moved_only_inside_a_gap_has_moved():
    sender = sender_make(roles=("good_count",))
    lose(sender, 1, 700)
    sender.say([(0, "good_count", 0), *((s, "good_count", s) for s in range(20, 120, 20))])
    sender.say([(s, "good_count", 100) for s in range(120, 1500, 20)])
    sender.stitch()
    assert differences(sender) == []
    sender.say([(710, "good_count", 100)])
    sender.stitch()
    assert differences(sender) == []


def test_a_late_count_followed_by_a_bad_one_reaches_the_next_good_one():
    sender = sender_make()
    counts: list[Said] = [(0, "good_count", 5), (500, "good_count", 9, True), (2000, "good_count", 50)]
    sender.say([*toggling(2000), *counts], watermark=2000)
    sender.stitch()
    sender.say([(100, "good_count", 7)])
    sender.stitch()
    assert differences(sender) == []


def test_a_bad_value_at_the_instant_of_a_good_one_loses_no_pieces():
    sender = sender_make(roles=("state", "good_count"))
    sender.say(
        [(0, "state", 6), (10, "good_count", 500), (10, "good_count", 501, True), (10, "good_count", 1, True)]
    )
    sender.stitch()
    sender.say([(20, "good_count", 510)], watermark=30)
    sender.stitch()
    assert differences(sender) == []
    assert sum(row.quantity for row in QuantityActual.objects.all()) == 10


def test_an_order_signal_makes_spans():
    sender = sender_make()
    sender.say([(0, "order", "PO1"), (100, "order", "PO2"), (200, "order", "")], watermark=210)
    sender.stitch()
    spans = OrderSpan.objects.order_by("start_time").values_list("order_code", "start_time", "end_time")
    assert list(spans) == [("PO1", at(0), at(100)), ("PO2", at(100), at(200))]


def test_a_value_no_counter_shows_is_told_and_later_pieces_count_right():
    """An unset register (2^64 - 1) once rolled the whole stitch back, and every one after it."""
    sender = sender_make()
    sender.say([(0, "state", 6), (0, "good_count", 100), (10, "good_count", 110)], watermark=15)
    sender.stitch()
    for second, wild in ((20, 2**64 - 1), (30, 1e300), (40, "1e1000000"), (50, 1e15)):
        sender.say([(second, "good_count", wild)], watermark=second)
        sender.stitch()
    sender.say([(60, "good_count", 130)], watermark=70)
    sender.stitch()
    counted = QuantityActual.objects.exclude(flag="implausible")
    assert sum(row.quantity for row in counted) == 30
    odd = QuantityActual.objects.filter(flag="implausible").order_by("end_time")
    assert [(row.end_time, row.quantity) for row in odd] == [(at(20), 0), (at(50), 0)]
    told = quantities(equipment_ids=[sender.unit.pk], start=at(0), end=at(65))[sender.unit.pk]
    assert told.good == 30
    assert differences(sender) == []


wild = st.one_of(
    st.integers(0, 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(0, 500),
    st.sampled_from(["1e1000000", "12", "", 0.1, " 12 ", "5.", ".5", "1_0", "E17", "1e99", "+7\n", "\uff11"]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(st.tuples(st.integers(0, 900), wild), max_size=8), min_size=1, max_size=4),
    rates,
    st.booleans(),
)
def test_stitching_survives_every_value_a_register_can_hold(arrivals, rate, by_counter):
    sender = sender_make(roles=("good_count",) if by_counter else ("state", "good_count"))
    if rate is not None:
        rate_make(sender.unit, rate)
    for said in arrivals:
        sender.say([(second, "good_count", value) for second, value in said])
        sender.stitch()
    sender.say([(1000, "good_count", 10), (1001, "good_count", 11)], watermark=1010)
    sender.stitch()
    assert StitchCheckpoint.objects.get(work_unit=sender.unit).folded_to == at(1001)
    assert differences(sender) == []


@pytest.mark.parametrize("roles", [("state", "good_count", "scrap_count"), ("good_count", "scrap_count")])
def test_an_hour_of_bad_quality_costs_no_more_queries_than_a_minute(roles, django_assert_max_num_queries):
    sender = sender_make(roles=roles)
    sender.say([(0, "good_count", 100), (0, "scrap_count", 1), (9, "good_count", 101)], watermark=10)
    sender.stitch()
    bad = [(s, role, s, True) for s in range(10, 3610) for role in ("good_count", "scrap_count")]
    sender.say([*bad, *((s + 0.5, "good_count", f"E{s}") for s in range(10, 3610))], watermark=3610)
    sender.stitch()
    sender.say([(3620, "good_count", 103)], watermark=3630)
    with django_assert_max_num_queries(40):
        sender.stitch()
    assert sum(row.quantity for row in QuantityActual.objects.all()) == 3
    with django_assert_max_num_queries(10):
        told = quantities(equipment_ids=[sender.unit.pk], start=at(3605), end=at(3625))
    assert told[sender.unit.pk].good == 2
    assert differences(sender) == []
