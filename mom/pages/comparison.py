"""An order beside the best and the median of its product on its line: page and JSON of the same rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from mom.pages import svg, words
from mom.pages.comparing import (
    BEST,
    MEDIAN,
    THIS,
    Difference,
    OrderComparison,
    Side,
    TimeShare,
    largest_difference,
    order_comparison,
)
from mom.pages.etags import answer_304, etag_of, with_etag
from mom.pages.order_commands import order_or_404
from mom.record import answer
from plant import selectors
from plant.access import require
from production.domain.time_model import CLASSES


@dataclass(frozen=True, slots=True)
class TimeLine:
    """One class of time across the sides; a side without it has None."""

    time_class: str
    word: str
    kind: str
    cells: tuple[TimeShare | None, ...]


def time_lines(sides: tuple[Side, ...]) -> list[TimeLine]:
    """Every class of time any side knows, in the model's order."""
    named = {row.time_class: row.word for side in sides for row in side.time}
    return [
        TimeLine(name, named[name], words.class_kind(name), tuple(side.share_of(name) for side in sides))
        for name in CLASSES
        if name in named
    ]


def _bar(side: Side) -> SafeString:
    parts = [
        svg.Part(
            row.time_class,
            f"{row.word} · {words.span(row.seconds)} · {words.percent(row.share)}",
            words.class_kind(row.time_class),
            timedelta(seconds=row.seconds),
            row.evidence,
        )
        for row in side.time
    ]
    whole = timedelta(seconds=sum(row.seconds for row in side.time))
    return svg.split(parts, whole, label=side.code, height=22) if whole else SafeString("")


def _sides_of(found: OrderComparison) -> dict[str, Side]:
    return {role: side for side in found.sides for role in side.roles}


def difference_to_best(found: OrderComparison) -> Difference | None:
    """What this order lost more of its time to than the best; None for the best itself."""
    sides = _sides_of(found)
    best, this = sides.get(BEST), sides[THIS]
    return None if best is None or best is this else largest_difference(this, best)


@require_safe
@require("view")
def comparison(request: HttpRequest, code: str) -> HttpResponse:
    """The order's page among its like; unchanged since the reader's copy answers 304."""
    now = timezone.now()
    order = order_or_404(request, code)
    etag = etag_of(request, selectors.revision_of(order.line_id), now)
    if unchanged := answer_304(request, etag):
        return unchanged
    found = order_comparison(order, now=now)
    sides = _sides_of(found)
    context: dict[str, Any] = {
        "order": order,
        "zone": selectors.site_zone(order.line),
        "found": found,
        "this": sides[THIS],
        "best": sides.get(BEST),
        "median": sides.get(MEDIAN),
        "columns": [(side, _bar(side)) for side in found.sides],
        "times": time_lines(found.sides),
        "difference": difference_to_best(found),
        "unit": words.piece_word(order.unit),
        "paced_name": selectors.equipment_by_code(found.paced_by).name if found.paced_by else "",
    }
    return with_etag(render(request, "mom/comparison.html", context), etag)


class JobOrderComparisonView(APIView):
    """An order beside the best and the median of the finished orders of its product on its line."""

    required_action = "view"

    @extend_schema(
        operation_id="job_orders_comparison",
        tags=["job-orders"],
        responses={
            200: OpenApiResponse(response=answer.schema(OrderComparison), description="As its page."),
            304: OpenApiResponse(description="Unchanged since the ETag sent as If-None-Match."),
        },
    )
    def get(self, request: Request, code: str) -> HttpResponseBase:
        now = timezone.now()
        order = order_or_404(request._request, code)
        etag = etag_of(request._request, selectors.revision_of(order.line_id), now)
        if unchanged := answer_304(request._request, etag):
            return unchanged
        body = orjson.dumps(order_comparison(order, now=now), default=str, option=orjson.OPT_UTC_Z)
        return with_etag(HttpResponse(body, content_type="application/json"), etag)
