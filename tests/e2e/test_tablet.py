"""The operator's tablet in a real browser: glove sizes, taps counted, weight, a scanner, contact lost."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.hashers import make_password
from django.utils import timezone
from playwright.sync_api import expect

from mom.pages.reading import forget
from plant.models import Equipment, MaterialDefinition, Person
from production.models import JobOrder, ReasonAssertion, Stop
from tests.factories import pages
from tests.factories import plant as make
from tests.factories.quality import specification_make
from tests.factories.traceability import lot_make, movement_make
from traceability.models import LotMovement

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

SIZES = ((1280, 800), (1080, 810), (962, 601))
TILE, OTHER, GAP = (120, 96), (64, 64), 8
WEIGHT = 150 * 1024

# Everything a finger is meant for, with its box; what is hidden or folded away is no target now.
TARGETS = """() => [...document.querySelectorAll(
    'a[href], button, input:not([type=hidden]), textarea, select, summary')]
  .filter(e => e.checkVisibility() && !e.closest('label.t-btn') | e.matches('label.t-btn'))
  .map(e => { const box = (e.matches('.t-check') ? e.closest('label') : e).getBoundingClientRect();
              const what = e.textContent || e.getAttribute('aria-label') || e.name || '';
              return {x: box.x, y: box.y, w: box.width, h: box.height, tile: e.matches('.tile-t'),
                      what: what.trim().slice(0, 40)}; })
  .filter(t => t.w > 0 && t.h > 0)"""


@dataclass(frozen=True, slots=True)
class Shop:
    """A tablet at line 2 in the middle of a morning."""

    line: Equipment
    order: JobOrder
    operator: Person
    supervisor: Any
    secret: str
    opener: Callable[..., Page]

    def tablet(self, path: str = "/tablet/", *, badge: bool = False, **options: Any) -> Page:
        page = self.opener("/readyz", **options)
        base = page.url.removesuffix("/readyz")
        page.context.add_cookies([{"name": "device", "value": self.secret, "url": base, "httpOnly": True}])
        if badge:
            page.goto("/tablet/badge/?badge=1002")
            page.locator("input[name=pin]").fill("4321")
            page.locator("form button.tile-main").click()
            page.wait_for_url("**/tablet/")
        page.goto(path)
        return page


@pytest.fixture
def minute(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's clock at this minute of the hour, at most half an hour away from the true one."""
    wanted = getattr(request, "param", None)
    if wanted is None:
        return
    true = timezone.now
    away = (wanted - true().minute + 30) % 60 - 30
    monkeypatch.setattr(timezone, "now", lambda: true() + timedelta(minutes=away))


@pytest.fixture
def shop(open_page: Callable[..., Page], minute: None) -> Iterator[Shop]:
    forget()
    plant = pages.plant_running()
    line = plant.lines[1]
    Person.objects.filter(badge__in=["1001", "1002"]).update(pin=make_password("4321"))
    _device, secret = make.device_make(line)
    lot = lot_make(line, MaterialDefinition.objects.get(code="BOTTLE-33"), code="BTL-260301")
    movement_make(lot, "received", 9000)
    specification_make(Equipment.objects.get(code="L2-CAP"), code="TORQUE")
    yield Shop(
        line,
        JobOrder.objects.get(line=line, state="running"),
        Person.objects.get(badge="1002"),
        plant.supervisor,
        secret,
        open_page,
    )
    forget()


def addresses(shop: Shop) -> list[str]:
    """Every page an operator can open."""
    stop = Stop.objects.filter(work_unit__code="L2-FILL", needs_reason=True).order_by("-start_time")[0]
    return [
        "/tablet/", "/tablet/badge/", "/tablet/badge/?badge=1002", "/tablet/badge/?badge=NOBODY",
        "/tablet/stops/", f"/tablet/stops/{stop.pk}/", "/tablet/micro/", "/tablet/micro/L2-FILL/",
        "/tablet/orders/", f"/tablet/orders/{shop.order.code}/", "/tablet/count/", "/tablet/note/",
        "/tablet/call/", "/tablet/scan/", "/tablet/lots/BTL-260301/", "/tablet/lots/UNKNOWN/",
        "/tablet/checks/", "/tablet/checks/TORQUE/",
    ]  # fmt: skip


def too_small(targets: list[dict[str, Any]]) -> list[str]:
    return [
        f"{t['what']!r} {t['w']:.0f}×{t['h']:.0f}"
        for t in targets
        if t["w"] + 0.01 < (TILE if t["tile"] else OTHER)[0]
        or t["h"] + 0.01 < (TILE if t["tile"] else OTHER)[1]
    ]


