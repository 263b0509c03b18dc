"""The operator's page on a slow tablet: what is sent, and how long until it can be used, warm.

Chromium at a quarter of its speed, 300 ms of round trip and 1.6 Mbit/s down, 0.75 up; the page was opened
before, so its style and script are kept by the browser.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import statistics
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mom.pages.reading import forget
from tests.benchmarks.installation import Installation, beside, installation
from tests.benchmarks.result import Ratio
from tests.benchmarks.timing import allowed
from tests.factories.pages import plant_running
from tests.factories.plant import device_make

if TYPE_CHECKING:
    from playwright.sync_api import Page

KB, WARM_MS, TIMES = 150, 2000, 7
SLOWER, ROUND_TRIP_MS, DOWN, UP = 4, 300, 1_600_000 / 8, 750_000 / 8


def run() -> list[Ratio]:
    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with installation(demo=False) as place, beside(place), _page(place) as page:
        sizes: dict[str, int] = {}
        page.on("response", lambda answer: _weigh(answer, sizes))
        page.goto("/tablet/", wait_until="networkidle")
        own = {url: size for url, size in sizes.items() if "/static/" in url or url.endswith("/tablet/")}
        _slow(page)
        taken = [_usable(page) for _ in range(TIMES)]
    return [
        allowed("operator page, all that it needs", sum(own.values()) / 1024, KB, "kB gzip"),
        allowed("operator page, usable, warm, on a slow tablet, median", statistics.median(taken), WARM_MS),
    ]


@contextlib.contextmanager
def _page(place: Installation) -> Iterator[Page]:
    from playwright.sync_api import sync_playwright

    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    assert program, "Chromium is missing; apt-get install chromium"
    forget()
    plant = plant_running()
    _device, secret = device_make(plant.lines[1])
    url = f"http://127.0.0.1:{place.port}"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context(base_url=url, viewport={"width": 1280, "height": 800}, locale="en")
        context.add_cookies(
            [
                {"name": "device", "value": secret, "url": url},
                {"name": "language", "value": "en", "url": url},
            ]
        )
        yield context.new_page()
        browser.close()


def _weigh(answer: Any, sizes: dict[str, int]) -> None:
    if answer.ok:
        sizes[answer.url] = len(gzip.compress(answer.body()))


def _slow(page: Page) -> None:
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": ROUND_TRIP_MS, "downloadThroughput": DOWN, "uploadThroughput": UP},
    )
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})


def _usable(page: Page) -> float:
    """Milliseconds until the tiles are there and the scripts that answer them have run."""
    began = time.perf_counter()
    page.goto("/tablet/", wait_until="domcontentloaded")
    page.locator("main a, main button").first.wait_for()
    return (time.perf_counter() - began) * 1000
