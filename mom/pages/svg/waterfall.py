"""A waterfall as rows: what is left as a bar from the start, what is lost as a bar where it was taken off."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.utils.html import format_html
from django.utils.safestring import SafeString

from mom.pages.svg.timeline import HATCH, short


@dataclass(frozen=True, slots=True)
class Bar:
    """``amount`` from ``left`` on; a level begins at zero. ``kind`` gives the colour."""

    left: Decimal
    amount: Decimal
    kind: str
    label: str


def drawn(bar: Bar, whole: Decimal, *, height: int = 18) -> SafeString:
    """One row; rows drawn with one ``whole`` are to the same scale. Less than nothing goes to the left."""
    if whole <= 0:
        return format_html(
            '<svg class="draw" role="img" aria-label="{}" height="{}"></svg>', bar.label, height
        )
    start, end = sorted((bar.left, bar.left + bar.amount))
    look = (
        format_html('fill="url(#hatch)"')
        if bar.kind == "unknown"
        else format_html('class="c-{}" stroke="none"', bar.kind)
    )
    return format_html(
        '<svg class="draw" role="img" aria-label="{}" height="{}">{}'
        '<rect {} x="{}%" width="{}%" height="{}" rx="2"></rect></svg>',
        bar.label,
        height,
        HATCH if bar.kind == "unknown" else "",
        look,
        short(100 * float(max(start, Decimal(0)) / whole)),
        short(100 * float((end - max(start, Decimal(0))) / whole)),
        height,
    )
