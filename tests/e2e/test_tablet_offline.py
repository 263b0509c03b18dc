"""The tablet without contact: kept on it, sent once and in order, refused in the open, shown with its age.

``PLAIN`` is an address that browsers do not trust, as a tablet in a plant without certificates has it: no
service worker there. ``localhost`` counts as secure, and has one.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from mom.outbox.models import TabletEntry
from mom.tablet import session
from plant.models import Person
from production.models import CountAssertion, NoteAssertion, ReasonAssertion, Stop
from tests.e2e import conftest, test_tablet
from tests.e2e.plant import ROOT
from tests.e2e.test_tablet import Shop

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]
shop, minute = test_tablet.shop, test_tablet.minute

PLAIN = "tablet.plant.test"
ENTRIES = 20
SHIFTS = """() => { window.shifted = 0; new PerformanceObserver(list => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
}).observe({type: 'layout-shift', buffered: true}); }"""


def until(page: Page, done: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    """Asks again while the page goes on living: the browser's driver works only while it is waited for."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := done():
            return found
        page.wait_for_timeout(100)
    raise AssertionError(f"waited {seconds:.0f} s for {what}")


@contextmanager
def chromium(folder: Path, base: str) -> Iterator[BrowserContext]:
    """A browser with a disk of its own: closing it is switching the tablet off."""
    conftest._refuse_or_skip()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        context = driver.chromium.launch_persistent_context(
            str(folder),
            executable_path=conftest.CHROMIUM,
            args=[*conftest.ARGUMENTS, f"--host-resolver-rules=MAP {PLAIN} 127.0.0.1"],
            base_url=base,
            viewport={"width": 1280, "height": 800},
            locale="en",
        )
        context.set_default_timeout(conftest.PATIENCE_MS)
        yield context
        context.close()


@pytest.fixture
def plain(live_server: Any, settings: Any) -> str:
    settings.ALLOWED_HOSTS = ["*"]
    return str(live_server.url).replace("localhost", PLAIN)


@pytest.fixture
def secret(db: None, transactional_db: None) -> Iterator[str]:
    """A tablet at line 2 as in ``shop``, whose browser each test starts itself."""
    from django.contrib.auth.hashers import make_password

    from mom.pages.reading import forget
    from tests.factories import pages
    from tests.factories import plant as make

    forget()
    made = pages.plant_running()
    Person.objects.filter(badge__in=["1001", "1002"]).update(pin=make_password("4321"))
    _device, own = make.device_make(made.lines[1])
    yield own
    forget()


def enrol(context: BrowserContext, base: str, secret: str) -> Page:
    context.add_cookies(
        [
            {
                "name": "device",
                "value": secret,
                "url": base,
                "httpOnly": True,
                "expires": time.time() + 86400,
            },
            {"name": "language", "value": "en", "url": base, "expires": time.time() + 86400},
        ]
    )
    page = context.pages[0] if context.pages else context.new_page()
    page.goto("/tablet/badge/?badge=1002")
    page.locator("input[name=pin]").fill("4321")
    page.locator("form button.tile-main").click()
    page.wait_for_url("**/tablet/")
    return page


def warmed(page: Page, *paths: str) -> None:
    """Until the tablet holds a copy of these pages."""
    look = """async (paths) => new Promise(resolve => {
      const asked = indexedDB.open('tablet');
      asked.onsuccess = () => {
        const all = asked.result.transaction('pages').objectStore('pages').getAllKeys();
        all.onsuccess = () => {
          resolve(paths.every(path => all.result.includes(path)));
          asked.result.close();
        };
      };
    })"""
    until(page, lambda: page.evaluate(look, list(paths)), f"copies of {paths}")


def badge(page: Page) -> str:
    found = page.locator("#outbox-badge")
    return found.inner_text() if found.is_visible() else ""


def badged(page: Page, said: str) -> None:
    until(page, lambda: badge(page) == said, f"an outbox that says {said}")


def note_enter(page: Page, text: str) -> None:
    page.locator("a[href='/tablet/note/']").click()
    page.locator("textarea[name=text]").fill(text)
    page.locator("form[action='/tablet/note/'] button[type=submit]").click()
    page.locator(".say-kept", has_text=text).wait_for()


