"""Entries that arrive late: as who tapped them, when they were tapped, once, and never over another's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from connectors.models import SignalDefinition
from mom.outbox.models import TabletEntry
from mom.outbox.selectors import entries_of
from mom.pages.reading import forget
from mom.tablet.late import alike
from mom.tablet.outbox import KEPT, person_sign, tapped_by_our_clock, tapped_in_order
from mom.tablet.station import StopTile
from plant import selectors
from plant.models import Device, Person, Reason
from production.models import (
    AlarmInterval,
    CountAssertion,
    JobOrderEvent,
    NoteAssertion,
    ReasonAssertion,
    Stop,
)
from tests.factories import plant as make
from tests.mom.tablet.shop import Shop, seen, seen_group, undo_of
from tests.mom.tablet.shop import shop as shop

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


def late(
    shop: Shop,
    path: str,
    data: dict[str, Any],
    *,
    key: str = "k",
    minutes: float = 5,
    person: str | None = None,
    **more: str,
) -> Any:
    """As outbox.js sends what waited, by the operator; the tablet's clock is three hours ahead."""
    sent = timezone.now() + timedelta(hours=3)
    headers = {
        "Accept": "application/json",
        "Idempotency-Key": key,
        "X-Outbox": "later",
        "X-Tapped-At": (sent - timedelta(minutes=minutes)).isoformat(),
        "X-Sent-At": sent.isoformat(),
        "X-Person": signature(shop.operator) if person is None else person,
        **more,
    }
    return shop.post(path, data, headers=headers)


def signature(person: Person, device: Device | None = None, *, minutes: float = 60) -> str:
    """Proof that they were signed in so long ago."""
    tablet = device or Device.objects.get()
    actor = selectors.actor_for_person(person, device=tablet)
    return person_sign(tablet, actor, now=timezone.now() - timedelta(minutes=minutes))


@given(
    skew=st.timedeltas(timedelta(days=-400), timedelta(days=400)),
    waited=st.timedeltas(timedelta(0), KEPT),
)
def test_a_wrong_clock_does_not_move_an_entry(skew: timedelta, waited: timedelta) -> None:
    sent = NOW + skew
    assert tapped_by_our_clock(device_time=sent - waited, sent=sent, now=NOW) == NOW - waited


@given(
    skew=st.timedeltas(timedelta(days=-400), timedelta(days=400)),
    waits=st.lists(st.timedeltas(timedelta(0), timedelta(minutes=5)), min_size=2, max_size=8),
    ways=st.lists(st.timedeltas(timedelta(0), timedelta(seconds=9)), min_size=8, max_size=8),
)
def test_taps_keep_their_order_whatever_the_way_to_the_server_takes(
    skew: timedelta, waits: list[timedelta], ways: list[timedelta]
) -> None:
    before: TabletEntry | None = None
    for waited, way in zip(sorted(waits, reverse=True), ways, strict=False):
        tapped, arrives = NOW - waited, NOW + way
        read = tapped_by_our_clock(device_time=tapped + skew, sent=NOW + skew, now=arrives)
        kept = tapped_in_order(read, tapped + skew, before)
        assert tapped <= kept <= tapped + max(ways)
        assert before is None or before.tapped_at <= kept
        before = TabletEntry(device_time=tapped + skew, tapped_at=kept)


def test_it_is_kept_at_the_time_of_the_tap_with_both_clocks(shop: Shop) -> None:
    answer = late(shop, "/tablet/note/", {"text": "Nozzle 7 drips"})
    assert answer.json()["message"] == "The note is kept"
    said = NoteAssertion.objects.get()
    assert timedelta(minutes=4.8) < timezone.now() - said.said_at < timedelta(minutes=5.5)
    assert said.start_time == said.said_at
    trail = entries_of(key="k").get()
    assert (trail.outcome, trail.tapped_at) == ("kept", said.said_at)
    assert trail.device_time is not None
    assert trail.device_time - trail.tapped_at > timedelta(hours=2.9)
    assert "✓" not in shop.get("/tablet/")


