"""A breakdown reason taken back: the request it raised goes with it, unless someone has it already."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
from django.db import close_old_connections, connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maintenance import selectors, services
from maintenance.domain.requests import ORDER, kinds_of, misplaced, state_of
from maintenance.models import MaintenanceEvent, MaintenanceRequest
from plant.models import AuditEntry, Reason
from production import services as production
from tests.factories.plant import Line, actor_make, line_make, reason_make
from tests.factories.production import T0, at, sender_make

NEWS = ("withdrawn", "raised_again", "note")


@given(st.lists(st.sampled_from([*ORDER, *NEWS]), max_size=14))
def test_only_the_last_of_withdrawn_and_raised_again_counts(told: list[str]) -> None:
    said: list[tuple[str, datetime]] = []
    for minute, kind in enumerate(told):
        when = T0 + timedelta(minutes=minute)
        if kind in NEWS or misplaced(kind, when, stop_start=T0, kinds=kinds_of(said)) is None:
            said.append((kind, when))
    last = next((kind for kind, _ in reversed(said) if kind in NEWS[:2]), "raised_again")
    kinds = kinds_of(said)
    assert ("withdrawn" in kinds) is (last == "withdrawn")
    assert set(kinds) <= {*ORDER, "withdrawn"}
    steps = [kind for kind in ORDER if kind in kinds]
    if not steps:
        assert state_of(kinds) == ("withdrawn" if last == "withdrawn" else "open")
    if last == "withdrawn":
        assert misplaced("taken", T0 + timedelta(days=1), stop_start=T0, kinds=kinds)


class Stopped:
    """A machine that stood, an operator who says why, and a fitter."""

    def __init__(self) -> None:
        self.line: Line = line_make()
        sender = sender_make(self.line.unit)
        sender.say([(590, "state", 6), (600, "state", 9), (650, "state", 6)], watermark=660)
        sender.stitch()
        self.operator = actor_make("operator", self.line.line)
        self.fitter = actor_make("maintenance", self.line.line)
        self.said: int | None = None

    def code(self, reason: Reason | None) -> None:
        """Say the reason instead of the last one; None takes that back."""
        said = production.reason_assert(
            equipment_id=self.line.unit.pk,
            start_time=at(600),
            end_time=None,
            seen_end=at(650),
            reason_code=reason.code if reason else "",
            by=self.operator,
            supersedes=self.said,
        )
        self.said = said.pk if reason else None

    @property
    def state(self) -> str:
        return selectors.request_state(selectors.request_by_code(MaintenanceRequest.objects.get().code))

    @property
    def listed(self) -> bool:
        return selectors.requests_open(equipment_path=self.line.line.path).exists()


@pytest.fixture
def stopped(db: None) -> Stopped:
    return Stopped()


def test_a_reason_taken_back_withdraws_the_request_nobody_has_taken(stopped: Stopped) -> None:
    broken = reason_make("BROKEN", opens_request=True)
    stopped.code(broken)
    assert (stopped.state, stopped.listed) == ("open", True)
    stopped.code(None)
    assert (stopped.state, stopped.listed) == ("withdrawn", False)
    [event] = MaintenanceEvent.objects.all()
    assert (event.kind, event.person_id) == ("withdrawn", stopped.operator.person_id)
    assert broken.code in event.text
    assert AuditEntry.objects.filter(action="maintenance_request.withdrawn").count() == 1
    with pytest.raises(services.RequestRefused, match="withdrawn"):
        services.request_take(request_code=MaintenanceRequest.objects.get().code, by=stopped.fitter)


def test_said_again_the_same_request_is_open_again(stopped: Stopped) -> None:
    broken, plain = reason_make("BROKEN", opens_request=True), reason_make("PLAIN")
    stopped.code(broken)
    stopped.code(plain)
    assert stopped.state == "withdrawn"
    stopped.code(broken)
    assert (stopped.state, stopped.listed) == ("open", True)
    services.request_take(request_code=MaintenanceRequest.objects.get().code, by=stopped.fitter)
    assert stopped.state == "taken"


def test_a_request_someone_has_keeps_going_with_a_note(stopped: Stopped) -> None:
    broken = reason_make("BROKEN", opens_request=True)
    stopped.code(broken)
    request = MaintenanceRequest.objects.get()
    services.request_take(request_code=request.code, by=stopped.fitter)
    stopped.code(None)
    assert (stopped.state, stopped.listed) == ("taken", True)
    note = MaintenanceEvent.objects.get(kind="note")
    assert broken.code in note.text
    services.request_close(request_code=request.code, cure="looked, was fine", by=stopped.fitter)
    assert stopped.state == "closed"


def test_another_breakdown_reason_keeps_the_request_and_says_so(stopped: Stopped) -> None:
    broken, worse = reason_make("BROKEN", opens_request=True), reason_make("WORSE", opens_request=True)
    stopped.code(broken)
    stopped.code(worse)
    assert stopped.state == "open"
    assert worse.code in MaintenanceEvent.objects.get(kind="note").text
    stopped.code(None)
    assert stopped.state == "withdrawn"


def test_a_request_raised_by_hand_stays(stopped: Stopped) -> None:
    services.request_raise(equipment=stopped.line.unit, stop_start=at(600), by=stopped.operator)
    stopped.code(reason_make("BROKEN", opens_request=True))
    stopped.code(None)
    assert (stopped.state, MaintenanceEvent.objects.count()) == ("open", 0)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["broken", "worse", "plain", "back"]), max_size=8))
def test_whatever_is_said_and_taken_back_the_request_is_open_exactly_while_asked_for(
    db: None, gestures: list[str]
) -> None:
    stopped = Stopped()
    reasons = {
        "broken": reason_make(opens_request=True),
        "worse": reason_make(opens_request=True),
        "plain": reason_make(),
    }
    asked = False
    for gesture in gestures:
        if gesture == "back" and stopped.said is None:
            continue
        stopped.code(reasons.get(gesture))
        asked = gesture in ("broken", "worse")
        assert stopped.listed is asked


@pytest.mark.django_db(transaction=True)
def test_taken_and_taken_back_at_once_one_of_the_two_comes_first() -> None:
    stopped = Stopped()
    stopped.code(reason_make("BROKEN", opens_request=True))
    code = MaintenanceRequest.objects.get().code
    errors: list[Exception] = []

    def take() -> None:
        try:
            services.request_take(request_code=code, by=stopped.fitter)
        except Exception as error:
            errors.append(error)
        finally:
            close_old_connections()
            connection.close()

    thread = threading.Thread(target=take)
    thread.start()
    stopped.code(None)
    thread.join(60)
    kinds = list(MaintenanceEvent.objects.order_by("pk").values_list("kind", flat=True))
    assert kinds == (["withdrawn"] if errors else ["taken", "note"])
    assert all(isinstance(error, services.RequestRefused) for error in errors)