def test_twenty_entries_without_contact_outlive_a_restart_on_plain_http(
    secret: str, plain: str, tmp_path: Path
) -> None:
    texts = [f"note {number:02d}" for number in range(ENTRIES)]
    with chromium(tmp_path / "tablet", plain) as context:
        page = enrol(context, plain, secret)
        assert not page.evaluate("window.isSecureContext")
        warmed(page, "/tablet/", "/tablet/note/")
        context.set_offline(True)
        for number, text in enumerate(texts, 1):
            note_enter(page, text)
            badged(page, f"{number} waiting")
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("link", name="Badge in").wait_for()
        assert NoteAssertion.objects.count() == 0
    with chromium(tmp_path / "tablet", plain) as context:
        page = context.new_page()
        page.goto("/tablet/")
        until(page, lambda: NoteAssertion.objects.count() == ENTRIES, "the notes")
        until(page, lambda: not badge(page), "an empty outbox")
    said = list(NoteAssertion.objects.order_by("pk"))
    assert [row.text for row in said] == texts
    assert {row.said_by.badge for row in said} == {"1002"}  # type: ignore[union-attr]
    assert all(row.said_on_id for row in said)
    times = [row.said_at for row in said]
    assert times == sorted(times)
    trail = TabletEntry.objects.filter(outcome="kept", route="/tablet/note/").order_by("pk")
    assert len({row.key for row in trail}) == ENTRIES
    assert all(row.device_time is not None and row.tapped_at < row.recorded_at for row in trail)


def test_entries_outlive_a_reload_while_the_server_answers_no_writes(shop: Shop) -> None:
    page = shop.tablet(badge=True)
    page.route(
        "**/tablet/note/",
        lambda route: route.abort() if route.request.method == "POST" else route.continue_(),
    )
    for number in range(3):
        page.goto("/tablet/note/")
        page.locator("textarea[name=text]").fill(f"note {number}")
        page.locator("form[action='/tablet/note/'] button[type=submit]").click()
        page.locator(".say-kept").wait_for()
    page.reload()
    until(page, lambda: badge(page) == "3 waiting", "the badge after a reload")
    assert NoteAssertion.objects.count() == 0
    page.unroute("**/tablet/note/")
    until(page, lambda: NoteAssertion.objects.count() == 3, "the notes")
    assert [row.text for row in NoteAssertion.objects.order_by("pk")] == ["note 0", "note 1", "note 2"]


def test_one_key_ten_times_at_once_is_one_fact_with_one_answer(shop: Shop) -> None:
    page = shop.tablet(badge=True)
    answers = page.evaluate(
        """async () => { const cookie = document.cookie.match(/csrftoken=([^;]+)/)[1];
          const at = new Date().toISOString();
          const body = new URLSearchParams({good: '5', scrap: ''});
          const one = () => fetch('/tablet/count/', {method: 'POST', body,
            headers: {Accept: 'application/json', 'X-CSRFToken': cookie, 'Idempotency-Key': 'one-tap',
                      'X-Person': document.getElementById('signed').dataset.by,
                      'X-Outbox': 'later', 'X-Tapped-At': at, 'X-Sent-At': new Date().toISOString()}})
            .then(async answer => answer.status + await answer.text());
          return Promise.all(Array.from({length: 10}, one)); }"""
    )
    assert len(set(answers)) == 1
    assert answers[0].startswith("200")
    assert CountAssertion.objects.count() == 1
    assert TabletEntry.objects.filter(key="one-tap", outcome="kept").count() == 1


def test_a_lost_answer_is_not_a_second_entry(shop: Shop) -> None:
    page = shop.tablet("/tablet/note/", badge=True)

    def lose(route: Any) -> None:
        route.fetch()
        route.abort()

    page.route("**/tablet/note/", lose, times=1)
    page.locator("textarea[name=text]").fill("only once")
    page.locator("form[action='/tablet/note/'] button[type=submit]").click()
    until(page, lambda: TabletEntry.objects.filter(outcome="kept").exists(), "its arrival")
    until(page, lambda: not badge(page), "the first answer again")
    assert NoteAssertion.objects.count() == 1


def test_undo_takes_back_what_has_not_left_yet(shop: Shop) -> None:
    page = shop.tablet("/tablet/note/", badge=True)
    page.context.set_offline(True)
    page.locator("textarea[name=text]").fill("a slip")
    page.locator("form[action='/tablet/note/'] button[type=submit]").click()
    page.locator(".say-kept").get_by_role("button", name="Undo").click()
    page.get_by_text("taken back").wait_for()
    page.context.set_offline(False)
    until(page, lambda: TabletEntry.objects.filter(outcome="taken_back").exists(), "its trace")
    assert NoteAssertion.objects.count() == 0


