"""A line over a range of production days, by product, shift and weekday; every figure opens."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from mom.pages.analysing import BY, Behind, Table, behind, tables
from mom.pages.etags import answer_304, etag_of, with_etag
from mom.pages.lookup import line_or_404, lines_seen
from plant import selectors
from plant.access import require
from production.selectors.analysis import LineDays, line_days

if TYPE_CHECKING:
    from plant.models import Equipment

PERIODS = (7, 30, 90)
DEFAULT = 30
LONGEST = 92  # days: a quarter, and a page somebody still reads


def last_day(line: Equipment, now: datetime) -> date:
    """The last production day that is over; today's date where the line has none."""
    return selectors.day_ended(line_id=line.pk, at=now) or now.date()


def days_asked(start: str, end: str, last: date) -> tuple[date, date]:
    """The range asked for, both days included; nonsense is the default. Never longer than a quarter."""
    until = _day(end) or last
    since = _day(start) or until - timedelta(days=DEFAULT - 1)
    since, until = min(since, until), max(since, until)
    return max(since, until - timedelta(days=LONGEST - 1)), until


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@require_safe
@require("view")
def line_analysis(request: HttpRequest, code: str) -> HttpResponse:
    """``start`` and ``end``: production days; ``by``, ``key``, ``cause``: the figure to open."""
    now = timezone.now()
    line = line_or_404(request, code)
    etag = etag_of(request, line.revision, now)  # type: ignore[attr-defined]
    if unchanged := answer_304(request, etag):
        return unchanged
    last = last_day(line, now)
    start, end = days_asked(request.GET.get("start", ""), request.GET.get("end", ""), last)
    found = line_days(line_id=line.pk, start=start, end=end, now=now)
    query = {"start": start.isoformat(), "end": end.isoformat()}
    context: dict[str, Any] = {
        "line": line,
        "lines": lines_seen(request),
        "start": start,
        "end": end,
        "periods": _periods(last, start, end),
        "found": found,
        "tables": tables(found, query) if found and found.laps else [],
        **(_behind(request, found) if found else {}),
    }
    return with_etag(render(request, "mom/analysis.html", context), etag)


def _periods(last: date, start: date, end: date) -> list[tuple[str, str, bool]]:
    """Presets as name, query and whether it is the one shown."""
    named = zip(PERIODS, (_("7 days"), _("30 days"), _("90 days")), strict=True)
    found = []
    for days, name in named:
        since = last - timedelta(days=days - 1)
        found.append((name, f"?start={since}&end={last}", (since, last) == (start, end)))
    return found


def _behind(request: HttpRequest, found: LineDays) -> dict[str, Any]:
    by, key, cause = (request.GET.get(name, "") for name in ("by", "key", "cause"))
    if by not in BY:
        return {}
    rows: list[Behind] = behind(found, by=by, key=key, cause=cause)
    table: Table | None = next((one for one in tables(found, {}) if one.by == by and found.laps), None)
    group = next((one for one in table.groups if one.key == key), None) if table else None
    row = next((one for one in table.causes if one.key == cause), None) if table and cause else None
    return {"by": by, "behind": rows, "behind_group": group, "behind_cause": row}