def too_close(targets: list[dict[str, Any]]) -> list[str]:
    """Pairs side by side or one above the other with less than the gap between them."""
    found = []
    for number, a in enumerate(targets):
        for b in targets[number + 1 :]:
            across = max(a["x"], b["x"]) - min(a["x"] + a["w"], b["x"] + b["w"])
            down = max(a["y"], b["y"]) - min(a["y"] + a["h"], b["y"] + b["h"])
            if max(across, down) < GAP - 0.01:
                found.append(f"{a['what']!r} and {b['what']!r}: {max(across, down):.1f}")
    return found


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_target_fits_a_glove_on_every_operator_page(shop: Shop, language: str) -> None:
    wrong = {}
    page = shop.tablet(language=language)
    for size in SIZES:
        page.set_viewport_size({"width": size[0], "height": size[1]})
        for path in addresses(shop):
            page.goto(path)
            targets = page.evaluate(TARGETS)
            assert targets, path
            problems = too_small(targets) + too_close(targets)
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            if wide > 0:
                problems.append(f"page is {wide} px too wide")
            if problems:
                wrong[f"{path} at {size[0]}×{size[1]}"] = problems
    assert wrong == {}


def test_an_uncoded_stop_is_coded_in_two_taps_with_an_answer_at_once(shop: Shop) -> None:
    page = shop.tablet(badge=True)
    waiting = page.locator("[data-stop]").count()
    before = ReasonAssertion.objects.count()
    taps = 0
    page.locator("[data-stop]").last.click()
    taps += 1
    page.evaluate(
        "window.tapped = 0; addEventListener('click', () => { window.tapped = performance.now(); }, true)"
    )
    page.evaluate(
        """new MutationObserver(() => {
             document.body.dataset.answered ??= performance.now() - window.tapped;
           }).observe(document.getElementById('tablet-say'), {attributes: true})"""
    )

    def slow(route: Any) -> None:
        page.wait_for_timeout(400)
        route.continue_()

    page.route("**/tablet/stops/*/", slow)
    page.locator("[data-reason=JAM]").click(no_wait_after=True)
    taps += 1
    answered = page.locator("body[data-answered]").get_attribute("data-answered")
    assert answered is not None
    assert float(answered) <= 300
    page.wait_for_url("**/tablet/")
    assert taps == 2
    assert ReasonAssertion.objects.count() == before + 1
    expect(page.get_by_text(": Bottle jam")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("Taken back: 1 entry").wait_for()
    expect(page.locator("[data-stop]")).to_have_count(waiting)


@pytest.mark.parametrize("minute", [0, 29, 58], indirect=True)
def test_every_reason_is_reached_in_at_most_three_taps(shop: Shop) -> None:
    """At any minute of the hour: the stops of the factory must not depend on when the test runs."""
    group = make.reason_make("ELEC", "", position=0)
    leaf = make.reason_make("SENSOR", parent=group)
    page = shop.tablet(badge=True)
    for code, most in (("CLEAN", 2), (leaf.code, 3)):
        page.goto("/tablet/")
        taps = 0
        page.locator("[data-stop]").first.click()
        page.locator("#reasons").wait_for()
        page.wait_for_load_state()
        taps += 1
        if not page.locator(f"[data-reason={code}]").count():
            page.locator(f"[data-group={group.code}]").click()
            taps += 1
        page.locator(f"[data-reason={code}]").click()
        taps += 1
        page.wait_for_url("**/tablet/")
        assert taps <= most
        assert ReasonAssertion.objects.filter(reason__code=code, said_on__isnull=False).exists()


def test_badge_and_pin_by_pad_and_what_was_tapped_before_goes_on_when_it_was_me(shop: Shop) -> None:
    page = shop.tablet()
    before = ReasonAssertion.objects.count()
    page.locator("[data-stop]").last.click()
    page.locator("[data-reason=CLEAN]").click()
    page.wait_for_url("**/tablet/badge/")
    page.keyboard.type("1002", delay=5)
    page.keyboard.press("Enter")
    page.locator("input[name=pin]").wait_for()
    for digit in "4321":
        page.locator(f"[data-pad='{digit}']").click()
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/tablet/")
    page.get_by_role("button", name="This was me").wait_for()
    assert ReasonAssertion.objects.count() == before
    page.get_by_role("button", name="This was me").click()
    page.locator(".say", has_text=": Cleaning").wait_for()
    assert ReasonAssertion.objects.count() == before + 1
    expect(page.get_by_text("Youssef Benali")).to_be_visible()


def scan(page: Page, code: str) -> None:
    """As a wedge scanner types: keys 4 ms apart by their own time, however busy this machine is."""
    wedge, begun = page.context.new_cdp_session(page), time.time()
    keys: list[dict[str, Any]] = [{"key": character, "text": character} for character in code]
    keys.append({"key": "Enter", "code": "Enter", "text": "\r", "windowsVirtualKeyCode": 13})
    for place, key in enumerate(keys):
        at = begun + 0.004 * place
        wedge.send("Input.dispatchKeyEvent", {"type": "keyDown", "timestamp": at, **key})
        wedge.send("Input.dispatchKeyEvent", {"type": "keyUp", "timestamp": at, "key": key["key"]})
    wedge.detach()


def test_a_scan_anywhere_is_taken_and_does_not_leak_into_fields(shop: Shop) -> None:
    page = shop.tablet("/tablet/note/", badge=True)
    note = page.locator("textarea[name=text]")
    note.press_sequentially("bottles look ", delay=90)
    scan(page, "BTL-260301")
    page.wait_for_url("**/tablet/")
    expect(page.locator("[data-undo]")).to_contain_text("BTL-260301", use_inner_text=True)
    assert LotMovement.objects.filter(kind="consumed").count() == 1
    page.goto("/tablet/note/")
    expect(page.locator("textarea[name=text]")).to_have_value("bottles look ")
    scan(page, "4006381333931")
    page.get_by_text("4006381333931").first.wait_for()
    expect(page.locator("main")).to_contain_text("Expected", use_inner_text=True)
    scan(page, shop.order.code)
    page.wait_for_url(f"**/tablet/orders/{shop.order.code}/")


def test_good_and_scrap_by_pad_in_one_submit(shop: Shop) -> None:
    page = shop.tablet("/tablet/count/", badge=True)
    for digit in "120":
        page.locator(f"[data-pad='{digit}']").click()
    page.locator("#scrap").click()
    page.locator("[data-pad='4']").click()
    page.get_by_role("button", name="Enter").click()
    page.wait_for_url("**/tablet/")
    expect(page.get_by_text("120 good, 4 scrap")).to_be_visible()


def test_a_tap_without_contact_is_kept_and_sent_by_itself(shop: Shop) -> None:
    page = shop.tablet(badge=True)
    before = ReasonAssertion.objects.count()
    page.locator("[data-stop]").last.click()
    page.context.set_offline(True)
    page.locator("[data-reason=JAM]").click()
    page.get_by_text("kept on this tablet, sent when contact is back").wait_for()
    assert ReasonAssertion.objects.count() == before
    page.context.set_offline(False)
    page.locator("#outbox-badge").wait_for(state="hidden")
    assert ReasonAssertion.objects.count() == before + 1


def test_the_page_is_light(shop: Shop) -> None:
    page = shop.tablet()
    sizes: dict[str, int] = {}

    def weigh(answer: Any) -> None:
        if answer.ok:
            sizes[answer.url] = len(gzip.compress(answer.body()))

    page.on("response", weigh)
    page.goto("/tablet/", wait_until="networkidle")
    assert sizes
    assert not [url for url in sizes if "plotly" in url]
    own = {url: size for url, size in sizes.items() if "/static/" in url or url.endswith("/tablet/")}
    print(f"operator page: {sum(own.values()) / 1024:.1f} kB gzip")
    assert sum(own.values()) <= WEIGHT, sizes
    # What is read beforehand for a time without contact, one by one while nobody waits.
    assert sum(sizes.values()) <= 2 * WEIGHT, sizes


def test_it_works_without_javascript(shop: Shop, browser: Any, live_server: Any) -> None:
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    context.add_cookies(
        [
            {"name": "device", "value": shop.secret, "url": live_server.url},
            {"name": "language", "value": "en", "url": live_server.url},
        ]
    )
    page = context.new_page()
    before = ReasonAssertion.objects.count()
    page.goto("/tablet/")
    page.locator("[data-stop]").last.click()
    page.locator("[data-reason=JAM]").click()
    page.locator("input[name=badge]").fill("1002")
    page.locator("form button.tile-main").click()
    page.locator("input[name=pin]").fill("4321")
    page.locator("form button.tile-main").click()
    page.wait_for_url("**/tablet/drafts/")
    assert ReasonAssertion.objects.count() == before, "whoever badges in next need not be who tapped"
    page.get_by_role("button", name="This was me").click()
    page.wait_for_url("**/tablet/")
    assert ReasonAssertion.objects.count() == before + 1
    context.close()


def test_enrolling_by_the_link_a_supervisor_made(shop: Shop) -> None:
    desk = shop.opener("/tablet/devices/", user=shop.supervisor, size=(1280, 900))
    desk.locator("select[name=equipment]").select_option("L2-FILL")
    desk.locator("input[name=label]").fill("Filler tablet")
    desk.get_by_role("button", name="Make an enrolment link").click()
    link = desk.locator("#enrol-link").get_attribute("href")
    expect(desk.locator("#made svg")).to_be_visible()
    tablet = shop.opener(str(link))
    tablet.get_by_role("button", name="Enrol this tablet").click()
    tablet.wait_for_url("**/tablet/")
    expect(tablet.locator(".operator-top")).to_contain_text("Filler", use_inner_text=True)
    again = shop.opener(str(link))
    expect(again.get_by_text("does not work any more")).to_be_visible()


@pytest.mark.parametrize("language", ["en", "fr"])
def test_pictures(shop: Shop, screenshot: Callable[..., Any], language: str) -> None:
    """What people look at: kept where SCREENSHOTS names a folder."""
    page = shop.tablet(language=language)
    for path in addresses(shop):
        page.goto(path)
        name = path.strip("/").replace("/", "-").replace("?", "-")
        assert screenshot(page, f"{name}-{language}") is None or page.title()
