"""A plan sets the minutes of its calls, raises the one nobody made, ends it when the machine runs again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from mom.calls.limits import RESOLVE, TAKE, limits_of, shortest_take
from mom.calls.models import HelpCallEvent
from mom.calls.selectors import calls_open, calls_shown
from mom.calls.services import call_raise, call_take, calls_pass_on
from mom.pages.calls import due_words
from mom.reactions.following import reaction_of
from mom.reactions.models import ReactionPlan
from mom.reactions.selectors import stop_told
from mom.reactions.watching import reactions_enforce
from plant import selectors
from plant.access import rule
from plant.models import Reason
from production.domain.stops import stop_id
from production.models import ReasonAssertion, Stop
from tests.factories import plant as make

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
NOW = timezone.now().replace(microsecond=0)


def plan_make(reason: Reason, **more: object) -> ReactionPlan:
    given: dict[str, object] = {
        "code": f"P-{reason.code}",
        "reason": reason,
        "role": "maintenance",
        "calls": "maintenance",
        "within": 5 * MINUTE,
        "escalate_after": 20 * MINUTE,
        "escalates_to": "engineer",
    }
    return ReactionPlan.objects.create(**{**given, **more})


def stopped(line: make.Line, since: int, *, reason: Reason | None = None, said: int = 0) -> Stop:
    """Since so many minutes, its reason said so many minutes ago."""
    start = NOW - since * MINUTE
    stop = Stop.objects.create(
        id=stop_id(line.unit.code, start), work_unit=line.unit, start_time=start, end_time=None,
        base_class="own", size="registered", needs_reason=True,
    )  # fmt: skip
    if reason is not None:
        ReasonAssertion.objects.create(
            equipment=line.unit, start_time=start, reason=reason, said_at=NOW - said * MINUTE
        )
    return stop


def test_nobody_came_so_the_plan_calls_and_asks_the_next_ones_at_once() -> None:
    line, reason = make.line_make(), make.reason_make("PUMP")
    plan_make(reason)
    stopped(line, 12, reason=reason, said=6)
    assert reactions_enforce(now=NOW - 2 * MINUTE) == 0
    assert reactions_enforce(now=NOW) == 1
    assert reactions_enforce(now=NOW) == 0, "raised once"
    call = calls_open().get()
    assert (call.kind, call.equipment, call.raised_by, bool(call.request_code)) == (
        "maintenance", line.unit, None, True,
    )  # fmt: skip
    assert calls_pass_on(now=NOW + timedelta(seconds=1)) == 1
    assert HelpCallEvent.objects.get(call=call).level == 1


def test_the_call_ends_with_the_stop_and_nobody_is_said_to_have_come() -> None:
    line, reason = make.line_make(), make.reason_make("PUMP")
    plan_make(reason, calls="lead")
    stop = stopped(line, 12, reason=reason, said=6)
    reactions_enforce(now=NOW)
    Stop.objects.filter(pk=stop.pk).update(end_time=NOW + MINUTE)
    reactions_enforce(now=NOW + 2 * MINUTE)
    assert not calls_open().exists()
    told = calls_shown(rule("test"), now=NOW + 2 * MINUTE)
    assert [(each.resolved_at, each.taken_at) for each in told] == [(NOW + MINUTE, None)]
    reaction = reaction_of(stop_told(stop.pk), now=NOW + 9 * MINUTE)  # type: ignore[arg-type]
    assert reaction is not None
    assert reaction.kept.state(NOW + 9 * MINUTE) == "missed"


def test_a_plan_sets_the_minutes_of_the_call_it_answers() -> None:
    line, reason = make.line_make(), make.reason_make("PUMP")
    plan = plan_make(reason, within=2 * MINUTE)
    stopped(line, 12, reason=reason, said=12)
    by = make.actor_make("operator", line.line)
    answered = call_raise(kind="maintenance", equipment=line.unit, by=by, at=NOW)
    other = call_raise(kind="quality", equipment=line.unit, by=by, at=NOW)
    assert limits_of(other)[:2] == (TAKE, RESOLVE)
    found = limits_of(answered)
    assert (found.resolve, found.next[1], found.plan) == (20 * MINUTE, ("engineer",), plan)
    assert shortest_take() == min(TAKE, 2 * MINUTE)


def test_whoever_takes_the_call_keeps_the_plan() -> None:
    line, reason = make.line_make(), make.reason_make("PUMP")
    plan_make(reason)
    stop = stopped(line, 12, reason=reason, said=6)
    by = make.actor_make("operator", line.line)
    call = call_raise(kind="maintenance", equipment=line.unit, by=by, at=NOW - 5 * MINUTE)
    call_take(call_id=call.pk, by=by, at=NOW - 2 * MINUTE)
    reaction = reaction_of(stop_told(stop.pk), now=NOW)  # type: ignore[arg-type]
    assert reaction is not None
    # From its reason on: six minutes ago. Taken two minutes ago, four after it was asked for.
    assert (reaction.kept.state(NOW), reaction.kept.margin(NOW)) == ("in_time", MINUTE)
    assert reactions_enforce(now=NOW) == 0


def test_a_reason_said_when_all_was_over_asks_nobody_to_come() -> None:
    line, reason = make.line_make(), make.reason_make("PUMP")
    plan_make(reason)
    stop = stopped(line, 30, reason=reason, said=1)
    Stop.objects.filter(pk=stop.pk).update(end_time=NOW - 20 * MINUTE)
    reaction = reaction_of(stop_told(stop.pk), now=NOW)  # type: ignore[arg-type]
    assert reaction is not None
    assert reaction.kept.state(NOW) == "not_asked"
    assert reactions_enforce(now=NOW) == 0


def test_the_page_of_calls_says_how_long_is_left_by_the_plan_of_the_loss() -> None:
    line, reason = make.line_make(), make.reason_make("PUMP")
    plan_make(reason, within=2 * MINUTE)
    stopped(line, 12, reason=reason, said=12)
    by = selectors.actor_for_person(make.person_make("operator", line.line))
    call = call_raise(kind="maintenance", equipment=line.unit, by=by, at=NOW)
    [told] = calls_shown(rule("test"), now=NOW)
    assert due_words(told, NOW + MINUTE) == ("to be taken, 1 min left", False)
    assert due_words(told, NOW + 5 * MINUTE) == ("3 min late", True)
    call_take(call_id=call.pk, by=by, at=NOW + 5 * MINUTE)
    [told] = calls_shown(rule("test"), now=NOW)
    assert due_words(told, NOW + 5 * MINUTE) == ("to be done, 15 min left", False)
