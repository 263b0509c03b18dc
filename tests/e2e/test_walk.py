"""A shift as its people live it, one after the other, in a real browser on the demo plant.

The operator gives a reason without contact; the supervisor finds it, follows a loss down to its events and
signs a record that later truth restates; the morning meeting finds every missing piece and acts; the engineer
asks the same by REST.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.e2e.plant import Plant, plant, wait_for
from tests.e2e.test_first_five_minutes import DESK, TABLET, context_of, speak, stop_pressed, stop_seen
from tests.e2e.test_ledger import post

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["plant"]
pytestmark = pytest.mark.browser
NAME, PASSWORD = "walker", "signs-what-she-reads"
OPERATOR = "B1001"
PEOPLE = f"""
import json
from django.utils import timezone
from plant.models import Device, Equipment, Person, RoleAssignment, User
from plant.selectors import digest_of
site = Equipment.objects.get(level="site")
user, _ = User.objects.get_or_create(username="{NAME}", defaults=dict(first_name="Wanda", last_name="Walker"))
user.set_password("{PASSWORD}")
user.save()
person, _ = Person.objects.get_or_create(badge="W-1", defaults=dict(name="Wanda Walker", user=user))
RoleAssignment.objects.get_or_create(person=person, role="supervisor", scope=site)
for line in Equipment.objects.filter(level="line"):
    digest = digest_of("walk-" + line.code)
    values = dict(label="Walk " + line.code, equipment=line, enrolled_at=timezone.now())
    Device.objects.get_or_create(digest=digest, defaults=values | dict(expires_at=timezone.now()))
