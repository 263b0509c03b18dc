"""Why is this number? Every figure opens what it was made of, as a page and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from mom.pages import words
from mom.pages.board import href
from mom.pages.lookup import equipment_or_404
from mom.pages.order_commands import order_or_404
from mom.provenance import by_hour, changed_over, halting, lost, of_day, order, planned, times, window
from mom.provenance.cause import Cause
from mom.provenance.model import HOURS, MONEY, NUMBER, RATIO, SECONDS, Evidence
from mom.record import answer
from plant import selectors
from plant.access import require
from plant.rest import refuse_unknown

if TYPE_CHECKING:
    from plant.models import Equipment

# What a page lists of one term; all of it is in the JSON.
SHOWN = 500
LONGEST = timedelta(days=100)
DESCRIBED = {
    "class": "Class of time, such as breakdown.",
    "reason": "Code of a reason; empty for time without one.",
    "uncoded": "1: time that waits for a reason.",
    "kind": "How the walk to the cause ended, such as machine or no_material.",
    "machine": "Where it began.",
    "by": "Machine that counted, or people; of a day: a department.",
    "at": "Against the plan, and hour by hour: as known at this instant; now if left out.",
    "before": "Changeovers: product changed over from.",
    "after": "Changeovers: product changed over to.",
    "order": "Planned: of this order alone.",
}
ASKED = ("start", "end", *DESCRIBED)
PARAMETERS = [OpenApiParameter(name, OpenApiTypes.STR, description=text) for name, text in DESCRIBED.items()]
WINDOW = [
    OpenApiParameter("start", OpenApiTypes.DATETIME, required=True, description="Start, included."),
    OpenApiParameter("end", OpenApiTypes.DATETIME, required=True, description="End, excluded."),
]


def shown_value(value: Decimal | None, kind: str, currency: str = "") -> str:
    """A value as every page shows its kind."""
    if value is None:
        return "–"
    if kind == RATIO:
        return words.percent(value)
    if kind == SECONDS:
        return words.span(float(value))
    if kind == MONEY:
        return words.money(value, currency)
    if kind == HOURS:
        return words.quantity(round(value, 2))
    return words.quantity(value if kind == NUMBER else round(value))


@dataclass(frozen=True, slots=True)
class TermShown:
    """A term with the rows a page lists of it, and how many more there are."""

    term: Any
    rows: tuple[Any, ...]
    more: int
    text: str


def _instant(asked: dict[str, str], name: str) -> datetime:
    try:
        at = datetime.fromisoformat(asked[name].replace(" ", "+"))
    except ValueError:
        raise Http404(f"read {name}={asked[name]!r}, expected an instant") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _window(asked: dict[str, str]) -> tuple[datetime, datetime]:
    start, end = _instant(asked, "start"), _instant(asked, "end")
    if not start < end <= start + LONGEST:
        raise Http404("read a window that is empty or longer than 100 days")
    return start, end


def cause_of(asked: dict[str, str]) -> Cause:
    return Cause(asked["kind"], asked["machine"], asked["reason"], asked["class"], asked["uncoded"] == "1")


def _of_equipment(unit: Equipment, figure: str, asked: dict[str, str]) -> Evidence:
    if figure in changed_over.SEQUENCE and unit.level == "line":
        at, now = _instant(asked, "at"), timezone.now()
        found = changed_over.sequence_evidence(line=unit, figure=figure, at=at, now=now)
        if found is None:
            raise Http404(f"no change of sequence of {unit.code} at this instant")
        return found
    found = _in_window(unit, figure, asked)
    if found is None:
        raise Http404(f"nothing is known of {unit.code} in this time")
    return found


def _in_window(unit: Equipment, figure: str, asked: dict[str, str]) -> Evidence | None:
    start, end = _window(asked)
    if figure in window.FIGURES:
        return window.window_evidence(equipment=unit, figure=figure, start=start, end=end)
    if figure in ("time", "time_pieces"):
        return times.time_evidence(
            equipment=unit,
            start=start,
            end=end,
            time_class=asked["class"],
            reason=asked["reason"] or None,
            uncoded=asked["uncoded"] == "1",
            pieces=figure == "time_pieces",
        )
    if unit.level == "line":
        return _of_line(unit, figure, start, end, asked)
    raise Http404(f"no figure {figure}")


def _of_line(
    line: Equipment, figure: str, start: datetime, end: datetime, asked: dict[str, str]
) -> Evidence | None:
    if figure == "planned":
        return planned.planned_evidence(line=line, start=start, end=end, order=asked["order"])
    if figure in lost.READINGS:
        return lost.lost_evidence(line=line, start=start, end=end, cause=cause_of(asked), figure=figure)
    if figure in halting.FIGURES:
        return halting.halting_evidence(line=line, figure=figure, start=start, end=end)
    if figure in changed_over.FIGURES:
        return changed_over.changeover_evidence(
            line=line, figure=figure, start=start, end=end, before=asked["before"], after=asked["after"]
        )
    if figure in by_hour.FIGURES:
        at = _instant(asked, "at") if asked["at"] else timezone.now()
        return by_hour.by_hour_evidence(line=line, figure=figure, start=start, end=end, at=at)
    if figure in of_day.FIGURES:
        wanted = of_day.Asked(asked["class"], asked["reason"], asked["machine"], asked["kind"], asked["by"])
        return of_day.day_evidence(line=line, figure=figure, start=start, end=end, asked=wanted)
    raise Http404(f"no figure {figure}")


def _of_order(code: str, request: HttpRequest, figure: str, asked: dict[str, str]) -> Evidence:
    found_order = order_or_404(request, code)
    if figure not in order.FIGURES:
        raise Http404(f"no figure {figure}")
    found = order.order_evidence(
        order=found_order,
        figure=figure,
        cause=cause_of(asked),
        by=asked["by"],
        at=_instant(asked, "at") if asked["at"] else timezone.now(),
    )
    if found is None:
        raise Http404(f"nothing tells {figure} of {code}")
    return found


def _asked(given: Any) -> dict[str, str]:
    return {name: given.get(name, "") for name in ASKED}


def _page(request: HttpRequest, found: Evidence, place: Equipment, back: str) -> HttpResponse:
    terms = [
        TermShown(
            term,
            term.rows[:SHOWN],
            max(len(term.rows) - SHOWN, 0),
            shown_value(term.amount, term.unit, found.currency),
        )
        for term in found.terms
    ]
    context = {
        "found": found,
        "terms": terms,
        "value": shown_value(found.shown, found.kind, found.currency),
        "computed": shown_value(found.computed, found.kind, found.currency),
        "zone": selectors.site_zone(place),
        "back": back,
        "as_json": f"/api/v1{request.get_full_path()}".replace("/orders/", "/job-orders/", 1).replace(
            "/?", "?", 1
        ),
        "now": timezone.now(),
    }
    return render(request, "mom/evidence.html", context)


@require_safe
@require("view")
def equipment_figure(request: HttpRequest, code: str, figure: str) -> HttpResponseBase:
    """What a figure of a machine or line was made of, in the window its page showed."""
    unit = equipment_or_404(request, code)
    found = _of_equipment(unit, figure, _asked(request.GET))
    return _page(request, found, unit, _back(unit, figure, found.start))


def _back(unit: Equipment, figure: str, start: datetime) -> str:
    """The page that shows such figures."""
    if unit.level != "line":
        return f"/equipment/{unit.code}/"
    if figure in by_hour.FIGURES:
        return href(f"/lines/{unit.code}/hours/", at=start.isoformat())
    shift = selectors.shift_at(line_id=unit.pk, at=start) if figure in of_day.FIGURES else None
    return f"/lines/{unit.code}/days/{shift.production_day}/" if shift else f"/lines/{unit.code}/"


@require_safe
@require("view")
def order_figure(request: HttpRequest, code: str, figure: str) -> HttpResponseBase:
    """What a figure of an order's record was made of."""
    place = order_or_404(request, code).line
    return _page(request, _of_order(code, request, figure, _asked(request.GET)), place, f"/orders/{code}/")


