"""An action has an owner and a date, and closes only with a check of its effect."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.exceptions import PermissionDenied

from mom.improvement.models import Action
from mom.improvement.selectors import action_effect, open_actions
from mom.improvement.services import ActionRefused, action_close, action_done, action_move, action_open
from plant import selectors
from plant.access import Actor
from plant.models import AuditEntry, Reason
from production.models import ReasonAssertion, StateInterval
from tests.factories.plant import Line, actor_make, line_make, person_make, reason_make

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def line() -> Line:
    return line_make()


@pytest.fixture
def supervisor(line: Line) -> Actor:
    return actor_make("supervisor", line.line)


def opened(line: Line, by: Actor, **changes: object) -> int:
    given: dict[str, object] = {
        "title": "Replace the infeed star",
        "equipment_code": line.unit.code,
        "owner_badge": person_make("maintenance", line.site).badge,
        "due_on": date(2026, 3, 9),
        "reason_code": reason_make("JAM").code,
        "evidence": "/stops/?reason=JAM",
    }
    return int(action_open(by=by, at=NOW, **{**given, **changes}).pk)  # type: ignore[arg-type]


def test_opened_found_closed_with_its_effect(line: Line, supervisor: Actor) -> None:
    before = selectors.revision_of(line.line.pk)
    action = opened(line, supervisor)
    assert [found.pk for found in open_actions(equipment_ids=[line.unit.pk], reason_code="JAM")] == [action]
    assert selectors.revision_of(line.line.pk) != before
    action_move(action_id=action, state="check", by=supervisor, at=NOW)
    action_close(action_id=action, effect="Jams from 9 to 2 a week", by=supervisor, at=NOW)
    assert not open_actions(equipment_ids=[line.unit.pk]).exists()
    verbs = AuditEntry.objects.order_by("id").values_list("action", flat=True)
    assert list(verbs) == ["action.open", "action.move", "action.close"]


def test_closing_without_a_check_is_refused(line: Line, supervisor: Actor) -> None:
    action = opened(line, supervisor)
    with pytest.raises(ActionRefused, match="effect"):
        action_close(action_id=action, effect="  ", by=supervisor, at=NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"title": " "},
        {"equipment_code": "none"},
        {"owner_badge": "none"},
        {"reason_code": "none"},
        {"evidence": "https://elsewhere.example/"},
    ],
)
def test_bad_input_is_named(line: Line, supervisor: Actor, changes: dict[str, object]) -> None:
    with pytest.raises(ActionRefused):
        opened(line, supervisor, **changes)


def test_not_on_another_line(line: Line, supervisor: Actor) -> None:
    with pytest.raises(PermissionDenied):
        opened(line_make(), supervisor)


def test_done_with_a_result_it_is_watched_until_its_effect_is_checked(line: Line, supervisor: Actor) -> None:
    action = opened(line, supervisor)
    with pytest.raises(ActionRefused, match="result"):
        action_done(action_id=action, result=" ", by=supervisor, at=NOW)
    done = action_done(action_id=action, result="Star replaced", by=supervisor, at=NOW)
    assert (done.state, done.done_at, done.result) == ("check", NOW, "Star replaced")
    with pytest.raises(ActionRefused, match="was done"):
        action_done(action_id=action, result="again", by=supervisor, at=NOW)
    later = NOW + timedelta(days=30)
    closed = action_close(action_id=action, effect="Two instead of nine", by=supervisor, at=later)
    assert (closed.done_at, closed.closed_at) == (NOW, later)


def test_before_and_after_are_counted_per_hour_run(line: Line, supervisor: Actor) -> None:
    """Twelve jams in 30 days of running 10 hours each, then one in 15 days: and the page says so."""
    action = opened(line, supervisor)
    jam = Reason.objects.get(code="JAM")
    for day in range(-30, 15):
        start = NOW + timedelta(days=day)
        StateInterval.objects.create(
            work_unit=line.unit, start_time=start, end_time=start + timedelta(hours=10), state="execute"
        )
        if (-24 <= day < 0 and day % 2 == 0) or day == 3:
            at = start + timedelta(hours=11)
            ReasonAssertion.objects.create(
                equipment=line.unit, start_time=at, end_time=at + timedelta(minutes=6), reason=jam
            )
    now = NOW + timedelta(days=15)
    assert action_effect(Action.objects.get(pk=action), now=now) is None, "not done yet"
    action_done(action_id=action, result="Star replaced", by=supervisor, at=NOW)
    found = action_effect(Action.objects.get(pk=action), now=now)
    assert found is not None
    assert (found.before.count, found.after.count, found.after.days) == (12, 1, 15)
    assert found.before.stopped == 12 * timedelta(minutes=6)
    assert (found.before.per_hundred_hours, round(found.after.hours)) == (4.0, 150)
