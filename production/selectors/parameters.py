"""Process values of machines beside their setpoints."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from connectors import selectors as connectors
from connectors.selectors.summary import Bucket, samples_summary

if TYPE_CHECKING:
    from connectors.models import SignalDefinition


@dataclass(frozen=True, slots=True)
class Parameter:
    """A process value in equal parts of a window, and the setpoint in force in each, where one is
    signalled.
    """

    signal: SignalDefinition
    setpoint: SignalDefinition | None
    values: tuple[Bucket, ...]
    wanted: tuple[Bucket, ...]


def parameters_between(
    *, equipment_ids: Iterable[int], start: datetime, end: datetime, parts: int = 100
) -> list[Parameter]:
    """Every process value of some machines in [start, end), reduced to lowest, average and highest per
    part.
    """
    signals = [
        signal
        for equipment_id in equipment_ids
        for signal in connectors.signals_for(equipment_id=equipment_id, roles=("process_value", "setpoint"))
    ]
    buckets: dict[int, list[Bucket]] = {}
    for bucket in samples_summary(signal_ids=[s.pk for s in signals], start=start, end=end, parts=parts):
        buckets.setdefault(bucket.signal_id, []).append(bucket)
    setpoints = {s.setpoint_for_id: s for s in signals if s.role == "setpoint" and s.setpoint_for_id}
    found: list[Parameter] = []
    for signal in signals:
        if signal.role == "process_value":
            setpoint = setpoints.get(signal.pk)
            wanted = tuple(buckets.get(setpoint.pk, ())) if setpoint else ()
            found.append(Parameter(signal, setpoint, tuple(buckets.get(signal.pk, ())), wanted))
    return found
