"""The report of a shift: what it made and lost, signed and handed over; and what became known since."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from mom.pages.day_causes import causes, figure, told_with
from mom.pages.lookup import day_or_404, line_or_404
from mom.pages.printing import printed
from mom.pages.proof import asks_for, proven
from mom.pages.signed import changed, log_of
from mom.signing.causes import causes_since
from mom.signing.figures import Figures, digest_of
from mom.signing.models import ShiftReport
from mom.signing.open_then import open_then
from mom.signing.selectors import report_of, report_versions
from mom.signing.services import SigningRefused, shift_acknowledge, shift_figures, shift_sign
from plant import selectors
from plant.access import actor_of, require
from production import selectors as production

if TYPE_CHECKING:
    from plant.models import CalendarSlot, Equipment
    from production.selectors import LineDay

# A hand-over nobody took after so long is said on the page.
TAKE_OVER = timedelta(minutes=15)


def shift_or_404(line: Equipment, day: str, shift: str) -> CalendarSlot:
    shifts = selectors.day_shifts(line_id=line.pk, day=day_or_404(day))
    found = next((slot for slot in shifts if slot.code == shift), None)
    if found is None:
        raise Http404(f"no shift {shift} of {line.code} on {day}")
    return found


@require_safe
@require("view")
def shift_report(request: HttpRequest, code: str, day: str, shift: str) -> HttpResponse:
    """A shift as it is known, and as it was signed where they differ."""
    line = line_or_404(request, code)
    slot = shift_or_404(line, day, shift)
    told = production.line_shift(line_id=line.pk, shift=slot)
    report = report_of(line_id=line.pk, start=slot.start_time)
    actor, now = actor_of(request), timezone.now()
    context = {
        "line": line,
        "shift": slot,
        "zone": selectors.site_zone(line),
        "report": report,
        "acknowledged": getattr(report, "acknowledgement", None),
        "not_taken": bool(report and now - report.said_at > TAKE_OVER),
        "may_act": actor.may("action.edit", line),
        "may_sign": actor.may("shift.sign", line) and now >= slot.end_time,
        "may_acknowledge": actor.may("shift.acknowledge", line),
        "is_running": now < slot.end_time,
        "left": open_then(line=line, start=slot.start_time, end=slot.end_time),
        **asks_for(request),
        "print": printed(
            request,
            title=f"{slot.name or slot.code} {date_format(slot.production_day, 'SHORT_DATE_FORMAT')}",
            line=line,
            link=reverse("shift_report", args=[line.code, day, shift]),
        ),
    }
    if told is not None:
        context |= _told(slot, told, report)
    return render(request, "mom/shift_report.html", context)


def _told(slot: CalendarSlot, told: LineDay, report: ShiftReport | None) -> dict[str, Any]:
    """What the shift made and lost, as known; and as signed where it is."""
    known = shift_figures(shift=slot, told=told)
    return {
        "found": told,
        **told_with(told, causes(told)),
        "figure": figure(told),
        "digest": digest_of(known),
        **(_signed(report, known) if report else {}),
    }


def _signed(report: ShiftReport, known: Figures) -> dict[str, Any]:
    """As signed beside as known, with what was recorded since; and what was said of it on the way."""
    zone = selectors.site_zone(report.line)
    rows = changed(report, known, {}, zone)
    if rows:
        rows = changed(report, known, causes_since(report=report, since=report.said_at), zone)
    versions = report_versions(line_id=report.line_id, start=report.start_time)
    return {
        "changed": rows,
        "log": log_of(list(report.restatements.all()), zone),
        "earlier": versions[1:],
        "version": len(versions),
    }


@require_POST
@require("shift.sign")
def shift_report_sign(request: HttpRequest, code: str, day: str, shift: str) -> HttpResponse:
    """Sign a shift that is over, with notes for the next one."""
    line = line_or_404(request, code)
    slot = shift_or_404(line, day, shift)
    given = request.POST
    try:
        by, signed_with = proven(request, given)
        seen, notes = given.get("digest", ""), given.get("notes", "")
        shift_sign(shift=slot, by=by, notes=notes, seen=seen, signed_with=signed_with)
        messages.success(request, _("Signed. These figures stay as they are, whatever comes later."))
    except SigningRefused as refusal:
        messages.error(request, str(refusal))
    return redirect("shift_report", code, day, shift)


@require_POST
@require("shift.acknowledge")
def shift_report_acknowledge(request: HttpRequest, code: str, day: str, shift: str) -> HttpResponse:
    """Take the line over from the shift that signed."""
    line = line_or_404(request, code)
    slot = shift_or_404(line, day, shift)
    report = report_of(line_id=line.pk, start=slot.start_time)
    if report is None:
        raise Http404(f"{shift} of {day} is not signed")
    try:
        shift_acknowledge(report=report, by=actor_of(request))
        messages.success(request, _("Taken over."))
    except SigningRefused as refusal:
        messages.error(request, str(refusal))
    return redirect("shift_report", code, day, shift)


@require_safe
@require("view")
def shift_last(request: HttpRequest, code: str) -> HttpResponse:
    """The shift that ended last: the one to hand over."""
    line = line_or_404(request, code)
    slot = _ended_last(line, timezone.now())
    if slot is None:
        raise Http404(f"no shift of {code} has ended")
    return redirect("shift_report", code, slot.production_day.isoformat(), slot.code)


def _ended_last(line: Equipment, now: datetime) -> CalendarSlot | None:
    slots = selectors.calendar_slots(line_id=line.pk, start=now - timedelta(days=7), end=now)
    ended = [slot for slot in slots if slot.kind == "shift" and slot.end_time <= now]
    return max(ended, key=lambda slot: slot.end_time, default=None)
