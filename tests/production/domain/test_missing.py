"""Every missing piece has a cause: they add up exactly, whatever happened and however it is cut."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from plant.domain.intervals import Interval
from production.domain.account import Segment, account
from production.domain.missing import (
    IN_LINE,
    NOT_KNOWN,
    REJECTS,
    SETUP_OVER,
    SETUP_SEQUENCE,
    SETUP_WITHIN,
    SPEED,
    START_UP,
    UNCODED,
    UNRATED,
    Changeover,
    Charge,
    Missing,
    Part,
    missing,
)
from tests.strategies import LONGEST, T0, histories, seconds_after

RATE = Decimal(3600)


def segment(start: int, end: int, time_class: str, reason: str = "", **more: object) -> Segment:
    stop = None if time_class in ("running", "unknown") else seconds_after(start)
    made = Segment(seconds_after(start), seconds_after(end), time_class, "stopped", reason_code=reason)
    return Segment(**{**{name: getattr(made, name) for name in made.__slots__}, "stop_start": stop, **more})


def part(start: int, end: int, good: int | None, total: int | None = None, **more: Any) -> Part:
    made = Part(seconds_after(start), seconds_after(end), "A", None, None, Decimal(0), RATE)
    return made._replace(
        good=None if good is None else Decimal(good),
        total=None if total is None else Decimal(total),
        **more,
    )


def told(found: Missing) -> dict[tuple[str, str], Fraction]:
    return {(cause.kind, cause.reason_code): cause.pieces for cause in found.causes}


def test_what_lost_time_came_from_changes_its_name_and_never_its_amount() -> None:
    segments = [segment(0, 600, "running"), segment(600, 1000, "starved"), segment(1000, 1200, "blocked")]
    charges = [
        Charge(seconds_after(700), seconds_after(900), "breakdown", "JAM", "CAP", "machine", T0),
        Charge(seconds_after(900), seconds_after(1200), "starved", "", "", "no_material", None),
    ]
    whole = part(0, 1200, good=600, total=600)
    plain, charged = missing(segments, [whole]), missing(segments, [whole], (), charges)
    assert told(plain) == {("starved", ""): 400, ("blocked", ""): 200}
    found = {(c.kind, c.reason_code, c.machine, c.origin): c.pieces for c in charged.causes}
    assert found == {
        ("starved", "", "", ""): 100,
        ("breakdown", "JAM", "CAP", "machine"): 200,
        ("starved", "", "", "no_material"): 300,
    }
    assert charged.difference == plain.difference == 0


def test_one_shift_told_piece_by_piece() -> None:
    segments = [
        segment(0, 600, "running"),
        segment(600, 900, "breakdown", "JAM"),
        segment(900, 960, "micro_stop"),
        segment(960, 1800, "running"),
        segment(1800, 2400, "break"),
        segment(2400, 2700, "own_other", uncoded=True),
        segment(2700, 3600, "running"),
    ]
    found = missing(segments, [part(0, 3600, good=2000, total=2100, scrap=Decimal(90))])
    assert found.possible == 3000
    assert told(found) == {
        ("breakdown", "JAM"): 300,
        ("micro_stop", ""): 60,
        (UNCODED, ""): 300,
        (SPEED, ""): 240,
        (REJECTS, ""): 90,
        (IN_LINE, ""): 10,
    }
    assert [cause.pieces for cause in found.causes] == sorted(told(found).values(), reverse=True)
    assert found.difference == 0


def test_rejects_of_starting_up_are_told_apart_and_money_is_pieces_times_what_each_brings() -> None:
    segments = [segment(0, 600, "running"), segment(600, 900, "breakdown", "JAM")]
    whole = part(0, 900, good=500, total=560, scrap=Decimal(40), start_up=Decimal(25), each=Decimal("0.5"))
    found = missing(segments, [whole])
    pieces = {("breakdown", "JAM"): 300, (SPEED, ""): 40, (START_UP, ""): 25, (REJECTS, ""): 15}
    assert told(found) == pieces | {(IN_LINE, ""): 20}
    assert {cause.money for cause in found.causes} == {cause.pieces / 2 for cause in found.causes}
    assert found.difference == 0
    unsaid = missing(segments, [whole._replace(each=None, start_up=None)])
    assert told(unsaid)[REJECTS, ""] == 40
    assert {cause.money for cause in unsaid.causes} == {None}


def test_a_changeover_is_within_its_standard_over_it_or_of_a_changed_sequence() -> None:
    segments = [segment(0, 1000, "setup"), segment(1000, 1100, "running"), segment(2000, 2600, "setup")]
    changes = [
        Changeover(seconds_after(900), "A", "B", timedelta(seconds=700), resequenced=False),
        Changeover(seconds_after(2100), "B", "C", timedelta(seconds=700), resequenced=True),
    ]
    found = told(missing(segments, [part(0, 3600, good=100, total=100)], changes))
    assert found == {(SETUP_WITHIN, ""): 700, (SETUP_OVER, ""): 300, (SETUP_SEQUENCE, ""): 600}
    bare = told(missing(segments, [part(0, 3600, good=100, total=100)]))
    assert bare == {(SETUP_OVER, ""): 1600}, "no standard allows nothing"


def test_pieces_made_while_nothing_was_known_are_not_missing() -> None:
    dark = [segment(0, 1000, "unknown")]
    assert told(missing(dark, [part(0, 1000, good=400, total=400)])) == {(NOT_KNOWN, ""): 600}
    assert told(missing(dark, [part(0, 1000, good=1200, total=1200)])) == {(SPEED, ""): -200}


def test_time_without_a_rate_or_a_counter_is_left_out_and_said() -> None:
    segments = [segment(0, 300, "running"), segment(300, 900, "breakdown", "JAM")]
    parts = [part(0, 600, good=5, rate=None), part(600, 900, good=None)]
    found = missing(segments, parts)
    assert (found.possible, found.good, told(found)) == (0, 5, {(UNRATED, ""): -5})
    assert found.difference == 0
    assert (found.unrated, found.uncounted) == (timedelta(seconds=600), timedelta(seconds=300))


@st.composite
def parts(draw: st.DrawFn) -> list[Part]:
    cuts = sorted({0, LONGEST, *draw(st.sets(st.integers(1, LONGEST - 1), max_size=4))})
    counts = st.none() | st.decimals(0, 9000, places=2)
    rates = st.none() | st.decimals(1, 9000, places=4)
    return [
        Part(
            seconds_after(start), seconds_after(end), "A", draw(counts), draw(counts), draw(counts),
            draw(rates),
        )
        for start, end in pairwise(cuts)
    ]  # fmt: skip


changeovers = st.lists(
    st.builds(
        Changeover,
        st.integers(0, LONGEST).map(seconds_after),
        st.just("A"),
        st.just("B"),
        st.none() | st.integers(0, 3000).map(lambda s: timedelta(seconds=s)),
        st.booleans(),
    ),
    max_size=3,
    unique_by=lambda change: change.at,
)


@st.composite
def charged(draw: st.DrawFn) -> list[Charge]:
    """Disjoint, by start."""
    cuts = sorted(draw(st.sets(st.integers(0, LONGEST), max_size=8)))
    kinds, machines = st.sampled_from(["breakdown", "setup", "starved", UNCODED]), st.sampled_from(["", "M"])
    return [
        Charge(seconds_after(a), seconds_after(b), draw(kinds), "R", draw(machines), "", None)
        for a, b in pairwise(cuts)
        if draw(st.booleans())
    ]


@given(histories(), parts(), changeovers, charged())
def test_causes_add_up_exactly_to_what_is_missing(known, made, changes, charges) -> None:  # type: ignore[no-untyped-def]
    window = account(Interval(T0, seconds_after(LONGEST)), known)
    found = missing(window.segments, made, changes, charges)
    plain = missing(window.segments, made, changes)
    assert (found.possible, found.good) == (plain.possible, plain.good)
    assert found.difference == 0
    required = sum((cause.duration or timedelta() for cause in found.causes), timedelta())
    assert required + found.unrated + found.uncounted <= window.span