def queued_reason(shop: Shop, page: Page) -> Stop:
    """A reason tapped without contact for a stop that somebody else codes meanwhile."""
    stop = Stop.objects.filter(work_unit__code="L2-FILL", needs_reason=True, end_time__isnull=False)[0]
    page.goto(f"/tablet/stops/{stop.pk}/")
    page.context.set_offline(True)
    page.locator("[data-reason=JAM]").click()
    page.locator(".say-kept").wait_for()
    ReasonAssertion.objects.create(
        equipment=stop.work_unit,
        start_time=stop.start_time,
        end_time=stop.end_time,
        reason_id=ReasonAssertion.objects.filter(reason__code="CLEAN").values_list("reason_id", flat=True)[0],
        said_by=Person.objects.get(badge="1001"),
        said_at=timezone.now(),
    )
    page.context.set_offline(False)
    return stop


def test_a_refused_entry_is_shown_with_its_reason_and_dismissed_with_a_trace(
    shop: Shop, screenshot: Callable[..., Any]
) -> None:
    page = shop.tablet(badge=True)
    before = ReasonAssertion.objects.count()
    queued_reason(shop, page)
    page.get_by_text("Somebody else gave this stop its reason meanwhile").wait_for()
    badged(page, "1 refused")
    assert test_tablet.too_small(page.evaluate(test_tablet.TARGETS)) == []
    clipped = (
        "[...document.querySelectorAll('dialog button')].filter(e => e.scrollWidth > e.clientWidth).length"
    )
    assert page.evaluate(clipped) == 0
    screenshot(page, "offline-refused")
    page.get_by_role("button", name="Dismiss").click()
    until(page, lambda: TabletEntry.objects.filter(outcome="dismissed").exists(), "the trace")
    refused, dismissed = TabletEntry.objects.filter(outcome__in=["refused", "dismissed"]).order_by("pk")
    assert refused.person == dismissed.person == shop.operator
    assert "Bottle jam" in refused.words
    assert ReasonAssertion.objects.count() == before + 1
    until(page, lambda: not badge(page), "an empty outbox")


def test_a_refused_entry_is_corrected_where_it_was_made(shop: Shop) -> None:
    page = shop.tablet(badge=True)
    stop = queued_reason(shop, page)
    page.get_by_role("button", name="Correct").click()
    page.wait_for_url(f"**/tablet/stops/{stop.pk}/")
    page.locator("[data-reason=JAM]").click()
    page.wait_for_url("**/tablet/")
    assert ReasonAssertion.objects.order_by("-pk")[0].reason.code == "JAM"  # type: ignore[union-attr]
    until(page, lambda: TabletEntry.objects.filter(outcome="corrected").exists(), "the trace")
    until(page, lambda: not badge(page), "an empty outbox")


def test_with_a_service_worker_the_station_opens_and_codes_without_contact(
    shop: Shop, screenshot: Callable[..., Any]
) -> None:
    page = shop.tablet(badge=True)
    stop = page.locator("[data-stop]").first.get_attribute("data-stop")
    until(page, lambda: page.evaluate("navigator.serviceWorker.controller !== null"), "the worker")
    count = page.locator("a[href*='/tablet/count/']").first.get_attribute("href") or ""
    warmed(page, "/tablet/", f"/tablet/stops/{stop}/", count)
    page.context.set_offline(True)
    page.reload()
    page.locator("html.kept").wait_for()
    expect(page.locator("#kept-at")).to_have_text(re.compile(r"^\s*as of"))
    page.locator(f"[data-stop='{stop}']").click()
    page.locator("[data-reason=JAM]").click()
    page.locator(".say-kept").wait_for()
    badged(page, "1 waiting")
    screenshot(page, "offline-station")
    page.evaluate(SHIFTS)
    page.locator("#contact").wait_for(timeout=60_000)
    screenshot(page, "offline-band")
    before = ReasonAssertion.objects.count()
    page.context.set_offline(False)
    until(page, lambda: ReasonAssertion.objects.count() == before + 1, "the reason")
    page.locator("html:not(.kept):not(.stale)").wait_for(timeout=60_000)
    expect(page.locator("#contact")).not_to_be_visible()
    assert page.evaluate("window.shifted") == 0


