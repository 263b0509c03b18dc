"""What one stop cost its line: what of the line's lost time came from it, and what it came from itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING

from plant import selectors as plant
from production.domain.lateness import late_by
from production.domain.line.losses import LostPart, total
from production.domain.line.walk import MACHINE
from production.selectors.line_losses import LineLossAccount, line_losses
from production.selectors.line_topology import line_topology

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plant.models import Equipment


@dataclass(frozen=True, slots=True)
class StopCost:
    """``duration``: of what paces the line, charged to this stop; none where the buffers took it up.

    ``origins``: for a stop of what paces the line, the parts it is charged to, wherever they began.
    """

    paced_by: Equipment
    duration: timedelta
    pieces: Fraction | None
    money: Fraction | None
    cost: Fraction | None
    late: timedelta | None
    currency: str
    origins: tuple[LostPart, ...]


def stop_cost(*, unit: Equipment, line_id: int, start: datetime, end: datetime) -> StopCost | None:
    """What the stop of a machine in [start, end) cost its line; None where that cannot be evaluated: no link
    declared, nothing that paces the line, or no data.
    """
    units = plant.line_work_units(line_id)
    topology = line_topology(line_id=line_id, units=units)
    if topology is None:
        return None
    # What is felt of it at the constraint may begin and end later, by all that lies between the two.
    found = line_losses(line_id=line_id, start=start, end=end + topology.reach)
    if found is None:
        return None
    return _cost(found, _charged(found.losses.parts, unit.code, start), _own(found, unit, start))


def _charged(parts: Sequence[LostPart], machine: str, start: datetime) -> list[LostPart]:
    """Lost time that began with this stop."""
    return [
        part
        for part in parts
        if part.cause.kind == MACHINE
        and part.cause.machine == machine
        and part.cause.part is not None
        and part.cause.part.segment is not None
        and part.cause.part.segment.stop_start == start
    ]


def _own(found: LineLossAccount, unit: Equipment, start: datetime) -> tuple[LostPart, ...]:
    if unit not in found.members:
        return ()
    return tuple(
        part for part in found.losses.parts if part.machine == unit.code and part.segment.stop_start == start
    )


def _cost(found: LineLossAccount, charged: Sequence[LostPart], own: tuple[LostPart, ...]) -> StopCost:
    return StopCost(
        paced_by=found.paced_by,
        duration=sum((part.duration for part in charged), timedelta()),
        pieces=total(part.pieces for part in charged),
        money=total(part.money for part in charged),
        cost=total(part.cost for part in charged),
        late=late_by(((part.segment.order_code, part.duration) for part in charged), found.lateness),
        currency=found.currency,
        origins=own,
    )
