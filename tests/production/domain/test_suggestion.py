"""Suggestions are counts anyone can check: reproducible, with their cause, never invented."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from production.domain.suggestion import HALF_LIFE, Features, History, Hits

AT = datetime(2026, 3, 2, 6, tzinfo=UTC)
E17 = Features("E17", "M2", "LEM-33", "M", "filler")


def history(*entries: tuple[Features, str, float]) -> History:
    """Entries with their hours after AT."""
    made = History()
    for features, code, hours in entries:
        made.add(features, code, AT + timedelta(hours=hours))
    return made


def test_the_cause_counts_the_last_ten_times():
    entries = [(E17, "OLD", 0.0)] * 5 + [(E17, "JAM", 1.0)] * 8 + [(E17, "GUARD", 2.0)] * 2
    first, second = history(*entries).suggestions(E17, AT + timedelta(hours=3))
    assert (first.reason_code, first.cause.way, first.cause.count, first.cause.of) == (
        "JAM", "fault_machine", 8, 10,
    )  # fmt: skip
    assert (second.reason_code, second.cause.count) == ("GUARD", 2)


def test_an_alarm_on_another_machine_of_the_class_is_a_lesser_cause():
    other = E17._replace(machine="M9")
    [found] = history((other, "JAM", 0)).suggestions(E17, AT)
    assert (found.cause.way, found.cause.count, found.cause.of) == ("fault_class", 1, 1)


def test_the_alarm_weighs_more_than_what_the_machine_usually_has():
    usual = [(E17._replace(fault_code="", product="X", shift="N"), "CLEAN", 0.0)] * 30
    found = history(*usual, (E17, "JAM", 1), (E17, "JAM", 2)).suggestions(E17, AT + timedelta(hours=3))
    assert [item.reason_code for item in found] == ["JAM", "CLEAN"]


def test_what_was_said_recently_counts_more():
    long_ago = [(E17, "OLD", 0.0)] * 3
    now = HALF_LIFE * 4 / timedelta(hours=1)
    found = history(*long_ago, (E17, "NEW", now)).suggestions(E17, AT + timedelta(hours=now))
    assert [item.reason_code for item in found] == ["NEW", "OLD"]


def test_nothing_alike_gives_no_suggestion_and_one_not_offered_is_left_out():
    assert history().suggestions(E17, AT) == []
    assert history((Features("F1", "M7", "", ""), "JAM", 0)).suggestions(E17, AT) == []
    assert history((E17, "JAM", 0)).suggestions(E17, AT, offered={"CLEAN"}) == []


def test_entries_are_learnt_in_the_order_they_were_said():
    with pytest.raises(ValueError, match="after one of"):
        history((E17, "JAM", 1), (E17, "JAM", 0))


text = st.sampled_from(["", "a", "b"])
stops = st.builds(Features, text, st.sampled_from(["M1", "M2"]), text, text, text)
said = st.lists(
    st.tuples(stops, st.sampled_from(["A", "B", "C", "D", "E"]), st.integers(0, 2000)), max_size=40
).map(lambda rows: sorted(rows, key=lambda row: row[2]))


@given(said, stops, st.integers(0, 500))
def test_suggestions_are_reproducible_at_most_three_and_each_was_really_said(entries, asked, later):
    at = AT + timedelta(hours=2000 + later)
    first = history(*entries).suggestions(asked, at)
    again = history(*entries)
    again.suggestions(asked, AT)
    assert again.suggestions(asked, at) == first
    assert len(first) <= 3
    assert [item.score for item in first] == sorted((item.score for item in first), reverse=True)
    codes = [item.reason_code for item in first]
    assert len(set(codes)) == len(codes)
    for item in first:
        assert 1 <= item.cause.count <= item.cause.of <= 10
        assert any(
            (code == item.reason_code and features.machine == asked.machine) or features.fault_code
            for features, code, _ in entries
        )


@given(said)
def test_hit_rates_are_shares_and_the_first_is_among_the_three(entries):
    hits, made = Hits(), History()
    for features, code, hours in entries:
        at = AT + timedelta(hours=hours)
        hits = hits.plus(made.suggestions(features, at), code)
        made.add(features, code, at)
    assert hits.asked == len(entries)
    assert 0 <= hits.first <= hits.among <= hits.asked
    assert (hits.first_share is None) == (not entries)
