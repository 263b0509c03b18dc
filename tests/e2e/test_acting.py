"""Acting on a loss: an action in three clicks from any bar, and the pages of those who walk, on a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from mom.calls.services import call_raise
from mom.improvement.models import Action
from mom.improvement.services import action_done, action_open
from mom.pages import reading, why
from mom.reactions.models import ReactionPlan
from plant import selectors
from plant.access import rule
from plant.models import Reason
from production.models import (
    ChangeoverStandard,
    ChangeoverStep,
    ChangeoverStepAssertion,
    JobOrder,
    ReasonAssertion,
    Stop,
)
from tests.factories.pages import Plant, plant_running
from tests.mom.pages.test_changeovers import changed_over

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.e2e.conftest import Opener

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE = (390, 844)
MINUTE = timedelta(minutes=1)
# What sticks out furthest, for the message.
WIDEST = """() => [...document.querySelectorAll("main *, header *")]
    .filter(e => e.getBoundingClientRect().right > innerWidth && !e.closest(".scroll"))
    .slice(0, 4).map(e => `${e.tagName}.${e.className} ${Math.round(e.getBoundingClientRect().right)}`)"""


@pytest.fixture
def plant() -> Iterator[Plant]:
    reading.forget()
    why.forget()
    selectors.configuration_forget()
    yield plant_running()
    reading.forget()


class Clicks:
    """Every click from a bar to the action, counted."""

    def __init__(self, page: Page) -> None:
        self.page, self.count = page, 0

    def __call__(self, target: Locator) -> None:
        self.count += 1
        target.click()
        self.page.wait_for_load_state()


def coded(plant: Plant) -> Stop:
    said = ReasonAssertion.objects.filter(equipment__code="L2-FILL", reason__code="JAM").last()
    assert said is not None
    return Stop.objects.get(work_unit=said.equipment, start_time=said.start_time)


def submit(clicks: Clicks) -> Action:
    """The form comes filled in: whoever is not the owner changes one field, nobody has to type."""
    page = clicks.page
    assert page.locator("input[name=title]").input_value()
    clicks(page.locator("form.form button[type=submit]"))
    assert clicks.count <= 3
    return Action.objects.latest("pk")


def test_three_clicks_from_a_bar_of_losses(plant: Plant, open_page: Opener) -> None:
    page = open_page("/losses/?equipment=L2&period=shift", user=plant.supervisor)
    clicks = Clicks(page)
    clicks(page.locator("#causes .act-link").first)
    action = submit(clicks)
    assert action.evidence.startswith("/losses/events/?")
    assert action.owner.badge == "1001"
    assert page.goto(action.evidence) is not None
    assert "404" not in page.title()


def test_three_clicks_from_a_step_of_the_waterfall(plant: Plant, open_page: Opener) -> None:
    page = open_page("/losses/?equipment=L2&period=shift", user=plant.supervisor)
    clicks = Clicks(page)
    clicks(page.locator("#time .act-link").first)
    assert submit(clicks).equipment.code.startswith("L2")


def test_three_clicks_from_a_stop(plant: Plant, open_page: Opener) -> None:
    stop = coded(plant)
    page = open_page(f"/stops/{stop.pk}/", user=plant.supervisor)
    clicks = Clicks(page)
    clicks(page.get_by_role("link", name="Open an action"))
    action = submit(clicks)
    assert action.reason is not None
    assert (action.equipment.code, action.reason.code) == ("L2-FILL", "JAM")
    assert action.evidence == f"/stops/{stop.pk}/"
    page.goto(f"/stops/{stop.pk}/")
    expect(page.locator('[data-hop="action"]')).to_contain_text(action.title, use_inner_text=True)


def test_three_clicks_from_an_hour_and_from_yesterday(plant: Plant, open_page: Opener) -> None:
    page = open_page("/lines/L2/hours/", user=plant.supervisor)
    clicks = Clicks(page)
    clicks(page.locator("#hours td a.btn-slim").first)
    assert submit(clicks).equipment.code.startswith("L2")
    day = f"{plant.now - timedelta(hours=4, minutes=30):%Y-%m-%d}"
    page.goto(f"/lines/L2/days/{day}/")
    clicks = Clicks(page)
    box = page.locator(".cause-box").first
    clicks(box.locator("summary"))
    clicks(box.get_by_role("link", name="Open an action"))
    assert submit(clicks).evidence.startswith("/")


def test_a_row_of_the_changeovers_opens_its_checklist_and_a_step_is_ticked(
    plant: Plant, open_page: Opener
) -> None:
    line = plant.lines[1]
    changed_over(plant, 25)
    order = JobOrder.objects.filter(line=line).order_by("sequence")[1]
    JobOrder.objects.filter(pk=order.pk).update(started_at=plant.now - 30 * MINUTE)
    standard = ChangeoverStandard.objects.create(line=line, seconds=1200)
    ChangeoverStep.objects.create(changeover=standard, code="FORMAT", name_en="Format parts", position=1)
    page = open_page("/changeovers/?line=L2", user=plant.supervisor)
    page.locator(".cause-box .cause-what").first.click()
    page.get_by_role("link", name="internal and external: not known").first.click()
    page.wait_for_url(f"**/changeovers/{order.code}/")
    row = page.locator("[data-step=FORMAT]")
    row.get_by_role("button", name="Done").click()
    expect(row).to_contain_text("time not known", timeout=30_000)
    assert ChangeoverStepAssertion.objects.get().end_time is not None


def furnished(plant: Plant) -> dict[str, str]:
    """Pages with something on each: a plan that is late, a call, an action done, a checklist begun."""
    stop = coded(plant)
    unit = stop.work_unit
    jam = Reason.objects.get(code="JAM")
    ReactionPlan.objects.create(
        code="JAM", reason=jam, role="maintenance", calls="maintenance", within=5 * MINUTE,
        name_en="Clear it together", name_fr="Dégager ensemble",
        authority_en="May stop the order, may call an outside technician",
        authority_fr="Peut arrêter l’ordre, peut appeler un technicien extérieur",
        escalate_after=30 * MINUTE, escalates_to="engineer",
    )  # fmt: skip
    open_stop = Stop.objects.get(work_unit=unit, end_time=None)
    ReasonAssertion.objects.create(
        equipment=unit, start_time=open_stop.start_time, reason=jam, said_at=plant.now - timedelta(minutes=4)
    )
    by = rule("test")
    call_raise(kind="maintenance", equipment=unit, by=by, at=plant.now - timedelta(minutes=7))
    made = [
        action_open(
            title=title, equipment_code=unit.code, owner_badge="1003", reason_code="JAM", by=by,
            due_on=(plant.now + timedelta(days=days)).date(), at=plant.now - timedelta(hours=2),
            evidence=f"/stops/{stop.pk}/",
        )
        for title, days in (("Wider infeed guide, as the supplier said", -3), ("Spare star in stock", 5))
    ]  # fmt: skip
    done = action_done(
        action_id=made[0].pk, result="Guide 4 mm wider", by=by, at=plant.now - timedelta(hours=1)
    )
    standard = ChangeoverStandard.objects.create(line=plant.lines[1], seconds=1200)
    for code, en, fr, external in (
        ("PARTS", "Parts on the trolley", "Pièces sur le chariot", True),
        ("FORMAT", "Format parts changed", "Pièces de format changées", False),
    ):
        ChangeoverStep.objects.create(
            changeover=standard, code=code, name_en=en, name_fr=fr, position=1, is_external=external,
            standard_time=10 * MINUTE,
        )  # fmt: skip
    order = JobOrder.objects.filter(line=plant.lines[1]).order_by("sequence")[1]
    day = f"{plant.now - timedelta(hours=4, minutes=30):%Y-%m-%d}"
    return {
        "stop": f"/stops/{stop.pk}/",
        "stop-open": f"/stops/{open_stop.pk}/",
        "yesterday": f"/lines/L2/days/{day}/",
        "actions": "/actions/",
        "action": f"/actions/{done.pk}/",
        "action-new": f"/actions/new/?equipment=L2-FILL&reason=JAM&evidence=/stops/{stop.pk}/",
        "losses": "/losses/?equipment=L2&period=shift",
        "calls": "/calls/",
        "changeovers": "/changeovers/?line=L2",
        "changeover": f"/changeovers/{order.code}/",
    }


@pytest.mark.parametrize(
    ("language", "theme", "size"),
    [
        ("en", "light", PHONE),
        ("fr", "dark", PHONE),
        ("en", "light", (1280, 800)),
        ("fr", "dark", (1920, 1080)),
    ],
)
def test_pages_of_those_who_walk_fit(
    plant: Plant,
    open_page: Opener,
    screenshot: Callable[..., Path | None],
    language: str,
    theme: str,
    size: tuple[int, int],
) -> None:
    wide = {}
    for name, path in furnished(plant).items():
        page = open_page(path, user=plant.supervisor, language=language, theme=theme, size=size)
        screenshot(page, f"acting-{name}-{size[0]}-{language}", full=True)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > size[0]:
            wide[name] = (width, page.evaluate(WIDEST))
        page.context.close()
    assert not wide
