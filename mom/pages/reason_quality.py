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

from maintenance import selectors as maintenance
from mom.improvement.models import Action
from mom.pages.lookup import lines_seen
from plant import selectors
from plant.access import Actor, actor_of, require, scoped
from production.domain.suggestion import Hits
from production.selectors.reason_quality import ReasonUse, reason_quality, reason_uses
from production.selectors.suggestions import suggestion_hits

if TYPE_CHECKING:
    from plant.models import Equipment

DAYS = {"1d": 1, "7d": 7, "30d": 30}
DEFAULT = "7d"
MONTH = timedelta(days=30)
WEEKS = 4
SHOWN = 12


@dataclass(frozen=True, slots=True)
class Week:
    """The hits of one week over all lines shown."""

    monday: date
    hits: Hits


@dataclass(frozen=True, slots=True)
class LedTo:
    """What a month of one reason led to: the requests it raised and the actions opened on it."""

    use: ReasonUse
    requests: int
    actions: list[Action]


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
    context = {
        "lines": lines,
        "line": asked,
        "period": period,
        "periods": list(zip(DAYS, (_("24 hours"), _("7 days"), _("30 days")), strict=True)),
        "rows": [reason_quality(line=line, start=start, end=now) for line in chosen],
        "weeks": _weeks(chosen, now),
        "led": led_to(actor, chosen, now),
    }
    return render(request, "mom/reason_quality.html", context)


def _weeks(lines: list[Equipment], now: datetime) -> list[Week]:
    """The newest week first; hits of several lines added, so that their shares are of sums."""
    total: dict[date, Hits] = {}
    for line in lines:
        for monday, hits in suggestion_hits(line_id=line.pk, weeks=WEEKS, now=now).items():
            held = total.get(monday, Hits())
            total[monday] = Hits(held.asked + hits.asked, held.first + hits.first, held.among + hits.among)
    return [Week(monday, total[monday]) for monday in sorted(total, reverse=True)]


def led_to(actor: Actor, lines: list[Equipment], now: datetime) -> list[LedTo]:
    """Why we ask: the reasons of the last month that cost most time, and what came of them."""
    start = now - MONTH
    units = [unit.pk for line in lines for unit in selectors.line_work_units(line.pk)]
    uses = reason_uses(equipment_ids=units, start=start, end=now)[:SHOWN]
    raised = maintenance.requests(actor).filter(equipment_id__in=units, stop_start__gte=start)
    requests: dict[str, int] = {}
    for code in raised.values_list("reason_code", flat=True):
        requests[code] = requests.get(code, 0) + 1
    places = [*units, *(line.pk for line in lines)]
    opened = scoped(Action.objects.all(), actor).filter(
        equipment_id__in=places, reason__in=[use.reason for use in uses], opened_at__gte=start
    )
    actions: dict[int | None, list[Action]] = {}
    for action in opened.order_by("-opened_at"):
        actions.setdefault(action.reason_id, []).append(action)
    return [LedTo(use, requests.get(use.reason.code, 0), actions.get(use.reason.pk, [])) for use in uses]
