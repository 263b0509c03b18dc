"""Time of a unit by order, where several orders run at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Q

from plant import selectors as plant
from production.domain.account import OrderUse, Segment
from production.domain.sharing import Weighed, order_segments, slices
from production.models import OrderShareAssertion, OrderSpan
from production.selectors.pacing import account

if TYPE_CHECKING:
    from plant.models import Equipment


def weights_declared(codes: Iterable[str]) -> list[Weighed]:
    found = OrderShareAssertion.objects.filter(superseded_by=None, job_order__code__in=list(codes))
    return [Weighed(*row) for row in found.values_list("start_time", "job_order__code", "weight")]


def order_times(*, equipment_id: int, start: datetime, end: datetime) -> dict[str, dict[str, timedelta]]:
    """Seconds of a unit in [start, end) by order and time class; "" is time without an order.

    Every instant has one class, and orders that ran at once share it by their declared weights: all parts
    add up to the window as far as the unit's data reach. Empty where nothing is known of it.
    """
    told = account(equipment_id=equipment_id, start=start, end=end)
    if told is None:
        return {}
    uses = _uses(equipment_id, told.start, told.end)
    declared = weights_declared({use.code for use in uses})
    found: dict[str, dict[str, timedelta]] = {}
    for one in slices(told.segments, uses, declared):
        for code, time in one.parts.items():
            classes = found.setdefault(code, {})
            classes[one.segment.time_class] = classes.get(one.segment.time_class, timedelta()) + time
    return found


def order_share(*, equipment: Equipment, segments: Sequence[Segment], code: str) -> Shared | None:
    """An order's part of a machine's time that it shares with others; None where it has it alone."""
    if not segments:
        return None
    uses = _uses(equipment.pk, segments[0].start, segments[-1].end)
    if len({use.code for use in uses}) < 2:
        return None
    declared = weights_declared({use.code for use in uses})
    found = order_segments(segments, uses, declared, code)
    if found is None:
        return None
    others = sorted({use.code for use in uses} - {code})
    return Shared(tuple(found), tuple(others), {one.code: one.weight for one in sorted(declared)})


@dataclass(frozen=True, slots=True)
class Shared:
    """``segments`` last as long as the order's part of them; ``others``: the orders beside it; ``weights``:
    as declared last, 1 for each that has none.
    """

    segments: tuple[Segment, ...]
    others: tuple[str, ...]
    weights: dict[str, int]


def _uses(equipment_id: int, start: datetime, end: datetime) -> list[OrderUse]:
    """Orders of a unit by what its line was told: several at once, unlike in an account."""
    unit = plant.equipment_for_ids([equipment_id])[equipment_id]
    spans = OrderSpan.objects.filter(
        Q(end_time=None) | Q(end_time__gt=start),
        equipment_id=unit.pk,
        start_time__lt=end,
    ).order_by("start_time", "order_code")
    return [OrderUse(span.start_time, span.end_time, span.order_code) for span in spans]
