"""What is suggested for a stop, and how often people chose it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from rest_framework.test import APIClient

from production import services
from production.models import Stop
from production.selectors.suggestions import reason_suggestions, suggestion_hits
from tests.factories.plant import Line, account_make, line_make, reason_make
from tests.factories.production import PLANNER, Said, at, order_make, sender_make

pytestmark = pytest.mark.django_db
NOW = at(20_000)


@pytest.fixture
def line() -> Line:
    """A machine that stopped ten times with E17 or E4, nine of them coded; another that stopped once."""
    line = line_make(1)
    reason_make("JAM")
    reason_make("GUARD")
    services.job_order_start(job_order_id=order_make(line).pk, at=at(0), by=PLANNER)
    sender = sender_make(line.unit)
    said: list[Said] = [(s, "process_value", 1) for s in range(0, 11_000, 20)]
    said.append((0, "state", 6))
    for number in range(10):
        fault = "E17" if number % 2 else "E4"
        said += [(500 + 1000 * number, "fault_code", fault), (500 + 1000 * number, "state", 11)]
        said += [(900 + 1000 * number, "fault_code", ""), (900 + 1000 * number, "state", 6)]
    sender.say(said, watermark=11_000)
    sender.stitch()
    for number in range(9):
        services.reason_assert(
            equipment_id=line.unit.pk,
            start_time=at(500 + 1000 * number),
            end_time=at(900 + 1000 * number),
            reason_code="JAM" if number % 2 else "GUARD",
            by=PLANNER,
            at=at(950 + 1000 * number),
        )
    return line


def last_stop(line: Line) -> Stop:
    stop = Stop.objects.filter(work_unit=line.unit).order_by("start_time").last()
    assert stop is not None
    return stop


def test_the_reason_of_the_same_alarm_comes_first_with_its_count(line):
    first, second = reason_suggestions(last_stop(line), at=NOW)
    assert (first.reason.code, first.cause.way, first.cause.fault_code) == ("JAM", "fault_machine", "E17")
    assert (first.cause.count, first.cause.of) == (4, 4)
    assert (second.reason.code, second.cause.way) == ("GUARD", "machine_product")


def test_a_stop_is_not_suggested_its_own_reason_and_a_retired_one_is_not_suggested(line):
    stop = last_stop(line)
    services.reason_assert(
        equipment_id=line.unit.pk, start_time=stop.start_time, end_time=stop.end_time, reason_code="GUARD",
        by=PLANNER, at=at(12_000),
    )  # fmt: skip
    assert reason_suggestions(stop, at=NOW)[0].reason.code == "JAM"
    jam = reason_make("OLD")
    type(jam).objects.filter(code="JAM").update(valid_to=at(100))
    assert [found.reason.code for found in reason_suggestions(stop, at=NOW)] == ["GUARD"]


def test_hits_are_judged_with_what_was_known_then(line):
    hits = suggestion_hits(line_id=line.line.pk, weeks=2, now=NOW)
    last = hits[max(hits)]
    # The first entry of each alarm could not be known before; all the others were suggested first.
    assert (last.asked, last.first, last.among) == (9, 7, 7)
    assert hits[min(hits)].asked == 0
    assert max(hits) - min(hits) == timedelta(days=7)


def test_the_api_shows_them_to_whoever_sees_the_machine_only(line, django_assert_max_num_queries):
    client = APIClient()
    client.force_login(account_make("operator", line.line))
    stop = last_stop(line)
    with django_assert_max_num_queries(22):
        found = client.get(f"/api/v1/stops/{stop.pk}/suggestions")
    assert [row["reason"] for row in found.json()] == ["JAM", "GUARD"]
    assert found.json()[0]["cause"] == {
        "way": "fault_machine", "fault_code": "E17", "count": 4, "of": 4,
    }  # fmt: skip
    stranger = APIClient()
    stranger.force_login(account_make("operator", line_make(1).line))
    assert stranger.get(f"/api/v1/stops/{stop.pk}/suggestions").status_code == 404
