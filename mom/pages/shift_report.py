"""The report of a shift: what it made and lost, signed and handed over; and what became known since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth import authenticate
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as late
from django.views.decorators.http import require_POST, require_safe

from maintenance import selectors as maintenance
from mom.improvement.selectors import open_actions
from mom.pages import words
from mom.pages.board import reason_names
from mom.pages.day_causes import CAUSE_WORDS, causes, figure
from mom.pages.lookup import day_or_404, line_or_404
from mom.pages.origins import end_word, origin_word
from mom.signing.figures import changes, digest_of, figures_of
from mom.signing.models import ShiftReport
from mom.signing.selectors import report_of
from mom.signing.services import SigningRefused, shift_acknowledge, shift_sign
from plant import selectors
from plant.access import actor_of, require
from production import selectors as production

if TYPE_CHECKING:
    from plant.models import CalendarSlot, Equipment
    from production.selectors import LineDay

# A hand-over nobody took after so long is said on the page.
TAKE_OVER = timedelta(minutes=15)
FIGURE_WORDS = {
    "complete": late("Data of the whole shift"),
    "planned": late("Planned"),
    "possible": late("Possible at the ideal rate"),
    "good": late("Good pieces"),
    "trs": late("TRS (NF E60-182)"),
    "oee": late("OEE (ISO 22400-2)"),
    "availability": late("Availability"),
    "effectiveness": late("Effectiveness"),
    "quality": late("Quality ratio"),
    "uncoded_seconds": late("Stop time without a reason"),
}
RATIOS = frozenset({"trs", "oee", "availability", "effectiveness", "quality"})


@dataclass(frozen=True, slots=True)
class Changed:
    """A figure as signed and as known, in the reader's words."""

    what: str
    signed: str
    known: str


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
        **_open_things(line, slot),
    }
    if told is not None:
        found = causes(told)
        context |= {
            "found": told,
            "causes": found,
            "figure": figure(told),
            "changed": changed(report, told) if report else [],
            "digest": digest_of(figures_of(told)),
        }
    return render(request, "mom/shift_report.html", context)


def _open_things(line: Equipment, slot: CalendarSlot) -> dict[str, Any]:
    """What the next shift inherits: notes, open requests, open actions."""
    units = [unit.pk for unit in selectors.line_work_units(line.pk)]
    places = [line.pk, *units]
    return {
        "notes": production.notes(equipment_ids=places, start=slot.start_time, end=slot.end_time),
        "requests": list(maintenance.requests_open(equipment_path=line.path)),
        "actions": list(open_actions(equipment_ids=places)[:20]),
        "next_orders": production.dispatch_list(line_id=line.pk)[:4],
    }


def changed(report: ShiftReport, told: LineDay) -> list[Changed]:
    """Figures that are no longer as signed."""
    found = changes(report.figures, figures_of(told))
    codes = {path.split(" ")[1] for path in found if path.startswith("causes/")}
    names = reason_names(codes)
    return [
        Changed(_what(path, names), _shown(path, signed), _shown(path, known))
        for path, (signed, known) in found.items()
    ]


def _what(path: str, names: dict[str, str]) -> str:
    section, slash, name = path.partition("/")
    if not slash:
        return str(FIGURE_WORDS.get(section, section))
    if section == "seconds":
        return words.class_word(name)
    if section == "orders":
        return _("%(order)s, good") % {"order": name}
    kind, reason, machine, origin = ("" if part == "-" else part for part in name.split(" ", 3))
    label = str(CAUSE_WORDS.get(kind) or words.class_word(kind))
    what = f"{label} · {names.get(reason, reason)}" if reason else end_word(origin) or label
    return _("%(cause)s, pieces") % {"cause": origin_word(machine, what)}


def _shown(path: str, value: str | None) -> str:
    if value is None:
        return "–"
    try:
        number = Decimal(value)
    except InvalidOperation:
        return value
    if path in RATIOS:
        return words.percent(number)
    if path.startswith("seconds/") or path == "uncoded_seconds":
        return words.span(float(number))
    return words.quantity(round(number))


@require_POST
@require("shift.sign")
def shift_report_sign(request: HttpRequest, code: str, day: str, shift: str) -> HttpResponse:
    """Sign a shift that is over, with notes for the next one."""
    line = line_or_404(request, code)
    slot = shift_or_404(line, day, shift)
    given = request.POST
    try:
        who, password = request.user.get_username(), given.get("password")
        if authenticate(request, username=who, password=password) is None:
            raise SigningRefused(_("the password is not yours: nothing was signed"))
        seen, notes = given.get("digest", ""), given.get("notes", "")
        shift_sign(shift=slot, by=actor_of(request), notes=notes, seen=seen)
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
