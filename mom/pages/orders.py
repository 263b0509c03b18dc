"""The list of production orders: what runs, what is next, what was done; filters in the address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from mom.pages import svg, words
from mom.pages.lookup import line_choice, lines_seen, zones_of
from mom.pages.order_commands import COMMANDS, PLAN, WAITING, verbs_for
from mom.pages.reading import lines_reading
from mom.pages.sheets import export
from plant.access import Actor, actor_of, require
from production import selectors as production

if TYPE_CHECKING:
    from plant.models import Equipment
    from production.models import JobOrder

OPEN = ("running", "interrupted", "allowed_to_start", "not_allowed_to_start")
PAGE = 200
RANK = Case(
    When(state="running", then=Value(0)),
    When(state="interrupted", then=Value(1)),
    When(state__in=WAITING, then=Value(2)),
    default=Value(3),
    output_field=IntegerField(),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One order as listed. ``verb``: the usual next command, where the reader may give it."""

    code: str
    options: str
    product: str
    product_code: str
    line_code: str
    quantity: Decimal
    unit_word: str
    good: Decimal | None
    bar: Any
    planned_start: datetime | None
    due: datetime | None
    is_late: bool
    state: str
    kind: str
    state_word: str
    verb: str
    verb_word: str
    may_change: bool
    movable: bool
    first: bool
    last: bool
    zone: ZoneInfo


def filtered(actor: Actor, filters: dict[str, str]) -> QuerySet[JobOrder]:
    """Open orders unless another state is asked for; running first, past ones last."""
    found = production.job_orders(actor).annotate(rank=RANK)
    if filters["line"]:
        found = found.filter(line__code=filters["line"])
    if filters["q"]:
        names = Q(product__name_en__icontains=filters["q"]) | Q(product__name_fr__icontains=filters["q"])
        codes = Q(code__icontains=filters["q"]) | Q(product__code__icontains=filters["q"])
        found = found.filter(names | codes)
    if filters["state"] in words.ORDER_STATE_WORDS:
        found = found.filter(state=filters["state"])
    elif filters["state"] != "all":
        found = found.filter(state__in=OPEN)
    return found.order_by("rank", "line__path", "sequence", "-priority", "due_time", "code")


def _goods(lines: list[Equipment], now: datetime) -> dict[str, Decimal | None]:
    """Good pieces of each line's running order, from the reading its own page shows."""
    revisions = {line: line.revision for line in lines}  # type: ignore[attr-defined]
    readings = lines_reading(revisions, now=now)
    return {reading.order.code: reading.good for reading in readings if reading.order is not None}


def rows_of(
    orders: list[JobOrder],
    actor: Actor,
    lines: list[Equipment],
    goods: dict[str, Decimal | None],
    now: datetime,
) -> list[Row]:
    zones = zones_of(lines)
    waiting = [order.code for order in orders if order.state in WAITING]
    return [_row(order, actor, zones, goods, waiting, now) for order in orders]


def _row(
    order: JobOrder,
    actor: Actor,
    zones: dict[int, ZoneInfo],
    goods: dict[str, Decimal | None],
    waiting: list[str],
    now: datetime,
) -> Row:
    verbs = [(verb, word) for verb, word in verbs_for(order.state, actor, order.line) if verb in COMMANDS]
    verb, verb_word = verbs[0] if verbs and verbs[0][0] in ("start", "resume", "pause") else ("", "")
    good = goods.get(order.code)
    label = f"{words.quantity(good)} / {words.quantity(order.quantity)}"
    return Row(
        code=order.code,
        options=", ".join(words.labelled(name, value) for name, value in order.options.items()),
        product=order.product.name,
        product_code=order.product.code,
        line_code=order.line.code,
        quantity=order.quantity,
        unit_word=words.piece_word(order.unit),
        good=good,
        bar="" if good is None else svg.progress(good, order.quantity, label=label, height=8),
        planned_start=order.planned_start,
        due=order.due_time,
        is_late=order.due_time is not None and order.due_time < now and order.state in OPEN,
        state=order.state,
        kind=words.order_kind(order.state),
        state_word=words.order_state_word(order.state),
        verb=verb,
        verb_word=verb_word,
        may_change=bool(verbs) or (actor.may(PLAN, order.line) and order.state in OPEN),
        movable=order.code in waiting,
        first=bool(waiting) and order.code == waiting[0],
        last=bool(waiting) and order.code == waiting[-1],
        zone=zones.get(order.line_id, words.UTC),
    )


@require_safe
@require("view")
def orders(request: HttpRequest) -> HttpResponse:
    """``format=csv`` or ``xlsx`` gives all filtered rows."""
    actor, now = actor_of(request), timezone.now()
    filters = {name: request.GET.get(name, "") for name in ("line", "state", "q", "format", "page")}
    lines = lines_seen(request)
    found = filtered(actor, filters)
    if filters["format"] in ("csv", "xlsx"):
        return _exported(filters["format"], found, lines)
    page = max(int(filters["page"]) if filters["page"].isdecimal() else 1, 1)
    shown = list(found[PAGE * (page - 1) : PAGE * page + 1])
    at_work = {order.line_id for order in shown if order.state in ("running", "interrupted")}
    goods = _goods([line for line in lines if line.pk in at_work], now)
    rows = rows_of(shown[:PAGE], actor, lines, goods, now)
    single = line_choice(lines, filters["line"]) if not filters["q"] and not filters["state"] else None
    context = {
        "rows": rows,
        "next_page": page + 1 if len(shown) > PAGE else None,
        "filters": filters,
        "lines": lines,
        "single_line": single,
        "states": [(state, words.order_state_word(state)) for state in words.ORDER_STATE_WORDS],
        "may_plan": actor.may(PLAN, single) if single else actor.may(PLAN),
    }
    return render(request, "mom/orders.html", context)


def _exported(kind: str, found: QuerySet[JobOrder], lines: list[Equipment]) -> HttpResponse:
    zone = next(iter(zones_of(lines).values()), words.UTC)
    head = [
        "code", "line", "product", "quantity", "unit", "planned_start", "planned_end", "due_time", "sequence",
        "priority", "work_master", "state", "version", _("Options"),
    ]  # fmt: skip
    body = [
        [
            order.code, order.line.code, order.product.code, order.quantity.normalize(), order.unit,
            order.planned_start, order.planned_end, order.due_time, order.sequence, order.priority,
            order.work_master.code if order.work_master else "", order.state, order.version,
            ", ".join(f"{name}={value}" for name, value in order.options.items()),
        ]
        for order in found
    ]  # fmt: skip
    return export(kind, "orders", head, body, zone)
