"""The shape of evidence. The page and the JSON are two renderings of these rows.

A figure is its first term, or its first term over its second; a term is the sum of its rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from plant.domain.quantities import ratio

RATIO, SECONDS, PIECES, NUMBER, HOURS = "ratio", "seconds", "pieces", "number", "hours"
MONEY = "money"


@dataclass(frozen=True, slots=True)
class Input:
    """One part of a term. ``how``: what the amount was computed from; ``evidence`` opens it."""

    what: str
    amount: Decimal | None
    start: datetime | None = None
    end: datetime | None = None
    how: str = ""
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Term:
    """A symbol of the formula: the exact sum of its rows; None as soon as one row is not known."""

    symbol: str
    word: str
    unit: str
    rows: tuple[Input, ...]

    @property
    def amount(self) -> Decimal | None:
        known = [row.amount for row in self.rows if row.amount is not None]
        return sum(known, Decimal(0)) if len(known) == len(self.rows) else None


@dataclass(frozen=True, slots=True)
class Version:
    """Configuration a figure was computed with: which, since when, entered when."""

    what: str
    value: str
    valid_from: datetime | None = None
    recorded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Excluded:
    """Time or pieces that are in no term, and why."""

    what: str
    amount: Decimal
    unit: str
    why: str


@dataclass(frozen=True, slots=True)
class Edit:
    """Something a person or rule said in place of something else, or late."""

    at: datetime
    by: str
    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Trust:
    """Shares between 0 and 1; None with nothing to share. ``late``: of coded stop time, coded a day later."""

    coded: Decimal | None
    other: Decimal | None
    no_data: Decimal | None
    late: Decimal | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """All a figure was made of. ``shown``: the value its page shows; the terms must give the same.

    ``currency``: of money, empty for other kinds.
    """

    figure: str
    name: str
    kind: str
    formula: str
    definition: str
    place: str
    start: datetime
    end: datetime
    shown: Decimal | None
    terms: tuple[Term, ...]
    versions: tuple[Version, ...]
    excluded: tuple[Excluded, ...]
    edits: tuple[Edit, ...]
    trust: Trust | None
    currency: str = ""

    @property
    def computed(self) -> Decimal | None:
        amounts = [term.amount for term in self.terms]
        return ratio(amounts[0], amounts[1]) if len(amounts) > 1 else amounts[0]

    @property
    def agrees(self) -> bool:
        """Whether the rows give what is shown, to the millionth."""
        if self.shown is None or self.computed is None:
            return self.shown == self.computed
        return abs(self.shown - self.computed) < Decimal("0.000001")
