"""What an operator does at a station, by plain forms: reasons, counts, orders, calls."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from maintenance.models import MaintenanceRequest
from mom.calls.models import HelpCall
from mom.outbox.models import TabletEntry
from mom.pages.reading import forget
from mom.tablet.reasons import TILES, tiles_offered
from plant.models import Equipment, Reason
from plant.selectors.actors import DEVICE_COOKIE
from production.models import CountAssertion, JobOrder, NoteAssertion, ReasonAssertion, Stop
from tests.factories import plant as make
from tests.mom.tablet.shop import Shop, flash, seen, seen_group, undo_of
from tests.mom.tablet.shop import shop as shop

pytestmark = pytest.mark.django_db


# Reasons


def test_a_stop_is_coded_in_two_taps_and_taken_back_by_undo(shop: Shop) -> None:
    stop = shop.ended()
    before = shop.count()
    page = shop.get(f"/tablet/stops/{stop.pk}/")
    assert 'data-reason="JAM"' in page
    answer = shop.post(f"/tablet/stops/{stop.pk}/", {"reason": "JAM", "stop": seen(stop), "key": "k1"})
    assert answer.status_code == 303
    said = ReasonAssertion.objects.order_by("-pk")[0]
    assert (said.reason.code, said.said_by, said.said_on_id is not None) == ("JAM", shop.operator, True)  # type: ignore[union-attr]
    assert (said.start_time, said.end_time) == (stop.start_time, stop.end_time)
    home = shop.get("/tablet/")
    assert f"{stop.work_unit.name}: Bottle jam" in home
    undo = re.search(r'action="(/tablet/undo/[^"]+)"', home)
    assert undo
    assert shop.count() == before - 1

    shop.post(undo[1])
    last = ReasonAssertion.objects.order_by("-pk")[0]
    assert (last.reason, last.supersedes) == (None, said)
    assert shop.count() == before
    assert shop.post(undo[1]).status_code == 409


def test_a_double_tap_counts_once(shop: Shop) -> None:
    stop = shop.ended()
    before = ReasonAssertion.objects.count()
    body = {"reason": "JAM", "stop": seen(stop), "key": "same-key"}
    first = shop.post(f"/tablet/stops/{stop.pk}/", body)
    second = shop.post(f"/tablet/stops/{stop.pk}/", body)
    assert (first.status_code, second.status_code) == (303, 303)
    assert second.headers["Idempotent-Replay"] == "true"
    assert ReasonAssertion.objects.count() == before + 1


def test_a_stale_view_is_refused_with_both_versions(shop: Shop) -> None:
    stop = shop.ended()
    assert stop.end_time is not None
    old = stop.end_time - timedelta(seconds=30)
    before = ReasonAssertion.objects.count()
    body = {"reason": "JAM", "stop": f"{stop.pk}|{old.isoformat()}", "key": "k"}
    answer = shop.post(f"/tablet/stops/{stop.pk}/", body)
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "What you saw" in page
    assert "What it is now" in page
    assert f"/tablet/stops/{stop.pk}/" in page
    assert ReasonAssertion.objects.count() == before


def test_a_stop_that_late_data_removed_is_said_to_be_gone(shop: Shop) -> None:
    stop = shop.ended()
    pk = stop.pk
    Stop.objects.filter(pk=pk).delete()
    assert shop.client.get(f"/tablet/stops/{pk}/").status_code == 409
    answer = shop.post(f"/tablet/stops/{pk}/", {"reason": "JAM", "stop": f"{pk}|", "key": "k"})
    assert answer.status_code == 409
    assert "not there any more" in answer.content.decode()


def test_a_breakdown_reason_calls_maintenance_in_the_same_gesture(shop: Shop) -> None:
    stop = shop.ended()
    assert "calls maintenance" in shop.get(f"/tablet/stops/{stop.pk}/")
    shop.post(f"/tablet/stops/{stop.pk}/", {"reason": "MECH", "stop": seen(stop), "key": "k"})
    raised = MaintenanceRequest.objects.get()
    assert (raised.stop_start, raised.said_by) == (stop.start_time, shop.operator)
    assert "Maintenance is called" in shop.get("/tablet/")


def test_several_stops_get_one_reason_together(shop: Shop) -> None:
    stops = [stop for stop in shop.waiting() if stop.end_time]
    page = shop.get("/tablet/stops/together/", data={"stop": [str(stop.pk) for stop in stops]})
    assert all(seen(stop).split("|")[0] in page for stop in stops)
    body = {"reason": "CLEAN", "stop": [seen(stop) for stop in stops], "key": "k"}
    assert shop.post("/tablet/stops/together/code/", body).status_code == 303
    assert ReasonAssertion.objects.filter(reason__code="CLEAN", said_on__isnull=False).count() == len(stops)


def test_micro_stops_are_coded_as_a_group_each_in_its_own_range(shop: Shop) -> None:
    assert "micro-stops" in shop.get("/tablet/")
    unit = Equipment.objects.get(code="L2-FILL")
    page = shop.get(f"/tablet/micro/{unit.code}/")
    count = int(re.search(r"(\d+) micro-stops", page)[1])  # type: ignore[index]
    before = ReasonAssertion.objects.count()
    assert shop.post(f"/tablet/micro/{unit.code}/", {"reason": "JAM", "key": "o"}).status_code == 409
    body = {"reason": "JAM", "seen": seen_group(page), "key": "k"}
    assert shop.post(f"/tablet/micro/{unit.code}/", body).status_code == 303
    said = ReasonAssertion.objects.count() - before
    assert said in (count, count - 1)  # the one that is still going on waits for its end
    forget()
    assert f"{count} micro-stops" in shop.get(f"/tablet/micro/{unit.code}/")


def test_any_reason_is_at_most_two_levels_deep_and_twelve_to_a_screen() -> None:
    unit = make.line_make(1).unit
    group = make.reason_make("MECHS", "", position=1)
    for number in range(30):
        make.reason_make(f"G{number:02d}", parent=group, position=number)
    for number in range(5):
        make.reason_make(f"TOP{number}", position=10 + number)
    deeper = make.reason_make("DEEP", "", parent=group, position=40)
    make.reason_make("LEAF", parent=deeper, position=41)
    top = tiles_offered(unit)
    assert [tile.code for tile in top.tiles] == ["MECHS", "TOP0", "TOP1", "TOP2", "TOP3", "TOP4"]
    assert [tile.is_group for tile in top.tiles] == [True] + [False] * 5
    found, screen = [], 0
    while True:
        shown = tiles_offered(unit, group_code="MECHS", screen=screen)
        assert len(shown.tiles) + (1 if shown.more else 0) <= TILES
        assert not any(tile.is_group for tile in shown.tiles)
        found += [tile.code for tile in shown.tiles]
        if not shown.more:
            break
        screen = shown.more
    assert found == [*(f"G{number:02d}" for number in range(30)), "LEAF"]


def test_tiles_never_move(shop: Shop) -> None:
    stop = shop.ended()
    first = re.findall(r'data-reason="(\w+)"', shop.get(f"/tablet/stops/{stop.pk}/"))
    shop.post(f"/tablet/stops/{stop.pk}/", {"reason": "CLEAN", "stop": seen(stop), "key": "k"})
    assert re.findall(r'data-reason="(\w+)"', shop.get(f"/tablet/stops/{stop.pk}/")) == first
    assert first == list(Reason.objects.order_by("position").values_list("code", flat=True))


# Drafts


def draft_left(shop: Shop) -> tuple[Stop, int]:
    """A reason tapped without a script while nobody is signed in."""
    shop.post("/tablet/leave/")
    stop, before = shop.ended(), ReasonAssertion.objects.count()
    body = {"reason": "JAM", "stop": seen(stop), "key": "draft"}
    answer = shop.post(f"/tablet/stops/{stop.pk}/", body)
    assert answer.headers["Location"] == "/tablet/badge/"
    assert "say whether it was you" in shop.get("/tablet/badge/?badge=1002")
    return stop, before


def draft_asked(shop: Shop) -> str:
    found = re.search(r'name="draft" value="(\w+)"', shop.get("/tablet/drafts/"))
    assert found
    return found[1]


def test_what_nobody_signed_in_typed_is_entered_by_who_says_it_was_them_at_its_time(shop: Shop) -> None:
    _stop, before = draft_left(shop)
    left = timezone.now()
    answer = shop.post("/tablet/badge/", {"badge": "1002", "pin": "4321"})
    assert answer.headers["Location"] == "/tablet/drafts/"
    assert ReasonAssertion.objects.count() == before, "badging in says nothing"
    assert "JAM" in shop.get("/tablet/drafts/")
    assert shop.post("/tablet/drafts/", {"draft": draft_asked(shop), "what": "mine"}).status_code == 303
    said = ReasonAssertion.objects.order_by("-pk")[0]
    assert ReasonAssertion.objects.count() == before + 1
    assert (said.said_by, said.said_at <= left) == (shop.operator, True)
    assert shop.client.get("/tablet/drafts/").status_code == 302


def test_the_next_person_does_not_get_it_and_it_outlives_them(shop: Shop) -> None:
    _stop, before = draft_left(shop)
    shop.post("/tablet/badge/", {"badge": "1001", "pin": "4321"})
    shop.post("/tablet/leave/")
    assert ReasonAssertion.objects.count() == before
    shop.post("/tablet/badge/", {"badge": "1002", "pin": "4321"})
    shop.post("/tablet/drafts/", {"draft": draft_asked(shop), "what": "mine"})
    assert ReasonAssertion.objects.order_by("-pk")[0].said_by == shop.operator


def test_what_is_nobodys_is_thrown_away_with_a_trace(shop: Shop) -> None:
    _stop, before = draft_left(shop)
    shop.post("/tablet/badge/", {"badge": "1002", "pin": "4321"})
    shop.post("/tablet/drafts/", {"draft": draft_asked(shop), "what": "discard"})
    assert ReasonAssertion.objects.count() == before
    trace = TabletEntry.objects.get()
    assert (trace.outcome, trace.person, "JAM" in trace.words) == ("dismissed", shop.operator, True)
    assert shop.client.get("/tablet/drafts/").status_code == 302


def test_a_script_is_told_to_badge_in(shop: Shop) -> None:
    shop.post("/tablet/leave/")
    answer = shop.post("/tablet/note/", {"text": "x", "key": "k"}, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()) == (401, {"badge": "/tablet/badge/"})


# Counts and notes


def test_good_and_scrap_in_one_submit(shop: Shop) -> None:
    body = {"good": "120", "scrap": "3", "key": "c1"}
    for _ in range(2):
        assert shop.post("/tablet/count/", body).status_code == 303
    counted = {row.kind: row for row in CountAssertion.objects.all()}
    assert {kind: row.quantity for kind, row in counted.items()} == {"good": 120, "scrap": 3}
    assert counted["good"].start_time == shop.order.started_at
    assert counted["good"].job_order == shop.order
    assert "120 good, 3 scrap" in flash(shop)
    shop.post("/tablet/count/", {"good": "7", "scrap": "", "key": "c2"})
    second = CountAssertion.objects.order_by("-pk")[0]
    assert second.start_time == counted["good"].end_time
    shop.post(undo_of(shop))
    assert CountAssertion.objects.order_by("-pk")[0].quantity == 0


def test_a_corrected_count_taken_back_has_its_earlier_number_and_reason_again(shop: Shop) -> None:
    for code in ("DENT", "LEAK"):
        Reason.objects.create(code=code, name_en=code, name_fr=code, explains="scrap")
    shop.post("/tablet/count/", {"scrap": "5", "reason": "DENT", "key": "a"})
    assert "5 scrap" in flash(shop)
    first = CountAssertion.objects.get()
    shop.post("/tablet/count/", {"scrap": "8", "reason": "LEAK", "entry": str(first.pk), "key": "b"})
    shop.post(undo_of(shop))
    said = [(row.quantity, row.reason and row.reason.code) for row in CountAssertion.objects.order_by("pk")]
    assert said == [(5, "DENT"), (8, "LEAK"), (5, "DENT")]


@pytest.mark.parametrize("good", ["abc", "-4", "1e9999", ""])
def test_a_number_that_is_none_is_read_back(shop: Shop, good: str) -> None:
    answer = shop.post("/tablet/count/", {"good": good, "scrap": "", "key": "c"})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode()
    assert CountAssertion.objects.count() == 0


def test_a_note(shop: Shop) -> None:
    shop.post("/tablet/note/", {"text": "Nozzle 7 drips", "key": "n"})
    assert NoteAssertion.objects.get().job_order == shop.order
    assert shop.post("/tablet/note/", {"text": "  ", "key": "m"}).status_code == 422


# Orders


def test_pause_resume_finish_and_start_the_next(shop: Shop) -> None:
    code = shop.order.code
    assert shop.post(f"/tablet/orders/{code}/pause/", {"key": "1"}).status_code == 303
    shop.order.refresh_from_db()
    assert shop.order.state == "interrupted"
    assert shop.post(f"/tablet/orders/{code}/resume/", {"key": "2"}).status_code == 303
    other = JobOrder.objects.filter(line=shop.line, state="allowed_to_start").first()
    assert other is not None
    refusal = shop.post(f"/tablet/orders/{other.code}/start/", {"key": "3"})
    assert refusal.status_code == 409
    assert "Finish or pause it first" in refusal.content.decode()
    again = shop.post(f"/tablet/orders/{code}/resume/", {"key": "4"})
    assert again.status_code == 409
    assert "What it is now" in again.content.decode()


def test_an_order_of_another_line_is_not_here(shop: Shop) -> None:
    other = JobOrder.objects.exclude(line=shop.line).first()
    assert other is not None
    assert shop.client.get(f"/tablet/orders/{other.code}/").status_code == 404
    answer = shop.post("/tablet/scan/", {"code": other.code, "key": "s"})
    assert answer.status_code == 409
    assert f"line {other.line.code}" in answer.content.decode()


def test_maintenance_is_called_in_two_taps(shop: Shop) -> None:
    assert "Call help" in shop.get("/tablet/")
    for key in ("a", "b"):
        shop.post("/tablet/call/", {"equipment": "L2-FILL", "key": key})
    raised = MaintenanceRequest.objects.get()
    stop = Stop.objects.get(work_unit__code="L2-FILL", end_time=None)
    assert raised.stop_start == stop.start_time
    assert raised.code in shop.get("/tablet/call/")


def test_material_is_called_taken_and_done_and_the_caller_sees_who(shop: Shop) -> None:
    body = {"kind": "material", "equipment": shop.line.code, "key": "m"}
    assert shop.post("/tablet/call/", body).status_code == 303
    assert "not taken yet" in shop.get("/tablet/")
    call = HelpCall.objects.get()
    assert shop.post(f"/tablet/call/{call.pk}/take/", {"key": "t"}).status_code == 303
    assert "taken by Youssef Benali" in shop.get("/tablet/")
    assert shop.post(f"/tablet/call/{call.pk}/take/", {"key": "u"}).status_code == 409
    assert shop.post(f"/tablet/call/{call.pk}/done/", {"key": "d"}).status_code == 303
    assert "done at" in shop.get("/tablet/call/")
    assert shop.post("/tablet/call/", {"kind": "pizza", "equipment": shop.line.code}).status_code == 422


# The screen


def test_the_station_polls_with_its_tag(shop: Shop) -> None:
    first = shop.client.get("/tablet/", headers={"X-Poll": "1"})
    assert b'id="station"' in first.content
    assert b"<html" not in first.content
    again = shop.client.get("/tablet/", headers={"X-Poll": "1", "If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304 or again.headers["ETag"] != first.headers["ETag"]


def test_a_station_without_data_says_so(client: Client) -> None:
    line = make.line_make(2)
    _device, secret = make.device_make(line.line)
    client.cookies[DEVICE_COOKIE] = secret
    page = client.get("/tablet/").content.decode()
    assert "No data from the machines yet" in page
    assert "No order is ready to start" in page


def test_a_poll_does_not_keep_a_person_signed_in(shop: Shop) -> None:
    from django.contrib.sessions.models import Session

    key = shop.client.session.session_key
    Session.objects.filter(pk=key).update(expire_date=timezone.now() + timedelta(seconds=30))
    shop.client.get("/tablet/", headers={"X-Poll": "1"})
    assert Session.objects.get(pk=key).expire_date < timezone.now() + timedelta(seconds=60)
    shop.client.get("/tablet/")
    assert Session.objects.get(pk=key).expire_date > timezone.now() + timedelta(minutes=9)


def test_the_reasons_of_the_machines_own_class_are_one_tap_from_its_stop(shop: Shop) -> None:
    unit = shop.ended().work_unit
    before = [tile.code for tile in tiles_offered(unit).tiles]
    group = make.reason_make("OWN", "", equipment_class=unit.equipment_class, position=90)
    leaves = [make.reason_make(f"OWN{n}", parent=group, position=90 + n).code for n in range(4)]
    assert [tile.code for tile in tiles_offered(unit).tiles] == [*leaves, *before]
    for number in range(4, 12):
        make.reason_make(f"OWN{number}", parent=group, position=90 + number)
    top = tiles_offered(unit).tiles
    assert [tile.code for tile in top if tile.is_group] == ["OWN"]