"""
PACES, STATE = "L1-FILLER", "nsu=urn:saint-cyr:line1;s=L1-FILLER.Status.StateCurrent"
# Of this vendor's own table.
STOPPED, EXECUTE = 1, 4


@dataclass
class Walk:
    plant: Plant
    browser: Browser

    def desk(self, *, language: str = "en") -> Page:
        page = context_of(self.browser, self.plant, DESK).new_page()
        page.goto("/login/")
        page.fill("#id_username", NAME)
        page.fill("#id_password", PASSWORD)
        page.click("form.form button")
        page.wait_for_url(lambda url: "/login/" not in url)
        speak(page, language)
        return page

    def tablet(self, line: str) -> Page:
        context = context_of(self.browser, self.plant, TABLET, touch=True)
        context.add_cookies([{"name": "device", "value": f"walk-{line}", "url": self.plant.url}])
        page = context.new_page()
        page.goto("/tablet/badge/")
        page.fill("input[name=badge]", OPERATOR)
        page.click("form button.tile-main")
        page.fill("input[name=pin]", self.plant.pins[OPERATOR])
        page.locator("form button.tile-main").click()
        page.wait_for_url("**/tablet/")
        speak(page, "en")
        return page

    def row(self, path: str, **query: str) -> Any:
        return self.plant.ask(path, **query)


@pytest.fixture
def walk(plant: Plant, browser: Browser) -> Walk:
    plant.manage("shell", "-v", "0", "-c", PEOPLE)
    return Walk(plant, browser)


def test_operator_gives_a_reason_without_contact_and_the_line_shows_it(
    walk: Walk, screenshot: Callable[..., Any]
) -> None:
    desk = walk.desk()
    desk.goto("/")
    machine = stop_pressed(desk)
    line = machine.split("-")[0]
    stop_seen(desk, line, machine)
    tablet = walk.tablet(line)
    standing = tablet.locator(f"a[data-going-on='{machine}']")
    standing.wait_for()
    standing.tap()
    reasons = tablet.locator("button[data-reason]").filter(has_not_text="calls maintenance")
    reasons.first.wait_for()
    word = reasons.first.inner_text().splitlines()[0].strip()
    code = reasons.first.get_attribute("data-reason")
    tablet.context.set_offline(True)
    reasons.first.tap()
    tablet.locator(".say-kept").wait_for()
    screenshot(tablet, "walk-operator-kept")
    tablet.context.set_offline(False)
    tablet.locator("html:not(.stale)").wait_for(timeout=60_000)

    def told() -> bool:
        rows = walk.row("stops", equipment=machine, page_size="5")["results"]
        return any(row["reason"] == code for row in rows)

    wait_for(told, seconds=60, what=f"the reason {code} in the API")
    desk.goto(f"/lines/{line}/")
    expect(desk.locator("body")).to_contain_text(word, ignore_case=True, timeout=60_000)
    screenshot(desk, "walk-supervisor-line")


def test_supervisor_follows_a_loss_down_and_signs_what_late_truth_restates(
    walk: Walk, screenshot: Callable[..., Any]
) -> None:
    page = walk.desk()
    page.goto("/losses/?equipment=L1&period=yesterday")
    assert page.locator("#time tfoot .num").first.inner_text().strip() == "0 s"
    page.locator("#causes tbody a.plain").first.click()
    page.wait_for_load_state()
    assert page.locator("main table tbody tr, main li").count()
    order, middle = ended_order(walk)
    page.goto(f"/orders/{order}/")
    page.locator("dl.story").wait_for()
    assert re.search(r"difference 0 s", page.locator("#time-check").inner_text())
    if page.locator("details:not([open]) form[action$='/sign/']").count():
        page.locator("details:has(form[action$='/sign/']) > summary").click()
        page.fill("form[action$='/sign/'] textarea", "walked again")
    page.fill("form[action$='/sign/'] input[name=password]", PASSWORD)
    page.click("form[action$='/sign/'] button[type=submit]")
    page.locator(".signed-by", has_text="Wanda Walker").wait_for()
    screenshot(page, "walk-record-signed", full=True)
    late = [(middle, STOPPED), (middle + timedelta(seconds=40), EXECUTE)]
    samples = [{"address": STATE, "source_time": at.isoformat(), "value": number} for at, number in late]
    body = {"connection": "line1-opcua", "samples": samples}
    assert post(walk.plant, "samples", body, key=f"walk-{middle.isoformat()}")["stored"] == len(samples)

    def restated() -> bool:
        page.reload()
        return page.locator("#changed tbody tr").count() > 0

    wait_for(restated, seconds=60, what="the difference beside what was signed", pause=1)
    row = page.locator("#changed tbody tr").first
    signed, known = row.locator("td.num").all_inner_texts()
    assert signed != known
    assert page.locator(".signed-by", has_text="Wanda Walker").count()
    for language in ("en", "fr"):
        speak(page, language)
        page.locator("#changed").wait_for()
        screenshot(page, f"walk-record-restated-{language}", full=True)


def ended_order(walk: Walk) -> tuple[str, datetime]:
    """An order of line 1 that ended a day ago or more, and the middle of a run of its filler."""
    ended = sorted(
        walk.plant.ask_all("job-orders", line="L1", state="ended"), key=lambda row: row["ended_at"]
    )
    order = ended[len(ended) // 3]
    states = walk.row(f"equipment/{PACES}/states", start=order["started_at"], end=order["ended_at"])
    runs = [
        (datetime.fromisoformat(row["start_time"]), datetime.fromisoformat(row["end_time"]))
        for row in states
        if row["state"] == "execute" and row["end_time"]
    ]
    start, end = max(runs, key=lambda run: run[1] - run[0])
    return order["code"], start + (end - start) / 2


@pytest.mark.parametrize("language", ["en", "fr"])
def test_morning_meeting_finds_every_piece_and_acts_on_the_dearest_cause(
    walk: Walk, screenshot: Callable[..., Any], language: str
) -> None:
    page = walk.desk()
    page.goto("/yesterday/")
    page.locator("#causes .cause-sum").wait_for()
    expect(page.locator("#causes .cause-sum")).to_contain_text("difference 0", use_inner_text=True)
    speak(page, language)
    page.locator("#causes .cause-sum").wait_for()
    screenshot(page, f"walk-yesterday-{language}", full=True)
    box = page.locator("#causes details:has(a[href*='/actions/new'])").first
    box.locator("summary").click()
    box.locator("a[href*='/actions/new']").click()
    title = f"Walk {language}"
    page.fill("input[name=title]", title)
    page.locator("main form button[type=submit]").last.click()
    page.goto("/actions/")
    page.locator("main", has_text=title).wait_for()
    screenshot(page, f"walk-actions-{language}")


def test_engineer_asks_the_same_by_rest(walk: Walk) -> None:
    """The figures of the pages, with their evidence, and every lot of an order both ways."""
    order, _middle = ended_order(walk)
    record = walk.row(f"job-orders/{order}/record")
    assert record["split"]["unexplained_seconds"] == 0
    assert {question["key"] for question in record["questions"]} or len(record["questions"]) == 7
    start, end = quote(record["head"]["start"]), quote(record["head"]["until"])
    status, body = walk.plant.look(
        f"/api/v1/equipment/L1/kpi?start={start}&end={end}", Authorization=f"Token {walk.plant.key}"
    )
    assert status == 200, body[:300]
    kpi = json.loads(body)
    assert sum(float(seconds) for seconds in kpi["account"]["seconds"].values()) == pytest.approx(
        (
            datetime.fromisoformat(record["head"]["until"]) - datetime.fromisoformat(record["head"]["start"])
        ).total_seconds()
    )
    made = {row["lot_code"] for row in record["lots"] if row["direction"] == "out"}
    used = {row["lot_code"] for row in record["lots"] if row["direction"] == "in"}
    trace = walk.row(f"lots/{min(made)}/trace", direction="backward")
    assert used <= {node["code"] for node in trace["nodes"]}
