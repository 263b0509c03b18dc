"""Time of a unit by order, where several orders run at once."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Q

from plant import selectors as plant
from production.domain.account import OrderUse
from production.domain.sharing import Weighed, shared, weights_at
from production.models import OrderShareAssertion, OrderSpan
from production.selectors.pacing import account


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
    cuts = {told.start, told.end, *(segment.start for segment in told.segments)}
    cuts.update(at for use in uses for at in (use.start, use.end) if at and told.start < at < told.end)
    cuts.update(one.start for one in declared if told.start < one.start < told.end)
    edges = sorted(cuts)
    found: dict[str, dict[str, timedelta]] = {}
    segments = iter(told.segments)
    segment = next(segments)
    for begin, until in itertools.pairwise(edges):
        while segment.end <= begin:
            segment = next(segments)
        codes = {use.code for use in uses if use.start <= begin and (use.end is None or use.end > begin)}
        weights = weights_at(declared, codes, begin) or {"": 1}
        for code, time in shared(until - begin, weights).items():
            classes = found.setdefault(code, {})
            classes[segment.time_class] = classes.get(segment.time_class, timedelta()) + time
    return found


def _uses(equipment_id: int, start: datetime, end: datetime) -> list[OrderUse]:
    """Orders of a unit by what its line was told: several at once, unlike in an account."""
    unit = plant.equipment_for_ids([equipment_id])[equipment_id]
    spans = OrderSpan.objects.filter(
        Q(end_time=None) | Q(end_time__gt=start),
        equipment_id=unit.pk,
        start_time__lt=end,
    ).order_by("start_time", "order_code")
    return [OrderUse(span.start_time, span.end_time, span.order_code) for span in spans]
