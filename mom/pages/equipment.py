"""One machine: its state, where its time went, what stopped it, what it counted, and its raw signals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_safe

from connectors import selectors as connectors
from mom.pages import board, definitions, svg, words
from mom.pages.etags import POLLED, answer_304, etag_of, with_etag
from mom.pages.lookup import equipment_or_404, instant_asked
from mom.pages.losses import data_quality, group_of
from mom.pages.reading import OFF_SHIFT
from mom.pages.stop_rows import rows_of
from plant import selectors
from plant.access import actor_of, require
from plant.domain.intervals import Interval, holds
from plant.domain.quantities import ratio
from production import selectors as production
from production.domain.account import Account
from production.domain.oee import seconds

if TYPE_CHECKING:
    from plant.models import CalendarSlot, Equipment

SHOWN_STOPS, SHOWN_ALARMS = 8, 6
# Many may be micro-stops, told together.
READ_STOPS = 10 * SHOWN_STOPS
AROUND = timedelta(seconds=60)
SHOWN_SAMPLES = 40
BUCKET = timedelta(minutes=5)
STALE = timedelta(seconds=60)
# By the quality an address gives with a value: 0, 1 or 2.
QUALITY_WORDS = (
    pgettext_lazy("signal quality", "good"),
    pgettext_lazy("signal quality", "uncertain"),
    pgettext_lazy("signal quality", "bad"),
)


@dataclass(frozen=True, slots=True)
class TimePart:
    label: str
    kind: str
    duration: timedelta
    share: Decimal | None
    href: str


@dataclass(frozen=True, slots=True)
class Placed:
    """A machine, its line's shift and the window its page shows."""

    unit: Equipment
    line: Equipment | None
    zone: ZoneInfo
    shift: CalendarSlot | None
    window: Interval
    now: datetime
    revision: str


def _placed(unit: Equipment, now: datetime, at: datetime | None) -> Placed:
    """The shift of the instant asked for, else the one going on, else eight hours."""
    line = selectors.line_of(unit)
    moment = at or now
    shift = selectors.shift_at(line_id=line.pk, at=moment) if line else None
    window = (
        Interval(shift.start_time, shift.end_time)
        if shift
        else Interval(moment - OFF_SHIFT, max(moment, now))
    )
    if at is not None and not shift:
        window = Interval(at - OFF_SHIFT / 2, at + OFF_SHIFT / 2)
    revision = selectors.revision_of(line.pk) if line else ""
    return Placed(unit, line, selectors.site_zone(unit), shift, window, now, revision)


@require_safe
@require("view")
def equipment(request: HttpRequest, code: str) -> HttpResponse:
    """A machine's page; a line has a page of its own. ``at`` opens the event of that instant."""
    unit = equipment_or_404(request, code)
    if unit.level == "line":
        return redirect("line", unit.code)
    now, at = timezone.now(), instant_asked(request)
    placed = _placed(unit, now, at)
    etag = etag_of(request, placed.revision or now.isoformat(), now)
    if unchanged := answer_304(request, etag):
        return unchanged
    context = {**_context(placed, at, request), "etag": etag, "poll_url": request.get_full_path()}
    template = "mom/equipment_live.html" if POLLED in request.headers else "mom/equipment.html"
    return with_etag(render(request, template, context), etag)


def _context(placed: Placed, at: datetime | None, request: HttpRequest) -> dict[str, Any]:
    assert placed.window.end is not None
    start, end = placed.window.start, min(placed.window.end, placed.now)
    account = production.account(equipment_id=placed.unit.pk, start=start, end=end) if end > start else None
    names = board.reason_names(
        {s.reason_code for s in account.segments if s.reason_code} if account else set()
    )
    marks = board.segment_marks(account, placed.unit, placed.zone, names)
    return {
        "unit": placed.unit,
        "line": placed.line,
        "zone": placed.zone,
        "shift": placed.shift,
        "window": Interval(start, end) if end > start else placed.window,
        "lane": svg.lane(
            marks,
            window=placed.window,
            zone=placed.zone,
            label=placed.unit.name,
            now=placed.now,
            height=34,
            touched=svg.EVERY,
        ),
        "axis": svg.axis(placed.window, placed.zone),
        "event": _event(placed, account, at, names) if at else None,
        "figure": _figure(placed, account, start, end),
        **_now_state(account, placed),
        **_split(account, placed, names, start, end),
        **_lists(placed, start, end, request),
        "counts": _counts(placed.unit, start, end, silent=board.is_silent(account)),
        "signals": _signals(placed.unit, placed.now),
        "time_models": definitions.models(
            production.time_models_in_force(
                equipment=placed.unit, start=start, end=max(end, start), revision=placed.revision
            )
        ),
        "slow": account if account and account.slow else None,
        "limits": definitions.limits(placed.unit),
    }


def _now_state(account: Account | None, placed: Placed) -> dict[str, Any]:
    state, since = board.state_since(account)
    last = account.segments[-1] if account and account.segments else None
    return {"state": state, "since": since, "fault": last.fault_code if last else ""}


def _figure(placed: Placed, account: Account | None, start: datetime, end: datetime) -> board.Figure | None:
    if account is None:
        return None
    found = production.kpi(equipment_id=placed.unit.pk, start=start, end=end)
    return board.Figure(
        name=_("TRS (NF E60-182)"),
        value=found.trs.trs if found else None,
        definition=_("TRS = TU / TR: useful time over required time, in the time shown (NF E60-182)."),
        quality=data_quality(account),
        href="#time",
    )


