"""A stop cut, joined and reverted: only new entries, the whole always closes, and a stale view is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from plant import hooks
from plant.models import Equipment
from production import selectors, services
from production.domain.parts import Unfit
from production.models import ReasonAssertion
from production.selectors.stopped import in_force
from tests.factories.plant import account_make, actor_make, reason_make
from tests.factories.production import PLANNER, Sender, at
from tests.production.test_assertions import durations, stopped  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture
def machine(stopped: Sender) -> Sender:  # noqa: F811
    """Held from 100 s to 700 s, with three reasons to give."""
    reason_make("JAM")
    reason_make("CLEAN", "own_other")
    reason_make("SETUP", "setup")
    return stopped


def said(machine: Sender, code: str = "JAM") -> ReasonAssertion:
    return services.reason_assert(
        equipment_id=machine.unit.pk, start_time=at(100), end_time=at(700), reason_code=code, by=PLANNER
    )


def cut(machine: Sender, where: float, seen: int | None = None, **more: Any) -> list[ReasonAssertion]:
    more.setdefault("start_time", at(100))
    return services.reason_split(
        equipment_id=machine.unit.pk, at=at(where), by=PLANNER, seen_end=at(700), seen=seen, **more
    )


def holding(machine: Sender) -> list[tuple[str, float, float]]:
    rows = in_force([machine.unit.pk]).order_by("start_time").select_related("reason")
    return [
        (row.reason.code, (row.start_time - at(0)).total_seconds(), (row.end_time - at(0)).total_seconds())
        for row in rows
        if row.reason and row.end_time
    ]


def test_a_split_is_two_entries_in_place_of_one_and_is_reverted_and_repeated(machine):
    first = said(machine)
    parts = cut(machine, 250.000001, first.pk, second_code="CLEAN")
    assert holding(machine) == [("JAM", 100, 250.000001), ("CLEAN", 250.000001, 700)]
    assert durations(machine) == {"running": 400.0, "breakdown": 150.000001, "own_other": 449.999999}
    undone = services.reason_undo(entry=parts[1].pk, by=PLANNER)
    assert holding(machine) == [("JAM", 100, 700)]
    services.reason_undo(entry=undone[0].pk, by=PLANNER)
    assert holding(machine) == [("JAM", 100, 250.000001), ("CLEAN", 250.000001, 700)]
    assert ReasonAssertion.objects.count() == 7


def test_neighbours_are_merged_into_one_and_reverted(machine):
    left, right = cut(machine, 300, first_code="SETUP", second_code="JAM")
    joined = services.reason_merge(left=left.pk, right=right.pk, by=PLANNER, reason_code="CLEAN")
    assert holding(machine) == [("CLEAN", 100, 700)]
    assert durations(machine) == {"running": 400.0, "own_other": 600.0}
    services.reason_undo(entry=joined[0].pk, by=PLANNER)
    assert holding(machine) == [("SETUP", 100, 300), ("JAM", 300, 700)]


def test_the_second_of_two_people_sees_both_views(machine):
    first = said(machine)
    cut(machine, 300, first.pk, second_code="CLEAN")
    with pytest.raises(services.StaleView) as refused:
        cut(machine, 400, first.pk, second_code="SETUP")
    assert "Reason JAM” 06:01:40-06:11:40" in str(refused.value.seen)
    assert "Reason JAM” 06:01:40-06:05:00" in str(refused.value.now)
    with pytest.raises(services.StaleView, match="seen nothing was said, now “Reason JAM”"):
        cut(machine, 400, first_code="SETUP", second_code="JAM")
    with pytest.raises(services.StaleView):
        services.reason_undo(entry=first.pk, by=PLANNER)
    assert len(holding(machine)) == 2


def test_what_cannot_be_cut_is_refused_with_what_was_read(machine):
    first = said(machine)
    for where in (100, 700, 900):
        with pytest.raises(Unfit, match="expected after"):
            cut(machine, where, first.pk, second_code="CLEAN")
    with pytest.raises(services.Refused, match="expected one offered"):
        cut(machine, 300, first.pk, second_code="NOPE")
    with pytest.raises(services.StaleView):
        services.reason_split(
            equipment_id=machine.unit.pk, start_time=at(100), at=at(300), by=PLANNER, seen_end=at(650),
            seen=first.pk, second_code="CLEAN",
        )  # fmt: skip
    stranger = actor_make("operator")
    with pytest.raises(PermissionDenied, match="may not"):
        services.reason_undo(entry=first.pk, by=stranger)
    assert holding(machine) == [("JAM", 100, 700)]


def test_other_floors_hear_only_of_reasons_that_are_new_or_gone(machine):
    reason_make("CALL", opens_request=True)
    first = said(machine, "CALL")
    told: list[str] = []
    hooks.reason_said.register("test", lambda item: told.append(f"+{item.reason_code}"))
    hooks.reason_withdrawn.register("test", lambda item: told.append(f"-{item.reason_code}"))
    try:
        parts = cut(machine, 300, first.pk, second_code="CLEAN")
        services.reason_undo(entry=parts[0].pk, by=PLANNER)
    finally:
        hooks.reason_said._listeners.pop("test")
        hooks.reason_withdrawn._listeners.pop("test")
    assert told == ["+CLEAN", "-CLEAN"]


acts = st.lists(
    st.tuples(st.booleans(), st.integers(101, 699), st.sampled_from(["JAM", "CLEAN"])), max_size=5
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts)
def test_the_account_closes_to_the_microsecond_after_any_splits_and_merges(machine, asked):
    holds = in_force([machine.unit.pk]).order_by("start_time")
    if not holds.exists():
        said(machine)
    for joins, where, code in asked:
        rows = list(holds.all())
        if joins and len(rows) > 1:
            services.reason_merge(left=rows[0].pk, right=rows[1].pk, by=PLANNER, reason_code=code)
            continue
        row = next((row for row in rows if row.start_time < at(where) < row.end_time), None)
        if row is not None:
            cut(machine, where, row.pk, start_time=row.start_time, second_code=code)
    rows = list(holds.all())
    assert (rows[0].start_time, rows[-1].end_time) == (at(100), at(700))
    assert sum((row.end_time - row.start_time for row in rows), timedelta()) == timedelta(seconds=600)
    assert sum(durations(machine).values()) == 1000.0
    account = selectors.account(equipment_id=machine.unit.pk, start=at(0), end=at(1000))
    assert account is not None
    assert not account.uncoded


def test_the_api_splits_merges_and_undoes_and_answers_409_with_both_views(machine):
    first = said(machine)
    client = APIClient()
    site = Equipment.objects.get(level="site")
    client.force_login(account_make("operator", site))
    asked = {
        "equipment": machine.unit.code, "start_time": at(100), "at": at(300), "reasons": ["CLEAN", ""],
        "seen": first.pk, "seen_end": at(700),
    }  # fmt: skip
    parts = client.post("/api/v1/stops/splits", asked, format="json")
    assert parts.status_code == 201, parts.content
    assert [row["reason"] for row in parts.json()] == ["CLEAN", "JAM"]
    late = client.post("/api/v1/stops/splits", asked, format="json")
    assert late.status_code == 409
    assert "Reason JAM" in late.json()["seen"]
    assert "Reason CLEAN" in late.json()["now"]
    left, right = (row["id"] for row in parts.json())
    merged = client.post("/api/v1/stops/merges", {"left": left, "right": right}, format="json")
    assert [row["reason"] for row in merged.json()] == ["CLEAN", None]
    undone = client.post("/api/v1/stops/undos", {"entry": merged.json()[0]["id"]}, format="json")
    assert [row["reason"] for row in undone.json()] == ["CLEAN", "JAM"]
    apart = client.post("/api/v1/stops/merges", {"left": right, "right": left}, format="json")
    assert apart.status_code in (400, 409)
    outside = {**asked, "at": at(900), "seen": undone.json()[0]["id"]}
    refused = client.post("/api/v1/stops/splits", outside, format="json")
    assert refused.status_code == 400, refused.content
