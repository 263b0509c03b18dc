"""A timeline cannot lie: it covers its window exactly, and no stop vanishes by being thin."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from mom.pages import svg
from mom.pages.svg.geometry import covered
from plant.domain.intervals import Interval

START = datetime(2026, 3, 2, 6, tzinfo=UTC)
WINDOW = Interval(START, START + timedelta(hours=8))
PARIS = ZoneInfo("Europe/Paris")
KINDS = ["run", "slow", "stop", "wait", "setup", "planned"]


@st.composite
def histories(draw: st.DrawFn) -> list[svg.Mark]:
    """Marks with holes, some thinner than a pixel, some outside the window, the last perhaps open."""
    at = START - timedelta(minutes=draw(st.integers(0, 90)))
    marks = []
    for _ in range(draw(st.integers(0, 60))):
        at += timedelta(microseconds=draw(st.sampled_from([0, 0, 0, 400_000, 90_000_000])))
        end = at + timedelta(microseconds=draw(st.integers(1, 3_000_000_000)))
        marks.append(svg.Mark(at, end, draw(st.sampled_from(KINDS)), title="x", href="/stops/"))
        at = end
    is_open: bool = draw(st.booleans())
    if marks and is_open:
        last = marks[-1]
        marks[-1] = svg.Mark(last.start, None, last.kind, "x", "/stops/")
    return marks


@given(histories())
def test_durations_and_no_data_are_the_window_exactly(marks: list[svg.Mark]) -> None:
    parts = covered(marks, WINDOW)
    assert parts[0].start == WINDOW.start
    assert parts[-1].end == WINDOW.end
    assert all(a.end == b.start for a, b in itertools.pairwise(parts))
    assert sum(svg.totals(marks, WINDOW).values(), timedelta()) == timedelta(hours=8)


@given(histories(), st.integers(50, 3000))
def test_every_interval_is_in_one_box_and_stops_win_their_pixel(marks: list[svg.Mark], pixels: int) -> None:
    boxes = svg.lay_out(marks, WINDOW, pixels)
    assert [mark for box in boxes for mark in box.marks] == covered(marks, WINDOW)
    assert abs(sum(box.width for box in boxes) - 100) < 1e-6
    for box in boxes:
        assert (box.kind == "stop") == any(mark.kind == "stop" for mark in box.marks)
        assert len(box.marks) == 1 or box.width <= 100 / pixels + 1e-6


@given(histories())
def test_drawing_is_well_formed_without_inline_style(marks: list[svg.Mark]) -> None:
    drawn = str(
        svg.lane(marks, window=WINDOW, zone=PARIS, label="Filler <1>", now=START + timedelta(hours=3))
    )
    ET.fromstring(drawn)
    assert "style=" not in drawn
    for rect in ET.fromstring(drawn).iter("rect"):
        x = float((rect.get("x") or "0").rstrip("%"))
        assert x <= 37.51 or rect.get("width") == "7"


def test_no_data_is_hatched_and_idle_is_not() -> None:
    idle = svg.Mark(START, START + timedelta(hours=4), "planned", "Idle")
    drawn = str(svg.lane([idle], window=WINDOW, zone=PARIS, label="M1"))
    assert drawn.count("url(#hatch)") == 1
    assert drawn.count("c-planned") == 1


def test_a_hundred_thin_stops_in_one_pixel_are_counted() -> None:
    second = timedelta(seconds=1)
    marks = [
        svg.Mark(START + i * 2 * second / 20, START + (i * 2 + 1) * second / 20, "stop", f"s{i}")
        for i in range(100)
    ]
    boxes = svg.lay_out(marks, WINDOW, 1200)
    assert boxes[0].kind == "stop"
    assert "100 events" in str(svg.lane(marks, window=WINDOW, zone=PARIS, label="M1"))


def test_hours_of_the_short_and_the_long_day() -> None:
    def labels(day: datetime, hours: int) -> list[str]:
        return [text for _, text in svg.hour_ticks(Interval(day, day + timedelta(hours=hours)), PARIS)]

    spring = labels(datetime(2026, 3, 28, 23, tzinfo=UTC), 12)
    assert "02:00" not in spring
    autumn = labels(datetime(2026, 10, 24, 22, tzinfo=UTC), 12)
    assert autumn.count("02:00") == 2


@given(st.lists(st.integers(0, 10**10), max_size=12), st.integers(0, 10**11))
def test_split_prints_the_difference(parts: list[int], whole: int) -> None:
    made = [svg.Part("a", "A", "run", timedelta(microseconds=part)) for part in parts]
    total = timedelta(microseconds=whole)
    assert svg.difference(made, total) == total - timedelta(microseconds=sum(parts))
    ET.fromstring(svg.split(made, total, label="split"))


def test_progress_never_leaves_its_bar() -> None:
    drawn = str(svg.progress(Decimal(300), Decimal(200), target=Decimal(-5), label="x"))
    assert 'width="100%"' in drawn
    assert 'x1="0%"' in drawn


def test_sparkline_breaks_at_missing_values() -> None:
    assert str(svg.sparkline([1, 2, None, 3, 4], label="speed")).count("polyline class") == 2
    assert "no-data" in str(svg.sparkline([None], label="speed"))
