"""Hour by hour: what each clock hour of a shift should bring, what it brought, what rate recovers the gap.

A target is planned working time at the pace asked for: the plan's where the order has planned times, else the
ideal rate. What cannot be recovered within the shift is said, never smoothed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import accumulate, pairwise
from zoneinfo import ZoneInfo

from production.domain.oee import seconds

HOUR = timedelta(hours=1)
# A smaller shortfall is no news: a line always varies a little.
RED = Decimal("0.95")


@dataclass(frozen=True, slots=True)
class Hour:
    """``target`` None: no pace is known. ``due``: its part that data reach by now. ``good`` None: nothing
    tells, or the hour has not begun.
    """

    start: datetime
    end: datetime
    planned: timedelta
    target: Decimal | None
    due: Decimal | None
    good: Decimal | None

    @property
    def gap(self) -> Decimal | None:
        return None if self.good is None or self.due is None else self.good - self.due

    @property
    def is_red(self) -> bool:
        return self.good is not None and bool(self.due) and self.good < RED * (self.due or 0)


@dataclass(frozen=True, slots=True)
class Recovery:
    """``needed``: good pieces per planned hour from now on to reach the shift's target; None when no planned
    time is left or something is not known. ``possible``: within the ideal rate; None where that is not known.
    """

    target: Decimal | None
    good: Decimal | None
    left: timedelta
    needed: Decimal | None
    possible: bool | None


def clock_hours(start: datetime, end: datetime, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    """[start, end) cut at the full hours of the site's clock, also where daylight saving moves it."""
    cuts, at = [start], start
    while at < end:
        local = at.astimezone(zone)
        past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        at = min(at + HOUR - past, end)
        cuts.append(at)
    return list(pairwise(cuts))


def cumulative(hours: Iterable[Hour]) -> list[Decimal | None]:
    """The gap so far after each hour; None from the first hour on that is not known."""
    return list(accumulate((hour.gap for hour in hours), _add))


def _add(a: Decimal | None, b: Decimal | None) -> Decimal | None:
    return None if a is None or b is None else a + b


def recovery(hours: Sequence[Hour], left: timedelta, ideal_per_hour: Decimal | None) -> Recovery:
    """What the rest of the shift must bring. ``left``: planned working time still to come."""
    targets = [hour.target for hour in hours]
    target = sum((t for t in targets if t is not None), Decimal(0)) if None not in targets else None
    counted = [hour.good for hour in hours if hour.good is not None]
    good = sum(counted, Decimal(0)) if counted else None
    if target is None or good is None or not left:
        return Recovery(target, good, left, None, None)
    needed = max(target - good, Decimal(0)) * 3600 / seconds(left)
    return Recovery(target, good, left, needed, None if ideal_per_hour is None else needed <= ideal_per_hour)
