"""Colour means abnormal: one file holds all colours, text can be read in both themes, nothing is inline."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
TOKENS = ROOT / "static/css/tokens.css"
COLOUR = re.compile(r"(?<![\w&/'\"=-])#(?:[0-9a-f]{6}|[0-9a-f]{3})\b", re.IGNORECASE)
OUTSIDE = ("vendor", "favicon.svg")
SHEETS = [path for path in (ROOT / "static").rglob("*.css") if not any(part in str(path) for part in OUTSIDE)]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
PAIRS = [
    *(("text", ground) for ground in ("page", "surface", "raised", "sunken")),
    *(("text-2", ground) for ground in ("page", "surface", "raised", "sunken")),
    *(("text-3", ground) for ground in ("surface", "raised")),
    ("action-text", "action"),
    ("stop-text", "surface"),
    ("stop-text", "stop-soft"),
    ("wait-text", "surface"),
    ("wait-text", "wait-soft"),
    ("setup-text", "surface"),
    ("setup-text", "setup-soft"),
    ("on-stop", "stop"),
    ("on-wait", "wait"),
    ("on-setup", "setup"),
]
HEAVIEST = 150 * 1024


def themes() -> dict[str, dict[str, str]]:
    text = TOKENS.read_text()
    blocks = {
        "light": text.split(":root {", 1)[1].split("}", 1)[0],
        "dark": text.split(':root[data-theme="dark"] {', 1)[1].split("}", 1)[0],
        "dark by system": text.split(':root:not([data-theme="light"]) {', 1)[1].split("}", 1)[0],
    }
    return {name: dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6});", block)) for name, block in blocks.items()}


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_text_can_be_read(theme: str, text: str, ground: str) -> None:
    colours = themes()[theme]
    assert contrast(colours[text], colours[ground]) >= 4.5


def test_dark_by_system_and_dark_by_choice_are_one() -> None:
    found = themes()
    assert found["dark"] == found["dark by system"]
    assert found["dark"].keys() == found["light"].keys()


def test_at_most_four_colours_are_not_grey() -> None:
    """Grey means its three parts lie close together; text and soft variants belong to their colour."""
    saturated = set()
    for name, colour in themes()["light"].items():
        parts = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
        if max(parts) - min(parts) > 40:
            saturated.add(name.removeprefix("on-").split("-")[0])
    assert saturated <= {"stop", "wait", "setup"}


def test_running_is_a_colour_on_displays_alone_and_can_be_read() -> None:
    block = TOKENS.read_text().split(".tv-page {", 1)[1].split("}", 1)[0]
    colours = dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6});", block))
    assert contrast(colours["on-andon-run"], colours["andon-run"]) >= 4.5
    users = {path.name for path in SHEETS if path != TOKENS and "andon-run" in path.read_text()}
    assert users <= {"tv.css"}


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda path: path.name)
def test_no_colour_outside_the_token_file(sheet: Path) -> None:
    if sheet != TOKENS:
        assert COLOUR.findall(re.sub(r"url\([^)]*\)", "", sheet.read_text())) == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_nothing_is_inline(template: Path) -> None:
    text = template.read_text()
    assert not re.search(r"\sstyle=", text)
    assert not re.search(r"\son(click|change|load|submit|input|error)=", text)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text))
    assert not re.search(r"(fill|stroke)=\"#", text)


def test_the_operator_page_is_light() -> None:
    """Everything the operator's shell loads, compressed as it is sent."""
    names = re.findall(r"{% static '([^']+)' %}", (ROOT / "templates/tablet_base.html").read_text())
    files = {ROOT / "static" / name for name in names} | {ROOT / "static/img/icons.svg"}
    files |= set((ROOT / "static/tablet").rglob("*.*"))
    assert sum(len(gzip.compress(path.read_bytes())) for path in files) <= HEAVIEST
