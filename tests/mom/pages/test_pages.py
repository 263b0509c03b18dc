"""Every supervisor page answers; unchanged is 304; what it says is what the selectors say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.template.loader import render_to_string
from django.test import Client
from django.utils import timezone

from mom.pages import board, overview, owners, reading, words
from mom.pages.losses import LOST, DataQuality
from mom.pages.plan import Plan
from mom.pages.sheets import rows_read
from plant.access import Actor, Grant
from plant.models import Decision, Person, RoleAssignment
from plant.services import revision_bump
from production import selectors as production
from production.models import JobOrder, JobOrderVersion, OrderSpan, ReasonAssertion, Stop
from tests.factories.pages import Plant

pytestmark = pytest.mark.django_db
PAGES = (
    "/",
    "/lines/L2/",
    "/lines/L2/questions/",
    "/orders/",
    "/orders/import/",
    "/orders/OF-26-0413-L2/change/",
    "/stops/",
    "/equipment/L2-FILL/",
    "/actions/",
    "/actions/new/?equipment=L2-FILL&reason=JAM",
)
POLLED = ("/", "/lines/L2/", "/lines/L2/questions/", "/equipment/L2-FILL/")


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("page", PAGES)
def test_pages_answer_in_both_languages(supervisor: Client, page: str, language: str) -> None:
    supervisor.cookies["language"] = language
    response = supervisor.get(page)
    assert response.status_code == 200
    body = response.content.decode()
    assert f'lang="{language}"' in body or "questions/" in page
    assert "style=" not in body
    assert " onclick" not in body


@pytest.mark.parametrize("page", POLLED)
def test_unchanged_is_304_until_the_line_or_the_language_changes(
    supervisor: Client, plant: Plant, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now().replace(second=1)
    monkeypatch.setattr(timezone, "now", lambda: now)
    first = supervisor.get(page, headers={"x-poll": "1"})
    asked = {"if-none-match": first["ETag"], "x-poll": "1"}
    assert supervisor.get(page, headers=asked).status_code == 304
    revision_bump(line_id=plant.lines[1].pk)
    changed = supervisor.get(page, headers=asked)
    assert changed.status_code == 200
    assert b"<html" not in changed.content
    supervisor.cookies["language"] = "fr"
    assert supervisor.get(page, headers={**asked, "if-none-match": changed["ETag"]}).status_code == 200


def test_a_whole_page_is_never_304_since_it_also_shows_messages(supervisor: Client) -> None:
    etag = supervisor.get("/", HTTP_X_POLL="1")["ETag"]
    assert supervisor.get("/", HTTP_IF_NONE_MATCH=etag, HTTP_ACCEPT="text/html,*/*").status_code == 200


def test_the_overview_says_which_line_loses_most(supervisor: Client) -> None:
    body = supervisor.get("/").content.decode()
    assert "Bottling line 2 has lost" in body
    assert body.index('id="card-L2"') < body.index('id="card-L1"')


def test_the_line_page_answers_its_three_questions(supervisor: Client, plant: Plant) -> None:
    body = supervisor.get("/lines/L2/").content.decode()
    for question in ("On plan?", "What has cost most this shift?", "Who has it?", "lost in standstills"):
        assert question in body
    assert "Youssef Benali" in body
    assert "E17" in body
    assert 'href="/stops/?equipment=L2-FILL' in body


def test_the_dearest_loss_is_named_with_whoever_has_it(supervisor: Client, plant: Plant) -> None:
    for line in plant.lines:
        read = reading.line_reading(line, revision="first", now=timezone.now())
        found = board.line_losses(read)
        assert found
        rows = board.loss_views(read, found, board.names_for(read))
        for top in rows:
            has_it = owners.owners(read, top)
            said = {told.who for told in read.said if told.reason == top.what}
            assert not any(owner.has_top for owner in has_it) or has_it[0].has_top
            assert read.constraint is not None
            if top.reason_code and (top.machine_code or read.constraint.code) == "L2-FILL":
                assert has_it[0].has_top
                assert has_it[0].who in said


def test_a_loss_that_ended_is_told_in_the_past(supervisor: Client, plant: Plant) -> None:
    read = reading.line_reading(plant.lines[1], revision="first", now=timezone.now())
    assert read.account is not None
    found = board.line_losses(read)
    assert found
    rows = board.loss_views(read, found, {})
    going_on = [row for row in rows if row.going_on]
    lost_now = read.account.segments[-1].time_class in LOST
    assert len(going_on) == int(lost_now)
    card = replace(overview.card(read), top=replace(rows[0], going_on=False))
    past = overview.worst([card], Actor(label="test"))
    assert past
    assert "has lost" in past.sentence
    assert "this shift" in past.sentence


@pytest.mark.parametrize(("value", "warned"), [(Decimal("1.619"), True), (Decimal(1), False), (None, False)])
def test_more_than_all_of_the_time_is_told_to_be_impossible(value: Decimal | None, warned: bool) -> None:
    quality = DataQuality(None, Decimal(1), 0)
    figure = board.Figure("TRS", value, "", quality, "/")
    body = render_to_string("components/oee_badge.html", {"figure": figure})
    assert ("the ideal rate is too low" in body) == warned


def test_a_finish_after_the_due_time_says_how_long_after() -> None:
    due = timezone.now()
    plan = Plan("behind", None, None, None, None, due + timedelta(hours=4, minutes=36), "")
    order = board.OrderView("OF-1", "", Decimal(1), "pcs", None, due, None, plan, "")
    assert order.after_due == timedelta(hours=4, minutes=36)
    assert replace(order, due=due + timedelta(hours=5)).after_due is None
    assert replace(order, plan=None).after_due is None


def test_a_stop_of_another_day_is_told_with_its_day() -> None:
    zone, now = ZoneInfo("Europe/Paris"), datetime(2026, 3, 3, 1, tzinfo=UTC)
    assert words.clock_or_day(datetime(2026, 3, 2, 23, 30, tzinfo=UTC), zone, now) == "00:30"
    before = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)
    assert words.clock_or_day(before, zone, now) == words.day_clock(before, zone) != "23:30"


def test_a_shift_adds_up_on_the_machine_page(supervisor: Client) -> None:
    response = supervisor.get("/equipment/L2-FILL/")
    assert response.context["difference"] == timedelta()
    assert (
        sum((part.duration for part in response.context["parts"]), timedelta()) == response.context["whole"]
    )


def test_a_tapped_event_opens_with_its_state(supervisor: Client) -> None:
    stop = Stop.objects.filter(work_unit__code="L2-FILL", end_time__isnull=False).first()
    assert stop is not None
    response = supervisor.get("/equipment/L2-FILL/", {"at": stop.start_time.isoformat()})
    assert response.context["event"]["start"] == stop.start_time


def test_stops_are_filtered_by_the_address(supervisor: Client) -> None:
    rows = supervisor.get("/stops/?uncoded=1&line=L2").context["rows"]
    assert rows
    assert all(row.needs_reason and not row.reason and row.equipment_code.startswith("L2-") for row in rows)
    jams = supervisor.get("/stops/?reason=JAM").context["rows"]
    assert jams
    assert {row.reason_code for row in jams} == {"JAM"}
    micro = supervisor.get("/stops/?size=micro").context["rows"]
    assert {row.size for row in micro} == {"micro"}


def test_what_the_line_counts_is_what_its_button_opens(supervisor: Client, plant: Plant) -> None:
    everyone = Actor(label="test", grants=(Grant("supervisor", "/"),))
    waiting = production.stops_uncoded(everyone).filter(work_unit__parent__code="L2")
    for stop in list(waiting.filter(end_time__isnull=False)[:2]):
        away = stop.start_time - timedelta(days=40)
        Stop.objects.filter(pk=stop.pk).update(start_time=away, end_time=away + timedelta(minutes=9))
        OrderSpan.objects.create(
            equipment=stop.work_unit, order_code="OF-OLD", start_time=away, end_time=away + timedelta(hours=1)
        )
    for line in plant.lines:
        revision_bump(line_id=line.pk)
    for card in supervisor.get("/").context["cards"]:
        listed = supervisor.get(f"/stops/?line={card.line.code}&uncoded=1").context
        assert listed["total"] == len(listed["rows"]) == card.uncoded
        board = supervisor.get(f"/lines/{card.line.code}/").context["board"]
        assert {stop.id for stop in board.uncoded} == {row.id for row in listed["rows"]}
    day = supervisor.get("/stops/?line=L2&uncoded=1&period=24h").context["total"]
    assert day < supervisor.get("/stops/?line=L2&uncoded=1").context["total"]


def test_several_stops_are_coded_at_once(supervisor: Client, plant: Plant) -> None:
    rows = supervisor.get("/stops/?uncoded=1").context["rows"]
    chosen = [row.value for row in rows]
    answer = supervisor.post("/stops/code/", {"reason": "JAM", "stop": chosen, "comment": "after the clean"})
    assert answer.status_code == 302
    assert ReasonAssertion.objects.filter(comment="after the clean").count() == len(chosen)
    assert supervisor.get("/stops/?uncoded=1").context["rows"] == []


def test_a_stop_that_ended_meanwhile_is_refused_and_the_others_are_kept(supervisor: Client) -> None:
    rows = supervisor.get("/stops/?uncoded=1").context["rows"]
    stale = rows[0].value.split("|")
    stale[2] = (rows[0].start + timedelta(seconds=1)).isoformat()
    supervisor.post("/stops/code/", {"reason": "JAM", "stop": ["|".join(stale), rows[1].value]})
    left = [row.id for row in supervisor.get("/stops/?uncoded=1").context["rows"]]
    assert rows[0].id in left
    assert rows[1].id not in left


@pytest.mark.parametrize(("page", "most"), [("/stops/?format=csv", 1), ("/orders/?format=xlsx&state=all", 6)])
def test_exports_hold_all_filtered_rows(supervisor: Client, page: str, most: int) -> None:
    rows = rows_read(supervisor.get(page).content, "export")
    assert len(rows) >= most


def csv(*rows: str) -> SimpleUploadedFile:
    text = "\n".join(("code;line;product;quantity;due_time;option:label", *rows))
    return SimpleUploadedFile("orders.csv", text.encode())


def test_an_import_shows_its_difference_and_stores_only_then(supervisor: Client, plant: Plant) -> None:
    file = csv(
        "OF-NEW;L1;LEM-33;12 500;24/12/2026 14:00;EN", "OF-26-0414-L2;L2;COL-33;40000;;", "OF-BAD;L1;NONE;5;;"
    )
    seen = supervisor.post("/orders/import/", {"file": file})
    diff = seen.context["diff"]
    assert (diff.new, diff.changed, diff.bad) == (1, 1, 1)
    assert "product" in diff.rows[2].error
    assert not JobOrder.objects.filter(code="OF-NEW").exists()
    supervisor.post("/orders/import/", {"rows": seen.context["signed"]})
    order = JobOrder.objects.get(code="OF-NEW")
    assert order.quantity == 12500
    assert order.options == {"label": "EN"}
    assert JobOrder.objects.get(code="OF-26-0414-L2").quantity == 40000
    assert not JobOrder.objects.filter(code="OF-BAD").exists()


def test_an_import_refuses_what_cannot_be_meant(supervisor: Client) -> None:
    rows = ("A1;L1;LEM-33;5;;", "A1;L1;LEM-33;6;;", "A2;L1;LEM-33;1e30;;", "A3;L1;LEM-33;1e-30;;")
    seen = supervisor.post("/orders/import/", {"file": csv(*rows)})
    told = [row.error for row in seen.context["diff"].rows]
    assert told[0] == ""
    for error, told_why in zip(told[1:], ("rows 2 and 3", "at most 99999999999999", "above 0"), strict=True):
        assert told_why in error
    supervisor.post("/orders/import/", {"rows": seen.context["signed"]})
    assert JobOrder.objects.get(code="A1").quantity == 5


def test_a_damaged_or_missing_file_is_told(supervisor: Client) -> None:
    broken = SimpleUploadedFile("orders.xlsx", b"PK not a workbook")
    told = supervisor.post("/orders/import/", {"file": broken}).context["error"]
    assert told == "orders.xlsx: this is not a readable XLSX file"
    assert supervisor.post("/orders/import/", {}).context["error"]
    assert supervisor.post("/orders/import/", {"rows": "forged"}).context["error"]


def test_a_sequence_change_asks_why_and_is_a_decision(supervisor: Client, plant: Plant) -> None:
    move = {"line": "L2", "move": "OF-26-0411-L2:up"}
    supervisor.post("/orders/sequence/", {**move, "why": " "})
    assert not Decision.objects.filter(kind="schedule_change").exists()
    supervisor.post("/orders/sequence/", {**move, "why": "labels are late"})
    decision = Decision.objects.get(kind="schedule_change")
    assert decision.why == "labels are late"
    waiting = [o.code for o in production.dispatch_list(line_id=plant.lines[1].pk) if o.state != "running"]
    assert waiting == ["OF-26-0411-L2", "OF-26-0414-L2"]


def test_only_legal_commands_are_offered_and_taken(supervisor: Client, plant: Plant) -> None:
    offered = supervisor.get("/orders/OF-26-0414-L2/change/").context["verbs"]
    assert [verb for verb, _ in offered] == ["start", "abort"]
    supervisor.post("/orders/OF-26-0414-L2/command/", {"verb": "resume"})
    supervisor.post("/orders/OF-26-0414-L2/command/", {"verb": "abort"})
    assert JobOrder.objects.get(code="OF-26-0414-L2").state == "allowed_to_start"
    supervisor.post("/orders/OF-26-0414-L2/command/", {"verb": "abort", "why": "customer cancelled"})
    assert JobOrder.objects.get(code="OF-26-0414-L2").state == "aborted"


def test_a_quantity_changes_with_a_reason_and_the_old_plan_stays(supervisor: Client) -> None:
    path = "/orders/OF-26-0414-L2/update/"
    supervisor.post(path, {"quantity": "45000", "options": "label = FR", "why": ""})
    assert JobOrder.objects.get(code="OF-26-0414-L2").quantity == 50000
    supervisor.post(path, {"quantity": "45 000", "options": "label = FR", "why": "asked by sales"})
    order = JobOrder.objects.get(code="OF-26-0414-L2")
    assert (order.quantity, order.options) == (45000, {"label": "FR"})
    assert JobOrderVersion.objects.filter(job_order=order).count() == 2
    stale = {"quantity": "1", "options": "", "why": "again", "version": "1"}
    supervisor.post(path, stale)
    assert JobOrder.objects.get(code="OF-26-0414-L2").quantity == 45000


def test_an_action_opens_from_the_loss_it_is_about(supervisor: Client) -> None:
    form = supervisor.get("/actions/new/?equipment=L2-FILL&reason=JAM&evidence=/stops/").content.decode()
    assert '<option value="JAM" selected>' in form
    given = {
        "title": "New star",
        "equipment": "L2-FILL",
        "owner": "1003",
        "due_on": "2026-12-01",
        "reason": "JAM",
    }
    supervisor.post("/actions/new/", given)
    reading.forget()
    assert "New star" in supervisor.get("/lines/L2/").content.decode()


def test_nobody_sees_another_site(plant: Plant, client: Client) -> None:
    from tests.factories.plant import line_make, site_make, user_make

    person = Person.objects.create(badge="X", name="X")
    RoleAssignment.objects.create(
        person=person, role="supervisor", scope=line_make(code="ELSE-L", site=site_make("ELSEWHERE")).site
    )
    client.force_login(user_make(person), backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/lines/L2/").status_code == 404
    assert client.get("/equipment/L2-FILL/").status_code == 404
    assert "/L2/" not in client.get("/").content.decode()
    assert client.get("/stops/").context["rows"] == []


def test_the_seven_questions_have_an_answer_each(supervisor: Client) -> None:
    answers = supervisor.get("/lines/L2/questions/").context["questions"]
    assert [answer.key for answer in answers] == [
        "thing", "method", "material", "limits", "losses", "evidence", "learning",
    ]  # fmt: skip
    assert {answer.verdict for answer in answers} <= {"yes", "no", "not_known"}
    assert all(answer.because and answer.evidence.startswith("/") for answer in answers)
    assert answers[0].verdict == "yes"
    assert answers[4].verdict == "no"


@pytest.mark.parametrize("page", ["/", "/lines/L2/"])
def test_of_a_line_that_is_silent_nothing_is_said_to_be_fine(
    supervisor: Client, plant: Plant, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day after its last word: neither that time is lost nor that none is."""
    later = timezone.now() + timedelta(days=1)
    monkeypatch.setattr(timezone, "now", lambda: later)
    body = supervisor.get(page).content.decode()
    assert ("nobody can tell" if page == "/" else "No data of") in body
    assert "No line is losing time" not in body
    assert "Nothing lost this shift" not in body
    assert "nothing this shift" not in body
    assert ">0</b><span>good" not in supervisor.get("/equipment/L2-FILL/").content.decode()


def test_a_line_without_a_pacing_machine_says_so(supervisor: Client, plant: Plant) -> None:
    unit = plant.units["L2"][0]
    unit.is_constraint = False
    unit.save()
    revision_bump(line_id=plant.lines[1].pk)
    body = supervisor.get("/lines/L2/").content.decode()
    assert "No machine is declared to pace this line" in body
