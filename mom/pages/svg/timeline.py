"""Lanes of a timeline, as wide as there is room: text, hatching and lines keep their own size.

A lane is one path for each kind, and a rectangle for each mark that can be pointed at: a day of twenty
machines has thousands of intervals, and a page of it is read on a tablet.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from html import escape
from zoneinfo import ZoneInfo

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from mom.pages.svg.geometry import SEVERITY, Box, Mark, hour_ticks, lay_out, position
from mom.pages.words import span
from plant.domain.intervals import Interval, clip

HATCH = mark_safe(  # the id repeats per drawing on purpose: every copy is the same pattern
    '<defs><pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse"'
    ' patternTransform="rotate(45)"><rect class="c-hatch-bg" width="7" height="7"></rect>'
    '<line class="c-hatch-line" x1="0" y1="0" x2="0" y2="7"></line></pattern></defs>'
)
STANDS_OUT = ("stop", "wait", "setup")
# The narrowest mark that is a link of its own, in percent of the lane: stops are looked for, the rest is not.
# Six pixels of a usual screen: two and a half minutes of a shift, seven of a day.
TOUCHED, TOUCHED_REST = 0.5, 2.0
# Whatever fills a pixel is a link: where there is one lane alone.
EVERY = 0.08
# Paths are drawn in halves of a pixel of a usual screen: whole numbers are short.
UNITS = 2400


def short(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".")


def _title(box: Box, no_data: str) -> str:
    if len(box.marks) == 1:
        return box.marks[0].title or (no_data if box.kind == "unknown" else "")
    count = sum(mark.kind == box.kind for mark in box.marks)
    shared = ngettext("%(n)d event in this pixel", "%(n)d events in this pixel", count) % {"n": count}
    first = next(mark.title for mark in box.marks if mark.kind == box.kind)
    return f"{shared} · {first}"


def _named(kind: str) -> str:
    return "planned" if kind == "idle" else kind


def _rects(boxes: Iterable[Box], height: int) -> SafeString:
    """Marks of their own. Written by hand and escaped where it is text: a page has hundreds of them."""
    no_data = _("No data")
    thin, full = f'y="3" height="{height - 6}"', f'height="{height}"'
    drawn: list[str] = []
    for box in boxes:
        kind, title = box.kind, _title(box, no_data)
        inside = f"<title>{escape(title)}</title>" if title else ""
        place = f'x="{box.x:.2f}%" width="{max(box.width, 0.01):.2f}%"'
        if kind == "unknown":
            shape = f'<rect {place} {full} fill="url(#hatch)">{inside}</rect>'
        else:
            sized = full if kind in STANDS_OUT else thin
            shape = f'<rect class="c-{_named(kind)}" {place} {sized}>{inside}</rect>'
        href = next((mark.href for mark in box.marks if mark.href and mark.kind == kind), "")
        drawn.append(f'<a href="{escape(href)}">{shape}</a>' if href else shape)
    return mark_safe("".join(drawn))  # every text in it is escaped above


def _alone(box: Box, touched: float) -> bool:
    """Wide enough to be pointed at, or not in a path."""
    if box.kind == "unknown":
        return True
    rest = touched if touched < TOUCHED else TOUCHED_REST
    return box.width >= (touched if box.kind in STANDS_OUT else rest)


def _behind(boxes: Sequence[Box]) -> dict[str, list[list[int]]]:
    """Where what does not stand out lies, beneath what does too: few long bars instead of many short ones."""
    spans: dict[str, list[list[int]]] = {}
    before = ""
    for box in boxes:
        kind = _named(box.kind)
        if kind in STANDS_OUT:
            continue
        start, end = _units(box)
        if kind == before:
            spans[kind][-1][1] = end
        else:
            spans.setdefault(kind, []).append([start, end])
        before = kind
    # No data is drawn apart, so that its hatching is not stretched.
    spans.pop("unknown", None)
    return spans


def _before(boxes: Iterable[Box]) -> dict[str, list[list[int]]]:
    """Where what stands out lies."""
    spans: dict[str, list[list[int]]] = {}
    for box in boxes:
        if box.kind in STANDS_OUT:
            spans.setdefault(box.kind, []).append(_units(box))
    return spans


def _units(box: Box) -> list[int]:
    return [round(box.x * UNITS / 100), round((box.x + box.width) * UNITS / 100)]


def _paths(spans: dict[str, list[list[int]]], place: str, *, href: str = "", title: str = "") -> str:
    """One path for each kind, the worst last; behind one link where there is one."""
    worst_last = sorted(spans, key=SEVERITY.index, reverse=True)
    drawn = "".join(_path(kind, spans[kind]) for kind in worst_last)
    said = f"<title>{escape(title)}</title>" if title else ""
    linked = f'<a href="{escape(href)}">{said}{drawn}</a>' if href else said + drawn
    return _scaled_svg(linked, place) if drawn else ""


def _path(kind: str, spans: Iterable[Sequence[int]]) -> str:
    """Bars one after another, of height 1; each begins where it lies from the one before."""
    drawn, before = [], 0
    for start, end in spans:
        drawn.append(f"m{start - before} 0h{max(end - start, 1)}v1h{min(start - end, -1)}z")
        before = start
    return f'<path class="c-{kind}" d="{"".join(drawn)}"/>'


def _shape(
    boxes: Sequence[Box], ticks: Sequence[tuple[float, str]], height: int, touched: float, href: str
) -> SafeString:
    """What is pointed at as rectangles, all else as paths; stops over the rest, so that none is covered."""
    alone = [box for box in boxes if _alone(box, touched)]
    rest = [box for box in boxes if not _alone(box, touched)]
    hours = "".join(f"M{round(at * UNITS / 100)} 0v1" for at, _label in ticks)
    thin, full = f'y="3" height="{height - 6}"', f'height="{height}"'
    # Hours are never in the way of a finger.
    grid = _scaled_svg(f'<path class="c-grid" d="{hours}"/>', f'{full} pointer-events="none"')
    return mark_safe(
        _paths(_behind(boxes), thin, href=href)
        + _rects((box for box in alone if box.kind not in STANDS_OUT), height)
        + _paths(_before(rest), full, href=href, title=_rest_told(rest))
        + _rects((box for box in alone if box.kind in STANDS_OUT), height)
        + (grid if hours else "")
    )


def _scaled_svg(drawn: str, place: str) -> str:
    """As wide as the lane, as high as ``place`` says; lines keep their width (app.css)."""
    return f'<svg viewBox="0 0 {UNITS} 1" {place} preserveAspectRatio="none">{drawn}</svg>'


def _rest_told(boxes: Iterable[Box]) -> str:
    """How many stops are too short to be pointed at: drawn, but counted so that none is overlooked."""
    shown = [mark for box in boxes for mark in box.marks if mark.kind in STANDS_OUT]
    if not shown:
        return ""
    time = sum((mark.end - mark.start for mark in shown if mark.end is not None), timedelta())
    told = ngettext(
        "%(n)d stop too short to point at, %(time)s", "%(n)d stops too short to point at, %(time)s in all",
        len(shown),
    )  # fmt: skip
    return told % {"n": len(shown), "time": span(time)}


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
    href: str = "",
    touched: float = TOUCHED,
) -> SafeString:
    """One machine from start to end. After ``now`` the lane is empty: the future is not missing data.

    ``href``: where marks lead that are too narrow to be a link of their own, that is narrower than
    ``touched`` percent of the lane.
    """
    seen = window if now is None or window.end is None or now >= window.end else _until(window, now)
    boxes = [] if seen is None else _scaled(lay_out(marks, seen, pixels), seen, window)
    return format_html(
        '<svg class="draw" role="{}" aria-label="{}" height="{}">{}{}{}</svg>',
        "group" if href or any(mark.href for box in boxes for mark in box.marks) else "img",
        label,
        height,
        HATCH if any(box.kind == "unknown" for box in boxes) else "",
        _shape(boxes, hour_ticks(window, zone), height, touched, href),
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
    """The hours, in the site's time zone, and the hatching that the legend shows too."""
    ticks = [(at, text) for at, text in hour_ticks(window, zone) if 1 < at < 99]
    return format_html(
        '<svg class="draw" aria-hidden="true" height="18">{}{}</svg>',
        HATCH,
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
