"""The plan that says most holds, and whether it was kept never depends on when one looks afterwards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mom.reactions.domain import Kept, Rule, plan_for

AT = datetime(2026, 3, 2, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
minutes = st.integers(0, 120).map(lambda n: AT + n * MINUTE)


def rule(plan: str, path: str = "/", reason: str = "", time_class: str = "") -> Rule[str]:
    return Rule(path, reason, time_class, plan)


def test_the_reason_speaks_before_its_group_its_class_and_any_stop() -> None:
    rules = [
        rule("any"),
        rule("class", time_class="breakdown"),
        rule("group", reason="MECH"),
        rule("reason", reason="JAM"),
    ]
    for count, expected in ((4, "reason"), (3, "group"), (2, "class"), (1, "any")):
        found = plan_for(rules[:count], path="/S/L1/M1/", reasons=["JAM", "MECH"], time_class="breakdown")
        assert found == expected
    assert plan_for(rules[1:], path="/S/L1/M1/", reasons=["LABEL"], time_class="setup") is None


def test_of_two_alike_the_nearest_place_decides_and_another_line_does_not() -> None:
    rules = [rule("site", "/S/", "JAM"), rule("line", "/S/L1/", "JAM"), rule("other", "/S/L2/", "JAM")]
    assert plan_for(rules, path="/S/L1/M1/", reasons=["JAM"], time_class="") == "line"
    assert plan_for(rules, path="/S/L3/M1/", reasons=["JAM"], time_class="") == "site"
    far = [rule("line class", "/S/L1/", "", "breakdown"), rule("site reason", "/S/", "JAM")]
    assert plan_for(far, path="/S/L1/M1/", reasons=["JAM"], time_class="breakdown") == "site reason"


def test_five_minutes_three_left_and_two_late() -> None:
    kept = Kept(5 * MINUTE, AT, None, None)
    assert (kept.state(AT + 2 * MINUTE), kept.margin(AT + 2 * MINUTE)) == ("waiting", 3 * MINUTE)
    assert (kept.state(AT + 5 * MINUTE), kept.margin(AT + 5 * MINUTE)) == ("waiting", timedelta())
    assert (kept.state(AT + 7 * MINUTE), kept.margin(AT + 7 * MINUTE)) == ("late", -2 * MINUTE)


@given(st.none() | minutes, st.none() | minutes, st.none() | minutes, st.integers(1, 30), st.integers(0, 200))
def test_what_is_decided_stays_decided(
    asked: datetime | None, came: datetime | None, over: datetime | None, within: int, later: int
) -> None:
    """Once somebody came, or it was over, looking later says the same; the margin never grows."""
    kept = Kept(within * MINUTE, asked, came, over)
    now = AT + 151 * MINUTE
    then = now + later * MINUTE
    if asked is None:
        assert (kept.state(now), kept.margin(now)) == ("not_asked", None)
        return
    first, last = kept.margin(now), kept.margin(then)
    assert first is not None
    assert last is not None
    assert last <= first
    if came is not None or over is not None:
        assert kept.state(now) == kept.state(then)
        assert first == last
        assert kept.state(now) in ("in_time", "came_late", "not_needed", "missed")
        assert (first >= timedelta()) == (kept.state(now) in ("in_time", "not_needed"))
    else:
        assert kept.state(then) == "late"
