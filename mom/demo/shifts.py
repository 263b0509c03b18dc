"""When a simulated line is staffed: shifts, breaks and closures of the site's clock, as UTC milliseconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Slot:
    """``kind`` is shift, break, meeting or planned_maintenance; the interval is half-open."""

    start: int
    end: int
    kind: str
    code: str


@dataclass(frozen=True, slots=True)
class Staffing:
    """What holds at one instant: the shift ("" = closed) and what interrupts it ("" = nothing)."""

    shift: str
    pause: str


def wall(zone: ZoneInfo, day: date, clock: str) -> int:
    hour, minute = clock.split(":")
    local = datetime.combine(day, time(int(hour), int(minute)), tzinfo=zone)
    return int(local.astimezone(UTC).timestamp() * 1000)


class LineCalendar:
    """The weekly pattern of one line, as written in the plant file."""

    def __init__(self, zone: str, pattern: dict[str, Any]) -> None:
        self.zone = ZoneInfo(zone)
        self.shifts: list[dict[str, Any]] = pattern["shifts"]
        self._days: dict[date, tuple[Slot, ...]] = {}

    def day(self, day: date) -> tuple[Slot, ...]:
        """The slots of the shifts that begin on a local date."""
        if day not in self._days:
            self._days[day] = tuple(self._made(day))
        return self._days[day]

    def _made(self, day: date) -> list[Slot]:
        slots = []
        for shift in self.shifts:
            if DAYS[day.weekday()] not in shift["days"]:
                continue
            last = day + timedelta(days=shift["end"] <= shift["start"])
            slots.append(
                Slot(
                    wall(self.zone, day, shift["start"]),
                    wall(self.zone, last, shift["end"]),
                    "shift",
                    shift["code"],
                )
            )
            slots.extend(self._pauses(day, shift))
        return slots

    def _pauses(self, day: date, shift: dict[str, Any]) -> list[Slot]:
        slots = []
        for pause in shift.get("pauses", []):
            if DAYS[day.weekday()] not in pause.get("days", DAYS):
                continue
            first = day + timedelta(days=pause["start"] < shift["start"])
            last = first + timedelta(days=pause["end"] <= pause["start"])
            start, end = wall(self.zone, first, pause["start"]), wall(self.zone, last, pause["end"])
            slots.append(Slot(start, end, pause["kind"], pause["code"]))
        return slots

    def near(self, at: int) -> list[Slot]:
        local = datetime.fromtimestamp(at / 1000, self.zone).date()
        return [slot for offset in range(-1, 4) for slot in self.day(local + timedelta(days=offset))]

    def staffing(self, at: int) -> Staffing:
        now = [slot for slot in self.near(at) if slot.start <= at < slot.end]
        shift = next((slot.code for slot in now if slot.kind == "shift"), "")
        return Staffing(shift, next((slot.kind for slot in now if slot.kind != "shift"), "") if shift else "")

    def next_change(self, at: int) -> int:
        """The first instant after ``at`` when the staffing may differ."""
        return min(edge for slot in self.near(at) for edge in (slot.start, slot.end) if edge > at)

    def add_open(self, at: int, milliseconds: int) -> int:
        """The instant by which so much staffed time has gone by since ``at``."""
        while milliseconds > 0:
            change = self.next_change(at)
            now = self.staffing(at)
            if now.shift and not now.pause:
                if change - at >= milliseconds:
                    return at + milliseconds
                milliseconds -= change - at
            at = change
        return at

    def week(self, at: int) -> int:
        return datetime.fromtimestamp(at / 1000, self.zone).isocalendar().week
