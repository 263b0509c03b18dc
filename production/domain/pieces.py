"""Pieces of a machine in a window: its counters', and people's where no counter tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from production.domain.hand_counts import (
    GOOD,
    KINDS,
    REWORK,
    REWORK_GOOD,
    REWORK_SCRAP,
    SCRAP,
    Hand,
    sums,
    total_with,
)

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Quantities:
    """Pieces of a machine in [start, end), as its counters tell; a kind none of them tells, as people said.
    None: nobody tells.

    ``good`` and ``scrap`` are in the end: with what became of pieces sent to rework (``rework_good``,
    ``rework_scrap``), every piece once; ``total``: all that was processed, each piece the first time.
    ``in_gap``: counted across a gap in the data, part of the sums. ``unverified``: in steps faster than
    believable, not part of the sums. ``spanning``: good and scrap counted in the step that spans the start of
    an order, part of its sums. ``signal_ids`` are what it was computed from, ``entries`` the counts of
    people; ``by_hand``: the kinds that are theirs; ``refused``: kinds counted in a unit nobody has said what
    it makes of the product.
    """

    equipment_id: int
    start: datetime
    end: datetime
    good: Decimal | None = None
    scrap: Decimal | None = None
    rework: Decimal | None = None
    total: Decimal | None = None
    in_gap: Decimal = ZERO
    unverified: Decimal = ZERO
    spanning: Decimal = ZERO
    signal_ids: tuple[int, ...] = ()
    rework_good: Decimal | None = None
    rework_scrap: Decimal | None = None
    entries: tuple[int, ...] = ()
    by_hand: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()

    @property
    def good_first(self) -> Decimal | None:
        """Good without rework."""
        return None if self.good is None else self.good - (self.rework_good or ZERO)


def with_hand(counted: Quantities, said: Sequence[Hand], told: frozenset[str]) -> Quantities:
    """A machine's count with people's; ``told``: the kinds its counters tell. Pieces good after rework that
    passed its counters again are taken out of what was processed.
    """
    hand = sums(said, {*KINDS, REWORK_GOOD, REWORK_SCRAP} - told)
    if not hand:
        return counted
    back, lost = hand.get(REWORK_GOOD), hand.get(REWORK_SCRAP)
    again = (back or ZERO) if GOOD in told and any(one.recounted for one in said) else ZERO
    first = counted.good if GOOD in told else hand.get(GOOD)
    first = None if first is None else first - again
    scrap = counted.scrap if SCRAP in told else hand.get(SCRAP)
    rework = counted.rework if REWORK in told else hand.get(REWORK)
    total = counted.total
    total = total_with(first, scrap, rework) if total is None else total - again
    return replace(
        counted,
        good=_plus(first, back),
        scrap=_plus(scrap, lost),
        rework=rework,
        total=total,
        rework_good=back,
        rework_scrap=lost,
        entries=tuple(one.entry for one in said if one.kind in hand),
        by_hand=frozenset(hand),
    )


def _plus(amount: Decimal | None, more: Decimal | None) -> Decimal | None:
    return amount if more is None else (amount or ZERO) + more
