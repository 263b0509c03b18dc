"""Hour by hour: target, pieces, what was lost and who answered, and the rate that would recover the shift."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from mom.pages import svg, words
from mom.pages.board import href, reason_names
from mom.pages.etags import POLLED, answer_304, etag_of, with_etag
from mom.pages.lookup import instant_asked, line_or_404
from mom.pages.losses import LOST, group_of
from mom.provenance.links import figure_href, shown_link
from plant import selectors
from plant.access import actor_of, require
from plant.domain.intervals import Interval, clip
from production import selectors as production
from production.domain.account import Segment
from production.domain.hourly import Hour
from production.domain.line.pacing import machine_of
from production.selectors import HourTold, ShiftHours

if TYPE_CHECKING:
    from plant.models import CalendarSlot, Equipment


@dataclass(frozen=True, slots=True)
class HourRow:
    """One hour as its reader sees it. ``is_open``: red, and nobody has said why."""

    start: datetime
    end: datetime
    target: Decimal | None
    good: Decimal | None
    gap: Decimal | None
    so_far: Decimal | None
    is_red: bool
    is_now: bool
    is_open: bool
    loss: str
    loss_time: timedelta | None
    loss_href: str
    said_by: str
    bar: SafeString
    action_href: str
    evidence: dict[str, str]


def shift_asked(request: HttpRequest, line: Equipment, now: datetime) -> CalendarSlot | None:
    """The shift at ``?at=``, else the one going on, else the last one that ended."""
    at = instant_asked(request) or now
    found = selectors.shift_at(line_id=line.pk, at=at)
    if found is not None:
        return found
    day = selectors.day_ended(line_id=line.pk, at=at)
    shifts = selectors.day_shifts(line_id=line.pk, day=day) if day else []
    return shifts[-1] if shifts else None


@require_safe
@require("view")
def line_hours(request: HttpRequest, code: str) -> HttpResponse:
    """A shift of the line; polled, its changing part."""
    line, now = line_or_404(request, code), timezone.now()
    etag = etag_of(request, line.revision, now)  # type: ignore[attr-defined]
    if unchanged := answer_304(request, etag):
        return unchanged
    shift = shift_asked(request, line, now)
    found = production.shift_hours(line_id=line.pk, shift=shift, now=now) if shift else None
    rows = hour_rows(line, found, now) if found else []
    context: dict[str, Any] = {
        "line": line,
        "zone": selectors.site_zone(line),
        "shift": shift,
        "found": found,
        "rows": rows,
        "evidence": _evidence(line, found) if found else {},
        "open_hours": sum(row.is_open for row in rows),
        "may_act": actor_of(request).may("action.edit", line),
        "etag": etag,
        "poll_url": request.get_full_path(),
    }
    template = "mom/line_hours_live.html" if POLLED in request.headers else "mom/line_hours.html"
    return with_etag(render(request, template, context), etag)


def hour_rows(line: Equipment, found: ShiftHours, now: datetime) -> list[HourRow]:
    codes = {s.reason_code for told in found.hours for s in told.segments if s.reason_code}
    names = reason_names(codes)
    ids = {s.assertion_id for told in found.hours for s in told.segments if s.assertion_id}
    said = production.said_by_for(assertion_ids=ids)
    most = max((max(t.hour.target or 0, t.hour.good or 0) for t in found.hours), default=0) or 1
    return [_row(line, told, found, names, said, Decimal(most), now) for told in found.hours]


def _row(
    line: Equipment,
    told: HourTold,
    found: ShiftHours,
    names: dict[str, str],
    said: dict[int, str],
    most: Decimal,
    now: datetime,
) -> HourRow:
    hour = told.hour
    key, time, segments = top_loss(told)
    time_class, reason, uncoded = key
    label = names.get(reason, reason) if reason else words.class_word(time_class) if time_class else ""
    people = {said[s.assertion_id] for s in segments if s.assertion_id in said}
    paced_by = found.kpi.paced_by.code
    machine = machine_of(segments[0], paced_by) if segments else paced_by
    return HourRow(
        start=hour.start,
        end=hour.end,
        target=hour.target,
        good=hour.good,
        gap=hour.gap,
        so_far=told.so_far,
        is_red=hour.is_red,
        is_now=hour.start <= now < hour.end,
        is_open=hour.is_red and (uncoded or not people),
        loss=label,
        loss_time=time or None,
        loss_href=href(f"/equipment/{machine}/", at=segments[0].start.isoformat()) if segments else "",
        said_by=", ".join(sorted(people)),
        bar=_bar(hour, label, most),
        action_href=_action(line, hour, machine, reason, label),
        evidence=_hour_evidence(line, told, found.until),
    )


def _hour_evidence(line: Equipment, told: HourTold, until: datetime) -> dict[str, str]:
    """Where each known figure of an hour opens, as known when it was shown."""
    hour, at = told.hour, until.isoformat()
    known = {"target": hour.target, "good": hour.good, "gap": hour.gap, "gap_so_far": told.so_far, "loss": 0}
    return {
        name: figure_href(line.code, f"hour_{name}", hour.start, hour.end, at=at)
        for name, value in known.items()
        if value is not None
    }


def _evidence(line: Equipment, found: ShiftHours) -> dict[str, Any]:
    """Where the figures of the shift so far open; its target as it stands in a sentence."""
    shift, at = found.shift, found.until.isoformat()
    opens: dict[str, Any] = {
        name: figure_href(line.code, f"shift_{name}", shift.start_time, shift.end_time, at=at)
        for name in ("target", "good", "recovery", "left", "pace")
    }
    target = found.recovery.target
    shown = words.quantity(None if target is None else round(target))
    return opens | {"target_link": shown_link(opens["target"], shown)}


def _bar(hour: Hour, label: str, most: Decimal) -> SafeString:
    """Pieces against what was due by then."""
    due = hour.target if hour.due is None else hour.due
    kind = "stop" if hour.is_red else "run"
    return svg.progress(hour.good, most, target=due, label=label, kind=kind, height=16)


def _action(line: Equipment, hour: Hour, machine: str, reason: str, label: str) -> str:
    title = _("Less of: %(cause)s") % {"cause": label}
    evidence = href(f"/lines/{line.code}/hours/", at=hour.start.isoformat())
    return href("/actions/new/", equipment=machine, reason=reason, evidence=evidence, title=title)


def top_loss(told: HourTold) -> tuple[tuple[str, str, bool], timedelta, list[Segment]]:
    """The cause that took most of the hour from the machine that paces the line, clipped to the hour."""
    groups: dict[tuple[str, str, bool], list[Segment]] = {}
    times: dict[tuple[str, str, bool], timedelta] = {}
    window = Interval(told.hour.start, told.hour.end)
    for segment in told.segments:
        inside = clip(segment, window)
        if segment.time_class in LOST and inside is not None and inside.duration is not None:
            key = group_of(segment)
            groups.setdefault(key, []).append(segment)
            times[key] = times.get(key, timedelta()) + inside.duration
    if not times:
        return ("", "", False), timedelta(), []
    key = max(times, key=lambda name: (times[name], name))
    return key, times[key], groups[key]
