"""Pieces people counted at a machine: what they are of, and whose they are.

A kind no counter of the machine tells is what people said; a kind a counter tells is the counter's, and what
people said of it stands beside. A count belongs to the instant it ends at, as a counter's step belongs to its
later sample: so windows that touch add up. One said for an order is that order's, whenever it was made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from production.domain.account import OrderUse
from production.domain.counters import total_of

INSTANT = timedelta(microseconds=1)
GOOD, SCRAP, REWORK = "good", "scrap", "rework"
KINDS = (GOOD, SCRAP, REWORK)
REWORK_GOOD, REWORK_SCRAP = "rework_good", "rework_scrap"
ZERO = Decimal(0)
Amount = Decimal | None


class Hand(NamedTuple):
    """One count in force. ``order`` empty: for whatever was at work; ``reason`` empty: not told.

    ``recounted``: pieces good after rework pass the machine's counters again.
    """

    end: datetime
    entry: int
    machine: int
    start: datetime
    order: str
    kind: str
    quantity: Decimal
    reason: str = ""
    recounted: bool = False


def told_kinds(roles: Iterable[str], *, includes_defective: bool | None) -> frozenset[str]:
    """The kinds a machine's counters tell, by their roles alone: never by what they happened to send."""
    held = set(roles)
    one = Decimal(1)
    good, scrap, _ = total_of(
        one if "good_count" in held else None,
        one if "scrap_count" in held else None,
        one if "total_count" in held else None,
        includes_defective=includes_defective,
    )
    told = {GOOD: good is not None, SCRAP: scrap is not None, REWORK: "rework_count" in held}
    return frozenset(kind for kind, is_told in told.items() if is_told)


def sums(said: Iterable[Hand], kinds: Iterable[str]) -> dict[str, Decimal]:
    """What was counted of some kinds; kinds nobody counted are left out: that is not zero."""
    wanted, found = frozenset(kinds), dict[str, Decimal]()
    for one in said:
        if one.kind in wanted:
            found[one.kind] = found.get(one.kind, ZERO) + one.quantity
    return found


def total_with(good: Amount, scrap: Amount, rework: Amount) -> Amount:
    """All that was processed, where nothing counts it: every piece is good, scrap or gone to rework."""
    if good is None or (scrap is None and rework is None):
        return None
    return good + (scrap or ZERO) + (rework or ZERO)


def by_part(said: Iterable[Hand], parts: Sequence[OrderUse]) -> tuple[dict[int, list[Hand]], list[Hand]]:
    """Counts by the place of the part they belong to, and those of orders no part is about.

    One without an order belongs to the part it ends in (to the earlier one at the very change); one of an
    order to that order's last part begun before its end, else to its first.
    """
    placed: dict[int, list[Hand]] = {}
    beside: list[Hand] = []
    for one in said:
        place = _place(one, parts)
        if place is None:
            beside.append(one)
        else:
            placed.setdefault(place, []).append(one)
    return placed, beside


def _place(one: Hand, parts: Sequence[OrderUse]) -> int | None:
    if not one.order:
        inside = [n for n, part in enumerate(parts) if part.start < one.end]
        ended = [n for n in inside if (until := parts[n].end) is None or one.end <= until]
        # At the very start of the first part there is none before it.
        return ended[0] if ended else 0 if parts and parts[0].start == one.end else None
    same = [n for n, part in enumerate(parts) if part.code == one.order]
    begun = [n for n in same if parts[n].start < one.end]
    return begun[-1] if begun else same[0] if same else None


class Reworked(NamedTuple):
    """Pieces sent to rework and what became of them; ``remainder``: still there, or nobody said. Less than
    zero: more came back than was sent.
    """

    sent: Decimal
    good: Decimal
    scrap: Decimal

    @property
    def remainder(self) -> Decimal:
        return self.sent - self.good - self.scrap


def reworked(told: Mapping[str, Amount]) -> Reworked | None:
    """None where nobody sent anything to rework, nor brought anything back."""
    known = [told.get(kind) for kind in (REWORK, REWORK_GOOD, REWORK_SCRAP)]
    if all(amount is None for amount in known):
        return None
    sent, good, scrap = (amount or ZERO for amount in known)
    return Reworked(sent, good, scrap)
