"""Changing a line from one product to the next: the standard that holds, and what a sequence costs.

A standard is looked up by product × product, then family × family, then the line's default.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from production.domain.account import Segment
from production.domain.smed import Phases, Span, phases, stood_for
from production.domain.time_model import PAUSES, RUNNING, RUNNING_SLOW, SETUP

RUN = frozenset({RUNNING, RUNNING_SLOW})
# Segments after the first run that are searched for the rate: hours of running, however often it stops.
LOOKED_AT = 500


class Product(NamedTuple):
    """A product as standards know it; ``family`` may be empty."""

    code: str
    family: str


class Standard(NamedTuple):
    """One declared duration. Empty on both sides: the line's default."""

    from_product: str
    from_family: str
    to_product: str
    to_family: str
    duration: timedelta


def standard_for(standards: Iterable[Standard], before: Product, after: Product) -> timedelta | None:
    """The declared duration from one product to the next; None where none is declared.

    The same product again needs no changeover: zero, unless declared otherwise.
    """
    by_key = {item[:4]: item.duration for item in standards}
    found = by_key.get((before.code, "", after.code, ""))
    if found is None and before.code == after.code:
        return timedelta()
    if found is None and before.family and after.family:
        found = by_key.get(("", before.family, "", after.family))
    return by_key.get(("", "", "", "")) if found is None else found


def sequence_time(products: Sequence[Product], standards: Sequence[Standard]) -> timedelta | None:
    """Changeover time a sequence needs by the standards; None when a step has none."""
    steps = [standard_for(standards, before, after) for before, after in pairwise(products)]
    known = [step for step in steps if step is not None]
    return sum(known, timedelta()) if len(known) == len(steps) else None


class Done(NamedTuple):
    """A changeover as it happened on one machine: from the last run of one order to the first of the next.

    ``duration``: that time without pauses, ``stood`` when that was; ``setup``: the part that is classed as
    changeover.
    """

    start: datetime
    end: datetime
    from_order: str
    to_order: str
    duration: timedelta
    setup: timedelta
    stood: tuple[Span, ...] = ()
    phases: Phases | None = None


def changeovers_done(segments: Sequence[Segment]) -> list[Done]:
    """Changeovers in an account, oldest first; one still going on at its end is left out."""
    found: list[Done] = []
    last: Segment | None = None
    between: list[Segment] = []
    for number, segment in enumerate(segments):
        if segment.time_class not in RUN or not segment.order_code:
            between.append(segment)
            continue
        if last is not None and last.order_code != segment.order_code:
            found.append(_done(last, between, segments[number : number + LOOKED_AT]))
        last, between = segment, []
    return found


def _done(before: Segment, between: Sequence[Segment], following: Sequence[Segment]) -> Done:
    after = following[0]
    worked = [item for item in between if item.time_class not in PAUSES]
    return Done(
        start=before.end,
        end=after.start,
        from_order=before.order_code,
        to_order=after.order_code,
        duration=sum((item.duration for item in worked), timedelta()),
        setup=sum((item.duration for item in worked if item.time_class == SETUP), timedelta()),
        stood=stood_for(between),
        phases=phases(between, following, after.order_code),
    )


@dataclass(frozen=True, slots=True)
class Cell:
    """All changeovers from one product to another. ``standard`` None: nobody declared one."""

    before: Product
    after: Product
    done: tuple[Done, ...]
    standard: timedelta | None

    @property
    def median(self) -> timedelta:
        return median(sorted(item.duration for item in self.done))  # type: ignore[type-var]

    @property
    def mean(self) -> timedelta:
        return sum((item.duration for item in self.done), timedelta()) / len(self.done)

    @property
    def best(self) -> timedelta:
        return min(item.duration for item in self.done)

    @property
    def over(self) -> timedelta | None:
        """Time over the standard, all of them together; those within it do not make up for it."""
        if self.standard is None:
            return None
        return sum((max(item.duration - self.standard, timedelta()) for item in self.done), timedelta())


def matrix(done: Iterable[Done], products: dict[str, Product], standards: Sequence[Standard]) -> list[Cell]:
    """Changeovers by product before and after; orders of unknown products are left out."""
    cells: dict[tuple[Product, Product], list[Done]] = {}
    for item in done:
        before, after = products.get(item.from_order), products.get(item.to_order)
        if before is not None and after is not None:
            cells.setdefault((before, after), []).append(item)
    return [
        Cell(before, after, tuple(items), standard_for(standards, before, after))
        for (before, after), items in sorted(cells.items())
    ]
