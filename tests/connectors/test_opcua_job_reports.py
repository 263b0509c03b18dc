"""What a machine tells of its job orders (OPC 10031-4): by events, by its list, because it was asked."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from asyncua import ua
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.domain.columns import Columns
from connectors.domain.job_control import STATES, Response, errors_of, orders_over_time
from connectors.domain.job_reports import AtWork, JobReports, Made
from connectors.interface import SampleBatch, Unavailable
from connectors.protocols.opcua import OpcUaConfig, OpcUaConnector, job_offers
from connectors.protocols.opcua.job_reports import Reports, response_of
from plant.domain.samples import Quality
from tests.connectors import job_machine_1
from tests.connectors.job_machine import NO_ERROR, PROVIDER, URI
from tests.connectors.peers import address, collect, free_port, opcua_server
from tests.connectors.test_opcua_jobs import JOBS, ORDER, JobMachine, job_machine, started
from tests.connectors.test_opcua_structures import kind, known

JOBS_1 = f"jobs;nsu={job_machine_1.URI};{job_machine_1.PROVIDER}"
MADE_1 = JOBS_1.replace("jobs;", "produced;")
_ua: Any = ua
MADE = f"produced;nsu={URI};{PROVIDER}"
T0 = datetime(2026, 3, 2, 6, tzinfo=UTC)
AT = [T0 + timedelta(minutes=minute) for minute in range(10)]
AN_HOUR = 3600.0


def accept(machine: JobMachine, *codes: str) -> None:
    for code in codes:
        assert machine.command("store_and_start", replace(ORDER, code=code)) == NO_ERROR
        assert machine.says().startswith(f"took {code}")


def heard(machine: JobMachine, steps: list[tuple[str, int]], *addresses: str) -> list[SampleBatch]:
    """What comes while the machine is told one line after the other, each once so many values have come."""
    left = list(steps)

    def until(batches: list[SampleBatch]) -> bool:
        came = sum(len(batch.samples) for batch in batches)
        while left and came >= left[0][1]:
            line, _ = left.pop(0)
            if not line:
                return True
            machine.obey(line)
        return False

    connector = OpcUaConnector(replace(machine.config, addresses=addresses or (JOBS,)))
    return asyncio.run(collect(connector, until, seconds=60))


def told(batches: list[SampleBatch], address: str = JOBS) -> list[tuple[Any, datetime]]:
    return [(s.value, s.source_time) for batch in batches for s in batch.samples if s.address == address]


def test_an_event_tells_at_once_where_nothing_else_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an object that tells none itself: the server does."""
    monkeypatch.setattr(job_offers, "ASK_TO_HEAL", AN_HOUR)
    with job_machine("listless", "above") as machine:
        accept(machine, "PO-1", "PO-2")
        machine.obey(f"begin PO-1 {AT[0].isoformat()}")
        steps = [
            # The first was asked for; from here on there are events alone
            (f"end PO-1 {AT[1].isoformat()}", 1),
            ("subtle", 2),
            (f"begin PO-2 {AT[2].isoformat()}", 2),
            ("", 3),
        ]
        batches = heard(machine, steps)
    came = told(batches)
    assert came[:2] == [("PO-1", AT[0]), ("", AT[1])]
    # Without its JobResponse an event tells no time but its own
    assert came[2][0] == "PO-2"
    assert came[2][1] > AT[2]
    assert not [gap for batch in batches for gap in batch.gaps]
    assert not [one for batch in batches for one in batch.malformed]


@pytest.mark.parametrize("options", [(), ("listless",)], ids=["by the list", "by asking"])
def test_a_lost_event_is_healed(options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_offers, "ASK_TO_HEAL", 0.2)
    with job_machine(*options) as machine:
        accept(machine, "PO-1", "PO-2")
        machine.obey(f"begin PO-1 {AT[0].isoformat()}")
        steps = [
            ("mute", 1),
            (f"end PO-1 {AT[1].isoformat()}", 1),
            (f"begin PO-2 {AT[2].isoformat()}", 2),
            ("", 3),
        ]
        batches = heard(machine, steps)
    # Each once, whether an event, the list or an answer told it first
    assert told(batches) == [("PO-1", AT[0]), ("", AT[1]), ("PO-2", AT[2])]


