"""The supervisor's pages in a real browser: understood at a glance, never silently stale, nothing clipped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mom.pages import reading
from tests.factories.pages import Plant, plant_running

if TYPE_CHECKING:
    from playwright.sync_api import Page

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
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.reload()
        page.wait_for_timeout(400)
        assert not problems
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} scrolls sideways"
        screenshot(page, f"{name}-{size[0]}-{language}-{theme}", full=name != "line")
