"""Signing in, a first password, a key, and the API's documentation tried out, in a real browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from plant.models import User
from tests.e2e.conftest import Opener
from tests.factories import plant as make

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def refusals(page: Page) -> list[str]:
    """What the browser refused to load or run from now on, by policy or otherwise."""
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


def test_the_documentation_renders_from_our_own_files_and_a_call_can_be_tried(open_page: Opener) -> None:
    line = make.line_make()
    page = open_page("/health", user=make.account_make("engineer", line.line))
    refused = refusals(page)
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page.goto("/api/docs")
    page.locator(".swagger-ui .opblock").first.wait_for()
    page.locator(".opblock").nth(4).wait_for()
    block = page.locator("#operations-equipment-equipment_list")
    block.locator(".opblock-summary").click()
    block.get_by_role("button", name="Try it out").click()
    block.get_by_role("button", name="Execute").click()
    block.locator(".live-responses-table .response-col_status").filter(has_text="200").wait_for()
    expect(block.locator(".live-responses-table")).to_contain_text(line.line.code, use_inner_text=True)
    assert refused == []
    assert {host.split(":")[0] for host in hosts} <= {"localhost", "127.0.0.1"}


def test_a_one_time_password_opens_nothing_but_the_page_where_another_is_chosen(open_page: Opener) -> None:
    line = make.line_make()
    user = make.account_make("supervisor", line.line)
    User.objects.filter(pk=user.pk).update(must_change_password=True)
    page = open_page("/login/?next=/tokens/")
    refused = refusals(page)
    page.fill("#id_username", user.username)
    page.fill("#id_password", "right-horse-battery")
    page.click("form.form button")
    page.wait_for_url("**/password/")
    page.goto("/tokens/")
    page.wait_for_url("**/password/")
    page.fill("#id_old_password", "right-horse-battery")
    page.fill("#id_new_password1", "another-long-password")
    page.fill("#id_new_password2", "another-long-password")
    page.click("form.form button")
    page.wait_for_url(lambda url: urlsplit(url).path == "/")
    page.goto("/me/")
    expect(page.locator("main")).to_contain_text(user.username, use_inner_text=True)
    page.goto("/tokens/")
    page.fill("#id_name", "Grafana")
    page.click("text=Create key")
    secret = page.input_value("#secret")
    assert re.fullmatch(r"[0-9a-f]{64}", secret)
    answer = page.request.get("/api/v1/equipment", headers={"Authorization": f"Token {secret}"})
    assert answer.json()["results"][0]["code"] == line.line.code
    page.goto("/tokens/")
    assert secret not in page.content()
    page.click("text=Revoke")
    page.get_by_text("No key yet.").wait_for()
    # The browser itself reports the refused key of the next call as an error; nothing else may be.
    assert refused == []
    assert page.request.get("/api/v1/equipment", headers={"Authorization": f"Token {secret}"}).status == 401
