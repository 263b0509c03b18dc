"""Bars: progress against a target, and time split into classes with its check sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from mom.pages.svg.timeline import HATCH, short


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a whole. ``kind`` gives the colour; ``href`` opens what it was computed from."""

    code: str
    label: str
    kind: str
    duration: timedelta
    href: str = ""


def difference(parts: Sequence[Part], whole: timedelta) -> timedelta:
    """What the parts do not explain; zero when the account closes."""
    return whole - sum((part.duration for part in parts), timedelta())


def split(parts: Sequence[Part], whole: timedelta, *, label: str, height: int = 22) -> SafeString:
    """Parts side by side, in the order given, as shares of the whole; what is missing stays empty."""
    if whole <= timedelta():
        return format_html('<svg class="draw" role="img" aria-label="{}" height="{}"></svg>', label, height)
    shapes, at = [], 0.0
    for part in parts:
        width = 100 * (part.duration / whole)
        shapes.append(_part(part, at, width, height))
        at += width
    return format_html(
        '<svg class="draw" role="img" aria-label="{}" height="{}">{}'
        '<rect class="c-track" width="100%" height="{}"></rect>{}</svg>',
        label,
        height,
        HATCH,
        height,
        format_html_join("", "{}", ((shape,) for shape in shapes)),
    )


def _part(part: Part, at: float, width: float, height: int) -> SafeString:
    look = (
        format_html('fill="url(#hatch)"')
        if part.kind == "unknown"
        else format_html('class="c-{}" stroke="none"', part.kind)
    )
    shape = format_html(
        '<rect {} x="{}%" width="{}%" height="{}"><title>{}</title></rect>',
        look,
        short(at),
        short(width),
        height,
        part.label,
    )
    return format_html('<a href="{}">{}</a>', part.href, shape) if part.href else shape


def progress(
    done: Decimal | None,
    whole: Decimal,
    *,
    target: Decimal | None = None,
    label: str,
    kind: str = "fill",
    height: int = 14,
) -> SafeString:
    """How much is done, with a mark where it should be by now; more than the whole fills the bar."""
    share = 0.0 if done is None or whole <= 0 else float(min(max(done / whole, Decimal(0)), Decimal(1)))
    mark = None if target is None or whole <= 0 else float(min(max(target / whole, Decimal(0)), Decimal(1)))
    line = (
        ""
        if mark is None
        else format_html(
            '<line class="c-mark" x1="{0}%" x2="{0}%" y1="-3" y2="{1}"></line>', short(100 * mark), height + 3
        )
    )
    return format_html(
        '<svg class="draw" role="img" aria-label="{}" height="{}">'
        '<rect class="c-track" width="100%" height="{}" rx="3"></rect>'
        '<rect class="c-{}" stroke="none" width="{}%" height="{}" rx="3"></rect>{}</svg>',
        label,
        height,
        height,
        kind,
        short(100 * share),
        height,
        line,
    )
