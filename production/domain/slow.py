"""Slow running: stretches in which a machine ran and made less than a share of what its ideal rate allows.

Looked at over windows that lie the same for everyone, whole and known to their end, so that no page's window
changes what was slow. The share of the time that is lost is what was made against what could have been.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from typing import NamedTuple

from plant.domain.intervals import Spanning
from production.domain.counters import BUCKET

OVER = timedelta(minutes=15)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A counter tells a piece when it is made: one may be on its way.
ON_ITS_WAY = 1


@dataclass(frozen=True, slots=True)
class Limit:
    """``below``: share of the ideal rate. ``over``: the time it is taken over, whole five minutes."""

    below: Fraction
    over: timedelta = OVER


class Made(NamedTuple):
    """Pieces a machine counted in one bucket, good or not."""

    start: datetime
    quantity: Decimal


class Slow(NamedTuple):
    """Running time in [start, end) was slow; ``lost``: the share of it that the ideal rate would not have
    needed.
    """

    start: datetime
    end: datetime
    lost: Fraction


# Ideal pieces per second of what a machine made at an instant; None where it is not known.
RateAt = Callable[[datetime], Decimal | None]


def limit_of(below: int | None, over: timedelta | None) -> Limit | None:
    """From a machine's percent and time; None where slow running is not told apart."""
    if below is None:
        return None
    buckets = max(1, round((over or OVER) / BUCKET))
    return Limit(Fraction(below, 100), buckets * BUCKET)


def reach(limit: Limit, start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """The whole windows that [start, end) touches."""
    first, last = (start - EPOCH) // limit.over, -((EPOCH - end) // limit.over)
    return EPOCH + first * limit.over, EPOCH + last * limit.over


def slow_running(
    window: tuple[datetime, datetime],
    running: Sequence[Spanning],
    made: Iterable[Made],
    rate_at: RateAt,
    limit: Limit,
    horizon: datetime,
) -> list[Slow]:
    """The slow windows among those whole ones that ``window`` touches. ``running``: times it ran at one rate
    each, in order, over their whole reach. A window without a rate for all its running time is not judged.
    """
    pieces: dict[int, Decimal] = {}
    for one in made:
        place = (one.start - EPOCH) // limit.over
        pieces[place] = pieces.get(place, Decimal(0)) + one.quantity
    found = []
    ends = [span.end or horizon for span in running]
    for start, end in _windows(limit, *reach(limit, *window)):
        if end > horizon:
            break
        near = islice(running, bisect_right(ends, start), None)
        ideal = _ideal(near, rate_at, start, end)
        count = Fraction(pieces.get((start - EPOCH) // limit.over, Decimal(0)))
        if ideal and count + ON_ITS_WAY < limit.below * ideal:
            found.append(Slow(start, end, 1 - max(count, Fraction(0)) / ideal))
    return found


def _windows(limit: Limit, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    while start < end:
        yield start, start + limit.over
        start += limit.over


def _ideal(running: Iterable[Spanning], rate_at: RateAt, start: datetime, end: datetime) -> Fraction | None:
    """Pieces its running time in [start, end) allowed; None where a rate is not known."""
    total = Fraction(0)
    for span in running:
        if span.start >= end:
            break
        first, last = max(span.start, start), min(span.end or end, end)
        if last <= first:
            continue
        rate = rate_at(first)
        if rate is None:
            return None
        total += Fraction(rate) * ((last - first) // timedelta(microseconds=1)) / 1_000_000
    return total
