"""The account: it adds up, whatever the window."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plant.domain.calendar import Slot
from plant.domain.intervals import Interval, covers_once
from production.domain.account import Known, OrderUse, Said, Segment, account
from production.domain.oee import Output, oee, seconds, trs
from production.domain.stitching import StateRow
from production.domain.stops import Thresholds, stops_of
from production.domain.time_model import CLASSES, STANDARDS
from tests.strategies import LONGEST, T0, histories, seconds_after, windows

DAY = Interval(T0, seconds_after(LONGEST))


def known(*states: tuple[int, str], **values: object) -> Known:
    starts = [seconds_after(at) for at, _ in states]
    ends = [*starts[1:], None]
    rows = [
        StateRow(s, e, name, "produce", "", "") for s, e, (_, name) in zip(starts, ends, states, strict=True)
    ]
    order = OrderUse(T0, None, "PO1")
    base = Known(rows, stops_of(rows), None, [order], [], Thresholds(), seconds_after(LONGEST))
    return replace(base, **values)  # type: ignore[arg-type]


@given(histories(), windows())
def test_segments_are_exactly_the_window_and_nothing_is_unexplained(history, window):
    told = account(window, history)
    assert covers_once(window, told.segments)
    assert told.unexplained == timedelta()
    assert sum(told.durations.values(), timedelta()) == told.span
    assert set(told.durations) <= set(CLASSES)


@given(histories(), windows(), st.integers(1, LONGEST))
def test_a_window_cut_anywhere_and_joined_is_the_same_account(history, window, cut):
    at = seconds_after(cut)
    if not window.start < at < window.end:
        return
    whole = account(window, history)
    parts = [account(Interval(window.start, at), history), account(Interval(at, window.end), history)]
    assert joined([segment for part in parts for segment in part.segments]) == list(whole.segments)


def joined(segments: list[Segment]) -> list[Segment]:
    found: list[Segment] = []
    for segment in segments:
        if found and replace(found[-1], end=segment.end) == replace(segment, start=found[-1].start):
            found[-1] = replace(found[-1], end=segment.end)
        else:
            found.append(segment)
    return found


@given(histories(), windows(), windows())
def test_no_window_changes_the_class_of_an_instant(history, one, other):
    start, end = max(one.start, other.start), min(one.end, other.end)
    if start >= end:
        return
    middle = start + (end - start) / 2
    classes = {
        segment.time_class
        for window in (one, other)
        for segment in account(window, history).segments
        if segment.start <= middle < segment.end
    }
    assert len(classes) == 1


@pytest.mark.parametrize(
    ("length", "expected"), [(4, "running_slow"), (5, "micro_stop"), (119, "micro_stop"), (120, "own_other")]
)
def test_the_whole_stop_decides_its_class(length, expected):
    history = known((0, "execute"), (100, "held"), (100 + length, "execute"))
    history = replace(history, thresholds=Thresholds(timedelta(seconds=5), timedelta(seconds=120)))
    for window in (DAY, Interval(seconds_after(101), seconds_after(102))):
        assert expected in account(window, history).durations


def test_time_outside_shifts_is_closed_and_pauses_are_not_required():
    slots = [
        Slot(seconds_after(0), seconds_after(3600), "shift", "M", T0.date()),
        Slot(seconds_after(600), seconds_after(1200), "break", "B", T0.date()),
    ]
    told = account(Interval(T0, seconds_after(7200)), known((0, "held"), slots=slots))
    assert {name: time.total_seconds() for name, time in told.durations.items()} == {
        "own_other": 3000.0,
        "break": 600.0,
        "closed": 3600.0,
    }


def test_the_reason_said_last_holds_and_parts_add_up():
    said = [
        Said(seconds_after(100), seconds_after(700), "JAM", "breakdown", 1),
        Said(seconds_after(400), seconds_after(700), "SETUP", "setup", 2),
    ]
    told = account(DAY, known((0, "execute"), (100, "held"), (700, "execute"), reasons=said))
    assert told.durations["breakdown"] == told.durations["setup"] == timedelta(seconds=300)
    assert told.uncoded == timedelta()


def test_running_inside_a_coded_range_is_said_not_hidden():
    said = [Said(seconds_after(100), seconds_after(700), "JAM", "breakdown", 1)]
    states = ((0, "execute"), (100, "held"), (300, "execute"), (310, "held"), (700, "execute"))
    told = account(DAY, known(*states, reasons=said))
    [odd] = told.contradicted
    assert (odd.start, odd.end, odd.time_class) == (seconds_after(300), seconds_after(310), "running")
    assert told.durations["breakdown"] == timedelta(seconds=590)


def test_a_reason_without_an_end_lasts_until_its_stop_ends():
    said = [Said(seconds_after(100), None, "JAM", "breakdown", 1)]
    told = account(DAY, known((0, "execute"), (100, "held"), (700, "execute"), (800, "held"), reasons=said))
    assert told.durations["breakdown"] == timedelta(seconds=600)
    assert told.uncoded > timedelta()


def test_without_an_order_standing_is_no_load():
    assert "no_load" in account(DAY, known((0, "idle"), orders=[])).durations


def test_buckets_of_a_standard_do_not_overlap_where_they_must_not():
    afnor, iso = STANDARDS["NF E60-182"], STANDARDS["ISO 22400-2"]
    assert afnor["TF"] | afnor["own"] | afnor["induced"] == afnor["TR"]
    assert not afnor["TF"] & afnor["own"]
    assert iso["APT"] | iso["ADET"] | iso["AUST"] == iso["PBT"]
    assert afnor["TR"] < afnor["TO"] < afnor["TT"]


def test_nothing_is_invented_without_a_denominator():
    empty = trs({}, [])
    assert (empty.do, empty.tp, empty.tq, empty.trs) == (None, None, None, None)
    assert oee({}, []).oee is None


def test_a_figure_is_the_ratio_of_sums_and_never_capped():
    durations = {"running": timedelta(hours=1), "breakdown": timedelta(hours=1)}
    outputs = [
        Output("A", Decimal(900), Decimal(1000), Decimal(6)),
        Output("B", Decimal(100), Decimal(100), Decimal(3)),
    ]
    told = trs(durations, outputs)
    assert (told.tn, told.tu) == (Decimal(6300), Decimal(5700))
    assert told.do == Decimal("0.5")
    assert told.tp is not None
    assert told.tp > 1
    assert told.trs == Decimal(5700) / Decimal(7200)
    figures = oee(durations, outputs)
    assert figures.oee == Decimal(5700) / Decimal(7200)
    assert seconds(timedelta(microseconds=1)) == Decimal("0.000001")


def test_an_unknown_rate_makes_the_figure_unknown_not_zero():
    told = trs({"running": timedelta(hours=1)}, [Output("A", Decimal(9), Decimal(9), None)])
    assert told.trs is None
    assert told.do == 1
