"""Evidence of what a line lost by one cause: each piece of the pacing machine's lost time charged to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as late

from mom.pages.words import class_word, quantity
from mom.provenance.cause import Cause
from mom.provenance.model import MONEY, PIECES, SECONDS, Evidence, Input, Term
from mom.provenance.trust import edits_of, trust_of
from mom.provenance.versions import versions_of
from production import selectors as production
from production.domain.oee import seconds

if TYPE_CHECKING:
    from fractions import Fraction

    from plant.models import Equipment
    from production.domain.line.losses import LossRow, LostPart


def lost_rows(
    found: Iterable[tuple[LostPart, timedelta]], amount: Callable[[LostPart, timedelta], Decimal | None]
) -> tuple[Input, ...]:
    """One row per piece of lost time, opening the machine it was lost on at that instant."""
    return tuple(
        Input(
            what=part.segment.order_code,
            amount=amount(part, time),
            start=part.start,
            end=part.end,
            how=_how(part),
            evidence=f"/equipment/{part.machine}/?{urlencode({'at': part.start.isoformat()})}",
        )
        for part, time in found
    )


def _how(part: LostPart) -> str:
    cause = part.cause.part
    told = class_word("uncoded" if part.uncoded else part.time_class)
    rate = part.worth.units_per_hour
    parts = [told, part.reason_code]
    if cause is not None and cause.machine != part.machine:
        parts.append(_("began at %(machine)s") % {"machine": cause.machine})
    if rate is not None:
        parts.append(_("%(rate)s per hour") % {"rate": quantity(rate)})
    return " · ".join(text for text in parts if text)


def whole(part: LostPart, time: timedelta) -> Decimal:
    return seconds(time)


def in_pieces(part: LostPart, time: timedelta) -> Decimal | None:
    return _decimal(part.pieces)


def _decimal(amount: Fraction | None) -> Decimal | None:
    return None if amount is None else Decimal(amount.numerator) / Decimal(amount.denominator)


def in_money(part: LostPart, time: timedelta) -> Decimal | None:
    return _decimal(part.money)


def in_cost(part: LostPart, time: timedelta) -> Decimal | None:
    return _decimal(part.cost)


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of lost time: its unit, symbol, words, the amount of a part and of the line's own row."""

    unit: str
    symbol: str
    word: Any
    amount: Callable[[LostPart, timedelta], Decimal | None]
    of: Callable[[LossRow], Decimal | None]


READINGS: Mapping[str, Reading] = {
    "lost": Reading(SECONDS, "T", late("Lost time"), whole, lambda row: seconds(row.duration)),
    "lost_pieces": Reading(
        PIECES, "T × r", late("Lost time × ideal rate"), in_pieces, lambda row: _decimal(row.pieces)
    ),
    "lost_money": Reading(
        MONEY, "T × r × c", late("Contribution of the pieces not made"), in_money,
        lambda row: _decimal(row.money),
    ),
    "lost_cost": Reading(
        MONEY, "T × k", late("Lost time × cost of an hour"), in_cost, lambda row: _decimal(row.cost)
    ),
}  # fmt: skip


def lost_evidence(
    *, line: Equipment, start: datetime, end: datetime, cause: Cause, figure: str = "lost"
) -> Evidence | None:
    """One of READINGS of what a line lost in [start, end) by one cause; None without data or links."""
    found = production.line_losses(line_id=line.pk, start=start, end=end)
    figures = production.kpi(equipment_id=line.pk, start=start, end=end)
    if found is None or figures is None:
        return None
    parts = [(part, part.duration) for part in found.losses.parts if cause.holds(part)]
    told = READINGS[figure]
    term = Term(told.symbol, str(told.word), told.unit, lost_rows(parts, told.amount))
    ids = [unit.pk for unit in found.units.values()]
    assert found.losses.window.end is not None
    return Evidence(
        figure=figure,
        name=cause.name,
        kind=told.unit,
        formula=term.symbol,
        definition=_("lost time of what paces the line, charged to where it started (first-fault walk)"),
        place=line.name,
        start=found.losses.window.start,
        end=found.losses.window.end,
        shown=_shown([row for row in found.losses.rows if _same(cause, row)], told),
        terms=(term,),
        versions=versions_of(line, figures),
        excluded=(),
        edits=edits_of(equipment_ids=ids, start=start, end=end),
        trust=trust_of(figures.account),
        currency=found.currency if told.unit == MONEY else "",
    )


def _shown(rows: Sequence[LossRow], told: Reading) -> Decimal | None:
    """What the line's losses say of the cause: the sum of its rows."""
    known = [amount for row in rows if (amount := told.of(row)) is not None]
    return sum(known, Decimal(0)) if len(known) == len(rows) else None


def _same(cause: Cause, row: LossRow) -> bool:
    if (row.kind, row.machine, row.uncoded) != (cause.kind, cause.machine, cause.uncoded):
        return False
    return cause.uncoded or (row.reason_code, row.time_class) == (cause.reason, cause.time_class)
