"""The supervisor's pages in a real browser: understood at a glance, never silently stale, nothing clipped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from mom.pages import reading
from plant.services import revision_bump
from production.models import JobOrder
from tests.factories.pages import Plant, plant_running

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage

    from tests.e2e.conftest import Opener

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
WIDE, LAPTOP = (1920, 1080), (1280, 800)
PAGES = {
    "overview": "/",
    "line": "/lines/L2/",
    "orders": "/orders/?line=L2",
    "stops": "/stops/",
    "equipment": "/equipment/L2-FILL/",
}


@pytest.fixture
def plant() -> Iterator[Plant]:
    reading.forget()
    yield plant_running()
    reading.forget()


def _keep_error(problems: list[str], message: ConsoleMessage) -> None:
    if message.type == "error":
        problems.append(message.text)


@pytest.mark.parametrize(
    ("size", "language", "theme"),
    [(WIDE, "en", "light"), (LAPTOP, "fr", "light"), (WIDE, "fr", "dark"), (LAPTOP, "en", "dark")],
    ids=["wide-en-light", "laptop-fr-light", "wide-fr-dark", "laptop-en-dark"],
)
def test_pages_fit_and_keep_the_policy(
    plant: Plant,
    open_page: Opener,
    screenshot: Callable[..., Path | None],
    size: tuple[int, int],
    language: str,
    theme: str,
) -> None:
    for name, path in PAGES.items():
        page = open_page(path, user=plant.supervisor, size=size, language=language, theme=theme)
        problems: list[str] = []
        page.on("console", partial(_keep_error, problems))
        page.reload()
        page.wait_for_timeout(400)
        assert not problems
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} scrolls sideways"
        screenshot(page, f"{name}-{size[0]}-{language}-{theme}", full=name != "line")


def test_the_three_answers_need_no_scrolling(plant: Plant, open_page: Opener) -> None:
    page = open_page("/lines/L2/", user=plant.supervisor, size=WIDE)
    for name in ("answer-plan", "answer-cost", "answer-who"):
        box = page.locator(f"#{name}").bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= WIDE[1]


def test_the_seven_questions_and_the_figure_arrive_by_themselves(plant: Plant, open_page: Opener) -> None:
    page = open_page("/lines/L2/", user=plant.supervisor, size=WIDE)
    expect(page.locator("#questions .seven li")).to_have_count(7, timeout=30_000)
    expect(page.locator("#figure-L2 .figure b")).to_contain_text("%", timeout=30_000)


def test_a_change_shows_without_a_touch(plant: Plant, open_page: Opener) -> None:
    page = open_page("/lines/L2/", user=plant.supervisor, size=WIDE)
    page.wait_for_selector("#figure-L2 .figure")
    order = JobOrder.objects.get(code="OF-26-0413-L2")
    order.product.name_en = "Lemonade renamed"
    order.product.save()
    revision_bump(line_id=plant.lines[1].pk)
    page.wait_for_selector("#answer-plan :text('Lemonade renamed')")
    expect(page.locator("#figure-L2 .figure")).to_have_count(1)


def test_nothing_is_swapped_while_a_finger_is_down(plant: Plant, open_page: Opener) -> None:
    page = open_page("/lines/L2/", user=plant.supervisor, size=WIDE)
    page.evaluate("document.getElementById('line').dataset.mine = '1'")
    page.mouse.move(30, 300)
    page.mouse.down()
    revision_bump(line_id=plant.lines[1].pk)
    with page.expect_response(lambda r: r.url.endswith("/lines/L2/") and r.status == 200):
        pass
    page.wait_for_timeout(300)
    assert page.evaluate("document.getElementById('line').dataset.mine") == "1"
    page.mouse.up()
    page.wait_for_selector("#line:not([data-mine])")


def test_contact_lost_is_said_and_recovers_without_a_touch(
    plant: Plant, open_page: Opener, screenshot: Callable[..., Path | None]
) -> None:
    page = open_page("/lines/L2/", user=plant.supervisor, size=WIDE)
    page.wait_for_selector("#figure-L2 .figure")
    page.context.set_offline(True)
    page.wait_for_selector("#contact:not([hidden])", timeout=60_000)
    expect(page.locator("#contact")).to_contain_text("No contact", use_inner_text=True)
    page.wait_for_selector("html.stale")
    screenshot(page, "line-no-contact")
    page.context.set_offline(False)
    page.wait_for_selector("#contact[hidden]", state="attached", timeout=60_000)


def test_a_refusal_is_shown_as_text(plant: Plant, open_page: Opener) -> None:
    page = open_page("/lines/L2/", user=plant.supervisor, size=WIDE)
    page.route("**/lines/L2/", lambda route: route.fulfill(status=500, body="broken"))
    page.wait_for_selector("#contact:not([hidden])")
    expect(page.locator("#contact")).to_contain_text("500", use_inner_text=True)


def test_one_tap_changes_the_language_and_the_light(plant: Plant, open_page: Opener) -> None:
    page = open_page("/", user=plant.supervisor)
    page.get_by_role("button", name="FR").click()
    page.wait_for_selector("html[lang=fr]")
    page.wait_for_load_state("load")
    page.locator("[data-theme-switch]").click()
    page.wait_for_selector("html[data-theme=dark]")
    page.reload()
    page.wait_for_selector("html[data-theme=dark]")


def test_stops_are_ticked_and_coded_together(plant: Plant, open_page: Opener) -> None:
    page = open_page("/stops/?uncoded=1", user=plant.supervisor)
    waiting = page.locator("tbody tr").count()
    assert waiting > 1
    page.locator("[data-check-all=stop]").check()
    expect(page.locator("[data-chosen=stop]")).to_have_text(str(waiting))
    page.locator("form[action='/stops/code/'] select[name=reason]").select_option("JAM")
    page.get_by_role("button", name="Give this reason").click()
    page.wait_for_selector(f":text('Reason given to {waiting} stops')")
    expect(page.locator("tbody tr")).to_have_count(0)


def test_a_bar_leads_to_the_event_behind_it(plant: Plant, open_page: Opener) -> None:
    page = open_page("/lines/L2/", user=plant.supervisor, size=WIDE)
    page.locator(".lanes a:has(rect.c-stop)").first.click(force=True)
    page.wait_for_selector("#event")
    assert "/equipment/L2-" in page.url


def test_every_target_is_large_enough_and_named(plant: Plant, open_page: Opener) -> None:
    page = open_page("/orders/?line=L2", user=plant.supervisor)
    for element in page.locator("button:visible, .btn:visible, select:visible, input:visible").all():
        box = element.bounding_box()
        assert box is not None
        kind = element.get_attribute("type")
        assert box["height"] >= (20 if kind == "checkbox" else 44), element.inner_html()
    named = "e => (e.textContent || e.ariaLabel || e.title).trim() || e.ariaLabel"
    unnamed = f"[...document.querySelectorAll('button, a')].filter(e => !({named})(e)).map(e => e.outerHTML)"
    assert page.evaluate(unnamed) == []