SCHEMA = OpenApiResponse(response=answer.schema(Evidence), description="All the figure was made of.")


class EquipmentFigureView(APIView):
    """What a figure of a machine or line was made of: trs, oee, good, planned, time, lost and others."""

    required_action = "view"

    @extend_schema(
        operation_id="equipment_figure",
        tags=["equipment"],
        parameters=[*WINDOW, *PARAMETERS],
        responses={200: SCHEMA},
    )
    def get(self, request: Request, code: str, figure: str) -> HttpResponse:
        refuse_unknown(request, set(ASKED))
        unit = equipment_or_404(request._request, code)
        return _json(_of_equipment(unit, figure, _asked(request.query_params)))


class OrderFigureView(APIView):
    """What a figure of an order's record was made of: good, scrap, rework, started, worked, time, lost."""

    required_action = "view"

    @extend_schema(
        operation_id="job_orders_figure", tags=["job-orders"], parameters=PARAMETERS, responses={200: SCHEMA}
    )
    def get(self, request: Request, code: str, figure: str) -> HttpResponse:
        refuse_unknown(request, set(ASKED))
        try:
            found = _of_order(code, request._request, figure, _asked(request.query_params))
        except ObjectDoesNotExist:
            raise Http404(_("no order %(code)s") % {"code": code}) from None
        return _json(found)


def _json(found: Evidence) -> HttpResponse:
    return HttpResponse(answer.rows_json(found), content_type="application/json")
