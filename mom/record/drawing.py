"""The record's drawings: lanes of machines with alarms, the split bar, values against setpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from mom.pages import svg
from mom.pages.svg.timeline import short
from mom.pages.words import class_kind, span
from mom.record.model import AlarmRow, Lane, OperationalRecord, ProcessValue, TimeSplit
from plant.domain.intervals import Interval

VALUE_HEIGHT = 44
# Pixels a lane is laid out for; with thousands of slices coarser: stops still show, as marks.
FINE, COARSE, MANY = 1200, 500, 1500


@dataclass(frozen=True, slots=True)
class Drawn:
    """A lane as drawn, beside its row."""

    lane: Lane
    svg: SafeString
    alarms: SafeString | None
    alarm_count: int


@dataclass(frozen=True, slots=True)
class Timeline:
    lanes: tuple[Drawn, ...]
    order: SafeString
    axis: SafeString


def window_of(record: OperationalRecord) -> Interval | None:
    head = record.head
    if head.start is None or head.until is None or head.until <= head.start:
        return None
    return Interval(head.start, head.until)


def timeline(record: OperationalRecord) -> Timeline | None:
    """Every machine of the line over the order's span; None before the order was started."""
    window = window_of(record)
    if window is None:
        return None
    by_machine: dict[str, list[AlarmRow]] = {}
    for alarm in record.alarms:
        by_machine.setdefault(alarm.equipment_code, []).append(alarm)
    return Timeline(
        tuple(_lane(lane, by_machine.get(lane.equipment_code, []), window, record) for lane in record.lanes),
        _shift_marks(record, window),
        svg.axis(window, record.zone),
    )


def _lane(lane: Lane, alarms: Sequence[AlarmRow], window: Interval, record: OperationalRecord) -> Drawn:
    zone = record.zone
    # Looked up once: an order may have thousands of slices.
    kinds = {piece.time_class: class_kind(piece.time_class) for piece in lane.slices}
    marks = [
        svg.Mark(
            piece.start,
            piece.end,
            kinds[piece.time_class],
            f"{piece.word} {clock(piece.start, zone)} · {span(piece.end - piece.start)}",
            piece.evidence,
        )
        for piece in lane.slices
    ]
    pixels = FINE if len(marks) < MANY else COARSE
    drawn = svg.lane(marks, window=window, zone=zone, label=lane.equipment, pixels=pixels)
    return Drawn(lane, drawn, _alarms(lane, alarms, window, record), len(alarms))


def _alarms(
    lane: Lane, alarms: Sequence[AlarmRow], window: Interval, record: OperationalRecord
) -> SafeString | None:
    if not alarms:
        return None
    told = _("%(code)s raised %(raised)s, acknowledged %(acknowledged)s, cleared %(cleared)s")
    not_yet = _("not yet")
    marks = [
        svg.Mark(
            alarm.raised,
            alarm.cleared or window.end,
            "stop",
            told
            % {
                "code": f"{alarm.code} {alarm.text}".strip(),
                "raised": clock(alarm.raised, record.zone),
                "acknowledged": clock(alarm.acknowledged, record.zone),
                "cleared": clock(alarm.cleared, record.zone, not_yet),
            },
            alarm.evidence,
        )
        for alarm in alarms
    ]
    label = _("Alarms of %(machine)s") % {"machine": lane.equipment}
    return svg.ticks_lane(marks, window=window, label=label, height=7)


def clock(at: datetime | None, zone: ZoneInfo, missing: str = "–") -> str:
    """Time of day in the site's zone, to the second."""
    if at is None:
        return missing
    local = at.astimezone(zone)
    return f"{local.hour:02}:{local.minute:02}:{local.second:02}"


def _shift_marks(record: OperationalRecord, window: Interval) -> SafeString:
    head = record.head
    title = f"{head.code} · {head.product}"
    return svg.labels_lane([svg.Mark(window.start, window.end, "run", title)], window=window, label=title)


def split_bar(split: TimeSplit) -> SafeString:
    parts = [
        svg.Part(
            row.time_class,
            f"{row.word} · {span(row.seconds)}",
            class_kind(row.time_class),
            timedelta(seconds=row.seconds),
            row.evidence,
        )
        for row in split.rows
    ]
    label = _("Time of the order on %(machine)s") % {"machine": split.equipment}
    return svg.split(parts, timedelta(seconds=split.span_seconds), label=label, height=26)


def value_chart(value: ProcessValue, window: Interval) -> SafeString:
    """Averages over time and the setpoint as a dashed step; a part without samples breaks the line."""
    assert window.end is not None
    numbers = [number for _at, number in (*value.points, *value.setpoints)]
    label = f"{value.name} · {value.equipment}"
    if not numbers:
        return format_html(
            '<svg class="draw no-data" role="img" aria-label="{}" height="{}"></svg>', label, VALUE_HEIGHT
        )
    low, high = min(numbers), max(numbers)
    room = (high - low) or 1.0
    length = window.end - window.start

    def x(at: datetime) -> str:
        return short(100 * max(0.0, min(1.0, (at - window.start) / length)))

    def y(number: float) -> str:
        return short(3 + (VALUE_HEIGHT - 6) * (1 - (number - low) / room))

    lines = [" ".join(f"{x(at)},{y(number)}" for at, number in part) for part in _unbroken(value, length)]
    return format_html(
        '<svg class="draw" role="img" aria-label="{}" height="{}" viewBox="0 0 100 {}"'
        ' preserveAspectRatio="none">{}{}</svg>',
        label,
        VALUE_HEIGHT,
        VALUE_HEIGHT,
        format_html_join(
            "",
            '<polyline class="c-spark-limit c-setpoint" vector-effect="non-scaling-stroke"'
            ' points="{}"></polyline>',
            [(" ".join(f"{x(at)},{y(number)}" for at, number in _steps(value, window.end)),)]
            if value.setpoints
            else [],
        ),
        format_html_join(
            "",
            '<polyline class="c-spark" vector-effect="non-scaling-stroke" points="{}"></polyline>',
            ((line,) for line in lines),
        ),
    )


def _steps(value: ProcessValue, end: datetime) -> list[tuple[datetime, float]]:
    """The setpoint holds until it is changed."""
    found: list[tuple[datetime, float]] = []
    for at, number in value.setpoints:
        if found:
            found.append((at, found[-1][1]))
        found.append((at, number))
    found.append((end, found[-1][1]))
    return found


def _unbroken(value: ProcessValue, length: timedelta) -> list[list[tuple[datetime, float]]]:
    """Stretches with no part of the range missing between two points."""
    step = length / 120 * 1.5
    found: list[list[tuple[datetime, float]]] = []
    for point in value.points:
        if found and point[0] - found[-1][-1][0] <= step:
            found[-1].append(point)
        else:
            found.append([point])
    # A lone point would not be drawn.
    half = length / 400
    return [part if len(part) > 1 else [part[0], (part[0][0] + half, part[0][1])] for part in found]