def _split(
    account: Account | None, placed: Placed, names: dict[str, str], start: datetime, end: datetime
) -> dict[str, Any]:
    """Time by class and reason; what the account does not reach is no data: the whole is the window."""
    whole = max(end - start, timedelta())
    groups: dict[tuple[str, str, bool], timedelta] = {}
    for segment in account.segments if account else ():
        key = group_of(segment)
        groups[key] = groups.get(key, timedelta()) + segment.duration
    beyond = whole - (account.span if account else timedelta())
    if beyond:
        key = ("unknown", "", False)
        groups[key] = groups.get(key, timedelta()) + beyond
    parts = sorted((_part(placed, key, time, names) for key, time in groups.items()), key=lambda p: _order(p))
    drawn = svg.split(parts, whole, label=_("Time by class"))
    rows = [
        TimePart(p.label, p.kind, p.duration, ratio(seconds(p.duration), seconds(whole)), p.href)
        for p in parts
    ]
    return {"parts": rows, "split": drawn, "whole": whole, "difference": svg.difference(parts, whole)}


def _order(part: svg.Part) -> tuple[int, timedelta]:
    kinds = ("run", "slow", "stop", "setup", "wait", "planned", "unknown")
    return kinds.index(part.kind), -part.duration


def _part(placed: Placed, key: tuple[str, str, bool], time: timedelta, names: dict[str, str]) -> svg.Part:
    time_class, reason, is_uncoded = key
    label = words.class_and_reason(words.class_word(time_class), names.get(reason, reason))
    kind = words.class_kind(time_class)
    query = {"equipment": placed.unit.code, "reason": reason, "uncoded": "1" if is_uncoded else ""}
    size = "micro" if time_class == "micro_stop" else ""
    stopped = kind in ("stop", "setup", "wait")
    return svg.Part(
        time_class, label, kind, time, board.href("/stops/", **query, size=size) if stopped else ""
    )


def _lists(placed: Placed, start: datetime, end: datetime, request: HttpRequest) -> dict[str, Any]:
    found = production.stops(actor_of(request)).filter(work_unit_id=placed.unit.pk, start_time__lt=end)
    told = production.told(found.filter(start_time__gte=start)[:READ_STOPS])
    alarms = production.alarms_between(equipment_ids=[placed.unit.pk], start=start, end=end)
    return {
        "stops": rows_of(told, production.texts_among([row.stop for row in told], alarms))[:SHOWN_STOPS],
        "alarms": [
            {
                "code": a.code,
                "text": a.text,
                "start": a.start_time,
                "end": a.end_time,
                "duration": a.end_time and a.end_time - a.start_time,
            }
            for a in reversed(alarms[-SHOWN_ALARMS:])
        ],
    }


def _counts(unit: Equipment, start: datetime, end: datetime, *, silent: bool) -> list[dict[str, Any]]:
    """None where nothing was heard: a counter that says nothing has not said zero."""
    if end <= start:
        return []
    found = production.quantities(equipment_ids=[unit.pk], start=start, end=end).get(unit.pk)
    if found is None:
        return []
    kinds = (("good", _("good")), ("scrap", _("scrap")), ("rework", _("rework")), ("total", _("total")))
    return [
        {"word": word, "quantity": quantity, "source": _("machine counter")}
        for kind, word in kinds
        if (quantity := getattr(found, kind)) is not None and (quantity or not silent)
    ]


def _event(
    placed: Placed, account: Account | None, at: datetime, names: dict[str, str]
) -> dict[str, Any] | None:
    """The segment an instant lies in, and the raw samples of the minute around its start."""
    segment = next((s for s in account.segments if holds(s, at)), None) if account else None
    if segment is None:
        return None
    return {
        "at": at,
        "start": segment.start,
        "end": segment.end,
        "duration": segment.duration,
        "kind": board.segment_kind(segment),
        "word": board.segment_word(segment),
        "cause": definitions.cause_word(segment.cause),
        "state": segment.state,
        "mode": segment.mode,
        "fault_code": segment.fault_code,
        "order_code": segment.order_code,
        "reason": names.get(segment.reason_code, segment.reason_code),
        "samples": _samples(placed.unit, segment.start),
    }


def _samples(unit: Equipment, at: datetime) -> list[dict[str, Any]]:
    signals = {signal.pk: signal for signal in connectors.signals_for(equipment_id=unit.pk)}
    rows = connectors.samples_between(signal_ids=list(signals), start=at - AROUND, end=at + AROUND)
    nearest = sorted(rows, key=lambda row: abs(row.source_time - at))[:SHOWN_SAMPLES]
    return [
        {
            "name": signals[row.signal_id].name,
            "address": signals[row.signal_id].address,
            "at": row.source_time,
            "value": row.value,
            "quality": QUALITY_WORDS[row.quality],
        }
        for row in sorted(nearest, key=lambda row: row.source_time)
    ]


def _signals(unit: Equipment, now: datetime) -> list[dict[str, Any]]:
    """Each signal with its last value; older than the machine's stale limit is marked."""
    found = connectors.signals_for(equipment_id=unit.pk)
    last = connectors.last_samples_before(signal_ids=[signal.pk for signal in found], at=now)
    limit = unit.stale_after or STALE
    rows = []
    for signal in found:
        row = last.get(signal.pk)
        rows.append(
            {
                "name": signal.name or signal.address,
                "address": signal.address,
                "role": signal.get_role_display(),
                "value": row.value if row else None,
                "unit": signal.unit,
                "at": row.source_time if row else None,
                "is_stale": row is None or now - row.source_time > limit,
                "connection": signal.connection.slug,
                "owner": signal.department.name if signal.department_id and signal.department else "",
            }
        )
    return rows
