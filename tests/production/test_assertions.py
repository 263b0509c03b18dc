"""What people say stays where it was said, on the time axis."""

from __future__ import annotations

import threading
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from plant import hooks
from production import selectors, services
from production.models import Stop
from production.services import assertions
from tests.factories.plant import line_make, reason_make
from tests.factories.production import PLANNER, Sender, at, order_make, sender_make

pytestmark = pytest.mark.django_db


@pytest.fixture
def stopped() -> Sender:
    """A machine on an order, held from 100 s to 700 s."""
    line = line_make(1)
    sender = sender_make(line.unit)
    order = order_make(line)
    services.job_order_start(job_order_id=order.pk, at=at(0), by=PLANNER)
    sender.say([(s, "process_value", 1) for s in range(0, 1000, 20)])
    sender.say([(0, "state", 6), (100, "state", 11), (700, "state", 6)], watermark=1000)
    sender.stitch()
    return sender


def durations(sender: Sender) -> dict[str, float]:
    account = selectors.account(equipment_id=sender.unit.pk, start=at(0), end=at(1000))
    assert account is not None
    assert account.unexplained == timedelta()
    return {name: time.total_seconds() for name, time in account.durations.items()}


def test_a_reason_gives_the_stop_its_class_and_is_told_with_who_and_when(stopped):
    reason = reason_make("JAM")
    assert durations(stopped) == {"running": 400.0, "own_other": 600.0}
    assert [s.start_time for s in selectors.stops_uncoded(PLANNER)] == [at(100)]
    told: list[hooks.ReasonSaid] = []
    hooks.reason_said.register("test", told.append)
    try:
        services.reason_assert(
            equipment_id=stopped.unit.pk, start_time=at(100), end_time=at(700), reason_code="JAM",
            by=PLANNER, seen_end=at(700),
        )  # fmt: skip
    finally:
        hooks.reason_said._listeners.pop("test")
    assert durations(stopped) == {"running": 400.0, "breakdown": 600.0}
    [row] = selectors.told(selectors.stops(PLANNER))
    assert row.said is not None
    assert (row.said.reason_id, row.said.said_by_rule) == (reason.pk, "planner")
    assert not selectors.stops_uncoded(PLANNER).exists()
    assert [(t.equipment_id, t.reason_code) for t in told] == [(stopped.unit.pk, "JAM")]


def test_a_stale_view_is_refused_with_both_versions(stopped):
    reason_make("JAM")
    stopped.say([(400, "state", 6), (410, "state", 11)])
    stopped.stitch()
    with pytest.raises(services.StaleView) as refused:
        services.reason_assert(
            equipment_id=stopped.unit.pk, start_time=at(100), end_time=at(700), reason_code="JAM",
            by=PLANNER, seen_end=at(700),
        )  # fmt: skip
    assert "to 2026-03-02 06:11:40" in str(refused.value)
    assert "to 2026-03-02 06:06:40" in str(refused.value)
    with pytest.raises(services.StaleView, match="no stop at that time"):
        services.reason_assert(
            equipment_id=stopped.unit.pk, start_time=at(405), end_time=None, reason_code="JAM", by=PLANNER
        )


def test_a_reason_survives_re_derivation_and_says_where_the_machine_ran(stopped):
    reason_make("JAM")
    services.reason_assert(
        equipment_id=stopped.unit.pk, start_time=at(100), end_time=at(700), reason_code="JAM", by=PLANNER
    )
    stopped.say([(400, "state", 6), (410, "state", 11)])
    stopped.stitch()
    assert durations(stopped) == {"running": 410.0, "breakdown": 590.0}
    account = selectors.account(equipment_id=stopped.unit.pk, start=at(0), end=at(1000))
    assert account is not None
    assert [(s.start, s.end) for s in account.contradicted] == [(at(400), at(410))]


def test_a_split_is_two_assertions_and_undo_supersedes(stopped):
    reason_make("JAM")
    reason_make("CLEAN", "own_other")
    say = {"equipment_id": stopped.unit.pk, "by": PLANNER}
    first = services.reason_assert(start_time=at(100), end_time=at(700), reason_code="JAM", **say)
    services.reason_assert(
        start_time=at(100), end_time=at(300), reason_code="CLEAN", supersedes=first.pk, **say
    )
    second = services.reason_assert(start_time=at(300), end_time=at(700), reason_code="JAM", **say)
    assert durations(stopped) == {"running": 400.0, "breakdown": 400.0, "own_other": 200.0}
    services.reason_assert(start_time=at(300), end_time=at(700), reason_code="", supersedes=second.pk, **say)
    assert durations(stopped) == {"running": 400.0, "own_other": 600.0}
    with pytest.raises(services.StaleView):
        services.reason_assert(
            start_time=at(100), end_time=at(700), reason_code="JAM", supersedes=first.pk, **say
        )
    history = selectors.reason_history(equipment_id=stopped.unit.pk, start=at(100), end=at(700))
    assert history.count() == 4


