"""Results that arrive by a signal: pulled by time range, so that late samples need no path of their own."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from connectors import selectors as connectors
from connectors.selectors import SampleRow
from plant.access import rule
from plant.domain.quantities import exact
from plant.domain.samples import Quality
from quality import selectors
from quality.models import TestSpecification
from quality.services.refusals import CheckRefused
from quality.services.results import Measurement, order_at, result_record

if TYPE_CHECKING:
    from connectors.models import SignalDefinition

log = logging.getLogger(__name__)
# Samples may come this late: each pull looks this far back, and keys keep stored ones from doubling.
LATENESS = timedelta(hours=24)
HISTORY = timedelta(days=30)
BY_SIGNAL = rule("signal-check")


def results_pull(*, now: datetime) -> int:
    """Store the values of every check a signal gives. The number of new results."""
    return sum(_pull(specification, now) for specification in selectors.specifications_by_signal())


def _pull(specification: TestSpecification, now: datetime) -> int:
    signal = _signal(specification)
    if signal is None:
        log.warning("%s: no signal %s", specification.code, specification.address)
        return 0
    last = selectors.last_by_signal(specification_id=specification.pk)
    start = (last - LATENESS) if last else (now - HISTORY)
    known = selectors.result_keys(specification_id=specification.pk, start=start)
    rows = connectors.samples_between(signal_ids=[signal.pk], start=start, end=now)
    return sum(_record(specification, row) for row in rows if _key(specification, row) not in known)


def _signal(specification: TestSpecification) -> SignalDefinition | None:
    for signal in connectors.signals_for(equipment_id=specification.equipment_id):
        if (signal.connection.slug, signal.address) == (specification.connection, specification.address):
            return signal
    return None


def _key(specification: TestSpecification, row: SampleRow) -> str:
    return f"signal:{specification.pk}:{row.source_time.isoformat()}:{row.source_key}"


def _record(specification: TestSpecification, row: SampleRow) -> bool:
    """Bad values are no measurement; a check of some products waits until the instant's order is known."""
    value = _number(row)
    if value is None:
        return False
    order = order_at(specification.equipment, row.source_time)
    if specification.products and (order is None or order.product.code not in specification.products):
        return False
    measurement = Measurement(
        value=value, measured_at=row.source_time, job_order_id=order.pk if order else None
    )
    try:
        result_record(
            specification_code=specification.code,
            measurement=measurement,
            by=BY_SIGNAL,
            source="signal",
            key=_key(specification, row),
        )
    except CheckRefused as refusal:
        log.warning("%s at %s: %s", specification.code, row.source_time, refusal)
        return False
    return True


def _number(row: SampleRow) -> Decimal | None:
    if row.quality == Quality.BAD or isinstance(row.value, bool | str) or row.value is None:
        return None
    value = exact(row.value)
    return value.quantize(Decimal("0.000001")) if value.is_finite() else None