def test_it_belongs_to_who_tapped_it_whoever_is_signed_in_now(shop: Shop) -> None:
    other = Person.objects.get(badge="1001")
    late(shop, "/tablet/note/", {"text": "x"}, person=signature(other))
    assert NoteAssertion.objects.get().said_by == other
    shop.post("/tablet/leave/")
    late(shop, "/tablet/note/", {"text": "y"}, key="k2", person=signature(shop.operator))
    assert NoteAssertion.objects.order_by("-pk")[0].said_by == shop.operator


def test_a_forged_or_foreign_or_revoked_proof_is_refused_and_traced(shop: Shop) -> None:
    elsewhere, _secret = make.device_make(shop.line)
    wrong = ["made-up:1:2", signature(shop.operator, elsewhere)]
    here = signature(shop.operator, Device.objects.exclude(pk=elsewhere.pk).get())
    for number, proof in enumerate(wrong):
        answer = late(shop, "/tablet/note/", {"text": "x"}, key=f"w{number}", person=proof)
        assert answer.status_code == 409
        assert "Badge in" in answer.json()["refused"]
    Person.objects.filter(pk=shop.operator.pk).update(is_active=False)
    assert late(shop, "/tablet/note/", {"text": "x"}, key="w9", person=here).status_code == 409
    assert NoteAssertion.objects.count() == 0
    assert TabletEntry.objects.filter(outcome="refused").count() == 3


def test_without_anybody_it_asks_for_a_badge_and_writes_nothing(shop: Shop) -> None:
    shop.post("/tablet/leave/")
    answer = late(shop, "/tablet/note/", {"text": "x"}, person="")
    assert (answer.status_code, answer.json()) == (401, {"badge": "/tablet/badge/"})
    assert TabletEntry.objects.count() == 0


def test_what_nobody_entered_is_the_next_persons_only_when_they_say_so(shop: Shop) -> None:
    answer = late(shop, "/tablet/note/", {"text": "x"}, person="")
    assert answer.status_code == 409
    assert "Nobody was signed in" in answer.json()["refused"]
    assert NoteAssertion.objects.count() == 0
    since = signature(shop.operator, minutes=0)
    claimed: Any = {"X-Claimed": "yes"}
    assert late(shop, "/tablet/note/", {"text": "x"}, person=since, **claimed).status_code == 200
    assert NoteAssertion.objects.get().said_by == shop.operator
    assert "Claimed" in entries_of(key="k").get(outcome="kept").why


def test_a_tap_just_after_the_session_ended_is_still_whose_it_was(shop: Shop) -> None:
    proof = signature(shop.operator)
    shop.post("/tablet/leave/")
    now = {"X-Outbox": "now"}
    wrong = late(shop, "/tablet/note/", {"text": "x"}, minutes=0, person="made-up:1:2", **now)
    assert (wrong.status_code, NoteAssertion.objects.count()) == (401, 0)
    answer = late(shop, "/tablet/note/", {"text": "x"}, minutes=0, person=proof, **now)
    assert (answer.status_code, answer.json()["message"]) == (200, "The note is kept")
    assert NoteAssertion.objects.get().said_by == shop.operator
    assert "tablet_person" not in shop.client.session


@pytest.mark.parametrize("minutes", [8 * 24 * 60, 61, -5])
def test_a_clock_put_right_while_it_waited_does_not_misdate_it(shop: Shop, minutes: float) -> None:
    """Too long to be kept, before the person signed in, and sent before it was tapped."""
    answer = late(shop, "/tablet/count/", {"good": "5"}, minutes=minutes)
    assert answer.status_code == 409
    assert "not certain when" in answer.json()["refused"]
    assert CountAssertion.objects.count() == 0
    assert entries_of(key="k").get().outcome == "refused"


def test_a_right_the_person_has_not_is_a_refusal_with_its_reason(shop: Shop) -> None:
    fitter = Person.objects.get(badge="1003")
    answer = late(shop, "/tablet/count/", {"good": "5"}, person=signature(fitter))
    assert answer.status_code == 403
    assert "may not count.enter" in answer.json()["refused"]
    assert CountAssertion.objects.count() == 0


def test_a_replay_is_answered_like_the_first(shop: Shop) -> None:
    first, *again = (late(shop, "/tablet/count/", {"good": "5"}, key="same") for _ in range(4))
    assert all(answer.content == first.content for answer in again)
    assert CountAssertion.objects.count() == 1
    assert entries_of(key="same").count() == 1


