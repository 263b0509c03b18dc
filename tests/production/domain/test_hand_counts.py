"""Counts by hand: whose they are, what they add up to, and that no piece is counted twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from production.domain.account import OrderUse
from production.domain.counters import total_of
from production.domain.hand_counts import Hand, Reworked, by_part, reworked, sums, told_kinds, total_with
from production.domain.scrap import Place, Portion, Said, Unfit, pareto, portions_check, scrap

T0 = datetime(2026, 3, 2, 6, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
amounts = st.integers(0, 500).map(Decimal)


def hand(minute: int, quantity: int = 1, order: str = "", kind: str = "good", entry: int = 0) -> Hand:
    return Hand(T0 + minute * MINUTE, entry, 1, T0, order, kind, Decimal(quantity))


@st.composite
def days(draw: st.DrawFn) -> tuple[list[OrderUse], list[Hand]]:
    """Orders that lie end to end, and counts said in that time, some by name of an order."""
    cuts = sorted(draw(st.sets(st.integers(1, 59), max_size=5)))
    edges = [0, *cuts, 60]
    parts = [
        OrderUse(T0 + a * MINUTE, T0 + b * MINUTE, draw(st.sampled_from(["", "A", "B"])))
        for a, b in pairwise(edges)
    ]
    said = draw(
        st.lists(
            st.builds(
                hand, st.integers(0, 60), st.integers(1, 9), st.sampled_from(["", "A", "B", "C"]),
                st.sampled_from(["good", "scrap"]), st.integers(),
            ),
            max_size=12,
        )
    )  # fmt: skip
    return parts, said


@given(days())
def test_every_count_belongs_to_one_part_or_to_an_order_beside(
    day: tuple[list[OrderUse], list[Hand]],
) -> None:
    parts, said = day
    placed, beside = by_part(said, parts)
    assert sorted([one for found in placed.values() for one in found] + beside) == sorted(said)
    for place, found in placed.items():
        for one in found:
            if one.order:
                assert parts[place].code == one.order
            else:
                until = parts[place].end
                assert until is not None
                assert parts[place].start <= one.end <= until
    assert all(one.order not in {part.code for part in parts} for one in beside)


def test_a_count_made_after_its_order_was_changed_is_still_that_order_s() -> None:
    parts = [OrderUse(T0, T0 + 30 * MINUTE, "A"), OrderUse(T0 + 30 * MINUTE, T0 + 60 * MINUTE, "B")]
    placed, _ = by_part([hand(35, order="A"), hand(30), hand(31)], parts)
    assert [one.end for one in placed[0]] == [T0 + 35 * MINUTE, T0 + 30 * MINUTE]
    assert [one.end for one in placed[1]] == [T0 + 31 * MINUTE]


def test_a_kind_is_a_person_s_only_where_no_counter_tells_it() -> None:
    assert told_kinds([], includes_defective=None) == frozenset()
    assert told_kinds(["good_count"], includes_defective=None) == {"good"}
    assert told_kinds(["total_count", "scrap_count"], includes_defective=True) == {"good", "scrap"}
    assert told_kinds(["total_count"], includes_defective=False) == {"good"}
    assert told_kinds(["total_count"], includes_defective=None) == frozenset()
    assert sums([hand(1, 5), hand(2, 3, kind="scrap")], ["scrap"]) == {"scrap": 3}


@given(amounts, amounts, amounts)
def test_good_scrap_and_rework_are_all_that_was_processed(good: Decimal, bad: Decimal, sent: Decimal) -> None:
    assert total_with(good, bad, sent) == good + bad + sent
    assert total_of(good, bad, None, includes_defective=None, rework=sent)[2] == good + bad + sent
    whole = good + bad + sent
    assert total_of(None, bad, whole, includes_defective=True, rework=sent) == (good, bad, whole)
    assert total_of(good, None, whole, includes_defective=True, rework=sent) == (good, bad, whole)


@given(amounts, amounts, amounts)
def test_rework_is_conserved(sent: Decimal, good: Decimal, bad: Decimal) -> None:
    told = reworked({"rework": sent, "rework_good": good, "rework_scrap": bad})
    assert told is not None
    assert told.sent == told.good + told.scrap + told.remainder
    assert reworked({"rework": None}) is None
    assert reworked({"rework_good": Decimal(2)}) == Reworked(Decimal(0), Decimal(2), Decimal(0))


places = st.builds(Place, st.sampled_from("MN"), st.sampled_from("PQ"), st.sampled_from(["M", "A", ""]))
said_rows = st.builds(Said, places, st.sampled_from(["", "SHORT", "LABEL"]), amounts, st.integers(1, 9))


@given(st.dictionaries(places, amounts), st.lists(said_rows, max_size=10))
def test_reasons_and_what_nobody_told_are_what_was_counted(
    counted: dict[Place, Decimal], said: list[Said]
) -> None:
    found = scrap(counted, said)
    assert found.total == sum(counted.values(), Decimal(0))
    for place, whole in counted.items():
        assert sum((row.quantity for row in found.rows if row.place == place), Decimal(0)) == whole
    for reason in ("SHORT", "LABEL"):
        told = sum((one.quantity for one in said if one.reason_code == reason), Decimal(0))
        assert sum((row.quantity for row in found.rows if row.reason_code == reason), Decimal(0)) == told
    bars = pareto(found)
    assert sum((bar.row.quantity for bar in bars), Decimal(0)) == found.total


@given(st.lists(st.integers(1, 50).map(Decimal), min_size=1, max_size=5), amounts)
def test_parts_of_a_split_are_exactly_their_whole(parts: list[Decimal], other: Decimal) -> None:
    portions = [Portion(part, "R") for part in parts]
    whole = sum(parts, Decimal(0))
    portions_check(whole, portions)
    if other != whole:
        try:
            portions_check(other, portions)
        except Unfit:
            return
        raise AssertionError("taken although it is no part of the whole")
