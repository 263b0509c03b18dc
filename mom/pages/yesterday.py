"""Yesterday, the page of the daily meeting: one line, one production day, where every missing piece went."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from mom.pages import words
from mom.pages.day_causes import Causes, causes, day_href, figure, owners, told_with
from mom.pages.etags import answer_304, etag_of, with_etag
from mom.pages.lookup import day_or_404, line_or_404, lines_seen
from mom.provenance.links import shown_link
from mom.record.plan import versions
from plant import selectors
from plant.access import actor_of, require
from production import selectors as production
from production.selectors.changeover_steps import RUN_WITHIN, sequence_costs

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from mom.record.model import VersionRow
    from plant.models import Equipment
    from production.domain.changeover import Done
    from production.domain.missing import Changeover
    from production.selectors import LineDay
    from production.selectors.changeover_steps import SequenceCost

DAY = timedelta(days=1)


@require_safe
@require("view")
def yesterday(request: HttpRequest) -> HttpResponse:
    """The last production day that is over, of the line named or of the first one the reader sees."""
    lines = lines_seen(request)
    line = next((line for line in lines if line.code == request.GET.get("line")), lines[0] if lines else None)
    if line is None:
        raise Http404("no line in your scope")
    now = timezone.now()
    day = selectors.day_ended(line_id=line.pk, at=now) or now.date() - DAY
    return redirect("line_day", line.code, day.isoformat())


@require_safe
@require("view")
def line_day(request: HttpRequest, code: str, day: str) -> HttpResponse:
    """One production day of a line."""
    wanted = day_or_404(day)
    try:
        around = wanted - DAY, wanted + DAY
    except OverflowError:
        raise Http404(f"read {day!r}, expected a date such as 2026-03-25") from None
    line = line_or_404(request, code)
    etag = etag_of(request, line.revision, timezone.now())  # type: ignore[attr-defined]
    if unchanged := answer_304(request, etag):
        return unchanged
    found = production.line_day(line_id=line.pk, day=wanted)
    context = {
        "line": line,
        "lines": lines_seen(request),
        "day": wanted,
        "before": around[0],
        "after": around[1] if wanted < timezone.now().date() else None,
        "zone": selectors.site_zone(line),
        "may_act": actor_of(request).may("action.edit", line),
        **(_told(line, found) if found else {}),
    }
    return with_etag(render(request, "mom/line_day.html", context), etag)


def _told(line: Equipment, found: LineDay) -> dict[str, Any]:
    told = causes(found)
    zone = selectors.site_zone(line)
    top = next((row for row in told.rows if not row.is_accepted), None)
    return {
        "found": found,
        **told_with(found, told),
        "top": top,
        "top_pieces": shown_link(top.evidence["pieces"], words.quantity(top.pieces)) if top else "",
        "departments": departments(found, told),
        "figure": figure(found),
        "plan": [(item, day_href(found, "planned", order=item.order.code)) for item in found.plan],
        "versions": plan_changes(found, zone),
        "costs": day_costs(found, timezone.now()),
        "changeovers": changed_over(found),
    }


def departments(found: LineDay, told: Causes) -> list[tuple[str, int, str]]:
    """Pieces by department, the dearest first, and where they open."""
    codes = {row.department: row.department_code for row in told.rows}
    return [
        (name, pieces, day_href(found, "day_department", by=codes[name]))
        for name, pieces in owners(told.rows)
        if name
    ]


def day_costs(found: LineDay, now: datetime) -> list[SequenceCost]:
    """What each change of sequence decided in the day cost, as the page of changeovers tells it too."""
    if not found.resequenced:
        return []
    until = min(now, found.end + RUN_WITHIN)
    run = production.line_changeovers(line_id=found.line.pk, start=found.start, end=until)
    costs = sequence_costs(
        line_id=found.line.pk, start=found.start, end=found.end, done=run.done if run else ()
    )
    return costs[::-1]


def changed_over(found: LineDay) -> list[tuple[Changeover, Done | None]]:
    """Each change of order with how long it took; None while nobody knows, as at the edges of the day."""
    took = {(done.from_order, done.to_order): done for done in found.changed_over}
    return [(change, took.get((change.from_order, change.to_order))) for change in found.changeovers]


def plan_changes(found: LineDay, zone: ZoneInfo) -> list[tuple[str, VersionRow]]:
    """What changed in the plan during the day, each order's versions told against the one before.

    A move in the sequence is told once, by its decision.
    """
    orders = {version.job_order_id: version.job_order.code for version in found.versions}
    told = [
        (code, row)
        for pk, code in orders.items()
        for row in versions(production.plan_versions(job_order_id=pk), zone)
        if found.start <= row.at < found.end and row.change == "update"
    ]
    return sorted(told, key=lambda item: item[1].at)
