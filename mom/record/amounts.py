"""Quantities of the record: who counted what, why pieces were scrapped, what became of rework."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class QuantityRow:
    """What one source says of one kind. ``authoritative``: the record is computed with it."""

    source: str
    kind: str
    quantity: Decimal | None
    unit: str
    authoritative: bool
    note: str
    evidence: str


@dataclass(frozen=True, slots=True)
class PieceBalance:
    """started (counted by the first machine) = good (at the exit) + scrap + in rework + remainder."""

    started: Decimal
    counted_by: str
    good: Decimal
    scrap: Decimal | None
    remainder: Decimal
    evidence: str
    in_rework: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ScrapReason:
    """Pieces scrapped for one reason; an empty code is what nobody told, less than zero where more was told
    than was counted. All rows add up to the scrap of the order.
    """

    reason_code: str
    word: str
    quantity: Decimal
    evidence: str


@dataclass(frozen=True, slots=True)
class Rework:
    """sent = good after it + scrapped after it + remainder: still in rework, or nobody told. ``good_first``:
    the order's good pieces without it. Yields are of all that the line's exit processed.
    """

    sent: Decimal
    good: Decimal
    scrap: Decimal
    remainder: Decimal
    good_first: Decimal | None
    first_pass_yield: Decimal | None
    final_yield: Decimal | None
    evidence: str