def test_a_lost_answer_is_found_again_whoever_asks_and_whatever_they_may(shop: Shop) -> None:
    proof = signature(shop.operator)
    first = late(shop, "/tablet/count/", {"good": "5"}, key="lost", person=proof)
    Person.objects.filter(pk=shop.operator.pk).update(is_active=False)
    shop.post("/tablet/leave/")
    fitter = signature(Person.objects.get(badge="1003"))
    for asked in (proof, fitter, "", "made-up:1:2"):
        again = late(shop, "/tablet/count/", {"good": "5"}, key="lost", person=asked)
        assert (again.status_code, again.content) == (200, first.content)
        assert again.headers["Idempotent-Replay"] == "true"
    assert CountAssertion.objects.count() == 1
    assert [row.outcome for row in entries_of(key="lost")] == ["kept"]


def test_a_group_of_micro_stops_is_what_the_author_saw(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tapped before the shift changed, sent after it; two were coded by somebody else meanwhile."""
    path = "/tablet/micro/L2-FILL/"
    shown = seen_group(shop.get(path)).split()
    early, others = shown[:-3], shown[-3:-1]
    for text in others:
        stop = Stop.objects.get(pk=text.split("|")[0])
        ReasonAssertion.objects.create(
            equipment=stop.work_unit,
            start_time=stop.start_time,
            end_time=stop.end_time,
            reason=Reason.objects.get(code="CLEAN"),
            said_by=Person.objects.get(badge="1001"),
            said_at=timezone.now(),
        )
    forget()
    before = ReasonAssertion.objects.order_by("-pk")[0].pk
    monkeypatch.setattr("mom.tablet.stops._micro", lambda *args: [])  # the next shift has none yet
    body = {"reason": "JAM", "seen": " ".join([*early, *others])}
    answer = late(shop, path, body, minutes=30, person=signature(shop.operator))
    assert answer.status_code == 200, answer.content
    assert "2 changed meanwhile" in answer.json()["message"]
    said = ReasonAssertion.objects.filter(pk__gt=before)
    assert {(row.reason.code, row.said_by) for row in said} == {("JAM", shop.operator)}  # type: ignore[union-attr]
    starts = {Stop.objects.get(pk=text.split("|")[0]).start_time for text in early}
    assert {row.start_time for row in said} == starts
    assert shown[-1] not in early  # the one it did not see has no reason
    body = {"reason": "JAM", "seen": " ".join(others)}
    assert late(shop, path, body, key="o", person=signature(shop.operator)).status_code == 409


def test_an_order_is_paused_when_it_was_tapped(shop: Shop) -> None:
    late(shop, f"/tablet/orders/{shop.order.code}/pause/", {})
    event = JobOrderEvent.objects.filter(verb="pause").get()
    assert timezone.now() - event.at > timedelta(minutes=4.8)


def test_a_reason_does_not_overwrite_what_it_never_saw(shop: Shop) -> None:
    stop = shop.ended()
    body = {"reason": "JAM", "stop": f"{seen(stop)}|0"}
    assert late(shop, f"/tablet/stops/{stop.pk}/", body, key="a").status_code == 200
    mine = late(shop, f"/tablet/stops/{stop.pk}/", {**body, "reason": "CLEAN"}, key="b")
    assert mine.status_code == 200  # the same person's second tap
    other = signature(Person.objects.get(badge="1001"))
    answer = late(shop, f"/tablet/stops/{stop.pk}/", body, key="c", person=other)
    assert answer.status_code == 409
    assert "“Cleaning”, said by Youssef Benali" in answer.json()["refused"]
    assert answer.json()["page"] == f"/tablet/stops/{stop.pk}/"
    assert ReasonAssertion.objects.filter(reason__code="JAM", said_by__badge="1001").count() == 0


def test_leaving_late_signs_out_only_who_left(shop: Shop) -> None:
    other = signature(Person.objects.get(badge="1001"))
    assert late(shop, "/tablet/leave/", {}, person=other).status_code == 200
    assert shop.client.session["tablet_person"] == shop.operator.pk
    late(shop, "/tablet/leave/", {}, key="l", person=signature(shop.operator))
    assert "tablet_person" not in shop.client.session


def test_a_dismissed_entry_leaves_a_trace(shop: Shop) -> None:
    body = {
        "outcome": "dismissed",
        "entry": "abc",
        "route": "/tablet/note/",
        "words": "Note: x",
        "why": "late",
    }
    assert shop.post("/tablet/outbox/", {**body, "key": "d"}).status_code == 303
    row = entries_of(key="abc").get()
    assert (row.outcome, row.words, row.person) == ("dismissed", "Note: x", shop.operator)
    assert shop.post("/tablet/outbox/", {**body, "outcome": "kept", "key": "e"}).status_code == 422


def test_what_nobody_took_back_is_not_in_the_next_persons_name(shop: Shop) -> None:
    body = {"outcome": "taken_back", "entry": "abc", "route": "/tablet/note/", "words": "Note: x"}
    assert late(shop, "/tablet/outbox/", body, person="").status_code == 200
    row = entries_of(key="abc").get()
    assert (row.outcome, row.person, row.device) == ("taken_back", None, Device.objects.get())


# Late coding and correcting


def test_stops_alike_are_one_tile_each() -> None:
    def tile(number: int, machine: str, fault: str, *, ended: bool = True) -> StopTile:
        end = NOW + timedelta(minutes=number + 1) if ended else None
        return StopTile(str(number), machine, NOW + timedelta(minutes=number), end, 60, fault)

    rows = [tile(0, "A", "E1"), tile(1, "A", "E1"), tile(2, "A", ""), tile(3, "B", "E1"), tile(4, "A", "E1")]
    found = alike([*rows, tile(5, "A", "", ended=False)])
    assert [(group.machine, group.fault_code, group.count, group.seconds) for group in found] == [
        ("A", "E1", 3, 180)
    ]
    assert found[0].href.endswith("?stop=0&stop=1&stop=4")


def test_a_given_reason_is_found_again_and_corrected(shop: Shop) -> None:
    stop = shop.ended()
    shop.post(f"/tablet/stops/{stop.pk}/", {"reason": "JAM", "stop": seen(stop), "key": "1"})
    assert f'data-coded="{stop.pk}"' in shop.get("/tablet/stops/")
    first = ReasonAssertion.objects.order_by("-pk")[0]
    body = {"reason": "CLEAN", "stop": f"{seen(stop)}|{first.pk}", "key": "2"}
    assert shop.post(f"/tablet/stops/{stop.pk}/", body).status_code == 303
    last = ReasonAssertion.objects.order_by("-pk")[0]
    assert (last.reason.code, last.supersedes) == ("CLEAN", first)  # type: ignore[union-attr]
    shop.post(undo_of(shop))
    assert ReasonAssertion.objects.order_by("-pk")[0].reason.code == "JAM"  # type: ignore[union-attr]


def test_a_count_is_corrected_in_its_own_range(shop: Shop) -> None:
    shop.post("/tablet/count/", {"good": "120", "key": "1"})
    first = CountAssertion.objects.get()
    assert f'entry={first.pk}"' in shop.get("/tablet/count/")
    assert "Corrects" in shop.get(f"/tablet/count/?entry={first.pk}")
    shop.post("/tablet/count/", {"good": "102", "entry": str(first.pk), "key": "2"})
    last = CountAssertion.objects.order_by("-pk")[0]
    assert (last.quantity, last.supersedes) == (102, first)
    assert (last.start_time, last.end_time) == (first.start_time, first.end_time)
    shop.post(undo_of(shop))
    assert CountAssertion.objects.order_by("-pk")[0].quantity == 120
    stale = shop.post("/tablet/count/", {"good": "7", "entry": str(first.pk), "key": "3"})
    assert stale.status_code == 409


def test_stops_show_what_the_machine_said_of_their_fault(shop: Shop) -> None:
    stop = next(each for each in shop.waiting() if each.fault_code)
    signal = SignalDefinition.objects.filter(equipment=stop.work_unit).earliest("pk")
    AlarmInterval.objects.create(
        work_unit=stop.work_unit, signal=signal, code=stop.fault_code, text="Torque <high>",
        start_time=stop.start_time + timedelta(seconds=2),
    )  # fmt: skip
    for address in ("/tablet/", "/tablet/stops/", f"/tablet/stops/{stop.pk}/"):
        assert "Torque &lt;high&gt;" in shop.get(address), address
