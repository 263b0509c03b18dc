"""Changeovers of a line: from which product to which, how long, how much over standard, and each of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from mom.pages.board import href
from mom.pages.lookup import lines_seen
from mom.provenance.changed_over import FIGURES
from mom.provenance.links import figure_href, order_figure_href
from plant import selectors
from plant.access import actor_of, require
from plant.domain.intervals import Interval
from production import selectors as production
from production.domain.changeover import Cell, Done
from production.domain.smed import Smed, smed
from production.selectors.changeover_steps import sequence_costs, step_ticks, ticks_told
from production.selectors.orders import dispatch_list

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plant.models import Equipment
    from production.models import ChangeoverStepAssertion, JobOrder

PERIODS = {"7d": 7, "30d": 30, "90d": 90}
DEFAULT_PERIOD = "30d"
NEXT = 3


@dataclass(frozen=True, slots=True)
class Event:
    """One changeover; opens the instant it began."""

    at: datetime
    from_order: str
    to_order: str
    duration: timedelta
    over: bool
    href: str
    done: Done
    split: Smed

    @property
    def evidence(self) -> str:
        return order_figure_href(self.to_order, "changeover")


@dataclass(frozen=True, slots=True)
class Row:
    """From one product to another. Sorted by what is lost over the standard."""

    before: str
    after: str
    cell: Cell
    events: tuple[Event, ...]
    evidence: Mapping[str, str]

    @property
    def action_title(self) -> str:
        words = {"before": self.before, "after": self.after}
        return _("Changeover %(before)s → %(after)s: find what takes longer than needed") % words


@require_safe
@require("view")
def changeovers(request: HttpRequest) -> HttpResponse:
    """The line and period of the address; the first line the reader sees otherwise."""
    lines = lines_seen(request)
    line = next((line for line in lines if line.code == request.GET.get("line")), lines[0] if lines else None)
    if line is None:
        raise Http404("no line in your scope")
    period = request.GET.get("period", "")
    period = period if period in PERIODS else DEFAULT_PERIOD
    now = timezone.now()
    found = production.line_changeovers(line_id=line.pk, start=now - timedelta(days=PERIODS[period]), end=now)
    window = Interval(now - timedelta(days=PERIODS[period]), now)
    rows = _rows(found, line.code, window) if found else []
    costs = sequence_costs(
        line_id=line.pk,
        start=now - timedelta(days=PERIODS[period]),
        end=now,
        done=found.done if found else (),
    )
    context: dict[str, Any] = {
        "line": line,
        "lines": lines,
        "zone": selectors.site_zone(line),
        "period": period,
        "periods": list(zip(PERIODS, (_("7 days"), _("30 days"), _("90 days")), strict=True)),
        "found": found,
        "rows": rows,
        "costs": costs,
        "next": _next(line),
        "evidence": _evidence(line.code, window),
        "may_act": actor_of(request).may("action.edit", line),
        "over": sum((row.cell.over or timedelta() for row in rows), timedelta()),
        "total": sum((item.duration for item in found.done), timedelta()) if found else timedelta(),
    }
    return render(request, "mom/changeovers.html", context)


def _evidence(code: str, window: Interval, **pair: str) -> dict[str, str]:
    """Where each figure of the changeovers, or of those from one product to another, opens."""
    assert window.end is not None
    return {figure: figure_href(code, figure, window.start, window.end, **pair) for figure in FIGURES}


def _rows(found: production.LineChangeovers, line: str, window: Interval) -> list[Row]:
    codes = {product.code for cell in found.cells for product in (cell.before, cell.after)}
    materials: Any = selectors.configuration_rows("plant.MaterialDefinition", code__in=codes)
    names = {material.code: material.name for material in materials}
    ticks = step_ticks(order_codes={item.to_order for item in found.done})
    rows = [
        Row(
            names.get(cell.before.code, cell.before.code),
            names.get(cell.after.code, cell.after.code),
            cell,
            tuple(_event(item, cell, found.paced_by.code, ticks) for item in reversed(cell.done)),
            _evidence(line, window, before=cell.before.code, after=cell.after.code),
        )
        for cell in found.cells
    ]
    return sorted(rows, key=lambda row: (-(row.cell.over or timedelta()), row.before, row.after))


def _event(item: Done, cell: Cell, machine: str, ticks: dict[str, list[ChangeoverStepAssertion]]) -> Event:
    over = cell.standard is not None and item.duration > cell.standard
    opens = href(f"/equipment/{machine}/", at=item.start.isoformat())
    split = smed(item.stood, ticks_told(ticks.get(item.to_order, ())))
    return Event(item.start, item.from_order, item.to_order, item.duration, over, opens, item, split)


def _next(line: Equipment) -> list[JobOrder]:
    """The next orders of the line, whose changeovers can be prepared: external steps are best done before."""
    waiting = dispatch_list(line_id=line.pk)
    return [order for order in waiting if order.started_at is None][:NEXT]