def test_what_was_made_counts_from_nothing_and_faults_are_said_once() -> None:
    soon = datetime.now(UTC) + timedelta(minutes=2)
    with job_machine() as machine:
        accept(machine, "PO-1", "PO-2")
        machine.obey(f"begin PO-1 {AT[1].isoformat()}")
        steps = [
            ("made PO-1 40", 1),
            ("made PO-1 100.5", 3),
            # Before it began, and no number: neither is believed, and the order is over all the same
            ("made PO-1 12,5", 4),
            (f"end PO-1 {AT[0].isoformat()}", 4),
            (f"begin PO-2 {soon.isoformat()}", 6),
            ("", 7),
        ]
        batches = heard(machine, steps, JOBS, MADE)
    made = told(batches, MADE)
    assert [value for value, _ in made] == [0, 40, 100.5, 100.5]
    assert made[0][1] == AT[1]
    assert [value for value, _ in told(batches)] == ["PO-1", "", "PO-2"]
    reasons = sorted({one.reason for batch in batches for one in batch.malformed})
    assert reasons == [
        "job response: PO-1: EndTime 2026-03-02T06:00:00+00:00 before StartTime 2026-03-02T06:01:00+00:00",
        "job response: PO-1: Quantity '12,5' is none",
    ]


def test_an_order_that_vanishes_from_the_list_is_over_though_nobody_said_when() -> None:
    """Nobody who listened, nor a runner that was started anew and knows nothing of it."""
    before = datetime.now(UTC)
    with job_machine() as machine:
        accept(machine, "PO-1")
        machine.obey(f"begin PO-1 {AT[0].isoformat()}")
        told = heard(machine, [("forget PO-1", 1), ("", 2)])
        anew = heard(machine, [("", 1)])
    began, over = [sample for batch in told for sample in batch.samples]
    assert (began.value, began.source_time, began.quality) == ("PO-1", AT[0], Quality.GOOD)
    for end in (over, *(sample for batch in anew for sample in batch.samples)):
        assert (end.value, end.quality) == ("", Quality.UNCERTAIN)
        assert end.source_time >= before


class First(JobMachine):
    """Of version 1."""

    @property
    def config(self) -> OpcUaConfig:
        receiver = f"nsu={job_machine_1.URI};{job_machine_1.RECEIVER}"
        return replace(super().config, job_receiver=receiver, addresses=(JOBS_1,))


def test_version_1_takes_commands_by_one_method_and_is_asked_what_became_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(job_offers, "ASK_ALONE", 0.2)
    with started(First, [sys.executable, "-u", "-m", "tests.connectors.job_machine_1"]) as machine:
        assert machine.command("store_and_start") == NO_ERROR
        assert machine.says() == "took PO-7 SKU-1 1200.5 pcs 3 2026-03-02T06:00:00+00:00 Yoghurt"
        assert errors_of(machine.command("store")) != []
        assert [str(one.text) for one in errors_of(machine.command("clear"))] == [
            "the machine does not know the command"
        ]
        with pytest.raises(Unavailable, match=r"no method Pause \(job control version 1\)"):
            machine.command("pause")
        machine.obey(f"begin PO-7 {AT[0].isoformat()}")
        steps = [
            ("made PO-7 12", 1),
            (f"end PO-7 {AT[1].isoformat()}", 3),
            ("", 5),
        ]
        batches = heard(machine, steps, JOBS_1, MADE_1)
        assert machine.command("cancel") == NO_ERROR
        assert machine.command("cancel", ORDER) == 1 << 1
    assert told(batches, JOBS_1) == [("PO-7", AT[0]), ("", AT[1])]
    (began, _), (first, _), (last, over) = told(batches, MADE_1)
    assert (began, first, last, over) == (0, 12, 12, AT[1])
    assert not [one for batch in batches for one in batch.malformed]


async def test_an_object_that_cannot_be_asked_is_absent_and_says_why() -> None:
    port = free_port()
    async with opcua_server(port, {}) as server:
        place, name = ua.NodeId.from_string("ns=2;s=Results"), ua.QualifiedName("Results", 2)
        results = await server.nodes.objects.add_object(place, name)
        await results.add_method(2, "RequestJobResponse", lambda _: [], [], [])
        jobs = f"jobs;{address('Results')}"
        config = OpcUaConfig(endpoint=f"opc.tcp://127.0.0.1:{port}/", security="none", addresses=(jobs,))
        probe = await OpcUaConnector(config).probe()
    assert [str(said) for said in probe.warnings] == [
        f"{jobs}: the server does not say the OutputArguments of a method",
        f"{jobs}: not at this server",
    ]


