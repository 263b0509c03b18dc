"""The plan beside what happened, and every version the plan had."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as late
from django.utils.translation import pgettext

from mom.pages.words import day_clock, labelled, quantity
from mom.provenance.links import order_figure_href
from mom.record.model import Comparison, Head, VersionRow

if TYPE_CHECKING:
    from production.models import JobOrderVersion

CHANGES = {"store": late("stored"), "update": late("changed"), "sequence": late("moved in the sequence")}
FIELDS = {
    "quantity": late("quantity"),
    "due_time": late("due"),
    "planned_start": late("planned start"),
    "planned_end": late("planned end"),
    "sequence": late("place in the sequence"),
    "priority": late("priority"),
    "options": late("options"),
    "unit": late("unit"),
    "product_id": late("product"),
    "work_master_id": late("routing"),
    "line_id": late("line"),
}
INSTANTS = frozenset({"due_time", "planned_start", "planned_end"})


def comparisons(head: Head, *, good: Decimal | None) -> tuple[Comparison, ...]:
    planned_span = _seconds(head.planned_start, head.planned_end)
    ended = head.end is not None
    return (
        Comparison(
            "quantity", _("Good quantity"), "quantity", head.quantity, good,
            None if good is None else good - head.quantity, order_figure_href(head.code, "good"),
        ),
        _instant("start", pgettext("instant", "Start"), head.planned_start, head.start),
        _instant("end", pgettext("instant", "End"), head.planned_end, head.end),
        _instant("due", _("Due"), head.due_time, head.end),
        Comparison(
            "worked", _("Time worked on it"), "seconds", planned_span, head.working_seconds,
            head.working_seconds - planned_span
            if ended and head.working_seconds is not None and planned_span is not None
            else None,
            order_figure_href(head.code, "worked"),
        ),
    )  # fmt: skip


def _seconds(start: datetime | None, end: datetime | None) -> int | None:
    return None if start is None or end is None else round((end - start).total_seconds())


def _instant(key: str, what: str, planned: datetime | None, actual: datetime | None) -> Comparison:
    return Comparison(key, what, "instant", planned, actual, _seconds(planned, actual), "#timeline")


def versions(rows: Iterable[JobOrderVersion], zone: ZoneInfo) -> tuple[VersionRow, ...]:
    """Each version with what it changed from the one before, in words."""
    found: list[VersionRow] = []
    before: Mapping[str, Any] | None = None
    for row in rows:
        found.append(
            VersionRow(
                version=row.version,
                at=row.at,
                change=row.change,
                by=str(row.person) if row.person else row.actor,
                why=row.why,
                changes=_changes(row.change, before, row.plan, zone),
            )
        )
        before = row.plan
    return tuple(found)


def _changes(
    change: str, before: Mapping[str, Any] | None, after: Mapping[str, Any], zone: ZoneInfo
) -> tuple[str, ...]:
    if before is None:
        return (str(CHANGES.get(change, change)),)
    told = [
        labelled(FIELDS[key], f"{_shown(key, before.get(key), zone)} → {_shown(key, after.get(key), zone)}")
        for key in FIELDS
        if before.get(key) != after.get(key)
    ]
    return tuple(told) or (str(CHANGES.get(change, change)),)


def _shown(key: str, value: Any, zone: ZoneInfo) -> str:
    if value in (None, "", {}):
        return "–"
    if key in INSTANTS:
        return day_clock(datetime.fromisoformat(str(value)), zone)
    if isinstance(value, dict):
        return ", ".join(f"{name} = {each}" for name, each in sorted(value.items()))
    try:
        return quantity(Decimal(str(value))) if key == "quantity" else str(value)
    except InvalidOperation:
        return str(value)
