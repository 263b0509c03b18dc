"""A small line of values; a missing one breaks the line instead of being drawn through."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from mom.pages.svg.timeline import short


def runs(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """Unbroken stretches of (position, value)."""
    found: list[list[tuple[int, float]]] = [[]]
    for at, value in enumerate(values):
        if value is None:
            found.append([])
        else:
            found[-1].append((at, value))
    return [stretch for stretch in found if stretch]


def sparkline(
    values: Sequence[float | None], *, label: str, height: int = 32, limits: Sequence[float] = ()
) -> SafeString:
    """Values at equal distances, scaled to their range, limits included; a lone value is a short dash."""
    known = [value for value in values if value is not None]
    if not known:
        return format_html(
            '<svg class="draw no-data" role="img" aria-label="{}" height="{}"></svg>', label, height
        )
    low, high = min([*known, *limits]), max([*known, *limits])
    room, steps = (high - low) or 1.0, max(len(values) - 1, 1)

    def point(at: float, value: float) -> str:
        return f"{short(100 * at / steps)},{short(2 + (height - 4) * (1 - (value - low) / room))}"

    lines = []
    for stretch in runs(values):
        points = [point(at, value) for at, value in stretch]
        if len(points) == 1:
            at, value = stretch[0]
            points = [point(at - 0.3, value), point(at + 0.3, value)]
        lines.append((" ".join(points),))
    return format_html(
        '<svg class="draw" role="img" aria-label="{}" height="{}" viewBox="0 0 100 {}"'
        ' preserveAspectRatio="none">{}{}</svg>',
        label,
        height,
        height,
        format_html_join(
            "",
            '<line class="c-spark-limit" vector-effect="non-scaling-stroke" x1="0" x2="100"'
            ' y1="{0}" y2="{0}"></line>',
            ((point(0, limit).split(",")[1],) for limit in limits),
        ),
        format_html_join(
            "", '<polyline class="c-spark" vector-effect="non-scaling-stroke" points="{}"></polyline>', lines
        ),
    )
