"""The order's record: page, JSON, print, QR code; notes and decisions added on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from mom.pages import words
from mom.pages.etags import POLLED, answer_304, etag_of, with_etag
from mom.pages.order_commands import order_or_404
from mom.pages.order_signing import signing_context
from mom.pages.printing import printed
from mom.record import answer, drawing
from mom.record.compose import Composed, alarm_anchor, composed
from mom.record.model import AlarmRow, OperationalRecord
from mom.tablet.answers import SeeOther
from mom.tablet.devices import qr_svg
from mom.tablet.session import key_new, write_once
from plant import selectors, services
from plant.access import actor_of, require
from production.services.assertions import note_assert

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

    from mom.record.model import ProcessValue
    from production.models import JobOrder

NOTE, DECIDE = "note.write", "action.edit"


@dataclass(frozen=True, slots=True)
class AlarmGroup:
    """One alarm of one machine: how often, how long in all, and the last time."""

    code: str
    text: str
    equipment: str
    count: int
    seconds: int | None
    last: AlarmRow
    anchor: str


def alarm_groups(record: OperationalRecord) -> list[AlarmGroup]:
    """Alarms by machine and code, the longest first; time is not known while one is active."""
    grouped: dict[tuple[str, str], list[AlarmRow]] = {}
    for alarm in record.alarms:
        grouped.setdefault((alarm.equipment_code, alarm.code), []).append(alarm)
    found = [
        AlarmGroup(
            code=code,
            text=next((row.text for row in reversed(rows) if row.text), ""),
            equipment=rows[-1].equipment,
            count=len(rows),
            seconds=sum(row.seconds for row in rows if row.seconds is not None)
            if any(row.seconds is not None for row in rows)
            else None,
            last=rows[-1],
            anchor=alarm_anchor(machine, code),
        )
        for (machine, code), rows in grouped.items()
    ]
    return sorted(found, key=lambda group: (-(group.seconds or 0), group.code))


def drawn_values(record: OperationalRecord) -> list[tuple[ProcessValue, SafeString]]:
    window = drawing.window_of(record)
    if window is None:
        return []
    return [(value, drawing.value_chart(value, window)) for value in record.values]


def record_context(request: HttpRequest, order: JobOrder, found: Composed, etag: str) -> dict[str, Any]:
    actor, record = actor_of(request), found.record
    return {
        "record": record,
        "etag": etag,
        "drawn": drawing.timeline(record),
        "drawn_values": drawn_values(record),
        "split_bar": drawing.split_bar(record.split) if record.split else "",
        "alarm_groups": alarm_groups(record),
        "stop_sections": found.sections,
        "micro_groups": found.micro,
        "state_kind": words.order_kind(record.head.state),
        "may_note": actor.person_id is not None and actor.may(NOTE, order.line),
        "may_decide": actor.person_id is not None and actor.may(DECIDE, order.line),
        **signing_context(request, order, record),
        "print": printed(
            request,
            title=f"{record.head.code} · {record.head.product}",
            line=order.line,
            link=reverse("order", args=[order.code]),
        ),
        "note_key": key_new(),
        "decision_key": key_new(),
    }


@require_safe
@require("view")
def order_record(request: HttpRequest, code: str) -> HttpResponseBase:
    """The whole record, or, polled, its changing part; unchanged since the reader's copy answers 304."""
    now = timezone.now()
    order = order_or_404(request, code)
    etag = etag_of(request, selectors.revision_of(order.line_id), now)
    if unchanged := answer_304(request, etag):
        return unchanged
    context = record_context(request, order, composed(order.code, now=now), etag)
    template = "mom/record_live.html" if POLLED in request.headers else "mom/record.html"
    return with_etag(render(request, template, context), etag)


@require_safe
@require("view")
def order_qr(request: HttpRequest, code: str) -> HttpResponseBase:
    """The order's code to hang at the machine: a scan opens it on the tablet."""
    order = order_or_404(request, code)
    link = request.build_absolute_uri(reverse("tablet_order", args=[order.code]))
    return render(request, "mom/record_qr.html", {"order": order, "qr": qr_svg(link), "link": link})


@require_POST
@require(NOTE)
def order_note(request: HttpRequest, code: str) -> HttpResponseBase:
    order = order_or_404(request, code)
    actor = actor_of(request)

    def write() -> HttpResponseBase:
        text = request.POST.get("text", "").strip()
        if not text:
            messages.error(request, _("The note is empty."))
            return SeeOther(f"{_record_of(code)}#note-form")
        note_assert(
            equipment_id=order.line_id,
            start_time=timezone.now(),
            text=text[:2000],
            by=actor,
            job_order_id=order.pk,
        )
        messages.success(request, _("The note is kept."))
        return SeeOther(f"{_record_of(code)}#notes")

    return write_once(request, actor, write)


@require_POST
@require(DECIDE)
def order_decision(request: HttpRequest, code: str) -> HttpResponseBase:
    """A decision about the order, with who, when and why."""
    order = order_or_404(request, code)
    actor = actor_of(request)
    actor.require(DECIDE, order.line)

    def write() -> HttpResponseBase:
        summary, why = request.POST.get("summary", "").strip(), request.POST.get("why", "").strip()
        if not summary or not why:
            messages.error(request, _("A decision says what is decided, and why."))
            return SeeOther(f"{_record_of(code)}#decision-form")
        services.decision_record(
            kind="other",
            line_id=order.line_id,
            subject_type="job_order",
            subject_code=order.code,
            job_order_code=order.code,
            summary=summary,
            why=why,
            by=actor,
        )
        messages.success(request, _("The decision is recorded."))
        return SeeOther(f"{_record_of(code)}#decisions")

    return write_once(request, actor, write)


def _record_of(code: str) -> str:
    return reverse("order", args=[code])


class JobOrderRecordView(APIView):
    """The operational record of an order, as its page shows it."""

    required_action = "view"

    @extend_schema(
        operation_id="job_orders_record",
        tags=["job-orders"],
        responses={
            200: OpenApiResponse(response=answer.schema(), description="Everything known of the order."),
            304: OpenApiResponse(description="Unchanged since the ETag sent as If-None-Match."),
        },
    )
    def get(self, request: Request, code: str) -> HttpResponseBase:
        now = timezone.now()
        order = order_or_404(request._request, code)
        etag = etag_of(request._request, selectors.revision_of(order.line_id), now)
        if unchanged := answer_304(request._request, etag):
            return unchanged
        body = answer.to_json(composed(order.code, now=now).record)
        return with_etag(HttpResponse(body, content_type="application/json"), etag)
