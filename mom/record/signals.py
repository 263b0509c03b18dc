"""What the machines' own instruments said during the order: process values against setpoints, and missing data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from connectors import selectors as connectors
from connectors.selectors.summary import Bucket, samples_summary
from mom.record.model import GapRow, ProcessValue

if TYPE_CHECKING:
    from connectors.models import SignalDefinition
    from plant.models import Equipment

PARTS = 120
Points = tuple[tuple[datetime, float], ...]


def process_values(units: Sequence[Equipment], start: datetime, end: datetime) -> tuple[ProcessValue, ...]:
    """Every process value of the machines in [start, end), with its setpoint where one is signalled."""
    owner = {unit.pk: unit for unit in units}
    found = [
        signal
        for unit in units
        for signal in connectors.signals_for(equipment_id=unit.pk, roles=("process_value", "setpoint"))
    ]
    values = [signal for signal in found if signal.role == "process_value"]
    setpoint_of = {
        signal.setpoint_for_id: signal
        for signal in found
        if signal.role == "setpoint" and signal.setpoint_for_id is not None
    }
    buckets = _by_signal(
        samples_summary(signal_ids=[signal.pk for signal in values], start=start, end=end, parts=PARTS)
    )
    wanted = _setpoints(list(setpoint_of.values()), start, end)
    step = (end - start) / PARTS
    return tuple(
        _value(signal, owner[signal.equipment_id], buckets.get(signal.pk, []), start, step, wanted, setpoint_of)
        for signal in values
    )


def _by_signal(buckets: Iterable[Bucket]) -> dict[int, list[Bucket]]:
    found: dict[int, list[Bucket]] = {}
    for bucket in buckets:
        found.setdefault(bucket.signal_id, []).append(bucket)
    return found


def _setpoints(signals: Sequence[SignalDefinition], start: datetime, end: datetime) -> dict[int, Points]:
    """Each setpoint's value at the start, and every change in the range."""
    ids = [signal.pk for signal in signals]
    found: dict[int, list[tuple[datetime, float]]] = {pk: [] for pk in ids}
    for pk, row in connectors.last_samples_before(signal_ids=ids, at=start).items():
        if (number := _number(row.value)) is not None:
            found[pk].append((start, number))
    for row in connectors.samples_between(signal_ids=ids, start=start, end=end):
        number = _number(row.value)
        if number is not None and (not found[row.signal_id] or found[row.signal_id][-1][1] != number):
            found[row.signal_id].append((row.source_time, number))
    return {pk: tuple(points) for pk, points in found.items()}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _value(
    signal: SignalDefinition,
    unit: Equipment,
    buckets: Sequence[Bucket],
    start: datetime,
    step: timedelta,
    wanted: dict[int, Points],
    setpoint_of: dict[int, SignalDefinition],
) -> ProcessValue:
    count = sum(bucket.count for bucket in buckets)
    setpoint = setpoint_of.get(signal.pk)
    setpoints = wanted.get(setpoint.pk, ()) if setpoint else ()
    return ProcessValue(
        name=signal.name or signal.address,
        equipment_code=unit.code,
        equipment=unit.name,
        unit=signal.unit,
        points=tuple((start + step * bucket.number, bucket.average) for bucket in buckets),
        setpoints=setpoints,
        lowest=min((bucket.lowest for bucket in buckets), default=None),
        average=sum(bucket.average * bucket.count for bucket in buckets) / count if count else None,
        highest=max((bucket.highest for bucket in buckets), default=None),
        setpoint=setpoints[-1][1] if setpoints else None,
        count=count,
        evidence=f"/api/v1/samples?signal={signal.pk}&from={start.isoformat()}&to={(start + step * PARTS).isoformat()}",
    )


def gaps(units: Sequence[Equipment], start: datetime, end: datetime) -> tuple[GapRow, ...]:
    """Windows in which data were lost, recovered ones included: what was missing once is said."""
    names = {unit.pk: unit.name for unit in units}
    found = connectors.gaps_between(equipment_ids=list(names), start=start, end=end, include_recovered=True)
    return tuple(
        GapRow(
            source=f"{names.get(gap.equipment_id or 0, gap.scope)} ({gap.connection})",
            start=gap.start_time,
            end=gap.end_time,
            seconds=max(round((min(gap.end_time or end, end) - max(gap.start_time, start)).total_seconds()), 0),
            cause=gap.cause,
            recovered=gap.recovered,
            evidence=f"#gap-{gap.id}",
        )
        for gap in found
    )
