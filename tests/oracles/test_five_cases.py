"""Five cases that production systems get wrong, exact in the domain and by REST.

Source: issue 3, from reading the nearest open system: shift boundaries, micro-stops, stations of one line,
late events and counters.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from zoneinfo import ZoneInfo

import pytest

from plant import services as plant
from plant.domain.calendar import Pattern, pattern_read, slots
from plant.domain.intervals import Interval
from plant.models import Equipment, EquipmentLink, ParallelGroup
from production.domain.account import OrderUse
from production.domain.line.losses import line_losses
from production.domain.line.topology import GroupRow, LinkRow, topology_of
from production.domain.line.tracks import parts_of, tracks_of
from production.domain.stitching import ordered
from production.domain.stops import Thresholds
from production.models import StateInterval, Stop
from production.services.rebuilding import rebuild_check
from tests.factories.plant import site_make
from tests.factories.production import PLANNER
from tests.oracles.in_domain import Folded, folded
from tests.oracles.rest_plant import RestLine, Told, amount, rest_line_make

DAY = date(2026, 3, 3)  # a Tuesday
PARIS = "Europe/Paris"
PATTERN = {
    "shifts": [
        {"code": "M", "start": "06:00", "end": "14:00"},
        {"code": "A", "start": "14:00", "end": "22:00"},
    ]
}
HOUR = timedelta(hours=1)


def at(clock: str, seconds: float = 0) -> datetime:
    """A time of the day on the wall in Paris."""
    return datetime.fromisoformat(f"{DAY}T{clock}").replace(tzinfo=ZoneInfo(PARIS)).astimezone(
        UTC
    ) + timedelta(seconds=seconds)


def worked(did: Folded, start: datetime, end: datetime, limits: Thresholds | None = None) -> dict[str, float]:
    """Seconds by class, on an order all day."""
    pattern: Pattern = pattern_read(PATTERN, PARIS)
    orders = [OrderUse(at("06:00"), None, "PO1")]
    more = () if limits is None else (limits,)
    found = did.account(Interval(start, end), slots(pattern, DAY, DAY), orders, *more)
    return {name: time.total_seconds() for name, time in found.durations.items()}


def line_in_paris(**options: object) -> RestLine:
    made = rest_line_make(at("06:00"), site=site_make(time_zone=PARIS), **options)  # type: ignore[arg-type]
    line, before = made.line.line, at("00:00") - timedelta(days=2)
    plant.calendar_version_store(line=line, valid_from=DAY, pattern=PATTERN, by=PLANNER, at=before)
    plant.calendar_materialise(line_id=line.pk, until=DAY, now=before)
    made.order(at("06:00"))
    return made


OVER_THE_CHANGE: list[Told] = [
    (at("06:00"), "state", "execute"),
    (at("13:30"), "state", "stopped"),
    (at("14:30"), "state", "execute"),
]
MORNING, AFTERNOON = (at("06:00"), at("14:00")), (at("14:00"), at("22:00"))


def test_a_stop_over_a_change_of_shift_is_half_an_hour_of_each_in_the_domain() -> None:
    did = folded(OVER_THE_CHANGE, at("22:00"))
    assert [(stop.start, stop.end) for stop in did.stops] == [(at("13:30"), at("14:30"))]
    assert worked(did, *MORNING) == {"running": 27_000, "own_other": 1800}
    assert worked(did, *AFTERNOON) == {"running": 27_000, "own_other": 1800}
    assert worked(did, at("14:29"), at("14:30")) == {"own_other": 60}, "its class is that of the whole"


@pytest.mark.django_db
def test_a_stop_over_a_change_of_shift_is_half_an_hour_of_each_by_rest() -> None:
    line = line_in_paris()
    line.send(OVER_THE_CHANGE, watermark=at("22:00"))
    assert line.seconds(*MORNING) == {"running": 27_000, "own_other": 1800}
    assert line.seconds(*AFTERNOON) == {"running": 27_000, "own_other": 1800}
    assert line.seconds(MORNING[0], AFTERNOON[1]) == {"running": 54_000, "own_other": 3600}
    assert line.seconds(at("14:29"), at("14:30")) == {"own_other": 60}
    [stop] = line.stops()
    assert (stop["start_time"], stop["end_time"]) == ("2026-03-03T12:30:00Z", "2026-03-03T13:30:00Z")
    assert (stop["size"], stop["needs_reason"]) == ("registered", True)


FORTY: list[Told] = [(at("06:00"), "state", "execute")] + [
    (at("06:00", 60 * number + second), "state", state)
    for number in range(1, 41)
    for second, state in ((0, "stopped"), (5, "execute"))
]


def test_forty_stops_of_five_seconds_are_two_hundred_seconds_in_the_domain() -> None:
    did, limits = folded(FORTY, at("07:00")), Thresholds(timedelta(seconds=2), timedelta(seconds=120))
    assert len(did.stops) == 40
    assert worked(did, at("06:00"), at("07:00"), limits) == {"running": 3400, "micro_stop": 200}


@pytest.mark.django_db
def test_forty_stops_of_five_seconds_are_two_hundred_seconds_by_rest() -> None:
    line = line_in_paris(minimum_stop=timedelta(seconds=2))
    line.send(FORTY, watermark=at("07:00"))
    assert line.seconds(at("06:00"), at("07:00")) == {"running": 3400, "micro_stop": 200}
    cut = at("06:20", 2.5)
    halves = [line.seconds(at("06:00"), cut), line.seconds(cut, at("07:00"))]
    assert [half["micro_stop"] for half in halves] == [Decimal("97.5"), Decimal("102.5")]
    stops = line.stops()
    assert (len(stops), {stop["size"] for stop in stops}) == (40, {"micro"})
    assert not any(stop["needs_reason"] for stop in stops)


# A day up to 18:15, standing for six minutes at half past every hour; and what comes after it.
UNTIL = at("18:15")
KNOWN: list[Told] = [(at("06:00"), "state", "execute"), (at("06:00"), "good_count", 0)] + [
    (at(f"{hour:02}:{minute}"), "state", state)
    for hour in range(6, 18)
    for minute, state in (("30", "held"), ("36", "execute"))
]
LATE: list[Told] = [
    (at("09:00"), "state", "aborted"),
    (at("09:00"), "fault_code", 17),
    (at("09:10"), "state", "execute"),
    (at("09:10"), "fault_code", 0),
]


def test_a_late_fault_is_inserted_in_place_and_nothing_after_it_changes_in_the_domain() -> None:
    before = folded(KNOWN, UNTIL)
    after = folded(sorted([*KNOWN, *LATE], key=lambda told: told[0]), UNTIL)
    later = [row for row in before.states if row.start >= at("09:10")]
    assert [row for row in after.states if row.start > at("09:10")] == later
    assert [row for row in after.states if row.start < at("08:36")] == [
        row for row in before.states if row.start < at("08:36")
    ]
    [new] = set(after.stops) - set(before.stops)
    assert (new.start, new.end, new.fault_code) == (at("09:00"), at("09:10"), "17")
    assert set(before.stops) < set(after.stops)
    assert worked(after, at("09:00"), at("10:00")) == {"breakdown": 600, "own_other": 360, "running": 2640}


@pytest.mark.django_db
def test_a_late_fault_is_inserted_in_place_and_nothing_after_it_changes_by_rest() -> None:
    line = line_in_paris(per_hour=3600)
    line.send(KNOWN, watermark=UNTIL)
    states, stops = line.about("states", at("06:00"), UNTIL), line.stops()
    figures = line.kpi(at("09:10"), UNTIL)
    rows = dict(StateInterval.objects.filter(start_time__gt=at("09:10")).values_list("start_time", "pk"))
    line.send(LATE)
    found = line.about("states", at("06:00"), UNTIL)
    assert [row for row in found if row["start_time"] > "2026-03-03T08:10:00Z"] == [
        row for row in states if row["start_time"] > "2026-03-03T08:10:00Z"
    ]
    new = [row for row in found if row not in states]
    assert [(row["start_time"][11:16], row["state"], row["fault_code"]) for row in new] == [
        ("07:36", "execute", ""),
        ("08:00", "aborted", "17"),
        ("08:10", "execute", ""),
    ]
    assert [stop for stop in line.stops() if stop not in stops] == [
        stop for stop in line.stops() if stop["start_time"] == "2026-03-03T08:00:00Z"
    ]
    assert len(line.stops()) == len(stops) + 1
    assert line.kpi(at("09:10"), UNTIL) == figures
    assert line.seconds(at("09:00"), at("10:00")) == {"breakdown": 600, "own_other": 360, "running": 2640}
    assert rows == dict(
        StateInterval.objects.filter(start_time__gt=at("09:10")).values_list("start_time", "pk")
    ), "no row after it was written again"
    assert Stop.objects.filter(fault_code="17").count() == 1
    assert rebuild_check(work_unit_ids=[line.line.unit.pk]).lines == []


READINGS = ((at("09:00"), 1000), (at("09:01"), 1010), (at("09:03"), 1020), (at("09:02"), 1015)) + (
    (at("09:04"), 1030),
)


def test_a_counter_told_in_any_order_is_thirty_pieces_in_the_domain() -> None:
    for arrived in permutations(READINGS):
        samples = ordered((when, when, key, 1, value, False) for key, (when, value) in enumerate(arrived))
        told: list[Told] = [(when, "good_count", value) for when, _, value, _ in samples]
        assert folded(told, at("09:05")).pieces == {"good": 30}


@pytest.mark.django_db
@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (0, 1, 2, 4, 3), (4, 3, 2, 1, 0), (2, 0, 4, 1, 3)])
def test_a_counter_told_in_any_order_is_thirty_pieces_by_rest(order: Sequence[int]) -> None:
    line = line_in_paris()
    line.send([(at("09:00"), "state", "execute")])
    for number in order:
        when, value = READINGS[number]
        line.send([(when, "good_count", value)], watermark=at("09:05"))
    assert amount(line.kpi(at("09:00"), at("09:05"))["iso_22400_2"]["good"]) == 30
    parts = [line.kpi(at("09:00"), at("09:03")), line.kpi(at("09:03"), at("09:05"))]
    assert [amount(part["iso_22400_2"]["good"]) for part in parts] == [15, 15]
    assert rebuild_check(work_unit_ids=[line.line.unit.pk]).lines == []


# Stations by number: the second paces the line; in parallel the third stands beside it, and one must run.
DOWN = {"one": (1,), "both": (1, 2)}
STATIONS = 4


def told_by(number: int, down: Sequence[int], open_end: bool) -> list[Told]:
    run: list[Told] = [(at("08:00"), "state", "execute")]
    if number not in down:
        return run
    hour: list[Told] = [(at("09:00"), "state", "aborted"), (at("10:00"), "state", "execute")]
    return run + (hour[:1] if open_end else hour)


CASES = pytest.mark.parametrize(
    ("parallel", "down", "open_end", "hours"),
    [
        (False, "both", False, 1),
        (False, "both", True, 2),
        (True, "one", False, 0),
        (True, "both", False, 1),
        (True, "both", True, 2),
        (True, "one", True, 0),
    ],
)
WINDOW = Interval(at("08:00"), at("11:00"))


@CASES
def test_two_stations_down_the_same_hour_cost_the_line_it_once_in_the_domain(
    parallel: bool, down: str, open_end: bool, hours: int
) -> None:
    names = [str(number) for number in range(STATIONS)]
    links = [LinkRow(a, b) for a, b in flow(parallel, names)]
    groups = [GroupRow("G", ("1", "2"))] if parallel else []
    topology = topology_of(machines=names, links=links, groups=groups)
    machines = {}
    for number, name in enumerate(names):
        did = folded(told_by(number, DOWN[down], open_end), at("11:00"))
        account = did.account(WINDOW, None, [OrderUse(WINDOW.start, None, "PO1")])
        machines[name] = parts_of(name, account.segments)
    found = line_losses(
        window=WINDOW,
        constraint=topology.node_of["1"],
        topology=topology,
        tracks=tracks_of(topology, machines),
        machines=machines,
    )
    assert found.lost == hours * HOUR
    assert {row.time_class for row in found.rows} == ({"breakdown"} if hours else set())


def flow(parallel: bool, names: Sequence[str]) -> list[tuple[str, str]]:
    a, b, c, d = names
    return [(a, b), (a, c), (b, d), (c, d)] if parallel else [(a, b), (b, c), (c, d)]


@pytest.mark.django_db
@CASES
def test_two_stations_down_the_same_hour_cost_the_line_it_once_by_rest(
    parallel: bool, down: str, open_end: bool, hours: int
) -> None:
    line = line_in_paris(units=STATIONS)
    units = line.line.units
    Equipment.objects.filter(parent=line.line.line).update(is_constraint=False)
    Equipment.objects.filter(pk=units[1].pk).update(is_constraint=True)
    if parallel:
        EquipmentLink.objects.filter(upstream__parent=line.line.line).delete()
        group = ParallelGroup.objects.create(code=f"{line.line.line.code}-G", line=line.line.line)
        Equipment.objects.filter(pk__in=[units[1].pk, units[2].pk]).update(parallel_group=group)
        places = {unit.code: unit for unit in units}
        for upstream, downstream in flow(parallel, [unit.code for unit in units]):
            EquipmentLink.objects.create(upstream=places[upstream], downstream=places[downstream])
    for number in range(STATIONS):
        line.send(told_by(number, DOWN[down], open_end), machine=number, watermark=at("11:00"))
    code = line.line.line.code
    assert WINDOW.end is not None
    losses = line.about("line-losses", WINDOW.start, WINDOW.end, code)
    assert amount(losses["seconds"]) == sum(amount(row["seconds"]) for row in losses["rows"]) == hours * 3600
    assert {(row["kind"], row["time_class"]) for row in losses["rows"]} == (
        {("machine", "breakdown")} if hours else set()
    )
    assert line.seconds(WINDOW.start, WINDOW.end, code).get("breakdown", 0) == hours * 3600
    own = [amount(machine["own_seconds"]) for machine in losses["machines"]]
    stood = 3600 * (2 if open_end else 1)
    assert own == [stood if number in DOWN[down] else 0 for number in range(STATIONS)]
    ends = {stop["end_time"] for number in DOWN[down] for stop in line.stops(number)}
    assert ends == ({None} if open_end else {"2026-03-03T09:00:00Z"})
