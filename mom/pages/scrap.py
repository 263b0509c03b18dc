"""Scrap of a line by reason, machine, product and shift; saying why, later and in parts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from mom.pages import svg, words
from mom.pages.board import href, reason_names
from mom.pages.etags import answer_304, etag_of, with_etag
from mom.pages.lookup import line_or_404
from mom.tablet.answers import SeeOther
from mom.tablet.session import key_new, write_once
from plant import selectors
from plant.access import Actor, actor_of, require
from production import services
from production.domain.scrap import Portion, Scrap, pareto
from production.selectors.lookups import job_order_for_code
from production.selectors.record import job_response
from production.selectors.scrap import order_scrap, scrap_between, scrap_entries, scrap_reasons
from production.selectors.stopped import counts_for_ids

if TYPE_CHECKING:
    from plant.models import Equipment
    from production.models import CountAssertion, JobOrder

PERIODS = {"1d": 1, "7d": 7, "30d": 30}
DEFAULT = "7d"
ENTER = "count.enter"


@dataclass(frozen=True, slots=True)
class BarRow:
    """One reason of the Pareto."""

    word: str
    quantity: Decimal
    share: Decimal | None
    cumulative: Decimal | None
    bar: SafeString


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """Scrap of one reason at one machine, of one product and shift."""

    machine: str
    product: str
    shift: str
    word: str
    quantity: Decimal


@require_safe
@require("view")
def line_scrap(request: HttpRequest, code: str) -> HttpResponseBase:
    """``period``: 1d, 7d or 30d; ``order``: of one order instead."""
    line = line_or_404(request, code)
    now = timezone.now()
    etag = etag_of(request, line.revision, now)  # type: ignore[attr-defined]
    if unchanged := answer_304(request, etag):
        return unchanged
    return with_etag(_page(request, line, now), etag)


def _page(request: HttpRequest, line: Equipment, now: datetime) -> HttpResponse:
    period = request.GET.get("period", "")
    period = period if period in PERIODS else DEFAULT
    order, start = _order(request, line), now - timedelta(days=PERIODS[period])
    units = selectors.line_work_units(line.pk)
    found = _found(line, order, start, now)
    entries = scrap_entries(
        equipment_ids=[line.pk, *(unit.pk for unit in units)],
        start=start,
        end=now,
        order_code=order.code if order else "",
    )
    names = reason_names({row.reason_code for row in found.rows} - {""})
    slots = selectors.calendar_slots(line_id=line.pk, start=start, end=now)
    shifts = {slot.code: slot.name for slot in slots if slot.kind == "shift"}
    context = {
        "line": line,
        "order": order,
        "period": period,
        "periods": list(zip(PERIODS, (_("24 hours"), _("7 days"), _("30 days")), strict=True)),
        "total": found.total,
        "not_told": found.not_told,
        "bars": _bars(found, names),
        "rows": _rows(found, names, units, shifts),
        "entries": entries,
        "reasons": scrap_reasons(line),
        "units": units,
        "may": actor_of(request).may(ENTER, line),
        "key": key_new(),
    }
    return render(request, "mom/scrap.html", context)


def _order(request: HttpRequest, line: Equipment) -> JobOrder | None:
    code = request.GET.get("order", "") or request.POST.get("order", "")
    if not code:
        return None
    try:
        order = job_order_for_code(code)
    except ObjectDoesNotExist:
        raise Http404(f"no order {code}") from None
    if order.line_id != line.pk:
        raise Http404(f"no order {code} on {line.code}")
    return order


def _found(line: Equipment, order: JobOrder | None, start: datetime, now: datetime) -> Scrap:
    if order is not None:
        return order_scrap(job_response(job_order_id=order.pk)) or Scrap(())
    return scrap_between(equipment_id=line.pk, start=start, end=now)


def _bars(found: Scrap, names: dict[str, str]) -> list[BarRow]:
    bars = pareto(found)
    most = max((bar.row.quantity for bar in bars), default=Decimal(1))
    return [
        BarRow(
            word := _word(bar.row.reason_code, names),
            bar.row.quantity,
            bar.share,
            bar.cumulative,
            svg.progress(
                bar.row.quantity, max(most, Decimal(1)), label=word, kind=_kind(bar.row.reason_code)
            ),
        )
        for bar in bars
    ]


def _kind(reason_code: str) -> str:
    return words.STOP if reason_code else words.UNKNOWN


def _word(reason_code: str, names: dict[str, str]) -> str:
    return names.get(reason_code, reason_code) or _("not told")


def _rows(
    found: Scrap, names: dict[str, str], units: list[Equipment], shifts: dict[str, str]
) -> list[PlaceRow]:
    machines = {unit.code: unit.name for unit in units}
    rows: Any = selectors.configuration_rows(
        "plant.MaterialDefinition", code__in={row.place.product for row in found.rows}
    )
    products = {row.code: row.name for row in rows}
    ordered = sorted(found.rows, key=lambda row: (-row.quantity, row.place, row.reason_code))
    return [
        PlaceRow(
            machines.get(row.place.machine, _("the line as a whole")),
            products.get(row.place.product, row.place.product),
            shifts.get(row.place.shift) or row.place.shift,
            _word(row.reason_code, names),
            row.quantity,
        )
        for row in ordered
    ]


@require_POST
@require(ENTER)
def line_scrap_say(request: HttpRequest, code: str) -> HttpResponseBase:
    """A reason for an earlier count, a part of it, or pieces of a machine nobody spoke of yet."""
    line = line_or_404(request, code)
    actor = actor_of(request)
    actor.require(ENTER, line)
    asked = {name: request.GET.get(name, "") for name in ("order", "period")}
    back = href(reverse("line_scrap", args=[line.code]), **{k: v for k, v in asked.items() if v})

    def write() -> HttpResponseBase:
        try:
            _keep(request, line, actor)
        except services.StaleView:
            messages.error(request, _("This count was corrected meanwhile. Look at it again."))
        except ValueError as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("Kept."))
        return SeeOther(back)

    return write_once(request, actor, write)


def _keep(request: HttpRequest, line: Equipment, by: Actor) -> None:
    given, reason = request.POST.get("quantity", "").strip(), request.POST.get("reason", "")
    if entry := request.POST.get("entry", ""):
        _anew(line, entry, given, reason, by)
        return
    units = {unit.code: unit for unit in selectors.line_work_units(line.pk)}
    unit, order, now = units.get(request.POST.get("machine", "")), _order(request, line), timezone.now()
    if unit is None or not reason:
        raise services.Refused(_("Choose a machine and a reason."))
    services.count_assert(
        equipment_id=unit.pk,
        start_time=now,
        end_time=now,
        kind="scrap",
        quantity=_number(given),
        by=by,
        job_order_id=order.pk if order else None,
        reason_code=reason,
    )


def _anew(line: Equipment, entry: str, given: str, reason: str, by: Actor) -> None:
    """All of a count, or ``given`` of its pieces; the others keep the reason they had."""
    said = _entry(line, entry)
    part = _number(given) if given else said.quantity
    if part == said.quantity:
        services.scrap_reason_assert(entry=said.pk, reason_code=reason, by=by)
        return
    held = said.reason.code if said.reason else ""
    portions = [Portion(part, reason), Portion(said.quantity - part, held)]
    services.scrap_split(entry=said.pk, portions=portions, by=by)


def _entry(line: Equipment, entry: str) -> CountAssertion:
    found = counts_for_ids([int(entry)]) if entry.isdigit() else []
    if not found or not found[0].equipment.path.startswith(line.path):
        raise services.Refused(_("This count was corrected meanwhile. Look at it again."))
    return found[0]


def _number(text: str) -> Decimal:
    try:
        return Decimal(text.replace(",", "."))
    except InvalidOperation:
        message = _("Read “%(text)s”, expected a number of 0 or more.")
        raise services.Refused(message % {"text": text}) from None
