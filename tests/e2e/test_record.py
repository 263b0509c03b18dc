"""The order's record in a real browser: read in both languages, printed on four sheets of A4 at most."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from mom.pages.reading import forget
from tests.factories import pages
from tests.factories import plant as make
from tests.factories.record import Told, order_told

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

Opener = Callable[..., "Page"]


@pytest.fixture
def told() -> Told:
    forget()
    return order_told()


def sheets(page: Page) -> int:
    page.emulate_media(media="print")
    pdf = page.pdf(format="A4", print_background=True)
    page.emulate_media(media="screen")
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_told_order_reads_from_verdict_to_gap(
    open_page: Opener, told: Told, screenshot: Callable[..., Any], language: str
) -> None:
    page = open_page(
        f"/orders/{told.order.code}/",
        user=make.user_make(told.supervisor),
        language=language,
        size=(1440, 900),
    )
    expect(page.locator("#time-check")).to_be_visible()
    expect(page.locator(".story dt")).to_have_count(7)
    expect(page.locator(".seven li")).to_have_count(7)
    for section in (
        "timeline", "plan", "quantities", "stops", "time", "lots", "balance", "quality", "values", "alarms",
        "maintenance", "decisions", "notes", "people", "versions", "gaps",
    ):  # fmt: skip
        expect(page.locator(f"#{section}")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert sheets(page) <= 4
    screenshot(page, f"record-told-{language}", full=True)


def test_a_mark_on_the_timeline_opens_its_stop(open_page: Opener, told: Told) -> None:
    page = open_page(f"/orders/{told.order.code}/", user=make.user_make(told.supervisor), size=(1440, 900))
    page.locator("#timeline a[href^='#stop-'] rect").first.click(force=True)
    anchor = page.evaluate("location.hash.slice(1)")
    expect(page.locator(f"[id='{anchor}']")).to_be_visible()
    expect(page.locator(f"[id='{anchor}']")).to_contain_text(told.jam.name, use_inner_text=True)


def test_a_note_is_added_where_one_reads(open_page: Opener, told: Told) -> None:
    page = open_page(f"/orders/{told.order.code}/", user=make.user_make(told.supervisor))
    page.locator("#note-form textarea").fill("Second reel was crooked")
    page.locator("#note-form button").click()
    page.wait_for_url(f"**/orders/{told.order.code}/#notes")
    expect(page.locator("#notes")).to_contain_text("Second reel was crooked", use_inner_text=True)
    page.locator("#decision-form input[name=summary]").fill("Keep the pallet back")
    page.locator("#decision-form textarea").fill("until the torque is checked again")
    page.locator("#decision-form button").click()
    page.wait_for_url(f"**/orders/{told.order.code}/#decisions")
    expect(page.locator("#decisions")).to_contain_text(
        "until the torque is checked again", use_inner_text=True
    )


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_running_order_of_a_whole_shift_fits_four_sheets(
    open_page: Opener, screenshot: Callable[..., Any], language: str
) -> None:
    forget()
    plant = pages.plant_running()
    page = open_page("/orders/OF-26-0413-L2/", user=plant.supervisor, language=language, size=(1440, 900))
    expect(page.locator("#record[data-poll]")).to_have_count(1)
    assert sheets(page) <= 4
    screenshot(page, f"record-running-{language}", full=True)
    screenshot(page, f"record-top-{language}")
