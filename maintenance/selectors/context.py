"""What was known when a machine failed, frozen into the request: it outlives the samples."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from connectors import selectors as connectors
from connectors.selectors import SampleRow
from maintenance.selectors.requests import request_cure, similar_requests
from plant.domain.samples import Quality
from production.domain.tracks import alarm_of, alarm_text

if TYPE_CHECKING:
    from connectors.models import SignalDefinition
    from production.models import JobOrder

BEFORE = timedelta(minutes=5)
AFTER = timedelta(seconds=5)
ALARMS = ("alarm", "fault_code")
VALUES = ("process_value", "setpoint", "speed")
SHOWN = 50


def failure_context(
    *, equipment_id: int, at: datetime, reason_code: str, order: JobOrder | None
) -> dict[str, Any]:
    """JSON: ``from``, ``to``, ``order``, ``alarms``, ``values`` and ``similar``.

    Alarms and values are those of the five minutes before the stop; a fault code may follow the stop by
    seconds, so five more are read. Of each value: first, last, lowest and highest, and how many there were.
    """
    start, end = at - BEFORE, at + AFTER
    signals = {s.pk: s for s in connectors.signals_for(equipment_id=equipment_id, roles=[*ALARMS, *VALUES])}
    rows = connectors.samples_between(signal_ids=signals, start=start, end=end)
    earlier = connectors.last_samples_before(signal_ids=signals, at=start)
    return {
        "from": start.isoformat(),
        "to": end.isoformat(),
        "order": order.code if order else None,
        "product": order.product.code if order else None,
        "alarms": _alarms(signals, rows),
        "values": [
            _summary(signal, [row for row in rows if row.signal_id == pk], earlier.get(pk))
            for pk, signal in signals.items()
            if signal.role in VALUES
        ],
        "similar": _similar(equipment_id, reason_code, at),
    }


def _alarms(signals: dict[int, SignalDefinition], rows: list[SampleRow]) -> list[dict[str, Any]]:
    """Every change of an alarm or fault signal that says something; the latest are kept."""
    said = [
        {
            "at": row.source_time.isoformat(),
            "signal": _label(signals[row.signal_id]),
            "code": code,
            "text": text,
        }
        for row in rows
        if signals[row.signal_id].role in ALARMS and row.value not in {None, "", 0, "0"}
        for code, text in [_code_and_text(signals[row.signal_id], row.value)]
        if code
    ]
    return said[-SHOWN:]


def _code_and_text(signal: SignalDefinition, value: object) -> tuple[str, str]:
    """Of an alarm what it is called and the machine's own words; no code once it is cleared."""
    if signal.role != "alarm":
        return str(value), ""
    return alarm_of(value, signal.address)[0], alarm_text(value)


def _summary(signal: SignalDefinition, rows: list[SampleRow], earlier: SampleRow | None) -> dict[str, Any]:
    """A value that did not change in the window is the last one before it."""
    known = ([earlier] if earlier else []) + rows
    numbers = [
        row.value
        for row in known
        if isinstance(row.value, int | float)
        and not isinstance(row.value, bool)
        and row.quality != Quality.BAD
    ]
    return {
        "signal": _label(signal),
        "name_en": signal.name_en,
        "name_fr": signal.name_fr,
        "role": signal.role,
        "unit": signal.unit,
        "first": numbers[0] if numbers else None,
        "last": numbers[-1] if numbers else None,
        "lowest": min(numbers, default=None),
        "highest": max(numbers, default=None),
        "samples": len(rows),
    }


def _label(signal: SignalDefinition) -> str:
    return f"{signal.connection.slug}:{signal.address}"


def _similar(equipment_id: int, reason_code: str, at: datetime) -> list[dict[str, Any]]:
    found = similar_requests(equipment_id=equipment_id, reason_code=reason_code, before=at)
    return [
        {
            "code": request.code,
            "stop_start": request.stop_start.isoformat(),
            "description": request.description,
            "cure": request_cure(request),
        }
        for request in found
    ]