def test_an_entry_made_while_nobody_is_signed_in_waits_for_a_badge(shop: Shop) -> None:
    page = shop.tablet("/tablet/note/")
    page.context.set_offline(True)
    page.locator("textarea[name=text]").fill("who am I")
    page.locator("form[action='/tablet/note/'] button[type=submit]").click()
    page.get_by_text("badge in when contact is back").wait_for()
    page.context.set_offline(False)
    until(page, lambda: badge(page) == "1 waiting · Badge in", "the badge to ask")
    assert NoteAssertion.objects.count() == 0
    page.goto("/tablet/badge/?badge=1002")
    page.locator("input[name=pin]").fill("4321")
    page.locator("form button.tile-main").click()
    page.get_by_role("button", name="This was me").wait_for()
    assert NoteAssertion.objects.count() == 0
    page.get_by_role("button", name="This was me").click()
    until(page, lambda: NoteAssertion.objects.count() == 1, "the note")
    assert NoteAssertion.objects.get().said_by == shop.operator
    until(page, lambda: not badge(page), "an empty outbox")


def note_send(page: Page, text: str) -> None:
    page.locator("textarea[name=text]").fill(text)
    page.locator("form[action='/tablet/note/'] button[type=submit]").click()


def quiet(page: Page) -> None:
    """No request is left under way when the database is emptied."""
    page.goto("about:blank")
    page.wait_for_timeout(700)


# As the browser does by itself, sooner.
HURRY = "() => { window.dispatchEvent(new Event('online')); }"


FORGET = """async () => {
  for (const kept of await navigator.serviceWorker.getRegistrations()) await kept.unregister();
}"""


def hurried(page: Page) -> Page:
    """What failed too often is put aside for two seconds, not thirty."""
    told = (ROOT / "static" / "tablet" / "outbox.js").read_text()
    shorter = told.replace("const LONGEST = 30000;", "const LONGEST = 2000;")
    assert shorter != told
    served: list[str] = []

    def serve(route: Any) -> None:
        served.append(route.request.url)
        route.fulfill(body=shorter, content_type="text/javascript")

    page.evaluate(FORGET)
    page.route(re.compile("/outbox[^/]*[.]js"), serve)
    page.reload()
    until(page, lambda: served, "the page's own program", 20)
    return page


def test_trouble_of_the_server_is_never_a_refusal(shop: Shop) -> None:
    page = hurried(shop.tablet("/tablet/note/", badge=True))
    troubles = [503, 502, 500, 504, 429, 408, 425, 500, 500, 500, 500, 500, 503]
    keys: list[str] = []
    healed: list[bool] = []

    def trouble(route: Any) -> None:
        if route.request.method != "POST" or healed:
            return route.continue_()
        status = troubles[len(keys) % len(troubles)]
        keys.append(route.request.headers["idempotency-key"])
        return route.fulfill(status=status, body="trouble")

    page.route("**/tablet/note/", trouble)
    note_send(page, "through it all")

    def asked() -> bool:
        page.evaluate(HURRY)
        page.wait_for_timeout(150)
        assert badge(page) in ("", "1 waiting")
        return len(keys) > len(troubles)

    until(page, asked, "every trouble there is", 90)
    page.locator("#outbox-badge").click()
    page.get_by_text("the server has a fault; trying again").wait_for()
    healed.append(True)
    until(page, lambda: NoteAssertion.objects.exists() or page.evaluate(HURRY), "the note", 90)
    assert NoteAssertion.objects.count() == 1
    assert {TabletEntry.objects.get(outcome="kept").key} == set(keys)
    quiet(page)


def test_an_entry_the_server_fails_on_does_not_hold_up_another(shop: Shop) -> None:
    page = shop.tablet("/tablet/note/", badge=True)
    page.route(
        "**/tablet/note/",
        lambda route: route.fulfill(status=500) if route.request.method == "POST" else route.continue_(),
    )
    note_send(page, "poison")
    page.locator(".say-kept").wait_for()
    page.goto("/tablet/count/")
    page.locator("#good").fill("7")
    page.locator("main form button[data-enter]").click()
    until(page, lambda: CountAssertion.objects.exists() or page.evaluate(HURRY), "the count")
    until(page, lambda: badge(page) == "1 waiting", "one that waits")
    quiet(page)


def test_a_session_that_lapsed_does_not_lose_who_tapped(shop: Shop) -> None:
    page = shop.tablet("/tablet/note/", badge=True)
    page.context.clear_cookies(name="sessionid")
    note_send(page, "still me")
    until(page, lambda: NoteAssertion.objects.count() == 1, "the note")
    assert NoteAssertion.objects.get().said_by == shop.operator
    quiet(page)


STEP = """() => { const real = Date; window.Date = class extends real {
  constructor(...given) { if (given.length) super(...given); else super(real.now() + 3600e3); }
  static now() { return real.now() + 3600e3; } }; }"""


