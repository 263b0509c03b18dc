"""Reason quality: how well stops are explained, whether suggestions hit, and what the reasons led to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from mom.improvement.led_to import led_to
from mom.pages.lookup import lines_seen
from plant.access import actor_of, require
from production.domain.suggestion import Hits
from production.selectors.reason_quality import reason_quality
from production.selectors.suggestions import suggestion_hits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plant.models import Equipment, Reason

DAYS = {"1d": 1, "7d": 7, "30d": 30}
DEFAULT = "7d"
WEEKS = 4
SHOWN = 12


@dataclass(frozen=True, slots=True)
class Week:
    """The hits of one week over all lines shown."""

    monday: date
    hits: Hits


@require_safe
@require("view")
def reason_quality_page(request: HttpRequest) -> HttpResponse:
    """Lines in the reader's scope; nothing on it tells one person from another."""
    actor, now = actor_of(request), timezone.now()
    asked, period = request.GET.get("line", ""), request.GET.get("period", "")
    period = period if period in DAYS else DEFAULT
    lines = lines_seen(request)
    chosen = [line for line in lines if line.code == asked] or lines
    start = now - timedelta(days=DAYS[period])
    rows = [reason_quality(line=line, start=start, end=now) for line in chosen]
    context = {
        "lines": lines,
        "line": asked,
        "period": period,
        "periods": list(zip(DAYS, (_("24 hours"), _("7 days"), _("30 days")), strict=True)),
        "rows": rows,
        "unused": [(row.line, _named_once(row.unused)) for row in rows],
        "weeks": _weeks(chosen, now),
        "led": led_to(actor=actor, lines=chosen, now=now, most=SHOWN),
    }
    return render(request, "mom/reason_quality.html", context)


def _named_once(reasons: Sequence[Reason]) -> list[tuple[str, int]]:
    """Names with how many reasons have each: machines of several classes have a reason of one name each."""
    counted: dict[str, int] = {}
    for reason in reasons:
        counted[reason.name] = counted.get(reason.name, 0) + 1
    return list(counted.items())


def _weeks(lines: list[Equipment], now: datetime) -> list[Week]:
    """The newest week first; hits of several lines added, so that their shares are of sums."""
    total: dict[date, Hits] = {}
    for line in lines:
        for monday, hits in suggestion_hits(line_id=line.pk, weeks=WEEKS, now=now).items():
            held = total.get(monday, Hits())
            total[monday] = Hits(held.asked + hits.asked, held.first + hits.first, held.among + hits.among)
    return [Week(monday, total[monday]) for monday in sorted(total, reverse=True)]
