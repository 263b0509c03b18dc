"""When a line means to work: a weekly pattern in the site's time zone, made into intervals in UTC.

A local time that daylight saving skips is read as the instant the clock jumps, one that it repeats is read
the first time: a night shift has 7, 8 or 9 hours and shifts that touch on paper touch in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from plant.domain.intervals import Interval, gaps, partition

SHIFT = "shift"
CLOSED = "closed"
INSIDE = ("break", "meeting", "planned_maintenance")
SECOND = timedelta(seconds=1)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class PatternError(ValueError):
    """The pattern holds something else than what is expected; says where, what was read and what was
    expected.
    """


@dataclass(frozen=True, slots=True)
class Pause:
    """A break, meeting or planned maintenance inside a shift, in local time; it may lie past midnight."""

    kind: str
    code: str
    start: time
    end: time
    weekdays: frozenset[int] = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class Shift:
    """A shift of some weekdays, in local time; one that ends at or before its start ends the next day.

    ``day_offset`` moves the production day it counts for: a night from 22:00 counts for the day it starts (0)
    or for the one it ends on (1).
    """

    code: str
    start: time
    end: time
    weekdays: frozenset[int]
    day_offset: int = 0
    pauses: tuple[Pause, ...] = ()
    name_en: str = ""
    name_fr: str = ""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One version of a line's calendar: shifts by the weekday they start on, and days without any."""

    zone: str
    shifts: tuple[Shift, ...]
    closed_days: frozenset[date] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Slot:
    """A planned interval in UTC. A pause lies inside its shift; time in no shift is closed."""

    start: datetime
    end: datetime
    kind: str
    code: str
    production_day: date


