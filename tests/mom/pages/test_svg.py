"""A timeline cannot lie: it covers its window exactly, and no stop vanishes by being thin."""

from __future__ import annotations

import itertools
import random
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from mom.pages import svg
from mom.pages.svg.geometry import covered
from mom.pages.svg.timeline import STANDS_OUT, UNITS
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


Bar = tuple[float, float, str]


def drawn_bars(drawn: str) -> list[Bar]:
    """From, to (percent) and kind of every bar of a lane, the uppermost last."""
    lane = ET.fromstring(drawn)
    bars: list[Bar] = []
    for path in lane.iter("path"):
        kind = (path.get("class") or "").removeprefix("c-")
        if kind == "grid":
            continue
        x = 0.0
        for move, width in re.findall(r"m(-?\d+) 0h(\d+)v", path.get("d") or ""):
            x += int(move)
            bars.append((x / UNITS * 100, (x + int(width)) / UNITS * 100, kind))
    for rect in lane.iter("rect"):
        if (rect.get("x") or "").endswith("%"):
            start = float((rect.get("x") or "").rstrip("%"))
            kind = "unknown" if rect.get("fill") == "url(#hatch)" else (rect.get("class") or "")[2:]
            bars.append((start, start + float((rect.get("width") or "").rstrip("%")), kind))
    return bars


@settings(max_examples=40)
@given(histories())
def test_every_pixel_shows_what_lies_there(marks: list[svg.Mark]) -> None:
    """The uppermost bar in the middle of each box is of the box's kind, however narrow it is."""
    bars = drawn_bars(str(svg.lane(marks, window=WINDOW, zone=PARIS, label="Filler", href="/equipment/F/")))
    for box in svg.lay_out(marks, WINDOW, 1200):
        # Narrower than what a drawing tells apart: only what stands out is looked for.
        if box.width < 0.05 and box.kind not in STANDS_OUT:
            continue
        middle = box.x + box.width / 2
        near = [kind for start, end, kind in bars if start - 0.05 <= middle <= end + 0.05]
        sharp = [kind for start, end, kind in bars if start <= middle <= end]
        # Narrower than a unit is drawn a unit wide, and both ends are rounded: so far it may reach over.
        reach = 1.5 * 100 / UNITS
        assert box.kind in near if box.width / 2 <= reach else box.kind == sharp[-1]


@settings(max_examples=40)
@given(histories(), st.sampled_from([0.08, 0.5, 2.0]))
def test_what_can_be_pointed_at_opens_its_own_event(marks: list[svg.Mark], touched: float) -> None:
    each = [svg.Mark(m.start, m.end, m.kind, "x", f"/equipment/F/?at={at}") for at, m in enumerate(marks)]
    drawn = str(svg.lane(each, window=WINDOW, zone=PARIS, label="F", href="/equipment/F/", touched=touched))
    told = {link.get("href") for link in ET.fromstring(drawn).iter("a")}
    boxes = svg.lay_out(each, WINDOW, 1200)
    pointed = [box for box in boxes if box.kind in STANDS_OUT and box.width >= touched]
    for box in pointed:
        assert any(mark.href in told for mark in box.marks)
    # Several in one pixel share its link, and their number is said there.
    within = {mark.href for box in pointed for mark in box.marks}
    short = [m for m in covered(each, WINDOW) if m.kind in STANDS_OUT and m.href not in within]
    if short:
        assert "/equipment/F/" in told
        assert f"<title>{len(short)} stop" in drawn


@given(histories())
def test_drawing_is_well_formed_without_inline_style(marks: list[svg.Mark]) -> None:
    drawn = str(
        svg.lane(marks, window=WINDOW, zone=PARIS, label="Filler <1>", now=START + timedelta(hours=3))
    )
    ET.fromstring(drawn)
    assert "style=" not in drawn
    assert all(end <= 37.54 for _start, end, _kind in drawn_bars(drawn))


def test_no_data_is_hatched_and_idle_is_not() -> None:
    idle = svg.Mark(START, START + timedelta(hours=4), "planned", "Idle")
    drawn = str(svg.lane([idle], window=WINDOW, zone=PARIS, label="M1"))
    assert drawn.count("url(#hatch)") == 1
    assert drawn_bars(drawn)[-1] == (50.0, 100.0, "unknown")
    assert {kind for start, _end, kind in drawn_bars(drawn) if start < 50} == {"planned"}


def test_a_hundred_thin_stops_in_one_pixel_are_counted() -> None:
    second = timedelta(seconds=1)
    marks = [
        svg.Mark(START + i * 2 * second / 20, START + (i * 2 + 1) * second / 20, "stop", f"s{i}")
        for i in range(100)
    ]
    boxes = svg.lay_out(marks, WINDOW, 1200)
    assert boxes[0].kind == "stop"
    drawn = str(svg.lane(marks, window=WINDOW, zone=PARIS, label="M1"))
    assert "100 stops too short to point at, 5 s in all" in drawn
    assert "100 events in this pixel" in str(svg.ticks_lane(marks, window=WINDOW, label="M1"))


def test_a_day_of_a_machine_that_stops_all_the_time_is_small() -> None:
    """Stops as in the benchmark's year; twenty machines have 150 kB."""
    dice = random.Random(7)
    at, marks = START, []
    day = Interval(START, START + timedelta(hours=24))
    assert day.end is not None
    while at < day.end:
        [longest] = dice.choices((110, 400, 1500), (0.74, 0.15, 0.11))
        stood = dice.uniform(longest / 12, longest)
        for kind, seconds in (("run", dice.expovariate(1 / 318) + 1), ("stop", stood)):
            end = at + timedelta(seconds=seconds)
            title = f"Other own stops · {at:%H:%M:%S}–{end:%H:%M:%S} (12 min 05 s) · A reason"
            marks.append(svg.Mark(at, end, kind, title, "/equipment/Y01-FILL/?at=" + f"{at:%FT%T.%fZ}"))
            at = end
    drawn = str(svg.lane(marks, window=day, zone=PARIS, label="M1", href="/equipment/Y01-FILL/"))
    assert len(marks) > 300
    assert len(drawn.encode()) < 150 * 1024 / 20


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
