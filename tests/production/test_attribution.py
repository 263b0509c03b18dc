"""Where a stop of the constraint began: each sentence of domain.md §5, and time that always adds up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plant.domain.intervals import Interval, covers_once
from production.domain.account import Account, Known, OrderUse, Said, account
from production.domain.line.losses import LOST, LineLosses, Worth, line_losses
from production.domain.line.topology import GroupRow, LinkRow, Topology, slowest, topology_of
from production.domain.line.tracks import Part, parts_of, tracks_of
from production.domain.line.walk import MACHINE, Walk
from production.domain.stitching import StateRow
from production.domain.stops import Thresholds, stops_of
from tests.strategies import histories, seconds_after

Told = tuple[float, float | None, str]
NAMES = ("A", "B", "C", "D", "E")
END = 4000


def shape(names: Sequence[str] = NAMES, capacity: int = 0, transit: float = 0, **options: object) -> Topology:
    """Machines in a row at 3600 an hour: a buffer's pieces are its seconds."""
    links = [LinkRow(a, b, capacity, timedelta(seconds=transit)) for a, b in pairwise(names)]
    rates = dict.fromkeys(names, Decimal(3600))
    return topology_of(machines=names, links=links, rates=rates, **options)  # type: ignore[arg-type]


def parts(rows: Mapping[str, Sequence[Told]], names: Sequence[str] = NAMES) -> dict[str, list[Part]]:
    """Each machine runs from 0 to END but for what is told; (start, end, kind[ + "@order"])."""
    found: dict[str, list[Part]] = {}
    for name in names:
        at, made = 0.0, []
        for start, end, kind in [*rows.get(name, ()), (END, END, "")]:
            if at < start:
                made.append(_part(name, at, start, "running@X"))
            at = END if end is None else end
            if kind:
                made.append(_part(name, start, at, kind))
        found[name] = made
    return found


def _part(name: str, start: float, end: float, kind: str) -> Part:
    kind, _, order = kind.partition("@")
    return Part(
        seconds_after(start), seconds_after(end), kind, seconds_after(start), name, order or "X"
    )  # fmt: skip


def causes(
    rows: Mapping[str, Sequence[Told]], constraint: str = "C", topology: Topology | None = None
) -> list[tuple[float, float, str]]:
    """(start, end, machine or end of the line) of everything the constraint stood still for."""
    topology = topology or shape()
    machines = parts(rows, tuple(topology.node_of))
    tracks = tracks_of(topology, machines)
    walk = Walk(topology, tracks)
    node = topology.node_of[constraint]
    found = []
    for part in tracks[node].parts:
        if part.kind != "running":
            for share in walk.shares(node, part):
                name = share.cause.machine if share.cause.kind == MACHINE else share.cause.kind
                found.append((_s(share.start), _s(share.end), name))
    return found


def _s(instant: datetime) -> float:
    return (instant - seconds_after(0)).total_seconds()


def test_an_own_stop_is_its_own_cause() -> None:
    assert causes({"C": [(100, 200, "own")], "B": [(90, 210, "own")]}) == [(100, 200, "C")]


def test_starved_walks_upstream_and_blocked_downstream_past_what_is_induced_alike() -> None:
    upstream = {"C": [(104, 200, "starved")], "B": [(102, 199, "starved")], "A": [(100, 198, "own")]}
    assert {cause for _, _, cause in causes(upstream | {"D": [(100, 210, "own")]})} == {"A"}
    downstream = {"C": [(104, 200, "blocked")], "D": [(102, 199, "blocked")], "E": [(100, 200, "own")]}
    assert causes(downstream | {"B": [(100, 210, "own")]}) == [(104, 200, "E")]


def test_a_neighbour_whose_clock_is_three_seconds_off_is_still_found() -> None:
    assert causes({"C": [(100, 110, "starved")], "B": [(103, 112, "own")]}) == [(100, 110, "B")]
    assert causes({"C": [(100, 101, "starved")], "B": [(80, 98, "own")]}) == [(100, 101, "B")]
    assert causes({"C": [(100, 110, "starved")], "B": [(104, 112, "own")]})[0][2] == "not_evaluable"


