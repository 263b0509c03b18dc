"""Reasons in a real browser: suggested, split in a few taps, and judged on the page of reason quality."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from mom.pages import reading
from plant import selectors
from production.models import ReasonAssertion, Stop
from tests.factories import plant as make
from tests.factories.pages import Plant, plant_running

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, FloatRect, Locator

    from tests.e2e.conftest import Opener

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def plant() -> Iterator[Plant]:
    reading.forget()
    selectors.configuration_forget()
    yield plant_running()
    reading.forget()


def _keep_error(problems: list[str], message: ConsoleMessage) -> None:
    if message.type == "error":
        problems.append(message.text)


def coded_stop() -> Stop:
    said = ReasonAssertion.objects.filter(equipment__code="L2-FILL").order_by("start_time").last()
    assert said is not None
    return Stop.objects.get(work_unit=said.equipment, start_time=said.start_time)


@pytest.mark.parametrize(("language", "theme"), [("en", "light"), ("fr", "dark")])
def test_pages_of_reasons_fit_and_keep_the_policy(
    plant: Plant,
    open_page: Opener,
    screenshot: Callable[..., Path | None],
    language: str,
    theme: str,
) -> None:
    stop = coded_stop()
    pages = {
        "stop": f"/stops/{stop.pk}/",
        "quality": "/reasons/quality/",
        "coding": f"/stops/?stop={stop.pk}",
    }
    for name, path in pages.items():
        page = open_page(path, user=plant.supervisor, language=language, theme=theme)
        problems: list[str] = []
        page.on("console", partial(_keep_error, problems))
        page.reload()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        screenshot(page, f"reasons-{name}-{language}", full=True)
        assert problems == [], name


def test_a_suggestion_is_one_press_and_a_split_at_most_four(plant: Plant, open_page: Opener) -> None:
    waiting = Stop.objects.filter(work_unit__code="L2-FILL", needs_reason=True, end_time__isnull=False)
    coded = ReasonAssertion.objects.filter(equipment__code="L2-FILL").values("start_time")
    stop = waiting.exclude(start_time__in=coded).order_by("-start_time").first()
    assert stop is not None
    page = open_page("/stops/?period=24h&equipment=L2-FILL", user=plant.supervisor)
    page.locator(f"#stop-{stop.pk} input[name=stop]").check()
    first = page.locator("[data-suggestions] [data-suggested]").first
    code = first.get_attribute("data-suggested")
    expect(first).to_contain_text("of the last", use_inner_text=True)
    first.click()
    page.wait_for_load_state()
    said = ReasonAssertion.objects.get(equipment=stop.work_unit, start_time=stop.start_time)
    assert said.reason is not None
    assert said.reason.code == code
    page.goto(f"/stops/{stop.pk}/")
    page.locator("#split a.btn").first.click()
    page.locator("#split select[name=second]").select_option("FORMAT")
    page.locator("#split button.btn-primary").click()
    page.wait_for_load_state()
    held = ReasonAssertion.objects.filter(equipment=stop.work_unit, superseded_by=None, reason__isnull=False)
    parts = (
        held.filter(start_time__gte=stop.start_time, end_time__lte=stop.end_time)
        .order_by("start_time")
        .values_list("reason__code", flat=True)
    )
    assert list(parts) == [code, "FORMAT"]


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_tablet_suggests_above_tiles_that_keep_their_places(
    plant: Plant, open_page: Opener, screenshot: Callable[..., Path | None], language: str
) -> None:
    _device, secret = make.device_make(plant.lines[1])
    stops = Stop.objects.filter(work_unit__code="L2-FILL", needs_reason=True).order_by("-start_time")
    page = open_page("/readyz", language=language)
    base = page.url.removesuffix("/readyz")
    page.context.add_cookies([{"name": "device", "value": secret, "url": base, "httpOnly": True}])
    places = []
    for number, stop in enumerate(stops[:2]):
        page.goto(f"/tablet/stops/{stop.pk}/")
        screenshot(page, f"reasons-tablet-{language}-{number}")
        assert 1 <= page.locator("#suggestions .tile-t").count() <= 3
        tile = page.locator("[data-reason=JAM]").bounding_box()
        assert tile
        assert _box(page.locator("#suggestions .tile-t").first)["y"] < tile["y"]
        places.append([(t["x"], t["y"]) for t in map(_box, page.locator("#reasons .tile-t").all())])
    assert places[0] == places[1]


def _box(tile: Locator) -> FloatRect:
    found = tile.bounding_box()
    assert found
    return found
