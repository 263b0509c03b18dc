"""Shifts are exact at every change of every clock: no minute missing, none counted twice.

For every zone of the IANA database and every change of its clock between two years, shifts around the clock
with generated boundaries are compared, quarter of an hour by quarter of an hour, with a clock on the wall
that is simply read. Controls: shifts of a fixed offset, and a repeated hour read the second time.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from itertools import pairwise
from unittest.mock import patch
from zoneinfo import ZoneInfo, available_timezones

from plant.domain import calendar
from plant.domain.calendar import Pattern, Shift, Slot, slots
from tests.chaos.verdict import Verdict

DATABASE = "none"
QUARTER, HOUR, DAY = timedelta(minutes=15), timedelta(hours=1), timedelta(days=1)
EVERY_DAY = frozenset(range(7))
CONTROL_ZONE = "Europe/Paris"


def prove(options: list[str]) -> Verdict:
    parser = argparse.ArgumentParser(prog="dst")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--zones", type=int, default=25, help="so many zones, by chance; 0 = every zone")
    parser.add_argument("--first", type=int, default=2000, help="first year")
    parser.add_argument("--last", type=int, default=2040, help="last year")
    parser.add_argument("--patterns", type=int, default=1, help="patterns of shifts at each change")
    read = parser.parse_args(options)
    years = (read.first, read.last)
    return dst_proof(seed=read.seed, zones=read.zones, years=years, patterns=read.patterns)


def dst_proof(*, seed: int, zones: int, years: tuple[int, int], patterns: int = 1) -> Verdict:
    verdict, dice = Verdict("dst", seed), random.Random(seed)
    names = sorted(available_timezones())
    chosen = sorted(dice.sample(names, min(zones, len(names)))) if zones else names
    found = changes = 0
    for name in chosen:
        for at in transitions(ZoneInfo(name), *years):
            changes += 1
            for _ in range(patterns):
                if problem := wrong(name, at, shifts_made(dice)):
                    found += 1
                    verdict.broken.append(f"{name} {at.isoformat()}: {problem}")
    verdict.broken = verdict.broken[:5] + ([f"{found} in all"] if found > 5 else [])
    caught = {what: _noticed(seed, reading) for what, reading in CONTROLS.items()}
    verdict.broken += [f"control not noticed: {what}" for what, noticed in caught.items() if not noticed]
    verdict.counts |= {"zones": len(chosen), "changes": changes, "wrong": found}
    verdict.counts["controls"] = f"{sum(caught.values())}/{len(caught)}"
    return verdict


def transitions(zone: ZoneInfo, first: int, last: int) -> Iterator[datetime]:
    """Every instant its offset changes, to the second, found by looking."""
    at, end = datetime(first, 1, 1, tzinfo=UTC), datetime(last + 1, 1, 1, tzinfo=UTC)
    while at < end:
        # Two changes nearer than this to each other would hide one another; Ramadan is longer
        after = at + 7 * DAY
        if _offset(at, zone) != _offset(after, zone):
            low, high = at, after
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) / 2
                low, high = (middle, high) if _offset(middle, zone) == _offset(at, zone) else (low, middle)
            yield high.replace(microsecond=0)
        at = after


def _offset(at: datetime, zone: ZoneInfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


def shifts_made(dice: random.Random) -> tuple[Shift, ...]:
    """Around the clock, cut at two to four quarters of an hour, often in the small hours."""
    quarters = [dice.randrange(20) for _ in range(2)] + [dice.randrange(96) for _ in range(2)]
    cuts = sorted(set(quarters[: dice.randint(2, 4)]) | {dice.randrange(40, 96)})
    times = [clock(cut // 4, cut % 4 * 15) for cut in cuts]
    return tuple(
        Shift(f"S{n}", start, end, EVERY_DAY) for n, (start, end) in enumerate(pairwise([*times, times[0]]))
    )


def wrong(name: str, change: datetime, shifts: tuple[Shift, ...]) -> str:
    zone = ZoneInfo(name)
    day = change.astimezone(zone).date()
    found = slots(Pattern(name, shifts), day - 3 * DAY, day + 2 * DAY)
    for one, other in pairwise(found):
        if one.end != other.start:
            word = "missing" if one.end < other.start else "counted twice"
            return f"{word} from {one.end} to {other.start}, shifts {_told(shifts)}"
    # Whole quarters: a clock may change at one past midnight, when the wall has just shown a new shift
    middle = change.replace(minute=change.minute // 15 * 15, second=0)
    start, end = middle - DAY, middle + DAY
    expected = by_the_wall(zone, start - DAY, end, shifts)
    for at, code in expected.items():
        if at >= start and (read := _code_at(found, at)) != code:
            return f"at {at} shift {read}, by the wall {code}, shifts {_told(shifts)}"
    return ""


def by_the_wall(
    zone: ZoneInfo, start: datetime, end: datetime, shifts: tuple[Shift, ...]
) -> dict[datetime, str]:
    """Shift of each quarter of an hour, by walking and reading the clock: a shift begins when the wall first
    shows its time or a later one.
    """
    found: dict[datetime, str] = {}
    starts = sorted((shift.start, shift.code) for shift in shifts)
    wall = start.astimezone(zone).replace(tzinfo=None)
    code = next((code for at, code in reversed(starts) if at <= wall.time()), starts[-1][1])
    begun: set[tuple[date, str]] = {(wall.date(), name) for at, name in starts if at <= wall.time()}
    at, before = start, wall
    while at < end:
        wall = at.astimezone(zone).replace(tzinfo=None)
        for day in (before.date(), wall.date()):
            for opens, name in starts:
                opening = datetime.combine(day, opens)
                if before < opening <= wall and (day, name) not in begun:
                    begun.add((day, name))
                    code = name
        found[at] = code
        at, before = at + QUARTER, wall
    return found


def _code_at(found: list[Slot], at: datetime) -> str:
    return next((slot.code for slot in found if slot.start <= at < slot.end), "none")


def _told(shifts: tuple[Shift, ...]) -> str:
    return " ".join(f"{shift.start:%H:%M}" for shift in shifts)


def _fixed(day: date, at: clock, zone: ZoneInfo) -> datetime:
    offset = datetime(day.year, 1, 15, tzinfo=zone).utcoffset() or timedelta()
    return datetime.combine(day, at, tzinfo=UTC) - offset


def _second_time(day: date, at: clock, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at.replace(fold=1), tzinfo=zone).astimezone(UTC)


Reading = Callable[[date, clock, ZoneInfo], datetime]
CONTROLS: dict[str, Reading] = {"one offset all year": _fixed, "the second of a repeated hour": _second_time}


def _noticed(seed: int, reading: Reading) -> bool:
    dice, zone = random.Random(seed), ZoneInfo(CONTROL_ZONE)
    with patch.object(calendar, "local_instant", reading):
        return any(wrong(CONTROL_ZONE, at, shifts_made(dice)) for at in transitions(zone, 2000, 2040))
