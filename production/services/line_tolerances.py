"""Learning how far apart the machines of a line report one event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from plant import selectors as plant
from plant.access import Actor
from plant.services import configuration_upsert, revision_bump
from production.domain.line.lag import lags, tolerance_learned
from production.domain.line.tracks import parts_of, tracks_of
from production.selectors.accounts import accounts
from production.selectors.line_topology import line_topology


@dataclass(frozen=True, slots=True)
class Learned:
    """What one link taught. ``tolerance`` None: too few stops, and what it had stays."""

    upstream: str
    downstream: str
    stops: int
    tolerance: timedelta | None
    before: timedelta | None


@transaction.atomic
def line_tolerances_learn(
    *, line_id: int, start: datetime, end: datetime, by: Actor, keep: bool = True
) -> list[Learned]:
    """Set the tolerance of each link of a line to the 95th percentile of the lag seen in [start, end).

    ``keep`` False only tells what was learned. A link of a parallel group learns from the whole group.
    """
    units = plant.line_work_units(line_id)
    topology = line_topology(line_id=line_id, units=units)
    if topology is None:
        return []
    read = accounts(equipment=units, start=start, end=end)
    machines = {unit.code: parts_of(unit.code, read[unit.pk].segments) for unit in units if unit.pk in read}
    tracks = tracks_of(topology, machines)
    by_ends = {(link.upstream, link.downstream): lags(link, tracks) for link in topology.links}
    why = f"95th percentile of the lag from {start.isoformat()} to {end.isoformat()}"
    rows: Any = plant.configuration_rows("plant.EquipmentLink", upstream__parent_id=line_id)
    found = []
    for row in rows.select_related("upstream", "downstream").order_by("pk"):
        ends = topology.node_of.get(row.upstream.code, ""), topology.node_of.get(row.downstream.code, "")
        seen = by_ends.get(ends, [])
        learned = Learned(
            row.upstream.code, row.downstream.code, len(seen), tolerance_learned(seen), row.tolerance
        )
        found.append(learned)
        if keep and learned.tolerance is not None:
            configuration_upsert(
                model_label="plant.EquipmentLink",
                natural_key={"upstream": row.upstream_id, "downstream": row.downstream_id},
                values={"tolerance": learned.tolerance},
                by=by,
                why=why,
            )
    if keep:
        revision_bump(line_id=line_id)
    return found
