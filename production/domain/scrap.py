"""Scrap by reason, machine, product and shift: what was counted, what was said of it, what nobody told.

A machine's scrap is its quantity; what people said of it explains so many pieces each. Counted = told of each
reason + not told: where more was told than was counted, not told is less than zero and shown so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from plant.domain.quantities import ratio

ZERO = Decimal(0)
NOT_TOLD = ""


class Unfit(ValueError):
    """Parts that are no parts of the whole: what was read, and what was expected."""

    is_bad_input = True


class Portion(NamedTuple):
    """So many of the pieces, for one reason; empty: not told."""

    quantity: Decimal
    reason_code: str


def portions_check(whole: Decimal, portions: Sequence[Portion]) -> None:
    """Raises Unfit unless every part is more than zero and all add up to the whole exactly."""
    if not portions or any(not part.quantity.is_finite() or part.quantity <= 0 for part in portions):
        raise Unfit("portions: expected one or more, each above 0")
    total = sum((part.quantity for part in portions), ZERO)
    if total != whole:
        raise Unfit(f"portions: read {total} in all, expected {whole}")


class Place(NamedTuple):
    """Where and on what scrap was made; codes, empty where there is none."""

    machine: str
    product: str
    shift: str


class Row(NamedTuple):
    """Scrap of one reason; ``entries``: ids of the counts that say so, none of what nobody told."""

    place: Place
    reason_code: str
    quantity: Decimal
    entries: tuple[int, ...] = ()


class Said(NamedTuple):
    """A count that explains pieces. ``quantity`` of them were scrapped for the reason."""

    place: Place
    reason_code: str
    quantity: Decimal
    entry: int


@dataclass(frozen=True, slots=True)
class Scrap:
    """Rows of reasons and of what nobody told add up to ``total`` exactly, in every place and in all."""

    rows: tuple[Row, ...]

    @property
    def total(self) -> Decimal:
        return sum((row.quantity for row in self.rows), ZERO)

    @property
    def not_told(self) -> Decimal:
        return sum((row.quantity for row in self.rows if not row.reason_code), ZERO)

    def by_reason(self) -> list[Row]:
        """The whole by reason, most first; what nobody told comes last."""
        return summed(self.rows, Place("", "", ""))


def summed(rows: Iterable[Row], place: Place) -> list[Row]:
    """Rows of one reason as one."""
    found: dict[str, Row] = {}
    for row in rows:
        before = found.get(row.reason_code, Row(place, row.reason_code, ZERO))
        found[row.reason_code] = before._replace(
            quantity=before.quantity + row.quantity, entries=before.entries + row.entries
        )
    return sorted(found.values(), key=lambda row: (not row.reason_code, -row.quantity, row.reason_code))


def scrap(counted: Mapping[Place, Decimal], said: Iterable[Said]) -> Scrap:
    """What was counted in each place by reason; said of a place without a count, it lessens not told."""
    told: dict[Place, dict[str, Row]] = {}
    for one in said:
        if not one.reason_code or not one.quantity:
            continue
        rows = told.setdefault(one.place, {})
        before = rows.get(one.reason_code, Row(one.place, one.reason_code, ZERO))
        rows[one.reason_code] = before._replace(
            quantity=before.quantity + one.quantity, entries=(*before.entries, one.entry)
        )
    found: list[Row] = []
    for place in sorted({*counted, *told}):
        rows = told.get(place, {})
        found += sorted(rows.values(), key=lambda row: (-row.quantity, row.reason_code))
        rest = counted.get(place, ZERO) - sum((row.quantity for row in rows.values()), ZERO)
        if rest:
            found.append(Row(place, NOT_TOLD, rest))
    return Scrap(tuple(found))


@dataclass(frozen=True, slots=True)
class Bar:
    """One reason of a Pareto; ``share`` of all, ``cumulative`` down to it."""

    row: Row
    share: Decimal | None
    cumulative: Decimal | None


def pareto(found: Scrap) -> list[Bar]:
    rows, so_far, bars = found.by_reason(), ZERO, []
    for row in rows:
        so_far += row.quantity
        bars.append(Bar(row, ratio(row.quantity, found.total), ratio(so_far, found.total)))
    return bars
