"""Driving pages in Debian's Chromium: a live server on the test database, a signed-in page, screenshots."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.db import connection

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = (
    os.environ.get("CHROMIUM", "") or shutil.which("chromium") or shutil.which("chromium-browser") or ""
)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MISSING = "Chromium is not installed: install Debian's package `chromium`, or name the program in CHROMIUM"
# A busy machine is slow, not wrong: whatever a page is to show, it may take this long.
PATIENCE_MS = 60_000
# Playwright's driver runs an event loop in this thread; Django must not mistake it for an asynchronous view.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


def _refuse_or_skip() -> None:
    if CHROMIUM:
        return
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(MISSING)
    pytest.skip(MISSING)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for a module: its event loop must be gone before a test of another module runs its own."""
    _refuse_or_skip()
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield found
        found.close()


Opener = Callable[..., "Page"]


@pytest.fixture
def open_page(browser: Browser, live_server: object) -> Iterator[Opener]:
    """``open_page(path, user=…, size=…, language=…, theme=…)``: a page of its own, signed in by session."""
    contexts = []

    def opener(
        path: str = "/",
        *,
        user: object = None,
        size: tuple[int, int] = (1280, 800),
        language: str = "en",
        theme: str = "light",
    ) -> Page:
        base = str(getattr(live_server, "url", live_server))
        context = browser.new_context(
            base_url=base, viewport={"width": size[0], "height": size[1]}, locale=language
        )
        contexts.append(context)
        cookies = [
            {"name": "language", "value": language, "url": base},
            {"name": "theme", "value": theme, "url": base},
        ]
        if user is not None:
            cookies.append({"name": "sessionid", "value": session_for(user), "url": base})
        context.add_cookies(cookies)  # type: ignore[arg-type]
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(path)
        return page

    yield opener
    for context in contexts:
        context.close()
    _answered()


def _answered() -> None:
    """Wait for requests still being answered: emptying the tables under them would be a deadlock."""
    deadline = time.monotonic() + 10
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND state <> 'idle'"
            )
            if cursor.fetchone() == (0,):
                return
            time.sleep(0.05)


def session_for(user: object) -> str:
    """A signed-in session of an account, without the sign-in form."""
    from django.test import Client

    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")  # type: ignore[arg-type]
    return str(client.cookies["sessionid"].value)


@pytest.fixture
def screenshot() -> Callable[..., Path | None]:
    """Keep a picture where SCREENSHOTS names a folder; without it, nothing is written."""
    folder = os.environ.get("SCREENSHOTS", "")

    def take(page: Page, name: str, *, full: bool = False) -> Path | None:
        if not folder:
            return None
        path = Path(folder) / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(path), full_page=full)
        return path

    return take
