"""Lanes of a timeline. Positions are percentages, so a lane fits any width and its text keeps its shape."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from mom.pages.svg.geometry import Box, Mark, hour_ticks, lay_out, position
from plant.domain.intervals import Interval, clip

HATCH = mark_safe(  # the id repeats per drawing on purpose: every copy is the same pattern
    '<defs><pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse"'
    ' patternTransform="rotate(45)"><rect class="c-hatch-bg" width="7" height="7"></rect>'
    '<line class="c-hatch-line" x1="0" y1="0" x2="0" y2="7"></line></pattern></defs>'
)
STANDS_OUT = ("stop", "wait", "setup")


def short(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".")


def _title(box: Box, no_data: str) -> str:
    if len(box.marks) == 1:
        return box.marks[0].title or (no_data if box.kind == "unknown" else "")
    count = sum(mark.kind == box.kind for mark in box.marks)
    shared = ngettext("%(n)d event in this pixel", "%(n)d events in this pixel", count) % {"n": count}
    first = next(mark.title for mark in box.marks if mark.kind == box.kind)
    return f"{shared} · {first}"


def _rects(boxes: Iterable[Box], height: int) -> SafeString:
    """The marks. Written by hand and escaped where it is text: there are thousands of them on a page."""
    no_data = _("No data")
    thin, full = f'y="3" height="{height - 6}"', f'y="0" height="{height}"'
    drawn: list[str] = []
    for box in boxes:
        kind, title = box.kind, _title(box, no_data)
        inside = f"<title>{escape(title)}</title>" if title else ""
        place = f'x="{box.x:.3f}%" width="{box.width:.3f}%"'
        if kind == "unknown":
            shape = f'<rect {place} height="{height}" fill="url(#hatch)">{inside}</rect>'
        else:
            named = "planned" if kind == "idle" else kind
            shape = f'<rect class="c-{named}" {place} {full if kind in STANDS_OUT else thin}>{inside}</rect>'
        href = next((mark.href for mark in box.marks if mark.href and mark.kind == kind), "")
        drawn.append(f'<a href="{escape(href)}">{shape}</a>' if href else shape)
    return mark_safe("".join(drawn))  # every text in it is escaped above


def _grid(window: Interval, zone: ZoneInfo, height: int) -> SafeString:
    return format_html_join(
        "",
        '<line class="c-grid" x1="{0}%" x2="{0}%" y1="0" y2="{1}"></line>',
        ((short(at), height) for at, _label in hour_ticks(window, zone)),
    )


def _now_line(now: datetime | None, window: Interval, height: int) -> SafeString | str:
    if now is None or window.end is None or not window.start <= now <= window.end:
        return ""
    return format_html(
        '<line class="c-now" x1="{0}%" x2="{0}%" y1="-2" y2="{1}"></line>',
        short(position(now, window)),
        height + 2,
    )


def lane(
    marks: Iterable[Mark],
    *,
    window: Interval,
    zone: ZoneInfo,
    label: str,
    now: datetime | None = None,
    height: int = 26,
    pixels: int = 1200,
) -> SafeString:
    """One machine from start to end. After ``now`` the lane is empty: the future is not missing data."""
    seen = window if now is None or window.end is None or now >= window.end else _until(window, now)
    boxes = [] if seen is None else _scaled(lay_out(marks, seen, pixels), seen, window)
    return format_html(
        '<svg class="draw" role="img" aria-label="{}" height="{}">{}{}{}{}</svg>',
        label,
        height,
        HATCH,
        _rects(boxes, height),
        _grid(window, zone, height),
        _now_line(now, window, height),
    )


def _until(window: Interval, now: datetime) -> Interval | None:
    return Interval(window.start, now) if now > window.start else None


def _scaled(boxes: list[Box], seen: Interval, window: Interval) -> list[Box]:
    assert seen.end is not None
    assert window.end is not None
    share = (seen.end - seen.start) / (window.end - window.start)
    return [Box(box.x * share, box.width * share, box.kind, box.marks) for box in boxes]


def axis(window: Interval, zone: ZoneInfo, now: datetime | None = None) -> SafeString:
    """The hours, in the site's time zone."""
    ticks = [(at, text) for at, text in hour_ticks(window, zone) if 1 < at < 99]
    return format_html(
        '<svg class="draw" aria-hidden="true" height="18">{}</svg>',
        format_html_join(
            "",
            '<text x="{}%" y="13" text-anchor="middle">{}</text>',
            ((short(at), text) for at, text in ticks),
        ),
    )


def labels_lane(marks: Iterable[Mark], *, window: Interval, label: str, height: int = 24) -> SafeString:
    """Spans with their name written in them: orders, shifts. Text that does not fit is cut by its own box."""
    shapes = [shape for mark in marks if (shape := _labelled(mark, window, height))]
    return format_html(
        '<svg class="draw" role="img" aria-label="{}" height="{}">{}</svg>',
        label,
        height,
        format_html_join("", "{}", ((shape,) for shape in shapes)),
    )


def _labelled(mark: Mark, window: Interval, height: int) -> SafeString | None:
    part = clip(Interval(mark.start, mark.end), window)
    if part is None or part.end is None:
        return None
    x = position(part.start, window)
    inner = format_html(
        '<svg x="{}%" width="{}%" height="{}"><rect class="c-order" y="0.5" width="99.9%" height="{}"'
        ' rx="3"><title>{}</title></rect><text class="on-order" x="7" y="{}">{}</text></svg>',
        short(x),
        short(position(part.end, window) - x),
        height,
        height - 1,
        mark.title,
        height // 2 + 4,
        mark.title,
    )
    return format_html('<a href="{}">{}</a>', mark.href, inner) if mark.href else inner


def ticks_lane(marks: Iterable[Mark], *, window: Interval, label: str, height: int = 14) -> SafeString:
    """Instants and short spans, such as alarms: a small bar each."""
    boxes = [box for box in lay_out(marks, window) if any(mark.title for mark in box.marks)]
    return format_html(
        '<svg class="draw" role="img" aria-label="{}" height="{}">{}</svg>',
        label,
        height,
        _rects(boxes, height),
    )
