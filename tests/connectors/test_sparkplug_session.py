"""Random histories of one edge node against a model that knows what was sent."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.domain.columns import micros
from connectors.domain.sparkplug_messages import Message, Metric, Outcome, topic_parts
from connectors.domain.sparkplug_node import Rules
from connectors.domain.sparkplug_session import Host

SECOND = 1_000_000
RULES = Rules(reorder_timeout=2 * SECOND, cooldown=10 * SECOND)


def message(kind: str, seq: int | None, now: int, device: str = "", **metrics: Any) -> Message:
    read = [
        Metric(name if kind.endswith("BIRTH") or name == "bdSeq" else "", alias, now // 1000, 4, value)
        for alias, (name, value) in enumerate(metrics.items(), 1 if not device else 100)
    ]
    raw = repr((kind, seq, device, now, metrics)).encode()
    return Message(kind, "G", "E", device, now // 1000, seq, read, now, raw)


class Played:
    def __init__(self, rules: Rules = RULES) -> None:
        self.host, self.out, self.now = Host(rules), Outcome(), SECOND * 1_700_000_000

    def feed(self, kind: str, seq: int | None, device: str = "", **metrics: Any) -> None:
        self.now += 1000
        self.host.feed(message(kind, seq, self.now, device, **metrics), self.out)

    def wait(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)
        self.host.tick(self.now, self.out)

    def values(self, metric: str = "G/E:v") -> list[Any]:
        return [sample.value for sample in self.out.samples if sample.address == metric]

    def causes(self) -> list[tuple[str, bool]]:
        return [(gap.cause, gap.end_time is None) for gap in self.out.gaps]


@settings(max_examples=300, deadline=None)
@given(
    lost=st.sets(st.integers(1, 600), max_size=4),
    swapped=st.sets(st.integers(1, 600), max_size=4),
    count=st.integers(300, 600),
)
def test_every_message_received_is_kept_once_and_every_loss_is_declared(
    lost: set[int], swapped: set[int], count: int
) -> None:
    played = Played()
    played.feed("NBIRTH", 0, v=0, bdSeq=1)
    order = list(range(1, count + 1))
    for position in sorted(swapped):
        if position + 1 < len(order):
            order[position], order[position + 1] = order[position + 1], order[position]
    received = [number for number in order if number not in lost]
    for number in received:
        played.feed("NDATA", number % 256, v=number)
    played.wait(3)
    assert sorted(played.values()) == sorted([0, *received])
    trailing = {number for number in lost if number >= max(received)}
    declared = [gap for gap in played.out.gaps if gap.cause == "seq_jump"]
    assert bool(declared) == bool({n for n in lost if n <= count} - trailing)
    assert bool(played.out.rebirths) == bool(declared)
    if not lost:
        assert played.values() == list(range(count + 1))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(["birth", "data", "death", "old_death", "device", "device_data", "device_death"])
    )
)
def test_any_history_keeps_values_only_of_what_is_born_and_pairs_its_gaps(steps: list[str]) -> None:
    # The whole model beside the session, a branch per message: cut up, it could not be compared by eye.
    played, online, device, seq, bd, number, spoken = Played(), False, False, 0, 0, 0, False
    expected: list[int] = []
    device_expected: list[int] = []
    for step in steps:
        number += 1
        if step == "birth":
            bd, seq, online, device = bd + 1, 0, True, False
            expected.append(number)
            played.feed("NBIRTH", 0, v=number, bdSeq=bd)
        elif step == "death":
            online, device = False, False
            played.feed("NDEATH", None, bdSeq=bd)
        elif step == "old_death":
            played.feed("NDEATH", None, bdSeq=bd + 7)
        else:
            seq = (seq + 1) % 256
            kind = {"data": "NDATA", "device": "DBIRTH", "device_data": "DDATA", "device_death": "DDEATH"}[
                step
            ]
            where = "" if step == "data" else "D"
            played.feed(kind, seq, where, **({} if step == "device_death" else {"v": number}))
            if not online:
                spoken = True
                continue
            if step == "data":
                expected.append(number)
            elif step == "device":
                device = True
                device_expected.append(number)
            elif step == "device_data" and device:
                device_expected.append(number)
            elif step == "device_death":
                device = False
    assert played.values() == expected
    assert played.values("G/E/D:v") == device_expected
    still_open: dict[Any, str] = {}
    for gap in played.out.gaps:
        if gap.end_time is None:
            assert gap.key not in still_open
            still_open[gap.key] = gap.scope
        else:
            still_open.pop(gap.key)
    assert len(set(still_open.values())) == len(still_open)
    assert ("G/E:" in still_open.values()) == (not online and (bd > 0 or spoken))


@settings(max_examples=100, deadline=None)
@given(lost=st.sets(st.integers(1, 120), max_size=60))
def test_each_message_that_did_not_come_lies_in_a_gap_between_its_neighbours(lost: set[int]) -> None:
    played, arrived = Played(), {0: 0.0}
    played.feed("NBIRTH", 0, v=0, bdSeq=1)
    arrived[0] = played.now
    for number in sorted(set(range(1, 122)) - lost):
        played.feed("NDATA", number, v=number)
        arrived[number] = played.now
    played.wait(3)
    declared = [(micros(gap.start_time), micros(gap.end_time)) for gap in played.out.gaps if gap.end_time]
    for number in lost:
        before = max(at for known, at in arrived.items() if known < number)
        after = min(at for known, at in arrived.items() if known > number)
        assert (before, after) in declared
    assert len(declared) == len({max(known for known in arrived if known < number) for number in lost})


def test_births_that_do_not_come_are_asked_for_again_ever_more_rarely_and_then_no_more() -> None:
    """The command is QoS 0 as well: what was asked may never have been heard."""
    played = Played()
    played.feed("NBIRTH", 0, v=0, bdSeq=1)
    played.feed("NDATA", 2, v=2)
    began, asked = played.now, list[float]()
    for _ in range(1000):
        played.wait(1)
        asked += [(played.now - began) / SECOND] * (len(played.out.rebirths) - len(asked))
    first, *later = asked
    assert first == 2
    cooldown = played.host._cooldown(played.host._nodes["G", "E"]) / SECOND
    waits = [b - a for a, b in pairwise(asked)]
    assert [round(wait / cooldown) for wait in waits] == [2, 4, 8]
    assert len(later) == 3
    assert "no birth" in played.out.rebirths[-1].reason
    played.feed("NBIRTH", 0, v=3, bdSeq=1)
    played.feed("NDATA", 2, v=2)
    played.wait(30)
    assert len(played.out.rebirths) == 5, "from the beginning"


def test_a_birth_ends_the_asking() -> None:
    played = Played()
    played.feed("NBIRTH", 0, v=0, bdSeq=1)
    played.feed("NDATA", 2, v=2)
    played.wait(3)
    played.feed("NBIRTH", 0, v=3, bdSeq=1)
    for _ in range(100):
        played.wait(10)
    assert len(played.out.rebirths) == 1


def test_a_late_message_inside_the_reorder_time_heals_without_a_word() -> None:
    played = Played()
    played.feed("NBIRTH", 0, v=0, bdSeq=1)
    for seq in (1, 3, 4, 2, 5):
        played.feed("NDATA", seq, v=seq)
    played.wait(5)
    assert played.values() == [0, 1, 2, 3, 4, 5]
    assert (played.out.gaps, played.out.rebirths) == ([], [])


def test_the_alias_table_dies_with_the_birth_it_came_from() -> None:
    played = Played()
    played.feed("NBIRTH", 0, v=0, bdSeq=1)
    played.feed("NBIRTH", 0, bdSeq=2)
    played.feed("NDATA", 1, other=5, v=6)
    assert [unread.reason for unread in played.out.unreadable] == ["unknown alias 2"]
    assert played.values() == [0]


def test_rebirths_keep_their_distance() -> None:
    played = Played()
    for seq in range(30):
        played.feed("NDATA", seq, v=seq)
        played.wait(1)
    assert 2 <= len(played.out.rebirths) <= 4
    played.feed("NBIRTH", 0, v=1, bdSeq=1)
    before = len(played.out.rebirths)
    played.wait(100)
    assert len(played.out.rebirths) == before


def test_a_device_that_follows_its_nodes_birth_is_no_gap_and_a_missing_one_is() -> None:
    played = Played()
    played.feed("NBIRTH", 0, v=0, bdSeq=1)
    played.feed("DBIRTH", 1, "D", v=1)
    played.feed("NBIRTH", 0, v=0, bdSeq=2)
    played.feed("DBIRTH", 1, "D", v=1)
    played.wait(5)
    assert played.out.gaps == []
    played.feed("NBIRTH", 0, v=0, bdSeq=3)
    played.wait(5)
    assert played.causes() == [("device_awaits_birth", True)]
    played.feed("DBIRTH", 1, "D", v=1)
    assert played.causes() == [("device_awaits_birth", True), ("device_awaits_birth", False)]


def test_a_message_received_twice_keeps_its_key_and_another_value_gets_another() -> None:
    one, two = Played(), Played()
    for played in (one, two):
        played.feed("NBIRTH", 0, v=0, bdSeq=1)
        played.feed("NDATA", 1, v=1)
        played.feed("NDATA", 2, v=1)
    assert list(one.out.samples) == list(two.out.samples)
    assert len(set(one.out.samples.key)) == 3


def test_topics() -> None:
    assert topic_parts("spBv1.0/G/NDATA/E") == ("NDATA", "G", "E", "")
    assert topic_parts("spBv1.0/G/DDATA/E/D") == ("DDATA", "G", "E", "D")
    for bad in (
        "spBv1.0/G/NDATA/E/D",
        "spBv1.0/G/DDATA/E",
        "spAv1.0/G/NDATA/E",
        "spBv1.0/G/XDATA/E",
        "spBv1.0//NDATA/E",
    ):
        assert topic_parts(bad) is None
