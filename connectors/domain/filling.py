"""When a disk will be full, from how full it was."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

WEEK, LEAST = 7, 2  # days looked at
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NEWEST = timedelta(hours=3)
LONGEST = 365.0


@dataclass(frozen=True, slots=True)
class Reading:
    """``share`` in use at the hour ``at``, of ``total`` bytes where that is known."""

    at: datetime
    share: float
    total: int | None


@dataclass(frozen=True, slots=True)
class Filling:
    """``days`` until it is full at the pace of the last ``over`` days; None = it does not fill within a
    year.
    """

    days: float | None
    over: int


def filling(readings: Iterable[Reading], now: datetime) -> Filling | None:
    """The pace is the median of what it grew from an hour to the same hour a day later: what comes and goes
    within a day, or came once, is none. None = unknown: less than two days, holes, or another disk since.
    """
    listed = sorted(readings, key=lambda one: one.at)
    if not listed or now - listed[-1].at > NEWEST:
        return None
    newest = listed[-1]
    since = max((one.at for one in listed if not _is_same(one.total, newest.total)), default=None)
    same = [one for one in listed if since is None or one.at > since]
    over = min((newest.at - same[0].at) // DAY, WEEK)
    if over < LEAST:
        return None
    shares = {one.at: one.share for one in same if one.at >= newest.at - over * DAY}
    grown = [share - shares[at - DAY] for at, share in shares.items() if at - DAY in shares]
    if len(grown) < (over - 1) * 12:
        return None
    pace = median(grown)
    if pace <= 0 or (days := max(1.0 - newest.share, 0.0) / pace) > LONGEST:
        return Filling(None, over)
    return Filling(days, over)


def _is_same(total: int | None, other: int | None) -> bool:
    """Some file systems tell a little more or less room from hour to hour."""
    if total is None or other is None:
        return total is other
    return abs(total - other) <= other / 100