def test_a_running_neighbour_passes_on_its_last_stop_within_the_time_its_buffer_feeds() -> None:
    late = {"C": [(150, 160, "starved")], "B": [(60, 120, "own")]}
    assert causes(late, topology=shape(capacity=40)) == [(150, 160, "B")]
    assert causes(late, topology=shape(capacity=20)) == [(150, 160, "not_evaluable")]
    # Beyond what the buffer explains, the rest of the stop is not forced on anybody.
    long = {"C": [(150, 200, "starved")], "B": [(60, 120, "own")]}
    assert causes(long, topology=shape(capacity=40)) == [(150, 163, "B"), (163, 200, "not_evaluable")]


def test_what_left_before_its_transit_is_looked_for_when_it_left() -> None:
    told = {"C": [(100, 130, "starved")], "B": [(60, 90, "own"), (95, 99, "starved")], "A": [(94, 99, "own")]}
    assert causes(told, topology=shape(transit=40)) == [(100, 130, "B")]


def test_changeover_of_the_same_order_off_and_no_data_are_passed_over() -> None:
    for passed in ("setup@X", "off", "no_data"):
        told = {"C": [(100, 200, "starved")], "B": [(90, 210, passed)], "A": [(95, 205, "own")]}
        assert causes(told) == [(100, 200, "A")], passed
    other = {"C": [(100, 200, "starved")], "B": [(90, 210, "setup@Y")], "A": [(95, 205, "own")]}
    assert causes(other) == [(100, 200, "B")], "it makes another order: that is where the line waits"


def test_a_changeover_nobody_upstream_explains_is_the_cause() -> None:
    assert causes({"C": [(100, 200, "starved")], "B": [(90, 210, "setup")]}) == [(100, 200, "B")]


def test_the_ends_of_the_line_are_material_and_outlet() -> None:
    starved: dict[str, list[Told]] = {name: [(100, 200, "starved")] for name in "ABC"}
    assert causes(starved) == [(100, 200, "no_material")]
    blocked = {name: [(100, 200, "blocked")] for name in "CDE"}
    assert causes(blocked) == [(100, 200, "no_outlet")]
    assert causes({"A": [(100, 200, "starved")]}, constraint="A") == [(100, 200, "no_material")]


def test_what_lies_outside_what_is_known_is_said_to_be_so() -> None:
    silent = {"C": [(100, 200, "starved")], "B": [(90, 300, "no_data")], "A": [(0, 400, "no_data")]}
    assert causes(silent) == [(100, 200, "not_evaluable")]
    assert causes({"C": [(100, 200, "starved")]}) == [(100, 200, "not_evaluable")]


def test_a_long_stop_is_cut_where_its_cause_changes() -> None:
    told = {
        "C": [(100, 400, "starved")],
        "B": [(90, 200, "own"), (200, 398, "starved")],
        "A": [(195, 300, "own"), (300, 396, "starved")],
    }
    # From 396 on everybody upstream runs again: what halted A last is still what is felt.
    assert causes(told) == [(100, 200, "B"), (200, 300, "A"), (300, 400, "no_material")]


def test_suspended_without_a_side_takes_the_side_that_stands_still() -> None:
    assert causes({"C": [(100, 200, "suspended")], "D": [(95, 205, "own")]}) == [(100, 200, "D")]
    assert causes({"C": [(100, 200, "suspended")], "B": [(95, 205, "own")]}) == [(100, 200, "B")]
    assert causes({"C": [(100, 200, "suspended")]}) == [(100, 200, "not_evaluable")]


def test_links_that_lead_in_a_circle_end_the_walk() -> None:
    circle = topology_of(machines=("A", "B"), links=[LinkRow("A", "B"), LinkRow("B", "A")])
    told: dict[str, list[Told]] = {name: [(100, 200, "starved")] for name in "AB"}
    assert causes(told, constraint="A", topology=circle) == [(100, 200, "not_evaluable")]