variants = st.one_of(
    st.none(), st.integers(-(2**63), 2**63 - 1), st.text(max_size=5), st.binary(max_size=5), st.just([None])
)


@settings(max_examples=150)
@given(st.randoms(use_true_random=False), st.lists(variants, max_size=8))
def test_damaged_reports_are_said_and_break_nothing(dice: Any, strange: list[Any]) -> None:
    structures = known()
    state = {"StateText": ua.LocalizedText(Text="Ended"), "StateNumber": 5}
    quantity = dice.choice(["3", "-1", "1e400", "1e-400", "NaN", "x", "Infinity"])
    material = {"MaterialUse": "Produced", "Quantity": quantity}
    times = {"StartTime": AT[dice.randrange(9)], "EndTime": AT[dice.randrange(9)]}
    fields = {"JobOrderID": dice.choice(["A", "B", ""]), "JobState": [state], "MaterialActuals": [material]}
    written = structures.write(kind("ISA95JobResponseDataType"), fields | times)
    body = bytearray(written.Body or b"")
    for _ in range(dice.randrange(3)):
        body[dice.randrange(len(body))] = dice.randrange(256)
    damaged = ua.ExtensionObject(TypeId=written.TypeId, Body=ua.ByteString(bytes(body)))
    reports = Reports(MADE, structures, ua.NodeId(), counting=dice.random() < 0.5, event_type=ua.NodeId())
    into = Columns()
    reports.hear("list", ua.DataValue(_ua.Variant([damaged, written])), 1_000_000)
    reports.hear_all(strange, AT[5])
    reports.hear_event([_ua.Variant(None)] * 5 + [_ua.Variant(damaged)], 2_000_000)
    reports.hear_event([_ua.Variant(one) for one in strange], 3_000_000)
    reports.tell(into, 4_000_000)
    for one in reports.faults(4_000_000):
        assert one.reason.startswith("job response: ")
    assert all(isinstance(sample.value, int | float | str | None) for sample in into)


# -- put together --------------------------------------------------------------------------------------------


def running(code: str, start: int | None = None, made: int | None = None) -> Response:
    begun = None if start is None else AT[start]
    return Response(code, "running", begun, None, None if made is None else Decimal(made))


def ended(code: str, start: int | None, end: int | None, made: int | None = None) -> Response:
    return running(code, start, made)._replace(state="ended", end=None if end is None else AT[end])


def test_what_is_known_better_later_is_told_again() -> None:
    jobs = JobReports()
    jobs.hear(ended("A", 0, 2), AT[2])
    assert jobs.at_work() == [AtWork(AT[0], "A"), AtWork(AT[2], "")]
    jobs.hear(ended("A", 0, 3), AT[4])
    assert jobs.at_work() == [AtWork(AT[2], "A"), AtWork(AT[3], "")]
    # Older than what is known: an answer that an event overtook
    jobs.hear(running("A", 0), AT[3])
    assert jobs.at_work() == []


def test_one_that_never_says_when_ends_when_it_was_first_said_to_be_over() -> None:
    jobs = JobReports()
    jobs.hear(ended("A", 0, None), AT[2])
    jobs.hear(ended("B", 3, 4), AT[4])
    jobs.hear_all([ended("A", 0, None), ended("B", 3, 4)], AT[6], whole=True)
    assert jobs.at_work() == [AtWork(AT[0], "A"), AtWork(AT[2], ""), AtWork(AT[3], "B"), AtWork(AT[4], "")]


def test_one_that_vanished_and_is_back_was_never_away() -> None:
    jobs = JobReports()
    jobs.hear(running("A", 0), AT[1])
    # A list of before it began says nothing of it
    jobs.hear_all([], AT[0], whole=True)
    assert jobs.at_work() == [AtWork(AT[0], "A")]
    jobs.hear_all([], AT[2], whole=False)
    assert jobs.at_work() == []
    jobs.hear_all([], AT[2], whole=True)
    assert jobs.at_work() == [AtWork(AT[2], "", uncertain=True)]
    jobs.hear_all([running("A", 0)], AT[5], whole=True)
    assert jobs.at_work() == [AtWork(AT[2], "A")]


