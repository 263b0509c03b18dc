"""The record and the shift report on A4: every word on the sheet, whole rows, pages numbered and named."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from mom.pages.reading import forget
from mom.signing.orders import order_sign
from mom.signing.services import shift_sign
from plant.models import CalendarSlot, Person, User
from plant.selectors import actor_for_person
from production.models import JobOrder
from tests.factories import plant as make
from tests.factories.pages import plant_running
from tests.factories.record import order_told

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

Opener = Callable[..., "Page"]
MISSING = "pdftotext is not installed: install Debian's package `poppler-utils`"
# Points of A4, and what its margins leave (16, 10 and 14 mm), half a millimetre for rounding.
WIDTH, HEIGHT, MM = 595.3, 841.9, 72 / 25.4
LEFT, TOP, BOTTOM = 10 * MM - 1.5, 16 * MM - 1.5, HEIGHT - 14 * MM + 1.5
# The words a reader must find, without what is drawn or only read aloud.
VISIBLE = """() => {
  const found = [], walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());) {
    const box = node.parentElement;
    if (!node.data.trim() || box.closest('svg, script, style, .visually-hidden')) continue;
    if (box.checkVisibility({visibilityProperty: true})) found.push(node.data);
  }
  return found.join(' ');
}"""
CUT = """() => [...document.querySelectorAll('main *')].filter((box) => {
  if (box.closest('svg') || !box.checkVisibility()) return false;
  const style = getComputedStyle(box);
  const hides = style.overflowX !== 'visible' || style.textOverflow === 'ellipsis';
  const cut = hides && box.scrollWidth > box.clientWidth + 1 && box.clientWidth > 1;
  return cut || box.getBoundingClientRect().right > document.documentElement.clientWidth + 1;
}).map((box) => box.outerHTML.slice(0, 120))"""


@dataclass(frozen=True)
class Word:
    page: int
    text: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Printed:
    """A page as printed: its words with their places in points, and what a reader should find."""

    words: list[Word]
    wanted: str
    pages: int

    def on(self, page: int) -> list[Word]:
        return [word for word in self.words if word.page == page]


@pytest.fixture(autouse=True)
def _anew() -> Iterator[None]:
    if shutil.which("pdftotext") is None:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    forget()
    yield
    forget()


def printed(page: Page, name: str, folder: Path) -> Printed:
    """Print to A4 and read the sheet back. PRINTS names a folder to keep the sheets in, to look at them."""
    page.emulate_media(media="print")
    width = round((210 - 20) / 25.4 * 96)
    page.set_viewport_size({"width": width, "height": 1000})
    cut = page.evaluate(CUT)
    wanted = page.evaluate(VISIBLE)
    folder = Path(os.environ.get("PRINTS") or folder)
    target = folder / f"{name}.pdf"
    page.pdf(path=str(target), format="A4", print_background=True, prefer_css_page_size=True)
    assert cut == []
    told = subprocess.run(
        ["pdftotext", "-bbox", str(target), "-"], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    words, number = [], 0
    for line in told.splitlines():
        number += "<page " in line
        if found := re.search(r'xMin="(.*?)" yMin="(.*?)" xMax="(.*?)" yMax="(.*?)">(.*?)</word>', line):
            left, top, right, bottom, text = found.groups()
            words.append(Word(number, text, (float(left), float(top), float(right), float(bottom))))
    return Printed(words, wanted, number)


def is_whole(found: Printed, *, most: int, name: str) -> None:
    """Every word is there, inside the margins; each page says what it is and its number."""
    assert 1 <= found.pages <= most
    letters = re.compile(r"[^\W_]+")
    there = set(letters.findall(" ".join(word.text for word in found.words)))
    lost = [word for word in letters.findall(found.wanted) if word not in there]
    assert not [word for word in lost if not any(word in other for other in there)], lost[:20]
    for number in range(1, found.pages + 1):
        words = found.on(number)
        text = " ".join(word.text for word in words)
        assert name in text, f"page {number} does not say what it is"
        assert re.search(rf"\b{number} ?/ ?{found.pages}\b", text), f"page {number} has no number"
        for word in words:
            left, top, right, bottom = word.box
            assert left >= LEFT, word
            assert right <= WIDTH - LEFT, word
            assert top > 0, word
            assert bottom < HEIGHT, word


def line_two() -> tuple[User, JobOrder, CalendarSlot]:
    """A morning that is over, with stops, losses and one order that has ended and is signed."""
    plant = plant_running(now=timezone.now() - timedelta(hours=5))
    assert plant.supervisor is not None
    shift = CalendarSlot.objects.get(line=plant.lines[1], code="M")
    by = actor_for_person(Person.objects.get(badge="1001"))
    shift_sign(shift=shift, by=by, notes="Capper noisy since ten, maintenance knows.")
    order = JobOrder.objects.filter(line=plant.lines[1], started_at__isnull=False).first()
    assert order is not None
    return plant.supervisor, order, shift


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_signed_record_prints_whole(open_page: Opener, tmp_path: Path, language: str) -> None:
    told = order_told()
    order_sign(job_order=told.order, by=actor_for_person(told.supervisor), notes="Checked with quality.")
    user = make.user_make(told.supervisor)
    page = open_page(f"/orders/{told.order.code}/", user=user, language=language)
    is_whole(printed(page, f"record-{language}", tmp_path), most=4, name="PO-TOLD")
    expect(page.locator("#sign .digest")).to_be_visible()
    expect(page.locator(".print-qr svg")).to_be_visible()
    expect(page.locator("#sign form")).not_to_be_visible()


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_busy_record_and_its_shift_print_whole(open_page: Opener, tmp_path: Path, language: str) -> None:
    user, order, shift = line_two()
    page = open_page(f"/orders/{order.code}/", user=user, language=language)
    is_whole(printed(page, f"busy-{language}", tmp_path), most=5, name=order.code)
    address = f"/lines/L2/shifts/{shift.production_day.isoformat()}/M/"
    page = open_page(address, user=user, language=language)
    is_whole(printed(page, f"shift-{language}", tmp_path), most=3, name="2")
    expect(page.locator("#sign .digest")).to_be_visible()


def test_no_row_is_cut_between_pages(open_page: Opener, tmp_path: Path) -> None:
    """Each line of words of a row lies on one page: no baseline within a line's height of the edge."""
    user, order, _shift = line_two()
    page = open_page(f"/orders/{order.code}/", user=user)
    found = printed(page, "rows", tmp_path)
    for number in range(1, found.pages + 1):
        body = [word for word in found.on(number) if word.box[1] > TOP and word.box[3] < BOTTOM + 3]
        assert body, f"page {number} is empty"
        edge = [word for word in found.on(number) if word.box[1] < BOTTOM < word.box[3] - 2]
        assert not edge, edge[:3]
