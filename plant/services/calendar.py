"""Calendars: a change is a new version, and the intervals of time that has begun never move."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.utils import timezone

from plant import audit, hooks, selectors
from plant.access import Actor
from plant.domain import calendar as planning
from plant.models import CalendarSlot, CalendarVersion, Equipment

HORIZON = timedelta(days=60)


@transaction.atomic
def calendar_version_store(
    *,
    line: Equipment,
    valid_from: date,
    pattern: dict[str, Any],
    by: Actor,
    why: str = "",
    at: datetime | None = None,
) -> CalendarVersion | None:
    """Append a version of a line's calendar, unless it says what the last one from that day says (then None).

    Raises plant.domain.calendar.PatternError. Call ``calendar_materialise`` to make its intervals.
    """
    planning.pattern_read(pattern, str(selectors.site_zone(line)))
    current = (
        CalendarVersion.objects.filter(line=line, valid_from=valid_from)
        .order_by("-recorded_at", "-pk")
        .first()
    )
    if current is not None and current.pattern == pattern:
        return None
    made = CalendarVersion.objects.create(
        line=line,
        valid_from=valid_from,
        pattern=pattern,
        tz_data=tz_data_version(),
        recorded_at=at or timezone.now(),
    )
    audit.record(
        by=by,
        action="calendar.version",
        subject_type="calendarversion",
        subject_code=f"{line.code} {valid_from}",
        why=why,
        before=current.pattern if current else None,
        after=pattern,
    )
    return made


def tz_data_version() -> str:
    """Release of the time-zone data in use, empty when the system does not say."""
    try:
        return version("tzdata")[:20]
    except PackageNotFoundError:
        return ""


@transaction.atomic
def calendar_materialise(*, line_id: int, until: date, now: datetime | None = None) -> tuple[int, int]:
    """Make the intervals of every production day up to ``until``, included. Returns (made, withdrawn).

    Only intervals that have not begun are withdrawn; a day that has begun keeps the version it began with.
    """
    now = now or timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [41, line_id])
    versions = list(
        CalendarVersion.objects.filter(line_id=line_id).order_by("valid_from", "recorded_at", "pk")
    )
    if not versions:
        return 0, 0
    zone = selectors.site_zone(Equipment.objects.get(pk=line_id))
    patterns = {v.pk: planning.pattern_read(v.pattern, str(zone)) for v in versions}
    kept = list(CalendarSlot.objects.filter(line_id=line_id))
    first = versions[0].valid_from
    wanted = [
        slot
        for number in range((until - first).days + 1)
        for slot in _day(versions, patterns, first + timedelta(days=number), zone)
    ]
    return _reconcile(line_id=line_id, kept=kept, wanted=wanted, now=now)


def _day(
    versions: Sequence[CalendarVersion], patterns: dict[int, planning.Pattern], day: date, zone: ZoneInfo
) -> list[tuple[CalendarVersion, planning.Slot]]:
    """The intervals of a day: by the last version known when it began, else the first entered since."""
    begun = datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
    in_force = [v for v in versions if v.valid_from <= day]
    made = {v.pk: planning.slots(patterns[v.pk], day, day) for v in in_force}
    begun = min([begun, *(slot.start for found in made.values() for slot in found)])
    known = [v for v in in_force if v.recorded_at <= begun]
    chosen = known[-1] if known else min(in_force, key=lambda v: (v.recorded_at, v.pk))
    return [(chosen, slot) for slot in made[chosen.pk]]


def _reconcile(
    *,
    line_id: int,
    kept: Iterable[CalendarSlot],
    wanted: Iterable[tuple[CalendarVersion, planning.Slot]],
    now: datetime,
) -> tuple[int, int]:
    stored = {_identity(slot): slot for slot in kept}
    begun_days = {slot.production_day for slot in stored.values() if slot.start_time <= now}
    target = {
        (s.kind, s.code, s.production_day, s.start, s.end): v
        for v, s in wanted
        if s.start > now or s.production_day not in begun_days
    }
    withdrawn = [
        slot.pk for identity, slot in stored.items() if slot.start_time > now and identity not in target
    ]
    CalendarSlot.objects.filter(pk__in=withdrawn).delete()
    taken = {(slot.kind, slot.start_time) for slot in stored.values() if slot.pk not in set(withdrawn)}
    made = [
        _slot(line_id, version, identity)
        for identity, version in target.items()
        if identity not in stored and (identity[0], identity[3]) not in taken
    ]
    CalendarSlot.objects.bulk_create(made)
    gone = [slot for slot in stored.values() if slot.pk in set(withdrawn)]
    _changed_tell(line_id, [*made, *gone], first=not stored, last=len(gone) == len(stored) and not made)
    return len(made), len(withdrawn)


def _changed_tell(line_id: int, changed: Sequence[CalendarSlot], *, first: bool, last: bool) -> None:
    """With its first interval, or without its last, a line begins or ceases to have a calendar at all: that
    changes all its time.
    """
    if changed:
        start = None if first or last else min(slot.start_time for slot in changed)
        end = None if first or last else max(slot.end_time for slot in changed)
        hooks.calendar_changed.tell(line_id, start, end)


Identity = tuple[str, str, date, datetime, datetime]


def _identity(slot: CalendarSlot) -> Identity:
    return slot.kind, slot.code, slot.production_day, slot.start_time, slot.end_time


def _slot(line_id: int, version: CalendarVersion, identity: Identity) -> CalendarSlot:
    kind, code, day, start, end = identity
    name_en, name_fr = _names(version.pattern, kind, code)
    return CalendarSlot(
        line_id=line_id,
        version=version,
        kind=kind,
        code=code,
        name_en=name_en,
        name_fr=name_fr,
        production_day=day,
        start_time=start,
        end_time=end,
    )


def _names(pattern: dict[str, Any], kind: str, code: str) -> tuple[str, str]:
    for shift in pattern.get("shifts", ()):
        for item in (shift, *shift.get("pauses", ())):
            if item.get("code") == code and item.get("kind", "shift" if item is shift else "break") == kind:
                return str(item.get("name_en", "")), str(item.get("name_fr", ""))
    return "", ""


def calendar_horizon_extend(*, now: datetime | None = None) -> int:
    """Make every line's intervals for the days ahead. Returns how many were made."""
    now = now or timezone.now()
    until = (now + HORIZON).date()
    lines = CalendarVersion.objects.order_by("line_id").values_list("line_id", flat=True).distinct()
    return sum(calendar_materialise(line_id=line_id, until=until, now=now)[0] for line_id in lines)
