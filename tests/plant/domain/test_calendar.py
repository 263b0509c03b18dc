"""Shifts in UTC: no minute missing or counted twice, whatever the zone does."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plant.domain.calendar import (
    Pattern,
    PatternError,
    Pause,
    Shift,
    closed_time,
    pattern_read,
    planned,
    slots,
)
from plant.domain.intervals import Interval, covers_once

EVERY_DAY = frozenset(range(7))
ZONES = ["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/St_Johns", "UTC"]
ROUND = tuple(
    Shift(code, time(start), time(end), EVERY_DAY)
    for code, start, end in (("M", 6, 14), ("A", 14, 22), ("N", 22, 6))
)


@given(st.sampled_from(ZONES), st.dates(date(2000, 1, 1), date(2040, 1, 1)), st.integers(1, 9))
def test_shifts_around_the_clock_touch_whatever_the_clock_does(zone, first, days):
    found = slots(Pattern(zone, ROUND), first, first + timedelta(days=days))
    assert all(a.end == b.start for a, b in pairwise(found))
    assert len(found) == 3 * (days + 1)


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 28), 7), (date(2026, 3, 27), 8), (date(2026, 10, 24), 9)]
)
def test_a_night_has_seven_eight_or_nine_hours_and_belongs_to_the_day_its_pattern_says(day, hours):
    [night] = [s for s in slots(Pattern("Europe/Paris", ROUND), day, day) if s.code == "N"]
    assert night.end - night.start == timedelta(hours=hours)
    assert night.production_day == day
    ending = Shift("N", time(22), time(6), EVERY_DAY, day_offset=1)
    [same] = slots(Pattern("Europe/Paris", (ending,)), day + timedelta(days=1), day + timedelta(days=1))
    assert (same.start, same.end) == (night.start, night.end)
    assert same.production_day == day + timedelta(days=1)


@pytest.mark.parametrize(
    ("zone", "day", "jump"),
    [
        ("Europe/Paris", date(2026, 3, 29), datetime(2026, 3, 29, 1, tzinfo=UTC)),
        ("Australia/Lord_Howe", date(2026, 10, 4), datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
        # The day after the 29th was the 31st
        ("Pacific/Apia", date(2011, 12, 30), datetime(2011, 12, 30, 10, tzinfo=UTC)),
    ],
)
def test_a_shift_that_changes_inside_the_hour_the_clock_skips_changes_when_it_jumps(zone, day, jump):
    cuts = [time(1), time(2, 10), time(2, 25), time(3)]
    shifts = tuple(
        Shift(f"S{n}", start, end, EVERY_DAY)
        for n, (start, end) in enumerate(zip(cuts, [*cuts[1:], cuts[0]], strict=True))
    )
    found = slots(Pattern(zone, shifts), day - timedelta(days=1), day + timedelta(days=1))
    assert all(a.end == b.start for a, b in pairwise(found))
    assert jump in {slot.start for slot in found}


@given(st.sampled_from(ZONES), st.dates(date(2000, 1, 1), date(2040, 1, 1)))
def test_planned_and_closed_time_are_exactly_the_window(zone, day):
    pauses = (Pause("break", "B", time(23, 50), time(0, 20)), Pause("meeting", "T", time(3), time(3, 15)))
    pattern = Pattern(zone, (Shift("N", time(22), time(6), frozenset({0, 2, 4}), pauses=pauses),))
    found = slots(pattern, day - timedelta(days=2), day + timedelta(days=9))
    start = datetime.combine(day, time(12), tzinfo=UTC)
    window = Interval(start, start + timedelta(days=7))
    parts = planned(window, found)
    assert covers_once(window, parts)
    closed = sum((p.end - p.start for p in parts if p.kind == "closed"), timedelta())
    assert closed == sum((gap.end - gap.start for gap in closed_time(window, found)), timedelta())
    assert {"break", "meeting", "shift"} <= {p.kind for p in parts}


def test_closed_days_have_no_shift():
    pattern = pattern_read(
        {
            "shifts": [{"code": "M", "start": "06:00", "end": "14:00", "days": ["fri"]}],
            "closed_days": ["2026-12-25"],
        },
        "Europe/Paris",
    )
    found = slots(pattern, date(2026, 12, 18), date(2026, 12, 25))
    assert [slot.production_day for slot in found] == [date(2026, 12, 18)]


@pytest.mark.parametrize(
    ("data", "zone", "said"),
    [
        (
            {"shifts": [{"code": "M", "start": "25:00", "end": "14:00"}]},
            "UTC",
            r"shifts\[0\].start: read '25:00'",
        ),
        (
            {"shifts": [{"code": "M", "start": "06:00Z", "end": "14:00"}]},
            "UTC",
            "read '06:00Z', expected a local",
        ),
        ({"shifts": [{"code": "M", "start": "06:00", "end": "14:00", "days": ["lun"]}]}, "UTC", "read 'lun'"),
        ({"shifts": [{"start": "06:00", "end": "14:00"}]}, "UTC", "expected a code"),
        ({}, "Mars/Base", "time zone: read 'Mars/Base'"),
    ],
)
def test_a_bad_pattern_says_where_what_was_read_and_what_was_expected(data, zone, said):
    with pytest.raises(PatternError, match=said):
        pattern_read(data, zone)