def test_a_reason_not_offered_on_the_machine_is_refused(stopped):
    with pytest.raises(services.Refused, match="read 'NOPE', expected one offered"):
        services.reason_assert(
            equipment_id=stopped.unit.pk, start_time=at(100), end_time=None, reason_code="NOPE", by=PLANNER
        )


def test_a_reason_for_a_stop_going_on_lasts_until_it_ends():
    line = line_make(1)
    sender = sender_make(line.unit)
    services.job_order_start(job_order_id=order_make(line).pk, at=at(0), by=PLANNER)
    sender.say([(s, "process_value", 1) for s in range(0, 500, 20)])
    sender.say([(0, "state", 6), (100, "state", 11)], watermark=500)
    sender.stitch()
    reason_make("JAM")
    services.reason_assert(
        equipment_id=line.unit.pk, start_time=at(100), end_time=None, reason_code="JAM", by=PLANNER
    )
    sender.say([(s, "process_value", 1) for s in range(500, 1000, 20)])
    sender.say([(600, "state", 6), (700, "state", 11)], watermark=1000)
    sender.stitch()
    assert durations(sender) == {"running": 200.0, "breakdown": 500.0, "own_other": 300.0}
    coded = {stop.start_time: stop.assertion_id for stop in selectors.stops(PLANNER)}
    assert coded[at(100)] is not None
    assert coded[at(700)] is None


def test_stops_are_addressed_by_machine_and_instant(stopped):
    before = Stop.objects.get().pk
    Stop.objects.all().delete()
    services.rebuild(work_unit_ids=[stopped.unit.pk])
    assert Stop.objects.get().pk == before


def test_counts_and_notes_are_kept_beside_the_machine(stopped):
    say = {"equipment_id": stopped.unit.pk, "by": PLANNER}
    count = services.count_assert(
        start_time=at(0), end_time=at(1000), kind="scrap", quantity=Decimal("3.5"), **say
    )
    assert count.quantity == Decimal("3.5")
    with pytest.raises(services.Refused, match="quantity"):
        services.count_assert(start_time=at(0), end_time=at(1), kind="good", quantity=Decimal(-1), **say)
    services.note_assert(start_time=at(50), text=" bottles tip over ", **say)
    [note] = selectors.notes(equipment_ids=[stopped.unit.pk], start=at(0), end=at(100))
    assert note.text == "bottles tip over"
    with pytest.raises(services.Refused):
        services.note_assert(start_time=at(50), text="  ", **say)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_correct_one_entry_in_the_same_instant_the_second_sees_a_stale_view(monkeypatch):
    """Both looked before either had written; the database lets one of them through."""
    sender = sender_make()
    sender.say([(0, "state", 6), (100, "state", 11), (700, "state", 6)], watermark=1000)
    sender.stitch()
    reason_make("JAM")
    span = {"equipment_id": sender.unit.pk, "start_time": at(100), "end_time": at(700), "reason_code": "JAM"}
    first = services.reason_assert(**span, by=PLANNER)
    both, check, told = threading.Barrier(2), assertions._supersede_check, []

    def together(*args: Any) -> None:
        check(*args)
        if not both.broken and threading.current_thread() not in waited:
            waited.add(threading.current_thread())
            both.wait(30)

    def correct() -> None:
        try:
            told.append(services.reason_assert(**span, by=PLANNER, supersedes=first.pk).pk)
        except Exception as error:
            told.append(error)
        finally:
            connection.close()

    waited: set[threading.Thread] = set()
    monkeypatch.setattr(assertions, "_supersede_check", together)
    threads = [threading.Thread(target=correct) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    [kept] = [one for one in told if isinstance(one, int)]
    [refused] = [one for one in told if isinstance(one, Exception)]
    assert isinstance(refused, services.StaleView), refused
    assert (refused.seen, refused.now) == (f"entry {first.pk}", f"entry {kept}")
