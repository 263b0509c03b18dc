"""The page of one stop and the page of reason quality, as a supervisor uses them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from plant.models import Equipment, EquipmentClass, Reason
from production.models import ReasonAssertion, Stop
from production.selectors.reason_quality import reason_quality
from production.selectors.stopped import in_force
from tests.factories.pages import Plant, plant_running
from tests.factories.plant import account_make, equipment_class_make, site_make

pytestmark = pytest.mark.django_db


@pytest.fixture
def plant() -> Plant:
    return plant_running()


@pytest.fixture
def client(plant: Plant) -> Client:
    found = Client()
    assert plant.supervisor is not None
    found.force_login(plant.supervisor, backend="django.contrib.auth.backends.ModelBackend")
    return found


def coded_stop() -> Stop:
    said = ReasonAssertion.objects.filter(equipment__code="L2-FILL").order_by("start_time").last()
    assert said is not None
    return Stop.objects.get(work_unit=said.equipment, start_time=said.start_time)


def holding(stop: Stop) -> list[ReasonAssertion]:
    ends = stop.end_time or timezone.now()
    held = in_force([stop.work_unit_id]).filter(start_time__gte=stop.start_time, start_time__lt=ends)
    return list(held.order_by("start_time"))


def test_a_stop_is_split_joined_and_reverted_in_one_post_each(client):
    stop = coded_stop()
    [whole] = holding(stop)
    address = f"/stops/{stop.pk}/"
    page = client.get(address)
    assert page.status_code == 200
    given = {
        "act": "split", "start_time": whole.start_time.isoformat(), "seen": whole.pk,
        "seen_end": stop.end_time.isoformat(), "at": page.context["at"].isoformat(), "second": "FORMAT",
    }  # fmt: skip
    assert client.post(f"{address}parts/", given).status_code == 302
    left, right = holding(stop)
    assert (left.reason_id, right.reason.code) == (whole.reason_id, "FORMAT")
    assert left.end_time == right.start_time == page.context["at"]
    late = client.post(f"{address}parts/", given, follow=True)
    assert "Somebody was faster. You saw:" in late.content.decode()
    client.post(f"{address}parts/", {"act": "merge", "left": left.pk, "right": right.pk})
    [joined] = holding(stop)
    assert (joined.start_time, joined.end_time) == (stop.start_time, stop.end_time)
    client.post(f"{address}parts/", {"act": "undo", "entry": joined.pk})
    assert len(holding(stop)) == 2
    shown = client.get(address).content.decode()
    assert "Join with the next" in shown
    assert shown.count("taken back") == 1


def test_the_minute_steps_stay_inside_the_stop(client):
    stop = coded_stop()
    page = client.get(f"/stops/{stop.pk}/")
    for _label, moved in page.context["steps"]:
        at = client.get(f"/stops/{stop.pk}/", {"at": moved}).context["at"]
        assert at.isoformat() == moved
        assert stop.start_time < at < stop.end_time
    outside = (stop.end_time + timedelta(minutes=1)).isoformat()
    assert stop.start_time < client.get(f"/stops/{stop.pk}/", {"at": outside}).context["at"] < stop.end_time


def test_suggestions_follow_the_first_ticked_stop(client):
    stop = coded_stop()
    page = client.get(f"/stops/{stop.pk}/suggested/").content.decode()
    assert "of the last" in page
    assert page.count("data-suggested") <= 3
    listed = client.get("/stops/", {"stop": str(stop.pk)}).content.decode()
    assert listed.count("data-suggested") == page.count("data-suggested")


def test_a_reason_of_a_wider_class_is_offered_and_one_retired_since_still_is_for_its_time(client):
    stop = coded_stop()
    machine = stop.work_unit
    wide = equipment_class_make("wide")
    EquipmentClass.objects.filter(pk=machine.equipment_class_id).update(parent=wide)
    Reason.objects.filter(code="NOBOT").update(equipment_class=wide, valid_to=stop.end_time)
    Reason.objects.filter(code="LABEL").update(valid_to=stop.start_time)
    listed = client.get("/stops/?period=24h").context["reasons"]
    assert "NOBOT" in {reason.code for reason in listed}
    offered = {
        reason.code
        for _group, found in client.get(f"/stops/{stop.pk}/").context["groups"]
        for reason in found
    }
    assert "NOBOT" in offered
    assert "LABEL" not in offered
    given = {"reason": "NOBOT", "stop": f"L2-FILL|{stop.start_time.isoformat()}|{stop.end_time.isoformat()}"}
    client.post("/stops/code/", given)
    assert [said.reason.code for said in holding(stop)] == ["NOBOT"]
    client.post("/stops/code/", {**given, "reason": "LABEL"})
    assert [said.reason.code for said in holding(stop)] == ["NOBOT"]


def test_an_overrun_and_a_wrong_form_are_told(client):
    stop = coded_stop()
    Reason.objects.filter(pk=holding(stop)[0].reason_id).update(expected_duration=timedelta(seconds=60))
    assert "longer than usual" in client.get(f"/stops/{stop.pk}/").content.decode()
    assert "longer than usual" in client.get("/stops/?period=24h&equipment=L2-FILL").content.decode()
    told = client.get(f"/api/v1/stops/{stop.pk}").json()
    assert timedelta(seconds=told["overrun"]) == stop.end_time - stop.start_time - timedelta(seconds=60)
    for given in ({}, {"act": "merge", "left": "x"}, {"act": "split", "start_time": "yesterday"}):
        assert client.post(f"/stops/{stop.pk}/parts/", given).status_code == 302
    assert len(holding(stop)) == 1


def test_a_stop_of_another_site_is_not_there(plant):
    stop = coded_stop()
    stranger = Client()
    elsewhere = site_make("ELSEWHERE")
    stranger.force_login(
        account_make("supervisor", elsewhere), backend="django.contrib.auth.backends.ModelBackend"
    )
    assert stranger.get(f"/stops/{stop.pk}/").status_code == 404
    assert stranger.post(f"/stops/{stop.pk}/parts/", {"act": "undo", "entry": 1}).status_code == 404


def test_reason_quality_tells_shares_hits_and_what_reasons_led_to(client):
    page = client.get("/reasons/quality/", {"period": "1d"})
    assert page.status_code == 200
    row = next(row for row in page.context["rows"] if row.line.code == "L2")
    said = ReasonAssertion.objects.filter(equipment__parent__code="L2")
    assert row.said == said.count() > 3
    assert 0 < row.coded_share < 1
    assert row.coded <= row.asked
    assert [reason.code for reason in row.unused] == [
        code
        for code in Reason.objects.order_by("position", "code").values_list("code", flat=True)
        if not said.filter(reason__code=code).exists()
    ]
    week = page.context["weeks"][0]
    coded = ReasonAssertion.objects.count()
    assert sum(week.hits.asked for week in page.context["weeks"]) == coded
    assert 0 <= week.hits.first <= week.hits.among <= week.hits.asked
    led = page.context["led"]
    assert sum(item.use.count for item in led) == coded
    assert [item.use.duration for item in led] == sorted((i.use.duration for i in led), reverse=True)


def test_the_api_tells_the_same_quality(client):
    shown = client.get("/reasons/quality/", {"period": "7d", "line": "L2"}).context["rows"][0]
    told = client.get("/api/v1/equipment/L2/reason-quality").json()
    assert told["recoded"] == shown.recoded
    assert told["stops_said"] == shown.said
    assert told["median_seconds_to_reason"] == shown.to_reason.total_seconds()
    assert sum(week["coded"] for week in told["suggestions"]) == shown.said
    assert client.get("/api/v1/equipment/L2-FILL/reason-quality").status_code == 404


def test_what_is_explained_agrees_with_the_other_share_and_recodings(client):
    line = Equipment.objects.get(code="L2")
    now = timezone.now()
    before = reason_quality(line=line, start=now - timedelta(days=1), end=now)
    assert before.other == timedelta()
    Reason.objects.filter(code="JAM").update(is_catch_all=True)
    stop = coded_stop()
    [whole] = holding(stop)
    client.post(
        "/stops/code/",
        {
            "reason": "NOBOT",
            "stop": f"L2-FILL|{stop.start_time.isoformat()}|{stop.end_time.isoformat()}",
        },
    )
    assert holding(stop)[0].reason.code == "NOBOT"
    after = reason_quality(line=line, start=now - timedelta(days=1), end=now)
    assert after.recoded == before.recoded + 1
    assert after.coded == before.coded
    assert 0 < after.other_share < 1
    assert whole.reason.code != "NOBOT"
