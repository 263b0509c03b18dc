"""A hand-packing table in a real browser: work started and stopped by hand, with contact and without."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from mom.pages.reading import forget
from plant.access import rule
from plant.models import Equipment
from production.models import (
    CountAssertion,
    InstructionReading,
    PresenceAssertion,
    ReasonAssertion,
    StateAssertion,
    WorkInstruction,
)
from production.services.instructions import Written, instruction_write
from production.services.stations import state_assert
from tests.e2e.test_tablet import GAP, OTHER, SIZES, TARGETS, TILE, Shop
from tests.e2e.test_tablet import minute as minute
from tests.e2e.test_tablet import shop as shop
from tests.factories import plant as make

pytest.importorskip("playwright", reason="Playwright is not installed")
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]
ENGINEER = rule("engineer")
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000002000000020802000000fdd49a730000001649444154789c63fccfc0f0"
    "9f818181890106181818000d1d01031ba65e9c0000000049454e44ae426082"
)


@pytest.fixture
def table(shop: Shop) -> Iterator[Shop]:
    """The same tablet, at a hand-packing table of the line: no signal, two instructions, at work since
    20 min.
    """
    unit = make.equipment_make("work_unit", shop.line, code="L2-HAND", position=90)
    Equipment.objects.filter(pk=unit.pk).update(
        is_manual=True, name_en="Hand-packing table", name_fr="Table d'emballage"
    )
    now = timezone.now()
    state_assert(equipment_id=unit.pk, start_time=now - timedelta(minutes=20), state="execute", by=ENGINEER)
    text = "# Gift boxes\n1. Take **six** bottles\n2. Fold the lid\n# Check\n- The label faces the window"
    words: dict[str, Any] = {
        "name_en": "Packing gift boxes",
        "name_fr": "Emballage des coffrets",
        "text_en": text,
    }
    instruction_write(
        written=Written(code="PACK-GIFT", effective_from=now, text_fr=text, image=PIXEL, **words), by=ENGINEER
    )
    _device, secret = make.device_make(Equipment.objects.get(pk=unit.pk))
    forget()
    yield Shop(shop.line, shop.order, shop.operator, shop.supervisor, secret, shop.opener)
    forget()


def test_stop_and_its_reason_are_two_taps_and_start_is_one(table: Shop) -> None:
    page = table.tablet(badge=True)
    page.get_by_role("button", name="Stop work").click()
    page.wait_for_url(re.compile("/tablet/stops/[0-9a-f-]{36}/"))
    page.locator("[data-reason]").first.click()
    page.wait_for_url("**/tablet/")
    said = StateAssertion.objects.latest("pk")
    assert (said.state, said.said_by) == ("stopped", table.operator)
    reason = ReasonAssertion.objects.latest("pk")
    assert (reason.equipment, reason.start_time) == (said.equipment, said.start_time)
    page.get_by_role("button", name="Start work").click()
    page.get_by_role("button", name="Stop work").wait_for()
    assert StateAssertion.objects.latest("pk").state == "execute"


def test_without_contact_taps_wait_and_arrive_once_in_order_at_their_time(table: Shop) -> None:
    page = table.tablet(badge=True)
    page.wait_for_timeout(300)
    page.context.set_offline(True)
    before = StateAssertion.objects.count()
    page.get_by_role("button", name="Stop work").click()
    page.locator("#outbox-badge:not([hidden])").wait_for()
    tapped = timezone.now()
    page.wait_for_timeout(3000)
    page.context.set_offline(False)
    expect(page.locator("#outbox-badge")).to_be_hidden(timeout=60_000)
    assert StateAssertion.objects.count() == before + 1
    # What the way to the server takes is not known to it.
    assert StateAssertion.objects.latest("pk").start_time <= tapped + timedelta(seconds=2)


def test_an_instruction_is_read_step_by_step_and_confirmed(table: Shop) -> None:
    page = table.tablet(badge=True)
    page.get_by_role("link", name="Instructions").click()
    page.get_by_text("Packing gift boxes").click()
    expect(page.locator("img.t-picture")).to_have_js_property("naturalWidth", 2)
    page.get_by_role("link", name="Next step").click()
    page.get_by_role("button", name="I have read it").click()
    page.wait_for_url("**/tablet/")
    said = InstructionReading.objects.get()
    assert (said.instruction.version, said.said_by, said.job_order) == (1, table.operator, table.order)


def test_people_clock_on_by_their_badge_and_off(table: Shop) -> None:
    page = table.tablet("/tablet/people/", badge=True)
    page.get_by_role("button", name="I am here").click()
    expect(page.locator(".t-call")).to_have_count(1)
    page.locator("input[name=badge]").fill("1001")
    page.get_by_role("button", name="Clock on").click()
    expect(page.locator(".t-call")).to_have_count(2)
    page.get_by_role("button", name="Clock off").first.click()
    expect(page.locator(".t-call")).to_have_count(1)
    assert PresenceAssertion.objects.filter(superseded_by=None, end_time=None).count() == 1


def test_an_absurd_count_is_asked_about_on_the_tablet_itself(table: Shop) -> None:
    page = table.tablet("/tablet/count/", badge=True)
    page.locator("input[name=good]").fill("999999999")
    page.get_by_role("button", name="Enter").click()
    page.get_by_role("button", name="Yes, it is right").wait_for()
    page.locator("input[name=good]").fill("12")
    page.get_by_role("button", name="Enter").click()
    page.wait_for_url("**/tablet/")
    assert [said.quantity for said in CountAssertion.objects.filter(kind="good")] == [12]


def paths(table: Shop) -> list[str]:
    said = StateAssertion.objects.latest("pk")
    read = f"/tablet/instructions/{WorkInstruction.objects.get().pk}/"
    return [
        "/tablet/", "/tablet/work/L2-HAND/", f"/tablet/work/L2-HAND/{said.pk}/", "/tablet/people/",
        "/tablet/instructions/", read, f"{read}?step=2", "/tablet/count/",
    ]  # fmt: skip


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_new_page_has_glove_sizes(
    table: Shop, screenshot: Callable[..., object], language: str
) -> None:
    page = table.tablet(badge=True, language=language)
    page.context.add_cookies(
        [{"name": "language", "value": language, "url": page.url.removesuffix("/tablet/")}]
    )
    small: list[str] = []
    for size in (*SIZES, (1024, 600)):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        for path in paths(table):
            page.goto(path)
            small += [f"{path} {size}: {box}" for box in _small(page)]
            name = f"{language}-{size[0]}{path.replace('/', '-').replace('?', '-')}"
            if size[0] in (1280, 1024):
                screenshot(page, re.sub(r"\d{3,}", "n", name) if size[0] != 1280 else name)
    assert small == []


def _small(page: Page) -> list[str]:
    found = page.evaluate(TARGETS)
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    told = [
        f"{box['what']!r} {box['w']:.0f}x{box['h']:.0f}"
        for box in found
        if (least := TILE if box["tile"] else OTHER)
        and (box["w"] < least[0] - 0.5 or box["h"] < least[1] - 0.5)
    ]
    assert GAP
    return told + ([f"wider than the screen by {wide}"] if wide > 0 else [])
