"""Micro-stops of a machine, those close together told as one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from production.domain.stops import MICRO, micro_groups
from production.models import Stop


@dataclass(frozen=True, slots=True)
class Halt:
    """A stop as it is grouped."""

    start: datetime
    end: datetime | None
    base_class: str
    fault_code: str
    size: str


@dataclass(frozen=True, slots=True)
class MicroStops:
    """Micro-stops of one sort and fault that followed each other closely; ``time``: of all of them."""

    start: datetime
    end: datetime | None
    count: int
    time: timedelta
    base_class: str
    fault_code: str


def micro_stops(*, equipment_id: int, start: datetime, end: datetime) -> list[MicroStops]:
    """Micro-stops that began in [start, end) and have ended, by time. Any longer stop parts two groups."""
    found = Stop.objects.filter(
        work_unit_id=equipment_id, start_time__gte=start, start_time__lt=end, end_time__isnull=False
    ).order_by("start_time")
    rows = found.values_list("start_time", "end_time", "base_class", "fault_code", "size")
    groups = micro_groups(Halt(*row) for row in rows)
    return [_told(group) for group in groups if group[0].size == MICRO]


def _told(group: list[Halt]) -> MicroStops:
    first, last = group[0], group[-1]
    time = sum((halt.end - halt.start for halt in group if halt.end), timedelta())
    return MicroStops(first.start, last.end, len(group), time, first.base_class, first.fault_code)
