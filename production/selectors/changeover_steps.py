"""Checklists of changeovers: the steps that hold, what was ticked, and what changes of sequence cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from plant import selectors as plant
from production.domain.changeover import Done, Product, Standard, standard_for
from production.domain.smed import Tick
from production.models import ChangeoverStandard, ChangeoverStep, ChangeoverStepAssertion
from production.selectors.changeovers import products_of, standards_of

if TYPE_CHECKING:
    from plant.models import Decision


def checklist(*, line_id: int, before: Product | None, after: Product) -> list[ChangeoverStep]:
    """The steps from one product to the next: of the standard that says most and has any, in their order.

    Without a product before only the line's own checklist holds.
    """
    rows = ChangeoverStandard.objects.filter(line_id=line_id, steps__isnull=False).distinct()
    found = {
        (row.from_product.code if row.from_product else "", row.from_family,
         row.to_product.code if row.to_product else "", row.to_family): row.pk
        for row in rows.select_related("from_product", "to_product")
    }  # fmt: skip
    keys = [("", "", "", "")]
    if before is not None:
        if before.family and after.family:
            keys.insert(0, ("", before.family, "", after.family))
        keys.insert(0, (before.code, "", after.code, ""))
    standard = next((found[key] for key in keys if key in found), None)
    if standard is None:
        return []
    return list(ChangeoverStep.objects.filter(changeover_id=standard).order_by("position", "code"))


def step_ticks(*, order_codes: Iterable[str]) -> dict[str, list[ChangeoverStepAssertion]]:
    """Ticks in force by the order changed over to; those taken back are left out."""
    rows = ChangeoverStepAssertion.objects.filter(job_order__code__in=list(order_codes), superseded_by=None)
    found: dict[str, list[ChangeoverStepAssertion]] = {}
    for row in rows.select_related("step", "job_order", "said_by").order_by("step__position", "pk"):
        if row.start_time is not None or row.end_time is not None:
            found.setdefault(row.job_order.code, []).append(row)
    return found


def ticks_told(rows: Iterable[ChangeoverStepAssertion]) -> list[Tick]:
    return [Tick(row.step.code, row.is_external, row.start_time, row.end_time) for row in rows]


# A sequence is run in this time or was changed again: every page then tells one cost of one decision.
RUN_WITHIN = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class SequenceStep:
    """One changeover of a sequence. None: no standard is declared, or it was not run."""

    from_order: str
    to_order: str
    standard: timedelta | None
    measured: timedelta | None = None

    @property
    def time(self) -> timedelta | None:
        return self.standard if self.measured is None else self.measured


@dataclass(frozen=True, slots=True)
class SequenceCost:
    """What a change of sequence cost in changeover time, less than zero: saved; None where a standard is
    missing.
    """

    decision: Decision
    chosen: tuple[SequenceStep, ...]
    replaced: tuple[SequenceStep, ...]

    @property
    def standard(self) -> timedelta | None:
        """The sequence chosen less the one replaced, by standards: what was known when it was decided."""
        return _less(
            _sum(step.standard for step in self.chosen), _sum(step.standard for step in self.replaced)
        )

    @property
    def cost(self) -> timedelta | None:
        """The same with each changeover that was run as long as it took."""
        return _less(_sum(step.time for step in self.chosen), _sum(step.standard for step in self.replaced))

    @property
    def measured(self) -> int:
        """How many of the changeovers chosen were run."""
        return sum(step.measured is not None for step in self.chosen)

    @property
    def changeovers(self) -> int:
        return len(self.chosen)


def sequence_costs(
    *, line_id: int, start: datetime, end: datetime, done: Sequence[Done]
) -> list[SequenceCost]:
    """Changes of a line's sequence decided in [start, end), newest first. ``done``: changeovers of the line,
    those that ended after a decision, up to RUN_WITHIN, tell what it cost.
    """
    found = plant.decisions_between(line_id=line_id, start=start, end=end)
    decisions = list(found.filter(kind="schedule_change", subject_type="sequence").order_by("-said_at"))
    codes = {code for item in decisions for side in ("before", "after") for code in item.detail.get(side, ())}
    products, standards = products_of(codes), standards_of(line_id)
    return [_cost(decision, products, standards, done) for decision in decisions]


def _cost(
    decision: Decision,
    products: dict[str, Product],
    standards: Sequence[Standard],
    done: Sequence[Done],
) -> SequenceCost:
    since, until = decision.said_at, decision.said_at + RUN_WITHIN
    run = {(i.from_order, i.to_order): i.duration for i in done if i.end > since and i.start < until}

    def steps(side: str) -> list[SequenceStep]:
        codes = (code for code in decision.detail.get(side, ()) if code in products)
        return [
            SequenceStep(a, b, standard_for(standards, products[a], products[b])) for a, b in pairwise(codes)
        ]

    chosen = [replace(step, measured=run.get((step.from_order, step.to_order))) for step in steps("after")]
    return SequenceCost(decision, tuple(chosen), tuple(steps("before")))


def _sum(times: Iterable[timedelta | None]) -> timedelta | None:
    """None where one is not known."""
    total = timedelta()
    for time in times:
        if time is None:
            return None
        total += time
    return total


def _less(whole: timedelta | None, part: timedelta | None) -> timedelta | None:
    return None if whole is None or part is None else whole - part
