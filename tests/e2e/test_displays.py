"""Displays on the wall in a real browser: big enough, whole, honest about their age, back by themselves.

Pages that compare and analyse: nothing clipped, every text readable in both lights.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from mom.pages import reading
from plant import selectors
from plant.models import Person
from tests.factories.pages import Plant, plant_running

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.e2e.conftest import Opener

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
WIDE, LAPTOP = (1920, 1080), (1280, 800)
CONTRAST = (Path(__file__).parent / "contrast.js").read_text()
# What must be read from eight metres, in CSS pixels of a screen of 1080 lines.
FROM_AFAR = 72
LIGHTS = [("light", "en"), ("dark", "fr")]


@pytest.fixture
def plant() -> Iterator[Plant]:
    reading.forget()
    yield plant_running()
    reading.forget()


def sizes(page: Page, selector: str) -> list[float]:
    """Font sizes of what a selector finds."""
    script = "all => all.map((one) => parseFloat(getComputedStyle(one).fontSize))"
    found: list[float] = page.eval_on_selector_all(selector, script)
    return found


def call_somebody(plant: Plant) -> None:
    from mom.calls.services import call_raise

    operator = selectors.actor_for_person(Person.objects.get(badge="1002"))
    call_raise(kind="material", equipment=plant.lines[1], by=operator, at=plant.now)


@pytest.mark.parametrize(("theme", "language"), LIGHTS, ids=["light-en", "dark-fr"])
def test_a_display_is_read_from_afar_and_lies_whole_on_the_screen(
    plant: Plant, open_page: Opener, screenshot: Callable[..., Path | None], theme: str, language: str
) -> None:
    call_somebody(plant)
    for name, path in (("line", "/lines/L2/tv/"), ("plant", "/tv/")):
        for size in (WIDE, LAPTOP):
            address = f"{path}?theme={theme}"
            page = open_page(address, user=plant.supervisor, size=size, language=language)
            screenshot(page, f"tv-{name}-{size[0]}-{theme}-{language}")
            assert page.evaluate("document.documentElement.scrollHeight") <= size[1]
            assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
            outside = (
                "all => all.filter((one) => one.getBoundingClientRect().bottom > innerHeight + 1).length"
            )
            assert page.eval_on_selector_all("#tv *", outside) == 0
            assert page.evaluate(CONTRAST) == {}
            if size == WIDE:
                assert min(sizes(page, ".tv-clock, .tv-figure, .tv-state > .tv-word")) >= FROM_AFAR
                assert min(sizes(page, "#tv h2, #tv p, #tv b, #tv span:not(.tv-fresh)")) >= 36


def test_contact_lost_is_told_in_big_and_comes_back_untouched(plant: Plant, open_page: Opener) -> None:
    page = open_page("/lines/L2/tv/", user=plant.supervisor, size=WIDE)
    band = page.locator("#tv-lost")
    expect(band).to_be_hidden()
    page.context.set_offline(True)
    band.wait_for(state="visible", timeout=60_000)
    expect(band).to_contain_text("s old", use_inner_text=True)
    assert min(sizes(page, "#tv-lost-age")) >= FROM_AFAR
    page.context.set_offline(False)
    band.wait_for(state="hidden", timeout=60_000)


def test_screens_take_turns_and_keep_their_last_values_without_contact(
    plant: Plant, open_page: Opener
) -> None:
    page = open_page("/tv/?rotate=5", user=plant.supervisor, size=WIDE)
    seen: set[str] = set()
    deadline = time.monotonic() + 60
    while len(seen) < 3 and time.monotonic() < deadline:
        seen.add(page.locator("#tv h1").inner_text())
        page.wait_for_timeout(500)
    assert seen == {"Plant", plant.lines[0].name, plant.lines[1].name}


@pytest.mark.parametrize(("theme", "language"), LIGHTS, ids=["light-en", "dark-fr"])
def test_pages_of_comparison_and_analysis_are_readable_in_both_lights(
    plant: Plant, open_page: Opener, screenshot: Callable[..., Path | None], theme: str, language: str
) -> None:
    pages = {
        "comparison": "/orders/OF-26-0411/comparison/",
        "analysis": "/lines/L2/analysis/",
        "stops": "/stops/?line=L2",
        "line": "/lines/L2/",
        "record": "/orders/OF-26-0411/",
        "losses": "/losses/?equipment=L2",
        "displays": "/tv/displays/",
    }
    for name, path in pages.items():
        page = open_page(path, user=plant.supervisor, size=LAPTOP, language=language, theme=theme)
        screenshot(page, f"{name}-{theme}-{language}", full=True)
        assert page.evaluate(CONTRAST) == {}, name
        assert page.evaluate("document.documentElement.scrollWidth") <= LAPTOP[0], name


def test_a_view_is_saved_opened_in_one_click_and_deleted(plant: Plant, open_page: Opener) -> None:
    page = open_page("/stops/?line=L2&period=7d&size=all", user=plant.supervisor, size=LAPTOP)
    page.locator("#saved-views summary").click()
    page.locator("#saved-views input[name=name]").fill("Line 2, a week")
    page.locator("#saved-views form button[type=submit]").last.click()
    page.get_by_role("link", name="Stops", exact=True).click()
    page.get_by_role("link", name="Line 2, a week").click()
    expect(page.locator("select[name=period]")).to_have_value("7d")
    expect(page.locator("select[name=line]")).to_have_value("L2")
    page.get_by_role("button", name="Delete this view").click()
    page.locator("#saved-views").wait_for()
    expect(page.get_by_role("link", name="Line 2, a week")).to_have_count(0)