def test_that_nothing_is_at_work_is_put_right_when_something_was() -> None:
    jobs = JobReports()
    jobs.hear_all([ended("A", 0, 1)], AT[5], whole=True)
    assert jobs.at_work() == [AtWork(AT[0], "A"), AtWork(AT[1], "")]
    assert jobs.standing(AT[5], first=True) == [AtWork(AT[5], "", uncertain=True)]
    assert jobs.at_work() == []
    jobs.hear(running("B", 3), AT[6])
    assert jobs.at_work() == [AtWork(AT[3], "B"), AtWork(AT[5], "B")]
    assert jobs.standing(AT[7], first=True) == []
    assert jobs.standing(AT[7], first=False) == [AtWork(AT[7], "B")]


def test_quantities_of_orders_that_share_the_machine_are_not_told_apart() -> None:
    jobs = JobReports()
    jobs.hear(running("A", 0, 7), AT[1])
    assert jobs.made() == [Made(AT[0], "A", Decimal(0)), Made(AT[1], "A", Decimal(7))]
    jobs.settle()
    jobs.hear(running("B", 2, 1), AT[3])
    jobs.hear(ended("A", 0, 4, 9), AT[4])
    assert jobs.made() == []
    assert jobs.shared() == ["B", "A"]
    jobs.settle()
    jobs.hear(ended("B", 2, 5, 3), AT[5])
    assert jobs.made() == []
    jobs.hear(ended("C", 5, 6, 3), AT[6])
    assert jobs.made() == [Made(AT[5], "C", Decimal(0)), Made(AT[6], "C", Decimal(3))]


responses = st.builds(
    Response,
    st.sampled_from("ABC"),
    st.sampled_from(STATES),
    st.sampled_from(AT),
    st.one_of(st.none(), st.sampled_from(AT)),
)


@settings(max_examples=300)
@given(st.lists(st.tuples(responses, st.integers(0, 3)), max_size=12), st.randoms(use_true_random=False))
def test_however_often_and_in_whatever_order_it_is_heard_the_end_is_the_same(
    heard: list[tuple[Response, int]], dice: Any
) -> None:
    """The last told of each instant is the timeline of what is known last, by whichever way it came."""
    reports = [(told, T0 + timedelta(hours=place)) for place, (told, _) in enumerate(heard)]
    again = [report for report, (_, times) in zip(reports, heard, strict=True) for _ in range(times)]
    dice.shuffle(again)
    jobs, said = JobReports(), dict[datetime, str]()
    for told, at in [*again, *reports[-1:]] if heard else []:
        jobs.hear(told, at)
        said |= {one.since: one.code for one in jobs.at_work()}
        jobs.settle()
    known = orders_over_time(jobs._known.values())
    assert changes(sorted(said.items())) == changes(known)


def changes(line: list[tuple[datetime, str]]) -> list[tuple[datetime, str]]:
    before = ["", *(code for _, code in line)]
    return [(at, code) for (at, code), last in zip(line, before, strict=False) if code != last]


@given(st.lists(responses, max_size=8))
def test_the_order_at_work_is_the_one_begun_last_of_those_not_over(told: list[Response]) -> None:
    line = orders_over_time(told)
    for at in AT:
        on = [(one.start, one.code) for one in told if is_on(one, at)]
        in_force = [code for since, code in line if since <= at]
        assert (in_force[-1] if in_force else "") == (max(on)[1] if on else "")


def is_on(one: Response, at: datetime) -> bool:
    if one.start is None or one.start > at:
        return False
    over = one.state in {"ended", "aborted"}
    return one.state in {"running", "interrupted"} or (over and (one.end is None or at < one.end))


def test_a_response_that_names_no_order_or_no_state_is_said() -> None:
    assert response_of({}) == (None, ["no JobOrderID"])
    response, problems = response_of({"JobOrderID": "A", "JobState": 11})
    assert response is not None
    assert (response.state, problems) == ("", ["A: a state that is none of the standard's"])
    several = [{"MaterialUse": "Material Produced", "Quantity": "1", "UoM": unit} for unit in ("kg", "pcs")]
    _, problems = response_of({"JobOrderID": "A", "JobState": 4, "MaterialActuals": several})
    assert problems == ["A: quantities produced in several units: kg, pcs"]
