"""/api/v1/equipment/<code>/analysis: a line by product, shift and weekday over production days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import orjson
from django.http import HttpResponse, HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.views import APIView

from mom.pages.analysing import BY, key_of
from mom.pages.analysis import days_asked, last_day
from mom.pages.etags import answer_304, etag_of, with_etag
from mom.pages.lookup import line_or_404
from mom.record import answer
from plant.rest import refuse_unknown
from production.domain.analysis import FEWEST, Lap, Sums, summed
from production.domain.oee import seconds
from production.selectors.analysis import LineDays, line_days

if TYPE_CHECKING:
    from collections.abc import Iterable

STEP = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class LostTo:
    """Time lost to one cause on what paces the line."""

    time_class: str
    reason: str | None
    uncoded: bool
    seconds: Decimal


@dataclass(frozen=True, slots=True)
class GroupAnswer:
    """One product, shift or weekday (0 is Monday). ``is_few``: fewer than three orders, or shifts.

    ``rate``: pieces per hour of run time; ``against_ideal``: that over the ideal rate. Lost time and
    ``speed_and_rejects_seconds`` add up to required less useful time.
    """

    key: str
    orders: tuple[str, ...]
    shifts: tuple[str, ...]
    is_few: bool
    required_seconds: Decimal
    good: Decimal | None
    scrap: Decimal | None
    scrap_share: Decimal | None
    rate: Decimal | None
    against_ideal: Decimal | None
    trs: Decimal | None
    oee: Decimal | None
    lost: tuple[LostTo, ...]
    speed_and_rejects_seconds: Decimal | None


@dataclass(frozen=True, slots=True)
class AnalysisAnswer:
    """A line over production days, both included. ``shifts_left_out``: over, without data to the end."""

    line: str
    paced_by: str | None
    start: str
    end: str
    shifts: int
    shifts_left_out: int
    product: tuple[GroupAnswer, ...]
    shift: tuple[GroupAnswer, ...]
    weekday: tuple[GroupAnswer, ...]


def analysis_answer(line: str, start: date, end: date, found: LineDays | None) -> AnalysisAnswer:
    by = {name: tuple(_groups(name, found.laps if found else ())) for name in BY}
    return AnalysisAnswer(
        line=line,
        paced_by=found.paced_by.code if found else None,
        start=start.isoformat(),
        end=end.isoformat(),
        shifts=len(found.shifts) if found else 0,
        shifts_left_out=len(found.left_out) if found else 0,
        **by,
    )


def _groups(by: str, laps: Iterable[Lap]) -> list[GroupAnswer]:
    grouped: dict[str, list[Lap]] = {}
    for lap in laps:
        if by != "product" or lap.order_code:
            grouped.setdefault(key_of(by, lap), []).append(lap)
    return [_group(by, key, summed(rows)) for key, rows in sorted(grouped.items())]


def _group(by: str, key: str, sums: Sums) -> GroupAnswer:
    rest = sums.speed_and_rejects
    return GroupAnswer(
        key=key,
        orders=sums.orders,
        shifts=tuple(f"{day.isoformat()}/{code}" for day, code in sums.shifts),
        is_few=len(sums.orders if by == "product" else sums.shifts) < FEWEST,
        required_seconds=seconds(sums.required),
        good=_six(sums.good),
        scrap=_six(sums.scrap),
        scrap_share=_six(sums.scrap_share),
        rate=_six(sums.rate),
        against_ideal=_six(sums.against_ideal),
        trs=_six(sums.trs.trs),
        oee=_six(sums.oee.oee),
        lost=tuple(
            LostTo(cause.time_class, cause.reason_code or None, cause.uncoded, seconds(time))
            for cause, time in sums.lost.items()
        ),
        speed_and_rejects_seconds=None if rest is None else seconds(rest),
    )


def _six(value: Decimal | None) -> Decimal | None:
    return None if value is None else Decimal(value).quantize(STEP)


def _day(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.DATE, description=description)


class LineAnalysisView(APIView):
    """A line by product, shift and weekday over production days; nothing is told by person."""

    required_action = "view"

    @extend_schema(
        operation_id="equipment_analysis",
        tags=["equipment"],
        parameters=[
            _day("start", "First production day; 30 days before the last one if left out."),
            _day("end", "Last production day, included; the last one that is over if left out."),
        ],
        responses={
            200: OpenApiResponse(response=answer.schema(AnalysisAnswer), description="As its page."),
            304: OpenApiResponse(description="Unchanged since the ETag sent as If-None-Match."),
        },
    )
    def get(self, request: Request, code: str) -> HttpResponseBase:
        refuse_unknown(request, {"start", "end"})
        now, asked = timezone.now(), request._request
        line = line_or_404(asked, code)
        etag = etag_of(asked, line.revision, now)  # type: ignore[attr-defined]
        if unchanged := answer_304(asked, etag):
            return unchanged
        given = {name: request.query_params.get(name, "") for name in ("start", "end")}
        for name, text in given.items():
            if text and not _is_day(text):
                raise exceptions.ValidationError(
                    {name: [f"read {text!r}, expected a day such as 2026-03-25"]}
                )
        start, end = days_asked(given["start"], given["end"], last_day(line, now))
        found = line_days(line_id=line.pk, start=start, end=end, now=now)
        body = orjson.dumps(analysis_answer(line.code, start, end, found), default=str)
        return with_etag(HttpResponse(body, content_type="application/json"), etag)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
