"""Maintenance requests of the order, with what the machine looked like when they were raised."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as late

from maintenance import selectors as maintenance
from mom.pages.words import quantity
from mom.record.model import RequestRow

if TYPE_CHECKING:
    from maintenance.models import MaintenanceRequest
    from production.models import JobOrder

STATES = {
    "open": late("open"),
    "taken": late("taken"),
    "in_repair": late("in repair"),
    "repaired": late("repaired"),
    "closed": late("closed"),
    "withdrawn": late("withdrawn"),
}
VALUES_TOLD = 3


def requests(order: JobOrder, reasons: dict[str, str]) -> tuple[RequestRow, ...]:
    found = maintenance.requests_for_order(order)
    return tuple(_row(row, reasons) for row in sorted(found, key=lambda row: (row.stop_start, row.pk)))


def _row(row: MaintenanceRequest, reasons: dict[str, str]) -> RequestRow:
    events = {event.kind: event for event in row.events.all()}
    taken, closed = events.get("taken"), events.get("closed")
    title = row.description or reasons.get(row.reason_code, row.reason_code) or _("stop")
    return RequestRow(
        code=row.code,
        equipment=row.equipment.name,
        title=title,
        state=str(STATES.get(maintenance.request_state(row), "")),
        raised_at=row.said_at,
        raised_by=str(row.said_by) if row.said_by else row.said_by_rule,
        taken_at=taken.at if taken else None,
        taken_by=(str(taken.person) if taken.person else taken.actor) if taken else "",
        closed_at=closed.at if closed else None,
        done=maintenance.request_cure(row),
        context=context_words(row.context),
        evidence=f"/api/v1/maintenance-requests/{row.code}",
    )


def _alarms_said(alarms: Iterable[dict[str, Any]]) -> list[str]:
    """Each code once, with the machine's own words where one of its signals has them."""
    texts: dict[str, str] = {}
    for alarm in alarms:
        code = str(alarm["code"])
        texts[code] = texts.get(code, "") or alarm.get("text", "")
    return [f"{code} {text}".strip() for code, text in texts.items()]


def context_words(context: dict[str, Any]) -> tuple[str, ...]:
    """Alarms before the stop, a few values, and what cured the last one like it."""
    told: list[str] = []
    alarms = _alarms_said(context.get("alarms", ()))
    if alarms:
        told.append(
            ngettext("alarm before: %(codes)s", "alarms before: %(codes)s", len(alarms))
            % {"codes": ", ".join(alarms[-4:])}
        )
    french = (get_language() or "en").startswith("fr")
    for value in context.get("values", ())[:VALUES_TOLD]:
        if value.get("last") is not None:
            name = value.get("name_fr" if french else "name_en") or value.get("signal", "")
            told.append(f"{name} {quantity(value['last'])} {value.get('unit', '')}".strip())
    cured = [like for like in context.get("similar", ()) if like.get("cure")]
    if cured:
        when = datetime.fromisoformat(cured[0]["stop_start"])
        told.append(
            _("last cured on %(day)s by: %(cure)s") % {"day": f"{when:%d/%m}", "cure": cured[0]["cure"]}
        )
    return tuple(told)