HOUR: Told = (100, 3700, "own")
BESIDE = shape(
    ("A", "B1", "B2", "C", "D"), groups=[GroupRow("B", ("B1", "B2"), 1)]
)  # fmt: skip


@pytest.mark.parametrize("end", [3700, None])
def test_two_stations_down_the_same_hour_in_series_are_one_hour_of_the_line(end: float | None) -> None:
    told = {"A": [(100, end, "own")], "B": [(100, end, "own")], "C": [(100, end, "starved")]}
    assert causes(told) == [(100, end or END, "B")], "the nearer one alone would have stopped it"


@pytest.mark.parametrize("end", [3700, None])
def test_two_stations_down_the_same_hour_in_parallel_are_one_hour_and_one_alone_is_none(
    end: float | None,
) -> None:
    both = {"B1": [(100, end, "own")], "B2": [(110, end, "own")], "C": [(110, end, "starved")]}
    assert causes(both, topology=BESIDE) == [(110, end or END, "B2")], "its stop left too few running"
    assert causes({"B1": [(100, end, "own")]}, topology=BESIDE) == []
    assert causes(both, constraint="B1", topology=BESIDE) == [(110, end or END, "B2")]


def test_a_group_below_its_minimum_stands_still_and_above_it_runs() -> None:
    two = shape(("A", "B1", "B2", "B3", "C"), groups=[GroupRow("B", ("B1", "B2", "B3"), 2)])
    one_down: dict[str, list[Told]] = {"B2": [HOUR], "C": [(100.0, 3700.0, "starved")]}
    assert causes(one_down, topology=two) == [(100, 3700, "not_evaluable")]
    fed_badly: dict[str, list[Told]] = {
        "A": [(90.0, 3690.0, "own")],
        "B1": [(95.0, 3700.0, "starved")],
        "B2": [(0.0, 4000.0, "own")],
        "B3": [(95.0, 3700.0, "starved")],
        "C": [(100.0, 3690.0, "starved")],
    }
    assert causes(fed_badly, topology=two) == [(100, 3690, "A")], "the one long down was not missed"


def test_the_slowest_machine_paces_a_line_that_declares_none() -> None:
    assert slowest({"A": Decimal(9), "B": Decimal(7), "C": Decimal(7)}, "ABC") == "B"
    assert slowest({}, "ABC") is None


# Losses of accounts, as they come from states.


def told_account(known: Known, window: Interval) -> Account:
    return account(window, known)


def losses(
    machines: Mapping[str, Known],
    window: Interval,
    constraint: str = "C",
    said: Sequence[Said] = (),
    groups: Sequence[GroupRow] = (),
) -> tuple[LineLosses, dict[str, Account]]:
    topology = shape(tuple(machines), capacity=30, transit=7, groups=groups)
    assert window.end is not None
    wide = Interval(window.start - topology.reach, window.end + topology.reach)
    machine_parts = {
        name: parts_of(name, told_account(known, wide).segments) for name, known in machines.items()
    }
    found = line_losses(
        window=window,
        constraint=constraint,
        topology=topology,
        tracks=tracks_of(topology, machine_parts),
        machines=machine_parts,
        said_of_line=said,
        worth=lambda order, at: Worth(Decimal(3600), Decimal("0.25")),
    )
    return found, {name: told_account(known, window) for name, known in machines.items()}


def history(rows: Sequence[tuple[float, str]], reasons: Sequence[Said] = ()) -> Known:
    """States from instants on, working on order X all the time, without a calendar."""
    starts = [seconds_after(at) for at, _ in rows]
    states = [
        StateRow(start, end, state, "produce", "17" if state == "aborted" else "", "")
        for (_, state), start, end in zip(rows, starts, [*starts[1:], None], strict=True)
    ]
    orders = [OrderUse(seconds_after(-90_000), None, "X")]
    horizon = seconds_after(50_000)
    return Known(states, stops_of(states), None, orders, reasons, Thresholds(), horizon)


