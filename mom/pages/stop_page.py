"""One stop: what was said of it, why a reason is suggested, and its time cut, joined and reverted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from mom.improvement.trail import loss_trail
from mom.pages import words
from mom.pages.reacting import reaction_shown
from mom.pages.stop_trail import trail_shown
from mom.pages.suggesting import suggestions_shown
from plant import selectors
from plant.access import Actor, actor_of, require
from production import selectors as production
from production import services
from production.selectors import StopTold
from production.selectors.stopped import in_force

if TYPE_CHECKING:
    from plant.models import Equipment, Reason
    from production.models import ReasonAssertion

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class PartShown:
    """A part of the stop as it is said now. ``share``, ``offset``: of the stop, 0 to 100. ``over``: beyond
    what its reason usually takes.
    """

    entry: int | None
    reason: str
    start: datetime
    end: datetime | None
    duration: timedelta
    said_by: str
    said_at: datetime | None
    comment: str
    share: float
    offset: float
    over: timedelta | None
    joins: int | None
    """The entry it could be joined with, which begins where it ends."""


@require_safe
@require("view")
def stop(request: HttpRequest, stop_id: UUID) -> HttpResponse:
    """``at`` in the address is where it would be cut; every step of a minute is a link of its own."""
    found = _stop_or_404(actor_of(request), stop_id)
    row, now = found.stop, timezone.now()
    zone = selectors.site_zone(row.work_unit)
    parts = _parts(found, now)
    end = row.end_time or now
    at = _cut(request.GET.get("at", ""), row.start_time, end)
    cut = next((part for part in parts if part.start < at < (part.end or end)), None)
    context = {
        "stop": row,
        "unit": row.work_unit,
        "fault_text": production.fault_texts([row]).get(row.pk, ""),
        "zone": zone,
        "word": words.base_word(row.base_class),
        "duration": end - row.start_time,
        "value": _seen_value(found),
        "parts": parts,
        "cut": cut,
        "at": at,
        "at_x": round(100 * ((at - row.start_time) / (end - row.start_time)), 3)
        if end > row.start_time
        else 0,
        "steps": _steps(at, row.start_time, end),
        "now": None if row.end_time else now,
        "groups": _groups(row.work_unit, row.start_time),
        "suggested": suggestions_shown(row.pk),
        "history": list(
            production.reason_history(equipment_id=row.work_unit_id, start=row.start_time, end=end)
        )[::-1],
        "may_code": actor_of(request).may("stop.code", row.work_unit),
        **_acting(request, found, now),
    }
    return render(request, "mom/stop.html", context)


def _acting(request: HttpRequest, found: StopTold, now: datetime) -> dict[str, Any]:
    """What became of the stop, and what whoever reads this may do about it."""
    actor, unit = actor_of(request), found.stop.work_unit
    trail = loss_trail(found, now=now)
    reason = found.said.reason if found.said else None
    about = {"equipment": unit.code, "evidence": reverse("stop", args=[found.stop.pk])}
    if reason is not None:
        about["reason"] = reason.code
    return {
        "trail": trail_shown(trail),
        "gaps": sum(hop.is_missing and hop.asked for hop in trail.hops),
        "reason_count": trail.reason_count,
        "reaction": reaction_shown(found, trail.reaction, now=now),
        "may_call": actor.may("maintenance.request", unit),
        "may_decide": actor.person_id is not None and actor.may("action.edit", unit),
        "action_href": f"{reverse('action_new')}?{urlencode(about)}",
    }


@require_safe
@require("view")
def stop_suggested(request: HttpRequest, stop_id: UUID) -> HttpResponse:
    """The suggestions alone, for the bar of the list of stops."""
    found = _stop_or_404(actor_of(request), stop_id)
    context = {"suggested": suggestions_shown(found.stop.pk)}
    return render(request, "components/suggested_buttons.html", context)


def _stop_or_404(actor: Actor, stop_id: UUID) -> StopTold:
    rows = production.told(production.stops(actor).filter(pk=stop_id))
    if not rows:
        raise Http404(f"no stop {stop_id}")
    return rows[0]


def _seen_value(found: StopTold) -> str:
    row = found.stop
    end = row.end_time.isoformat() if row.end_time else ""
    return f"{row.work_unit.code}|{row.start_time.isoformat()}|{end}"


def _parts(found: StopTold, now: datetime) -> list[PartShown]:
    """Entries in force that begin in the stop, in order; the stop itself where nothing is said of it."""
    row = found.stop
    end = row.end_time or now
    said = (
        in_force([row.work_unit_id])
        .filter(start_time__gte=row.start_time, start_time__lt=end)
        .select_related("reason", "said_by")
        .order_by("start_time", "said_at")
    )
    # A rule's entry is covered by what a person said of the same time.
    by_start: dict[datetime, ReasonAssertion] = {entry.start_time: entry for entry in said}
    entries = list(by_start.values())
    if not entries and found.said is not None:
        entries = [found.said]
    shown = [_part(entry, row.start_time, end) for entry in entries] or [
        _part(None, row.start_time, end, row.end_time)
    ]
    return [
        _with_merge(part, shown[number + 1] if number + 1 < len(shown) else None)
        for number, part in enumerate(shown)
    ]


def _part(
    said: ReasonAssertion | None, start: datetime, end: datetime, open_end: datetime | None = None
) -> PartShown:
    since = said.start_time if said else start
    until = said.end_time if said else open_end
    duration = (until or end) - since
    whole = max(end - start, timedelta(microseconds=1))
    reason = said.reason if said else None
    usual = reason.expected_duration if reason else None
    return PartShown(
        entry=said.pk if said else None,
        reason=reason.name if reason else "",
        start=since,
        end=until,
        duration=duration,
        said_by=str(said.said_by or said.said_by_rule) if said else "",
        said_at=said.said_at if said else None,
        comment=said.comment if said else "",
        share=round(100 * (duration / whole), 3),
        offset=round(100 * ((since - start) / whole), 3),
        over=duration - usual if usual and duration > usual else None,
        joins=None,
    )


def _with_merge(part: PartShown, following: PartShown | None) -> PartShown:
    meets = following is not None and part.entry is not None and part.end == following.start
    return replace(part, joins=following.entry if meets and following else None)


def _cut(raw: str, start: datetime, end: datetime) -> datetime:
    """Where the stop would be cut: as asked for, else in the middle on a whole second."""
    asked = parse_datetime(raw) if raw else None
    if asked is not None and asked.tzinfo is not None and start < asked < end:
        return asked
    middle = start + (end - start) / 2
    whole = middle.replace(microsecond=0)
    return whole if start < whole else middle


def _steps(at: datetime, start: datetime, end: datetime) -> list[tuple[str, str]]:
    """The minutes before and after, as links; those outside the stop are left out."""
    found = []
    for minutes in (-10, -1, 1, 10):
        moved = at + minutes * MINUTE
        if start < moved < end:
            found.append((f"{'+' if minutes > 0 else '−'}{abs(minutes)} min", moved.isoformat()))
    return found


def _groups(unit: Equipment, at: datetime) -> list[tuple[str, list[Reason]]]:
    groups: dict[str, list[Reason]] = {}
    for reason in selectors.reasons_offered(unit, at=at):
        if reason.time_class:
            groups.setdefault(reason.parent.name if reason.parent else "", []).append(reason)
    return list(groups.items())


@require_POST
@require("stop.code")
def stop_parts(request: HttpRequest, stop_id: UUID) -> HttpResponse:
    """Split, merge or undo; refused with both views when somebody else was faster."""
    found = _stop_or_404(actor_of(request), stop_id)
    try:
        text = ACTS[request.POST.get("act", "")](request, found)
        messages.success(request, text)
    except KeyError:
        messages.error(request, _("Choose what to do."))
    except services.StaleView as stale:
        words_of = {"seen": stale.seen, "now": stale.now}
        messages.error(
            request,
            _("Somebody was faster. You saw: %(seen)s. It is now: %(now)s. Nothing was entered.") % words_of,
        )
    except (ValueError, PermissionDenied) as refusal:
        messages.error(request, str(refusal))
    return redirect("stop", stop_id=stop_id)


def _split(request: HttpRequest, found: StopTold) -> str:
    given = request.POST
    services.reason_split(
        equipment_id=found.stop.work_unit_id,
        start_time=datetime.fromisoformat(given.get("start_time", "")),
        at=timezone.now() if given.get("now") else datetime.fromisoformat(given.get("at", "")),
        first_code=given.get("first", ""),
        second_code=given.get("second", ""),
        seen=int(given["seen"]) if given.get("seen", "").isdecimal() else None,
        seen_end=datetime.fromisoformat(given["seen_end"]) if given.get("seen_end") else None,
        comment=given.get("comment", "").strip(),
        by=actor_of(request),
    )
    return _("Split in two. Undo takes it back.")


def _merge(request: HttpRequest, found: StopTold) -> str:
    services.reason_merge(
        left=int(request.POST.get("left", "")), right=int(request.POST.get("right", "")), by=actor_of(request)
    )
    return _("Joined into one. Undo takes it back.")


def _undo(request: HttpRequest, found: StopTold) -> str:
    services.reason_undo(entry=int(request.POST.get("entry", "")), by=actor_of(request))
    return _("What stood before holds again.")


ACTS: dict[str, Any] = {"split": _split, "merge": _merge, "undo": _undo}
