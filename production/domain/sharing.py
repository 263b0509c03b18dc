"""Orders that run at once on one unit share its seconds by declared weights, to the microsecond."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from production.domain.account import OrderUse, Segment

INSTANT = timedelta(microseconds=1)


class Weighed(NamedTuple):
    """From ``start`` on an order weighs so much among those that run beside it."""

    start: datetime
    code: str
    weight: int


def shared(time: timedelta, weights: Mapping[str, int]) -> dict[str, timedelta]:
    """A time split by weights; the parts add up to it exactly (largest remainder, then by code).

    Where all weigh nothing, all weigh the same.
    """
    if not weights:
        return {}
    known = dict(weights) if any(weights.values()) else dict.fromkeys(weights, 1)
    whole, total = time // INSTANT, sum(known.values())
    parts = {code: whole * weight // total for code, weight in known.items()}
    turn = sorted(known, key=lambda code: (-(whole * known[code] % total), code))
    for code in turn[: whole - sum(parts.values())]:
        parts[code] += 1
    return {code: part * INSTANT for code, part in parts.items()}


def weights_at(declared: Iterable[Weighed], codes: Iterable[str], at: datetime) -> dict[str, int]:
    """The weight of each order at an instant: the one declared last before it, else 1."""
    weights = dict.fromkeys(sorted(codes), 1)
    for one in sorted(declared):
        if one.start <= at and one.code in weights:
            weights[one.code] = one.weight
    return weights


class Slice(NamedTuple):
    """A stretch in which neither the segment, nor the orders, nor their weights change: each order's part."""

    segment: Segment
    start: datetime
    end: datetime
    parts: dict[str, timedelta]


def slices(
    segments: Sequence[Segment], uses: Sequence[OrderUse], declared: Sequence[Weighed]
) -> Iterator[Slice]:
    """Segments in order, cut so; an order shares only while it runs, and time without one is under ""."""
    for segment in segments:
        inside = {one.start for one in declared} | {at for use in uses for at in (use.start, use.end) if at}
        cuts = sorted(at for at in inside if segment.start < at < segment.end)
        for begin, until in pairwise([segment.start, *cuts, segment.end]):
            codes = {use.code for use in uses if use.start <= begin and (use.end is None or use.end > begin)}
            weights = weights_at(declared, codes, begin) or {"": 1}
            yield Slice(segment, begin, until, shared(until - begin, weights))


@dataclass(frozen=True, slots=True)
class SharedSegment(Segment):
    """A segment of which an order has only a part: its duration is that part."""

    part: timedelta = timedelta()

    @property
    def duration(self) -> timedelta:
        return self.part


NAMES = tuple(item.name for item in fields(Segment))


def order_segments(
    segments: Sequence[Segment], uses: Sequence[OrderUse], declared: Sequence[Weighed], code: str
) -> list[Segment] | None:
    """One order's part of a machine's time; None where it never shared any of it."""
    others = [use for use in uses if use.code != code]
    if not any(_beside(segment, others) for segment in segments):
        return None
    found: list[Segment] = []
    for one in slices(segments, uses, declared):
        values = {name: getattr(one.segment, name) for name in NAMES} | {"start": one.start, "end": one.end}
        found.append(SharedSegment(**values, part=one.parts.get(code, timedelta())))
    return found


def _beside(segment: Segment, others: Sequence[OrderUse]) -> bool:
    return any(use.start < segment.end and (use.end is None or use.end > segment.start) for use in others)
