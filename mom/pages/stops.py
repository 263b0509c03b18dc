"""The list of stops: filters in the address, those that need a reason first, several coded at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Case, Count, F, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from mom.pages import words
from mom.pages.lookup import lines_seen, zones_of
from mom.pages.saved_views import stop_views
from mom.pages.sheets import export
from plant import selectors
from plant.access import Actor, actor_of, require, scoped
from plant.selectors.reasons import class_and_wider
from production import selectors as production
from production.selectors import StopTold
from production.selectors.stopped import reasons_in_force

if TYPE_CHECKING:
    from plant.models import Equipment, Reason
    from production.models import Stop

PAGE = 100
PERIODS = {"8h": 8, "24h": 24, "3d": 72, "7d": 168, "30d": 720}
DEFAULT_PERIOD = "24h"
ANY_TIME = "any"  # only of what waits for a reason: few, and as the line's pages count them
FILTERS = ("line", "equipment", "period", "size", "kind", "reason", "uncoded", "stop", "page", "format")
EXPORTED = 50_000
# Micro-stops never prompt and are coded as a group: listed when asked for, always counted.
SIZES = {"micro": ["micro"], "all": ["micro", "registered"]}


@dataclass(frozen=True, slots=True)
class Row:
    """One stop as listed; ``value`` is what a ticked box says: machine, start and the end that was seen."""

    id: str
    value: str
    equipment_code: str
    equipment: str
    start: datetime
    end: datetime | None
    duration: timedelta | None
    size: str
    word: str
    is_own: bool
    fault_code: str
    needs_reason: bool
    reason: str
    reason_code: str
    comment: str
    said_by: str
    said_at: datetime | None
    zone: ZoneInfo
    overrun: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Sums:
    count: int
    time: timedelta


def period_words() -> list[tuple[str, str]]:
    named = (_("8 hours"), _("24 hours"), _("3 days"), _("7 days"), _("30 days"))
    return list(zip(PERIODS, named, strict=True))


def machines_visible(actor: Actor, line_code: str = "") -> list[Equipment]:
    found: Any = scoped(
        selectors.configuration_rows("plant.Equipment", level="work_unit"), actor, path="path"
    )
    found = found.filter(parent__code=line_code) if line_code else found
    return list(found.order_by("path").order_by("parent__code", "position"))


def filtered(actor: Actor, filters: dict[str, str], now: datetime) -> QuerySet[Stop]:
    """Stops by the filters of the address; a stop named by itself is shown whatever the period."""
    if filters["stop"]:
        return production.stops(actor).filter(pk__in=_uuids(filters["stop"]))
    found: Any = production.stops_uncoded(actor) if filters["uncoded"] else production.stops(actor)
    since = datetime.min.replace(tzinfo=UTC)
    if period_of(filters) != ANY_TIME:
        since = now - timedelta(hours=PERIODS[period_of(filters)])
        found = found.filter(Q(start_time__gte=since) | Q(end_time__isnull=True) | Q(end_time__gt=since))
    if filters["line"]:
        found = found.filter(work_unit__parent__code=filters["line"])
    if filters["equipment"]:
        found = found.filter(work_unit__code=filters["equipment"])
    if filters["kind"] in words.BASE_WORDS:
        found = found.filter(base_class=filters["kind"])
    if filters["reason"]:
        found = found.filter(assertion_id__in=_saying(actor, filters["reason"], since, now))
    if filters["uncoded"] and not filters["size"]:
        return found
    return found.filter(size__in=SIZES.get(filters["size"], ["registered"]))


def period_of(filters: dict[str, str]) -> str:
    """The period asked for; without one, a day, or any time for what waits for a reason."""
    if filters["period"] in PERIODS:
        return filters["period"]
    return ANY_TIME if filters["uncoded"] else DEFAULT_PERIOD


def _uuids(text: str) -> list[UUID]:
    """The stops named, with commas between them; none for what is no name of a stop."""
    try:
        return [UUID(name) for name in text.split(",")]
    except ValueError:
        return []


def _saying(actor: Actor, reason_code: str, start: datetime, end: datetime) -> list[int]:
    """Ids of the entries in force that give this reason."""
    ids = [machine.pk for machine in machines_visible(actor)]
    said = reasons_in_force(equipment_ids=ids, start=start, end=end)
    return [item.assertion_id for items in said.values() for item in items if item.reason_code == reason_code]


def uncoded_first(found: QuerySet[Stop]) -> QuerySet[Stop]:
    waiting = When(Q(needs_reason=True, had_order=True, assertion_id=None), then=Value(0))
    return found.annotate(rank=Case(waiting, default=Value(1))).order_by("rank", "-start_time", "pk")


def sums(found: QuerySet[Stop], now: datetime) -> Sums:
    """How many and how long; a stop still going on counts until now."""
    bare: Any = found.order_by()
    total = bare.aggregate(n=Count("pk"), time=Sum(Coalesce(F("end_time"), Value(now)) - F("start_time")))
    return Sums(total["n"], total["time"] or timedelta())


def row_of(told: StopTold, zone: ZoneInfo) -> Row:
    stop, said = told.stop, told.said
    end = stop.end_time.isoformat() if stop.end_time else ""
    return Row(
        id=str(stop.pk),
        value=f"{stop.work_unit.code}|{stop.start_time.isoformat()}|{end}",
        equipment_code=stop.work_unit.code,
        equipment=stop.work_unit.name,
        start=stop.start_time,
        end=stop.end_time,
        duration=told.duration,
        size=stop.size,
        word=words.base_word(stop.base_class),
        is_own=stop.base_class == "own",
        fault_code=stop.fault_code,
        needs_reason=bool(stop.needs_reason and getattr(stop, "had_order", False)),
        reason=said.reason.name if said and said.reason else "",
        reason_code=said.reason.code if said and said.reason else "",
        comment=said.comment if said else "",
        said_by=str(said.said_by or said.said_by_rule) if said else "",
        said_at=said.said_at if said else None,
        zone=zone,
        overrun=told.overrun,
    )


def rows_of(found: QuerySet[Stop], lines: list[Equipment]) -> list[Row]:
    zones = zones_of(lines)
    return [
        row_of(told, zones.get(told.stop.work_unit.parent_id or 0, words.UTC))
        for told in production.told(found)
    ]


def reason_groups(machines: list[Equipment]) -> list[tuple[str, list[Reason]]]:
    """Reasons somebody may give, under their group; the service refuses one not offered on a machine."""
    classes = class_and_wider(*{machine.equipment_class_id for machine in machines})
    rows: Any = selectors.configuration_rows("plant.Reason", is_active=True).select_related("parent")
    groups: dict[str, list[Reason]] = {}
    for reason in rows:
        if reason.time_class and (reason.equipment_class_id is None or reason.equipment_class_id in classes):
            groups.setdefault(reason.parent.name if reason.parent else "", []).append(reason)
    return list(groups.items())


@require_safe
@require("view")
def stops(request: HttpRequest) -> HttpResponse:
    """Filtered, a page at a time; ``format=csv`` or ``xlsx`` gives all filtered rows."""
    actor, now = actor_of(request), timezone.now()
    filters = {name: request.GET.get(name, "") for name in FILTERS}
    filters["period"] = period_of(filters)
    found = filtered(actor, filters, now)
    lines = lines_seen(request)
    if filters["format"] in ("csv", "xlsx"):
        return _exported(filters["format"], rows_of(found[:EXPORTED], lines), lines)
    page = max(int(filters["page"]) if filters["page"].isdecimal() else 1, 1)
    shown = list(rows_of(uncoded_first(found)[PAGE * (page - 1) : PAGE * page + 1], lines))
    machines = machines_visible(actor, filters["line"])
    total = sums(found, now)
    micro = sums(filtered(actor, {**filters, "size": "micro"}, now), now)
    groups = reason_groups(machines)
    context = {
        "rows": shown[:PAGE],
        "next_page": page + 1 if len(shown) > PAGE else None,
        "total": total.count,
        "total_time": total.time,
        "micro": micro,
        "filters": filters,
        "lines": lines,
        "machines": machines,
        "periods": [*period_words(), *([(ANY_TIME, _("Any time"))] if filters["uncoded"] else [])],
        "kinds": [(kind, words.base_word(kind)) for kind in words.BASE_WORDS],
        "reasons": [reason for _group, reasons in groups for reason in reasons],
        "reason_groups": groups,
        "may_code": actor.may("stop.code"),
        "views": stop_views(actor, request.GET.urlencode()),
        "may_save": actor.person_id is not None,
    }
    return render(request, "mom/stops.html", context)


def _exported(kind: str, rows: list[Row], lines: list[Equipment]) -> HttpResponse:
    zone = next(iter(zones_of(lines).values()), words.UTC)
    head = [
        _("Machine"), _("From"), _("To"), _("Seconds"), _("What it was"), _("Size"), _("Machine says"),
        _("Reason"), _("Comment"), _("Said by"), _("Said at"),
    ]  # fmt: skip
    body = [
        [
            row.equipment_code, row.start, row.end,
            None if row.duration is None else int(row.duration.total_seconds()),
            row.word, row.size, row.fault_code, row.reason, row.comment, row.said_by, row.said_at,
        ]
        for row in rows
    ]  # fmt: skip
    return export(kind, "stops", head, body, zone)
