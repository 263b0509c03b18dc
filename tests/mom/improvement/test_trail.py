"""The trail of a stop: every hop in its order with its delay, and what is missing is said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from maintenance.services import request_raise, request_repair_end, request_take
from mom.improvement.hops import ORDER, Step, hop_make, trail_told
from mom.improvement.services import action_open
from mom.improvement.trail import loss_trail
from mom.pages import reading
from mom.reactions.models import ReactionPlan
from plant import selectors, services
from plant.access import rule
from plant.models import Person, Reason
from production import selectors as production
from production.models import ReasonAssertion, Stop
from tests.factories.pages import Plant, plant_running

AT = datetime(2026, 3, 2, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
steps = st.lists(st.integers(-60, 600).map(lambda n: Step(AT + n * MINUTE, "said")), max_size=3)


@given(st.fixed_dictionaries(dict.fromkeys(ORDER, steps)))
def test_delays_add_up_from_the_first_hop_to_the_last_and_none_is_hidden(
    given_steps: dict[str, list[Step]],
) -> None:
    hops = trail_told(hop_make(key, rows, asked=True) for key, rows in reversed(given_steps.items()))
    assert tuple(hop.key for hop in hops) == ORDER
    assert all(hop.is_missing == (not given_steps[hop.key]) for hop in hops)
    known = [hop for hop in hops if hop.at is not None]
    if known:
        assert known[0].delay is None
        delays = [hop.delay for hop in known[1:]]
        assert None not in delays
        first, last = known[0].at, known[-1].at
        assert first is not None
        assert last is not None
        assert sum((delay for delay in delays if delay is not None), timedelta()) == last - first


@pytest.fixture
def plant() -> Plant:
    reading.forget()
    selectors.configuration_forget()
    return plant_running()


def stop_coded(plant: Plant, code: str) -> Stop:
    """A stop of the second line's filler under this reason, said two minutes into it."""
    waiting = production.stops_uncoded(rule("test")).filter(work_unit__code="L2-FILL", end_time__isnull=False)
    stop = waiting[0]
    assert stop.end_time is not None
    ReasonAssertion.objects.create(
        equipment=stop.work_unit,
        start_time=stop.start_time,
        end_time=stop.end_time,
        reason=Reason.objects.get(code=code),
        said_by=Person.objects.get(badge="1002"),
        said_at=stop.start_time + 2 * MINUTE,
    )
    return stop


@pytest.mark.django_db
def test_from_signal_to_action_each_with_who_and_its_delay(plant: Plant, client: Client) -> None:
    stop = stop_coded(plant, "MECH")
    by = rule("test")
    request = request_raise(
        equipment=stop.work_unit, stop_start=stop.start_time, by=by, at=stop.start_time + 3 * MINUTE
    )
    request_take(request_code=request.code, by=by, at=stop.start_time + 9 * MINUTE)
    request_repair_end(request_code=request.code, by=by, at=stop.start_time + 15 * MINUTE)
    line = selectors.line_of(stop.work_unit)
    assert line is not None
    services.decision_record(
        kind="other", line_id=line.pk, subject_type="stop", subject_code=str(stop.pk),
        summary="Run the other order first", why="The pump comes at noon", by=by,
        at=stop.start_time + 20 * MINUTE,
    )  # fmt: skip
    action_open(
        title="Spare pump in stock", equipment_code="L2-FILL", owner_badge="1003", by=by,
        due_on=AT.date(), at=stop.start_time + 60 * MINUTE, evidence=f"/stops/{stop.pk}/",
    )  # fmt: skip
    told = production.told(production.stops(by).filter(pk=stop.pk))[0]
    trail = loss_trail(told, now=plant.now)
    delays = {hop.key: hop.delay for hop in trail.hops}
    assert trail.missing == ("signal",), "the factory derives stops without samples"
    assert delays == {
        "signal": None, "stop": None, "reason": 2 * MINUTE, "call": MINUTE, "repair": 6 * MINUTE,
        "decision": 11 * MINUTE, "action": 40 * MINUTE,
    }  # fmt: skip
    assert plant.supervisor is not None
    client.force_login(plant.supervisor, backend="django.contrib.auth.backends.ModelBackend")
    answer = client.get(f"/api/v1/stops/{stop.pk}/trail").json()
    assert answer["missing"] == ["signal"]
    assert [hop["delay_seconds"] for hop in answer["hops"]][2:4] == ["120.000000", "60.000000"]
    assert answer["hops"][2]["steps"][-1]["who"] == "Youssef Benali"
    for hop in answer["hops"]:
        for step in hop["steps"]:
            assert not step["href"] or client.get(step["href"]).status_code == 200, step
    page = client.get(f"/stops/{stop.pk}/").content.decode()
    assert "Spare pump in stock" in page
    assert "Run the other order first" in page
    assert 'id="said-' in page


@pytest.mark.django_db
def test_a_missing_hop_is_said_and_whether_anybody_asked_for_it(plant: Plant, client: Client) -> None:
    stop = stop_coded(plant, "JAM")
    told = production.told(production.stops(rule("test")).filter(pk=stop.pk))[0]
    hops = {hop.key: hop for hop in loss_trail(told, now=plant.now).hops}
    assert hops["call"].is_missing
    assert not hops["call"].asked
    ReactionPlan.objects.create(
        code="P", time_class="breakdown", role="supervisor", calls="lead", within=MINUTE
    )
    hops = {hop.key: hop for hop in loss_trail(told, now=plant.now).hops}
    assert hops["call"].is_missing
    assert hops["call"].asked
    assert plant.supervisor is not None
    client.force_login(plant.supervisor, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(f"/stops/{stop.pk}/").content.decode()
    assert page.count("hop-missing") >= 3
    assert "Supervisor within 1 min" in page


@pytest.mark.django_db
def test_a_decision_about_a_stop_says_what_and_why(plant: Plant, client: Client) -> None:
    stop = stop_coded(plant, "JAM")
    assert plant.supervisor is not None
    client.force_login(plant.supervisor, backend="django.contrib.auth.backends.ModelBackend")
    client.post(f"/stops/{stop.pk}/decision/", {"summary": "Slow the filler", "why": ""})
    told = production.told(production.stops(rule("test")).filter(pk=stop.pk))[0]
    assert "decision" in loss_trail(told, now=plant.now).missing
    client.post(f"/stops/{stop.pk}/decision/", {"summary": "Slow the filler", "why": "Jams at full speed"})
    hops = {hop.key: hop for hop in loss_trail(told, now=plant.now).hops}
    assert [step.what for step in hops["decision"].steps] == ["Slow the filler"]
