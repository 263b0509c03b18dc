"""Rejects of starting up, told apart from those of production by what the plant said of its run-ups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from production.domain.start_up import Rule, RunUp, ends_by_pieces, run_ups
from production.models import StartUpRule
from production.selectors.quantities import Asked, quantities_each

if TYPE_CHECKING:
    from plant.models import Equipment
    from production.selectors.kpi import Kpi

MINUTE = timedelta(minutes=1)
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class StartUp:
    """One run-up and what was rejected in it; None where nothing counts rejects."""

    run_up: RunUp
    scrap: Decimal | None


def start_ups(*, figures: Kpi, rejecting: Sequence[Equipment]) -> tuple[StartUp, ...] | None:
    """The run-ups of a line's window; ``rejecting``: the machines whose rejects count. None without a rule.

    A run-up counted in pieces ends at the full minute in which they were made.
    """
    rule = start_up_rule(equipment_ids=[figures.equipment.pk, figures.paced_by.pk], at=figures.account.start)
    if rule is None:
        return None
    found = run_ups(figures.account.segments, rule)
    if rule.pieces is not None:
        found = _ended_by_pieces(found, figures, rule.pieces)
    ids = frozenset(unit.pk for unit in rejecting)
    counted = quantities_each([Asked(ids, one.start, one.end) for one in found]) if found else []
    told = []
    for one, by_machine in zip(found, counted, strict=True):
        known = [quantity.scrap for quantity in by_machine.values() if quantity.scrap is not None]
        told.append(StartUp(one, sum(known, ZERO) if known else None))
    return tuple(told)


def start_up_rule(*, equipment_ids: Sequence[int], at: datetime) -> Rule | None:
    """The rule in force at an instant, of the first equipment that has one."""
    rows = list(
        StartUpRule.objects.filter(equipment_id__in=equipment_ids, valid_from__lte=at).order_by("-valid_from")
    )
    for pk in equipment_ids:
        for row in rows:
            if row.equipment_id == pk:
                return Rule(row.run_up, row.pieces, row.long_stop)
    return None


def _ended_by_pieces(found: Sequence[RunUp], figures: Kpi, pieces: int) -> list[RunUp]:
    """Each run-up ends when so many pieces passed what paces the line, if that is before its time is up."""
    ids = frozenset(unit.pk for unit in figures.members)
    looks = [ends_by_pieces(one.start, one.end, MINUTE) for one in found]
    asked = [Asked(ids, one.start, end) for one, ends in zip(found, looks, strict=True) for end in ends]
    counted = iter(quantities_each(asked) if asked else [])
    cut = []
    for one, ends in zip(found, looks, strict=True):
        made = [(end, next(counted)) for end in ends]
        reached = (
            end
            for end, by_machine in made
            if sum((q.total or q.good or ZERO for q in by_machine.values()), ZERO) >= pieces
        )
        cut.append(one._replace(end=next(reached, one.end)))
    return cut