RUN = history([(-90_000, "execute")])


def test_a_stop_the_buffers_absorbed_costs_no_piece_and_is_shown_so() -> None:
    absorbed = history([(-90_000, "execute"), (1000, "aborted"), (1200, "execute")])
    found, _ = losses({"B": absorbed, "C": RUN, "D": RUN}, Interval(seconds_after(0), seconds_after(5000)))
    assert found.rows == ()
    cost = next(cost for cost in found.machines if cost.machine == "B")
    assert (cost.own.total_seconds(), cost.stops, cost.absorbed) == (200, 1, 1)
    assert (cost.charged, cost.pieces) == (timedelta(), 0)


def test_a_row_has_machine_reason_seconds_pieces_and_money() -> None:
    jam = Said(seconds_after(1000), None, "JAM", "breakdown", 7)
    rows = {
        "B": history([(-90_000, "execute"), (1000, "aborted"), (1600, "execute")], [jam]),
        "C": history([(-90_000, "execute"), (1020, "starved"), (1605, "execute")]),
    }
    found, _ = losses(rows, Interval(seconds_after(1100), seconds_after(5000)))
    [row] = found.rows
    assert (row.kind, row.machine, row.reason_code, row.time_class) == ("machine", "B", "JAM", "breakdown")
    assert (row.duration.total_seconds(), row.pieces, row.money) == (505, 505, Fraction(505, 4))
    assert row.stops == (("C", seconds_after(1020)),)
    assert row.causing == (("B", seconds_after(1000)),)


def test_what_is_said_about_the_line_overrides_its_machines() -> None:
    rows = {"B": RUN, "C": history([(-90_000, "execute"), (1000, "held"), (2000, "execute")])}
    said = [Said(seconds_after(900), seconds_after(1400), "CHANGE", "setup", 1)]
    found, _ = losses(rows, Interval(seconds_after(0), seconds_after(5000)), said=said)
    assert [(row.kind, row.machine, row.reason_code, row.duration.total_seconds()) for row in found.rows] == [
        ("machine", "C", "", 600),
        ("line", "", "CHANGE", 400),
    ]


lines = st.lists(histories(), min_size=1, max_size=5)


@given(lines, st.integers(0, 4), st.integers(0, 15_000), st.integers(1, 6000), st.integers(1, 6000))
def test_time_adds_up_for_any_states_and_any_cut_of_the_window(
    known: list[Known], paces: int, start: int, first: int, second: int
) -> None:
    names = NAMES[: len(known)]
    constraint = names[paces % len(names)]
    machines = dict(zip(names, known, strict=True))
    cut, end = seconds_after(start + first), seconds_after(start + first + second)
    beside = [GroupRow("G", names[-2:])] if len(names) > 2 and constraint not in names[-2:] else []
    whole, told = losses(machines, Interval(seconds_after(start), end), constraint, groups=beside)
    lost = [s for s in told[constraint].segments if s.time_class in LOST]
    assert whole.lost == sum((s.duration for s in lost), timedelta()), "attributed + not evaluable"
    for segment in lost:
        inside = [p for p in whole.parts if segment.start <= p.start < segment.end]
        assert covers_once(segment, inside)
    assert sum(r.pieces or 0 for r in whole.rows) == Fraction(whole.lost / timedelta(microseconds=1)) / 10**6
    left, _ = losses(machines, Interval(seconds_after(start), cut), constraint, groups=beside)
    right, _ = losses(machines, Interval(cut, end), constraint, groups=beside)
    apart: dict[tuple[str, str, str, str], timedelta] = {}
    for row in (*left.rows, *right.rows):
        key = (row.kind, row.machine, row.reason_code, row.time_class)
        apart[key] = apart.get(key, timedelta()) + row.duration
    together: dict[tuple[str, str, str, str], timedelta] = {}
    for row in whole.rows:
        key = (row.kind, row.machine, row.reason_code, row.time_class)
        together[key] = together.get(key, timedelta()) + row.duration
    assert apart == together, "windows that touch add up, cause by cause"
