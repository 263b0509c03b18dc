"""What a stop cost its line, wherever a stop is shown."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from django import template
from django.utils import timezone

from mom.pages import words
from mom.pages.origins import end_word
from production import selectors as production
from production.domain.line.walk import MACHINE
from production.domain.stops import stop_id

if TYPE_CHECKING:
    from production.models import Stop
    from production.selectors import StopCost

register = template.Library()


@register.inclusion_tag("components/stop_cost.html")
def stop_cost(stop: Stop) -> dict[str, Any]:
    """Nothing in money where it cost the line nothing, or where nobody said what that is worth."""
    unit = stop.work_unit
    if unit.parent_id is None:
        return {"found": None}
    end = stop.end_time or timezone.now()
    found = production.stop_cost(unit=unit, line_id=unit.parent_id, start=stop.start_time, end=end)
    if found is None:
        return {"found": None}
    return {
        "found": found,
        "is_felt": bool(found.duration),
        "pieces": words.quantity(round(found.pieces)) if found.pieces is not None else "",
        "money": _money(found.money, found.currency),
        "cost": _money(found.cost, found.currency),
        "late": words.span_minutes(found.late) if found.late else "",
        "origins": _elsewhere(found, unit.code),
    }


def _money(amount: Fraction | None, currency: str) -> str:
    if amount is None or not currency:
        return ""
    return words.money(Decimal(amount.numerator) / amount.denominator, currency)


def _elsewhere(found: StopCost, machine: str) -> list[tuple[str, str]]:
    """Of a stop that began elsewhere: where, in words, and the stop it came from where there is one."""
    told: dict[str, str] = {}
    for part in found.origins:
        cause = part.cause
        if cause.kind == MACHINE and cause.machine == machine:
            continue
        label = end_word(cause.kind) or cause.machine
        began = cause.part.segment.stop_start if cause.part and cause.part.segment else None
        opens = f"/stops/{stop_id(cause.machine, began)}/" if cause.kind == MACHINE and began else ""
        if label:
            told.setdefault(label, opens)
    return list(told.items())
