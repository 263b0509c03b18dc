"""What a bar of the loss account is made of: the stretches of time themselves, each opening its stop."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from mom.pages import pareto, words
from mom.pages.board import href, reason_names
from mom.pages.lookup import equipment_or_404
from mom.pages.loss_rows import (
    LINE,
    NONE,
    TIME,
    VIEWS,
    LossTold,
    cause_label,
    loss_told,
    pieces_shown,
    shown,
)
from mom.pages.sheets import export
from mom.provenance.model import MONEY, NUMBER, PIECES, SECONDS
from plant import selectors
from plant.access import actor_of, require
from production import selectors as production
from production.domain.oee import seconds
from production.domain.stops import stop_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LONGEST = timedelta(days=400)
SHOWN = 500
CODED_AT_ONCE = 60
LATE = "late"
# What the stretches are added up by, and what that is.
KINDS = {
    pareto.TIME: SECONDS,
    pareto.COUNT: NUMBER,
    pareto.PIECES: PIECES,
    pareto.MONEY: MONEY,
    pareto.COST: MONEY,
    LATE: SECONDS,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """Which stretches: None for whatever; an empty text is a value of its own, such as no reason. A class
    without a machine is that of what paces the line, whoever has said why.
    """

    machine: str | None
    origin: str | None
    time_class: str | None
    reason: str | None
    shift: str | None
    cause_class: str | None = None

    def holds(self, bit: pareto.Bit) -> bool:
        cause = bit.cause
        return all(
            wanted is None or wanted == found
            for wanted, found in (
                (self.machine, cause.machine),
                (self.origin, cause.kind),
                (self.time_class, bit.time_class if self.machine is None else cause.time_class),
                (self.cause_class, cause.time_class),
                (self.reason, cause.reason_code),
                (self.shift, bit.shift),
            )
        )


@dataclass(frozen=True, slots=True)
class EventRow:
    """A stretch of lost time as listed, in the window: a stop that reaches beyond it is longer."""

    start: datetime
    end: datetime
    duration: timedelta
    label: str
    machine: str
    order_code: str
    pieces: str
    money: str
    cost: str
    href: str
    amount: Decimal | None


@dataclass(frozen=True, slots=True)
class LateRow:
    """An order that would be less late: by what it lost here, but by no more than it is late."""

    order_code: str
    lost: timedelta
    late: timedelta | None
    less: Decimal | None


@dataclass(frozen=True, slots=True)
class MadeOf:
    """One figure of the stretches listed and what each adds to it; ``orders``: of lateness alone."""

    metric: str
    kind: str
    text: str
    amounts: tuple[tuple[pareto.Bit, Decimal | None], ...]
    orders: tuple[LateRow, ...] = ()


def bits_asked(bits: list[pareto.Bit], asked: Asked) -> list[pareto.Bit]:
    return [bit for bit in bits if asked.holds(bit)]


@require_safe
@require("view")
def loss_events(request: HttpRequest) -> HttpResponse:
    """The address names the window and the cause: what is listed adds up to the bar it was opened from."""
    unit = equipment_or_404(request, request.GET.get("equipment", ""))
    start, end = _instant(request, "start"), _instant(request, "end")
    if not start < end <= start + LONGEST:
        raise Http404(f"read {start.isoformat()} to {end.isoformat()}, expected at most {LONGEST.days} days")
    view = request.GET.get("view", LINE)
    if view not in VIEWS:
        raise Http404(f"read {view!r}, expected one of {', '.join(VIEWS)}")
    found = production.kpi(equipment_id=unit.pk, start=start, end=end)
    told = loss_told(unit, found, view) if found else LossTold([], False, {}, {}, "")
    asked = asked_of(request.GET)
    bits = bits_asked(told.bits, asked)
    zone = selectors.site_zone(unit)
    names = reason_names({bit.cause.reason_code for bit in bits})
    if (kind := request.GET.get("format", "")) in ("csv", "xlsx"):
        return _exported(kind, bits, names, told, zone)
    total = pareto.together([_cell(bits)])
    made = _made_of(bits, told, request.GET.get("metric", ""))
    context = {
        "unit": unit,
        "zone": zone,
        "start": start,
        "end": end,
        "view": view,
        "rows": [_row(bit, amount, names, told) for bit, amount in made.amounts[:SHOWN]],
        "more": max(len(bits) - SHOWN, 0),
        "made": made,
        "base": _without(request.GET, "metric"),
        "total": total.duration,
        "stops": len(total.stops),
        "pieces": pieces_shown(total.pieces) if bits and view != TIME else "",
        "money": words.money(total.money, told.currency) if told.currency else "",
        "cost": words.money(total.cost, told.currency) if told.currency else "",
        "currency": told.currency,
        "label": _title(bits, names, told),
        "code_href": _coding(total.stops) if actor_of(request).may("stop.code", unit) else "",
        "query": request.GET.urlencode(),
    }
    return render(request, "mom/loss_events.html", context)


def _without(given: QueryDict, name: str) -> str:
    """The address's query without one of its names."""
    kept = given.copy()
    kept.pop(name, None)
    return kept.urlencode()


