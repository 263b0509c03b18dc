"""What stands still now: the stops going on, with the reason in force and who gave it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from plant.access import Actor, Grant
from production.selectors.stopped import stops, told


@dataclass(frozen=True, slots=True)
class Standing:
    """A machine's stop that has not ended. ``said_by`` is empty while nobody gave a reason."""

    equipment_id: int
    stop_id: str
    start: datetime
    base_class: str
    reason: str
    said_by: str


def standing_now(*, line_paths: Iterable[str]) -> list[Standing]:
    """Stops going on of the machines of some lines, the longest first, in two reads.

    What a reader may see is decided by whoever shows it.
    """
    grants = tuple(Grant("supervisor", path) for path in line_paths)
    if not grants:
        return []
    actor = Actor(label="andon", grants=grants)
    found = stops(actor).filter(end_time__isnull=True).order_by("start_time", "pk")
    return [
        Standing(
            row.stop.work_unit_id,
            str(row.stop.pk),
            row.stop.start_time,
            row.stop.base_class,
            row.said.reason.name if row.said and row.said.reason else "",
            str(row.said.said_by or row.said.said_by_rule) if row.said else "",
        )
        for row in told(found)
    ]
