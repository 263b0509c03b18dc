"""Text as plain people write it, shown safely: headings, lists, paragraphs, **bold**; no other markup."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

BOLD = re.compile(r"\*\*([^*]+)\*\*")
ITEM = re.compile(r"^\s*(?:([-*•])|(\d{1,3})[.)])\s+(.*)$")


def _inline(text: str) -> str:
    return BOLD.sub(r"<b>\1</b>", escape(text.strip()))


def _kind(line: str) -> tuple[str, str]:
    if line.startswith("#"):
        return "h3", line.lstrip("#")
    found = ITEM.match(line)
    if found:
        return ("ul" if found[1] else "ol"), found[3]
    return ("p", line) if line.strip() else ("", "")


def _blocks(text: str) -> Iterator[tuple[str, list[str]]]:
    """Lines of one kind that follow each other; a heading stands alone."""
    kind = ""
    lines: list[str] = []
    for line in text.splitlines():
        now, content = _kind(line)
        if now != kind or now == "h3":
            if kind:
                yield kind, lines
            kind, lines = now, []
        if now:
            lines.append(_inline(content))
    if kind:
        yield kind, lines


def html_of(text: str) -> SafeString:
    """HTML of a text; whatever looks like HTML in it is shown as it was written."""
    made = []
    for kind, lines in _blocks(text):
        if kind in ("ul", "ol"):
            made.append(f"<{kind}>{''.join(f'<li>{line}</li>' for line in lines)}</{kind}>")
        else:
            made.append(f"<{kind}>{'<br>'.join(lines)}</{kind}>")
    # Every line was escaped above; the tags are ours.
    return mark_safe("".join(made))