def _made_of(bits: Sequence[pareto.Bit], told: LossTold, metric: str) -> MadeOf:
    """The figure asked for as the sum of its rows; time where nothing is asked."""
    metric = metric if metric in KINDS else pareto.TIME
    if metric == LATE:
        orders = _late_rows(bits, told)
        known = [row.less for row in orders if row.less is not None]
        is_known = bool(known) and len(known) == len(orders)
        text = words.span_minutes(timedelta(seconds=float(sum(known)))) if is_known else "–"
        return MadeOf(metric, KINDS[metric], text, tuple((bit, None) for bit in bits), orders)
    counted: set[pareto.Stopped] = set()
    amounts = tuple((bit, _amount(bit, metric, counted)) for bit in bits)
    return MadeOf(metric, KINDS[metric], shown(_cell(bits), metric, told.currency) or "–", amounts)


def _amount(bit: pareto.Bit, metric: str, counted: set[pareto.Stopped]) -> Decimal | None:
    """What a stretch adds; a stop counts once, with its first stretch."""
    if metric == pareto.COUNT:
        is_first = bit.stop is not None and bit.stop not in counted
        if bit.stop is not None:
            counted.add(bit.stop)
        return Decimal(is_first)
    by_metric = {pareto.PIECES: bit.pieces, pareto.MONEY: bit.money, pareto.COST: bit.cost}
    return by_metric[metric] if metric in by_metric else seconds(bit.duration)


def _late_rows(bits: Iterable[pareto.Bit], told: LossTold) -> tuple[LateRow, ...]:
    """By order with a due time: what it lost, how late it is, and the smaller of the two."""
    lost: dict[str, timedelta] = {}
    for bit in bits:
        lost[bit.order_code] = lost.get(bit.order_code, timedelta()) + bit.duration
    return tuple(
        LateRow(code, time, order.late, None if order.late is None else seconds(min(time, order.late)))
        for code, time in lost.items()
        if (order := told.lateness.get(code)) is not None and order.due is not None
    )


def asked_of(given: Mapping[str, str]) -> Asked:
    """What the address does not name may be anything."""

    def named(name: str) -> str | None:
        value = given.get(name, "")
        return "" if value == NONE else value or None

    return Asked(*(named(name) for name in ("machine", "origin", "class", "reason", "shift", "cause_class")))


def _instant(request: HttpRequest, name: str) -> datetime:
    given = request.GET.get(name, "")
    try:
        at = datetime.fromisoformat(given.replace(" ", "+"))
    except ValueError:
        raise Http404(f"{name}: read {given!r}, expected an instant such as 2026-03-25T06:00:00Z") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _cell(bits: Sequence[pareto.Bit]) -> pareto.Cell:
    cell = pareto.Cell()
    for bit in bits:
        cell.add(bit)
    return cell


def _title(bits: list[pareto.Bit], names: Mapping[str, str], told: LossTold) -> str:
    causes = {bit.cause for bit in bits}
    if len(causes) == 1:
        return cause_label(causes.pop(), names, told)
    classes = {cause.time_class for cause in causes}
    return words.class_word(classes.pop()) if len(classes) == 1 else _("All lost time")


def _row(bit: pareto.Bit, amount: Decimal | None, names: Mapping[str, str], told: LossTold) -> EventRow:
    machine = bit.stop[0] if bit.stop else bit.cause.machine
    opens = f"/stops/{stop_id(*bit.stop)}/" if bit.stop else ""
    if not opens and machine:
        opens = href(f"/equipment/{machine}/", at=bit.start.isoformat())
    return EventRow(
        start=bit.start,
        end=bit.end,
        duration=bit.duration,
        label=cause_label(bit.cause, names, told),
        machine=told.machines.get(machine, machine),
        order_code=bit.order_code,
        pieces=pieces_shown(bit.pieces) if bit.pieces is not None else "",
        money=words.money(bit.money, told.currency) if bit.money is not None else "",
        cost=words.money(bit.cost, told.currency) if bit.cost is not None else "",
        href=opens,
        amount=amount,
    )


def _coding(stops: set[pareto.Stopped]) -> str:
    """The list of exactly these stops, where several are given a reason at once."""
    ids = sorted(str(stop_id(machine, start)) for machine, start in stops)
    return href("/stops/", stop=",".join(ids)) if 0 < len(ids) <= CODED_AT_ONCE else ""


def _exported(
    kind: str, bits: list[pareto.Bit], names: Mapping[str, str], told: LossTold, zone: Any
) -> HttpResponse:
    head = [
        _("From"), _("To"), _("Seconds"), _("Cause"), _("Machine"), _("Shift"), _("Order"), _("Pieces"),
        _("Contribution not made"), _("Cost of the time"), _("Currency"),
    ]  # fmt: skip
    body = [
        [
            bit.start, bit.end, seconds(bit.duration), cause_label(bit.cause, names, told),
            bit.stop[0] if bit.stop else bit.cause.machine, bit.shift, bit.order_code, _number(bit.pieces),
            _number(bit.money), _number(bit.cost), told.currency,
        ]
        for bit in bits
    ]  # fmt: skip
    return export(kind, "losses", head, body, zone)


def _number(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else round(amount, 6)