def test_a_clock_put_right_while_an_entry_waits_does_not_move_it(shop: Shop) -> None:
    page = shop.tablet("/tablet/note/", badge=True)
    page.context.set_offline(True)
    note_send(page, "when")
    page.locator(".say-kept").wait_for()
    page.evaluate(STEP)
    page.context.set_offline(False)
    until(page, lambda: NoteAssertion.objects.count() == 1, "the note")
    assert timezone.now() - TabletEntry.objects.get(outcome="kept").tapped_at < timedelta(minutes=2)
    quiet(page)


def test_it_can_be_installed(shop: Shop) -> None:
    page = shop.tablet()
    link = page.locator("link[rel=manifest]").get_attribute("href")
    told = page.evaluate("path => fetch(path).then(answer => answer.json())", link)
    assert (told["display"], told["start_url"]) == ("standalone", "/tablet/")
    for icon in told["icons"]:
        answer = page.request.get(icon["src"])
        assert answer.ok, icon
        assert answer.headers["content-type"].startswith(icon["type"])


def test_the_worker_keeps_every_file_the_pages_load(shop: Shop) -> None:
    from mom.tablet.offline import ASSETS

    page = shop.tablet()
    loaded: set[str] = set()
    page.on("response", lambda answer: loaded.add(answer.url.partition("/static/")[2].partition("?")[0]))
    page.goto("/tablet/", wait_until="networkidle")
    page.goto("/tablet/count/", wait_until="networkidle")
    assert {name for name in loaded if name and "icon-" not in name} <= set(ASSETS)


def test_left_alone_it_signs_out_and_keeps_the_draft_and_what_waits(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "IDLE", timedelta(seconds=6))
    page = shop.tablet("/tablet/note/", badge=True)
    warmed(page, "/tablet/", "/tablet/note/")
    page.context.set_offline(True)
    page.locator("textarea[name=text]").fill("waits")
    page.locator("form[action='/tablet/note/'] button[type=submit]").click()
    page.locator(".say-kept").wait_for()
    page.locator("a[href='/tablet/note/']").click()
    page.locator("textarea[name=text]").fill("half a sent")
    page.get_by_role("link", name="Badge in").wait_for(timeout=60_000)
    badged(page, "1 waiting")
    page.context.set_offline(False)
    until(page, lambda: NoteAssertion.objects.count() == 1, "the note")
    assert NoteAssertion.objects.get().said_by == shop.operator
    until(page, lambda: not badge(page), "an empty outbox")
    page.wait_for_timeout(500)
    page.goto("/tablet/note/")
    expect(page.get_by_role("link", name="Badge in")).to_be_visible()
    expect(page.locator("textarea[name=text]")).to_have_value("half a sent")


@pytest.mark.parametrize(("language", "theme"), [("en", "dark"), ("fr", "light")])
def test_pictures_of_calls_and_late_coding(
    shop: Shop, screenshot: Callable[..., Any], language: str, theme: str
) -> None:
    """What people look at: kept where SCREENSHOTS names a folder."""
    Person.objects.filter(badge="1002").update(language=language)
    page = shop.tablet(badge=True, language=language, theme=theme)
    page.goto("/tablet/call/")
    page.locator("button[value=material]").click()
    page.wait_for_url("**/tablet/")
    page.goto("/tablet/call/")
    page.locator("[data-call] form").first.locator("button").click()
    page.locator("[data-call].is-taken").wait_for()
    screenshot(page, f"call-{language}-{theme}")
    page.goto("/tablet/count/")
    page.locator("#good").fill("120")
    page.locator("main form button[data-enter]").click()
    page.wait_for_url("**/tablet/")
    screenshot(page, f"station-{language}-{theme}")
    page.goto("/tablet/count/")
    expect(page.locator(".t-entered")).to_have_count(1)
    expect(page.locator("[data-pad=sign]")).to_have_count(0)
    screenshot(page, f"count-{language}-{theme}")
    page.goto("/tablet/stops/")
    screenshot(page, f"stops-{language}-{theme}")
    desk = shop.opener("/calls/", user=shop.supervisor, language=language, theme=theme)
    expect(desk.locator("[data-call]")).to_have_count(1)
    screenshot(desk, f"calls-{language}-{theme}")
    phone = shop.opener("/calls/", user=shop.supervisor, language=language, theme=theme, size=(390, 780))
    assert phone.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    screenshot(phone, f"calls-phone-{language}-{theme}")
