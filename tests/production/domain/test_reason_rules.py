"""Rules over fault codes: who speaks, and who keeps silent."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from production.domain.reason_rules import Reported, Rule, verdict

AT = datetime(2026, 3, 2, 6, tzinfo=UTC)
R12 = Rule(1, "R12", "E17", 0, timedelta(seconds=5), AT - timedelta(days=1))
CODES = st.sampled_from(["E1", "E17", "E170", "F2", ""])
PATTERNS = st.sampled_from(["E1", "E17", "E1*", "E*", "F2", "*"])


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


def test_a_code_seconds_before_the_stop_counts_and_one_second_more_does_not():
    assert verdict(AT, [Reported("E17", AT - seconds(5))], [R12]) is not None
    assert verdict(AT, [Reported("E17", AT - seconds(5.000001))], [R12]) is None
    assert verdict(AT, [Reported("E17", AT + seconds(5))], [R12]) is not None
    assert verdict(AT, [Reported("E17", None)], [replace(R12, look_back=timedelta())]) is not None


def test_priority_then_the_nearer_machine_then_the_longer_pattern():
    prefix = replace(R12, id=2, code="R1", pattern="E1*")
    machine = replace(R12, id=3, code="R2", pattern="E*", nearness=2)
    first = replace(R12, id=4, code="R3", pattern="*", priority=9)
    heard = [Reported("E17", None)]
    order = [first, machine, R12, prefix]
    for number in range(len(order)):
        found = verdict(AT, heard, list(reversed(order[number:])))
        assert found is not None
        assert found.rule == order[number]


def test_a_rule_says_nothing_of_stops_before_it_was_valid():
    assert verdict(AT, [Reported("E17", None)], [replace(R12, valid_from=AT + seconds(1))]) is None
    assert verdict(AT, [Reported("E17", None)], [replace(R12, valid_from=AT)]) is not None


reports = st.lists(
    st.builds(Reported, CODES, st.none() | st.integers(-20, 20).map(lambda s: AT + seconds(s))), max_size=6
)
rules = st.lists(
    st.builds(
        lambda pattern, priority, back, nearness, since: (pattern, priority, back, nearness, since),
        PATTERNS,
        st.integers(0, 2),
        st.integers(0, 10),
        st.integers(0, 2),
        st.integers(-5, 5),
    ),
    max_size=6,
).map(
    lambda rows: [
        Rule(number, f"R{number}", pattern, priority, seconds(back), AT + seconds(since), nearness)
        for number, (pattern, priority, back, nearness, since) in enumerate(rows)
    ]
)


@given(reports, rules, st.randoms())
def test_the_order_things_are_given_in_does_not_matter_and_what_speaks_matched(heard, known, dice):
    found = verdict(AT, heard, known)
    mixed, told = list(known), list(heard)
    dice.shuffle(mixed)
    dice.shuffle(told)
    assert verdict(AT, told, mixed) == found
    could = [
        rule
        for rule in known
        if rule.valid_from <= AT
        and any(
            rule.matches(item.code) and (item.at is None or abs(item.at - AT) <= rule.look_back)
            for item in heard
        )
    ]
    assert (found is None) == (not could)
    if found is not None:
        assert found.rule in could
        assert found.rule.priority == max(rule.priority for rule in could)