def local_instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The UTC instant of a local time: first of a repeated one, when the clock jumps for a skipped one.

    Later local times are never earlier instants, so nothing that is in order on paper overlaps in UTC.
    """
    wanted = datetime.combine(day, at, tzinfo=zone)
    found = wanted.astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == wanted.replace(tzinfo=None):
        return found
    low, high = wanted.replace(fold=1).astimezone(UTC), found
    before = low.astimezone(zone).utcoffset()
    while high - low > SECOND:
        middle = low + (high - low) // 2
        low, high = (middle, high) if middle.astimezone(zone).utcoffset() == before else (low, middle)
    return high.replace(microsecond=0)


def slots(pattern: Pattern, first: date, last: date) -> list[Slot]:
    """The shifts and pauses of every production day from ``first`` to ``last``, both included, in order."""
    zone = zone_of(pattern.zone)
    found: list[Slot] = []
    for number in range((last - first).days + 1):
        production_day = first + timedelta(days=number)
        for shift in pattern.shifts:
            starts_on = production_day - timedelta(days=shift.day_offset)
            if starts_on.weekday() in shift.weekdays and starts_on not in pattern.closed_days:
                found += _shift_slots(shift, starts_on, production_day, zone)
    return sorted(found, key=lambda slot: (slot.start, slot.kind != SHIFT, slot.code))


def _shift_slots(shift: Shift, day: date, production_day: date, zone: ZoneInfo) -> list[Slot]:
    start = local_instant(day, shift.start, zone)
    end = local_instant(_end_day(day, shift.start, shift.end), shift.end, zone)
    if end <= start:
        return []
    found = [Slot(start, end, SHIFT, shift.code, production_day)]
    for pause in shift.pauses:
        if day.weekday() not in pause.weekdays:
            continue
        # A pause of a night shift that reads earlier than the shift's start lies after midnight.
        begins_on = day + timedelta(days=1) if pause.start < shift.start else day
        pause_start = max(local_instant(begins_on, pause.start, zone), start)
        pause_end = min(local_instant(_end_day(begins_on, pause.start, pause.end), pause.end, zone), end)
        if pause_start < pause_end:
            found.append(Slot(pause_start, pause_end, pause.kind, pause.code, production_day))
    return found


def _end_day(day: date, start: time, end: time) -> date:
    return day + timedelta(days=1) if end <= start else day


@dataclass(frozen=True, slots=True)
class Planned:
    """A part of a window with the one thing planned in it: closed, shift, break, meeting or planned
    maintenance.
    """

    start: datetime
    end: datetime
    kind: str
    shift_code: str = ""


# Where pauses overlap, the later in this list holds.
_RANK = {SHIFT: 0, "break": 1, "meeting": 2, "planned_maintenance": 3}


def planned(window: Interval, found: Sequence[Slot]) -> list[Planned]:
    """Cut a closed window into what was planned; the parts are exactly the window."""
    assert window.end is not None
    inside = sorted(
        (s for s in found if s.start < window.end and window.start < s.end), key=lambda s: s.start
    )
    cuts = [cut for slot in inside for cut in (slot.start, slot.end)]
    parts: list[Planned] = []
    active: list[Slot] = []
    waiting = iter([*inside])
    upcoming = next(waiting, None)
    for part in partition(window, cuts):
        while upcoming is not None and upcoming.start <= part.start:
            active.append(upcoming)
            upcoming = next(waiting, None)
        active = [slot for slot in active if slot.end > part.start]
        kind, shift = CLOSED, ""
        if any(slot.kind == SHIFT for slot in active):
            kind = max((slot.kind for slot in active), key=lambda k: _RANK[k])
            shift = next(slot.code for slot in active if slot.kind == SHIFT)
        assert part.end is not None
        _append(parts, Planned(part.start, part.end, kind, shift))
    return parts


def _append(parts: list[Planned], part: Planned) -> None:
    last = parts[-1] if parts else None
    if last and last.kind == part.kind and last.shift_code == part.shift_code:
        parts[-1] = Planned(last.start, part.end, last.kind, last.shift_code)
    else:
        parts.append(part)


def closed_time(window: Interval, found: Iterable[Slot]) -> list[Interval]:
    """The parts of the window outside every shift."""
    return gaps(window, [slot for slot in found if slot.kind == SHIFT])


def zone_of(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise PatternError(f"time zone: read {name!r}, expected a name such as 'Europe/Paris'") from None


def pattern_read(data: Mapping[str, Any], zone: str) -> Pattern:
    """A pattern from plain data, such as a plant file or the JSON of a calendar version.

    ``{"shifts": [{"code": "M", "start": "06:00", "end": "14:00", "days": ["mon", …],
    "production_day": "start" | "end", "pauses": [{"kind": "break", "code": "B1", "start": "10:00",
    "end": "10:20", "days": […]}]}], "closed_days": ["2026-12-25"]}``. PatternError names what is wrong and
    where.
    """
    zone_of(zone)
    shifts = tuple(_shift_read(item, f"shifts[{n}]") for n, item in enumerate(data.get("shifts", ())))
    closed = frozenset(_date_read(item, "closed_days") for item in data.get("closed_days", ()))
    return Pattern(zone, shifts, closed)


def _shift_read(data: Mapping[str, Any], where: str) -> Shift:
    belongs = data.get("production_day", "start")
    if belongs not in ("start", "end"):
        raise PatternError(f"{where}.production_day: read {belongs!r}, expected 'start' or 'end'")
    start, end = _time_read(data, "start", where), _time_read(data, "end", where)
    return Shift(
        code=_text_read(data, "code", where),
        start=start,
        end=end,
        weekdays=_days_read(data.get("days", DAYS), where),
        day_offset=1 if belongs == "end" and end <= start else 0,
        pauses=tuple(
            _pause_read(item, f"{where}.pauses[{n}]") for n, item in enumerate(data.get("pauses", ()))
        ),
        name_en=str(data.get("name_en", "")),
        name_fr=str(data.get("name_fr", "")),
    )


def _pause_read(data: Mapping[str, Any], where: str) -> Pause:
    kind = data.get("kind", "break")
    if kind not in INSIDE:
        raise PatternError(f"{where}.kind: read {kind!r}, expected one of {', '.join(INSIDE)}")
    return Pause(
        kind=kind,
        code=_text_read(data, "code", where),
        start=_time_read(data, "start", where),
        end=_time_read(data, "end", where),
        weekdays=_days_read(data.get("days", DAYS), where),
    )


def _text_read(data: Mapping[str, Any], key: str, where: str) -> str:
    value = data.get(key)
    if not isinstance(value, str) or not value:
        raise PatternError(f"{where}.{key}: read {value!r}, expected a code")
    return value


def _time_read(data: Mapping[str, Any], key: str, where: str) -> time:
    value = data.get(key)
    refused = PatternError(f"{where}.{key}: read {value!r}, expected a local time such as '06:00'")
    try:
        found = value if isinstance(value, time) else time.fromisoformat(str(value))
    except ValueError:
        raise refused from None
    # 06:00Z is an hour somewhere, which the site's own hours cannot be compared with
    if found.tzinfo is not None:
        raise refused
    return found


def _date_read(value: Any, where: str) -> date:
    try:
        return value if isinstance(value, date) else date.fromisoformat(str(value))
    except ValueError:
        raise PatternError(f"{where}: read {value!r}, expected a date such as '2026-12-25'") from None


def _days_read(value: Iterable[Any], where: str) -> frozenset[int]:
    names = list(value) if not isinstance(value, str) else [value]
    for name in names:
        if name not in DAYS:
            raise PatternError(f"{where}.days: read {name!r}, expected some of {', '.join(DAYS)}")
    return frozenset(DAYS.index(name) for name in names)
