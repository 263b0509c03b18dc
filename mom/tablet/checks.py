"""Quality checks at the station: what is due, and one value entered against its limits, judged at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from mom.pages.words import quantity as number_word
from mom.tablet import session
from mom.tablet.answers import done, refused
from mom.tablet.outbox import key_of, tapped_at
from mom.tablet.page import page, running_order
from mom.tablet.scan import number_read
from mom.tablet.sure import SURE, far_limits, is_far
from plant.access import actor_of, posts
from quality import selectors as quality
from quality.services import CheckRefused, Measurement, result_record

if TYPE_CHECKING:
    from mom.tablet.session import Station
    from quality.models import TestSpecification

SOON = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class CheckTile:
    """A check of the running order; ``due_at`` None: nothing asks for it now."""

    code: str
    name: str
    limits: str
    due_at: datetime | None
    is_due: bool


def limits_words(lower: Decimal | None, upper: Decimal | None, unit: str) -> str:
    if lower is None and upper is None:
        return _("no limits")
    if lower is None:
        text = _("at most %(n)s") % {"n": number_word(upper)}
    elif upper is None:
        text = _("at least %(n)s") % {"n": number_word(lower)}
    else:
        text = f"{number_word(lower)} – {number_word(upper)}"
    return f"{text} {unit}".strip()


def checks_here(station: Station, now: datetime) -> list[CheckTile]:
    """Every check of the running order, what is due first."""
    order = running_order(station)
    if order is None:
        return []
    due = {check.specification.pk: check.due_at for check in quality.checks_due(order, now=now, ahead=SOON)}
    tiles = [_tile(each, due.get(each.pk), now) for each in quality.specifications_for_order(order)]
    far = now + timedelta(days=365)
    return sorted(tiles, key=lambda tile: (tile.due_at or far, tile.code))


def _tile(each: TestSpecification, due_at: datetime | None, now: datetime) -> CheckTile:
    limits = limits_words(each.lower, each.upper, each.unit)
    return CheckTile(each.code, each.name or each.code, limits, due_at, due_at is not None and due_at <= now)


@session.reads
def checks(request: HttpRequest) -> HttpResponseBase:
    station = session.station_of(request)
    if station is None:
        return redirect("tablet_start")
    now = timezone.now()
    tiles = checks_here(station, now)
    return page(
        request, "mom/tablet_checks.html", station, tiles=tiles, order=running_order(station), now=now
    )


@posts("quality.record")
def check(request: HttpRequest, code: str) -> HttpResponseBase:
    return _check_record(request, code) if request.method == "POST" else _check_page(request, code)


@session.reads
def _check_page(request: HttpRequest, code: str) -> HttpResponseBase:
    station = session.station_of(request)
    if station is None:
        return redirect("tablet_start")
    return _check_form(request, station, _known(station, code))


def _check_form(
    request: HttpRequest, station: Station, found: TestSpecification, *, asked: str = "", status: int = 200
) -> HttpResponseBase:
    limits = _limits(found.code)
    return page(
        request,
        "mom/tablet_check.html",
        station,
        status=status,
        check=found,
        limits=limits,
        far=far_limits(found.lower, found.upper),
        typed=request.POST.get("value", ""),
        asked=asked,
        question=_("is far outside %(limits)s. Is it what you measured?") % {"limits": limits},
    )


def _known(station: Station, code: str) -> TestSpecification:
    try:
        found = quality.specification_by_code(code)
    except ObjectDoesNotExist:
        raise Http404(code) from None
    if not found.equipment.path.startswith(station.line.path):
        raise Http404(code)
    return found


def _limits(code: str) -> str:
    found = quality.specification_by_code(code)
    return limits_words(found.lower, found.upper, found.unit)


@session.writes("quality.record")
def _check_record(request: HttpRequest, code: str) -> HttpResponseBase:
    station = session.station_of(request)
    if station is None:
        return redirect("tablet_start")
    found = _known(station, code)
    typed = request.POST.get("value", "")
    value = number_read(typed)
    if value is None:
        message = _("Value: read “%(typed)s”, expected a number.") % {"typed": typed}
        return refused(
            request, message, station=station, status=422, back=reverse("tablet_check", args=[code])
        )
    if SURE not in request.POST and is_far(value, found.lower, found.upper):
        asked = f"{number_word(value)} {found.unit}".strip()
        return _check_form(request, station, found, asked=asked, status=422)
    at = tapped_at(request)
    order = running_order(station, at)
    measurement = Measurement(value=value, measured_at=at, job_order_id=order.pk if order else None)
    try:
        result = result_record(
            specification_code=code,
            measurement=measurement,
            by=actor_of(request),
            source="tablet",
            key=key_of(request),
        )
    except CheckRefused as refusal:
        return refused(request, str(refusal), station=station, status=422)
    name = found.name or found.code
    words = {"check": name, "value": f"{number_word(value)} {found.unit}".strip(), "limits": _limits(code)}
    if result.judgement == "fail":
        words["number"] = getattr(getattr(result, "nonconformance", None), "code", "")
        message = _("%(check)s %(value)s is outside %(limits)s: deviation %(number)s is open.") % words
        return done(request, message, where=reverse("tablet_checks"))
    if result.judgement == "pass":
        return done(
            request, _("%(check)s %(value)s is within limits.") % words, where=reverse("tablet_checks")
        )
    return done(request, _("%(check)s %(value)s is kept.") % words, where=reverse("tablet_checks"))
