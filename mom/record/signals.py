"""What instruments said during the order: process values against setpoints, and missing data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from connectors import selectors as connectors
from connectors.selectors.retired import retired_between
from mom.record.model import GapRow, ProcessValue
from production.selectors import Parameter, parameters_between

if TYPE_CHECKING:
    from plant.models import Equipment

PARTS = 120
Points = tuple[tuple[datetime, float], ...]


def process_values(units: Sequence[Equipment], start: datetime, end: datetime) -> tuple[ProcessValue, ...]:
    """Every process value of the machines in [start, end), with its setpoint where one is signalled."""
    owner = {unit.pk: unit for unit in units}
    found = parameters_between(equipment_ids=list(owner), start=start, end=end, parts=PARTS)
    setpoints = [each.setpoint.pk for each in found if each.setpoint is not None]
    before = {
        pk: number
        for pk, row in connectors.last_samples_before(signal_ids=setpoints, at=start).items()
        if (number := _number(row.value)) is not None
    }
    step = (end - start) / PARTS
    values = tuple(_value(each, owner[each.signal.equipment_id], start, step, before) for each in found)
    empty = [each.signal.pk for each, value in zip(found, values, strict=True) if not value.count]
    if not empty:
        return values
    dropped = {one.signal_id: one for one in retired_between(signal_ids=empty, start=start, end=end)}
    return tuple(
        replace(value, dropped_at=gone.at, dropped_by=gone.rule)
        if (gone := dropped.get(each.signal.pk)) is not None
        else value
        for each, value in zip(found, values, strict=True)
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _value(
    each: Parameter, unit: Equipment, start: datetime, step: timedelta, before: dict[int, float]
) -> ProcessValue:
    signal, values = each.signal, each.values
    count = sum(bucket.count for bucket in values)
    setpoints = _setpoints(each, start, step, before)
    end = start + step * PARTS
    return ProcessValue(
        name=signal.name or signal.address,
        equipment_code=unit.code,
        equipment=unit.name,
        unit=signal.unit,
        points=tuple((start + step * bucket.number, bucket.average) for bucket in values),
        setpoints=setpoints,
        lowest=min((bucket.lowest for bucket in values), default=None),
        average=sum(bucket.average * bucket.count for bucket in values) / count if count else None,
        highest=max((bucket.highest for bucket in values), default=None),
        setpoint=setpoints[-1][1] if setpoints else None,
        count=count,
        evidence="/api/v1/samples?"
        + urlencode({"signal": signal.pk, "start": start.isoformat(), "end": end.isoformat()}),
    )


def _setpoints(each: Parameter, start: datetime, step: timedelta, before: dict[int, float]) -> Points:
    """The setpoint in force at the start, then each change, to a part of the window."""
    if each.setpoint is None:
        return ()
    found: list[tuple[datetime, float]] = []
    if each.setpoint.pk in before:
        found.append((start, before[each.setpoint.pk]))
    for bucket in each.wanted:
        if not found or found[-1][1] != bucket.highest:
            found.append((start + step * bucket.number, bucket.highest))
    return tuple(found)


def _inside(begun: datetime, ended: datetime | None, start: datetime, end: datetime) -> int:
    return max(round((min(ended or end, end) - max(begun, start)).total_seconds()), 0)


def gaps(units: Sequence[Equipment], start: datetime, end: datetime) -> tuple[GapRow, ...]:
    """Windows in which data were lost, recovered ones included: what was missing once is said."""
    names = {unit.pk: unit.name for unit in units}
    found = connectors.gaps_between(equipment_ids=list(names), start=start, end=end, include_recovered=True)
    return tuple(
        GapRow(
            source=f"{names.get(gap.equipment_id or 0, gap.scope)} ({gap.connection})",
            start=gap.start_time,
            end=gap.end_time,
            seconds=max(
                round((min(gap.end_time or end, end) - max(gap.start_time, start)).total_seconds()), 0
            ),
            cause=gap.cause,
            recovered=gap.recovered,
            evidence=f"#gap-{gap.id}",
        )
        for gap in found
    )
