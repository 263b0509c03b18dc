"""Genealogy of a lot in one statement of SQL."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.db import connection

from traceability.domain.genealogy import Direction, Edge, cycles
from traceability.models import MaterialLot

SQL = (Path(__file__).parent.parent / "sql" / "trace.sql").read_text()
STATEMENTS = {
    "backward": SQL.format(near="to_lot_id", far="from_lot_id"),
    "forward": SQL.format(near="from_lot_id", far="to_lot_id"),
}
DEPTH = 50
LOTS = 50_000


@dataclass(frozen=True, slots=True)
class Trace:
    """``distances``: steps from the traced lot (0) to each lot, the shorter where both directions reach it.

    ``cycles`` names lots that went into each other. ``truncated``: more lots exist than were followed.
    """

    lot_id: int
    lots: dict[int, MaterialLot]
    distances: dict[int, int]
    edges: list[Edge]
    cycles: list[list[int]]
    truncated: bool


def trace(lot: MaterialLot, *, direction: Direction = "both", depth: int = DEPTH, limit: int = LOTS) -> Trace:
    """Lots that went into this one (backward), it went into (forward), or both, up to ``depth`` steps."""
    ways = ("backward", "forward") if direction == "both" else (direction,)
    edges: dict[Edge, None] = {}
    distances = {lot.pk: 0}
    truncated = False
    for way in ways:
        found, far = _walk(lot.pk, way, depth, limit)
        edges.update(dict.fromkeys(found))
        truncated = truncated or far
        for edge in found:
            reached = edge.source if way == "backward" else edge.target
            distances[reached] = min(edge.distance, distances.get(reached, edge.distance))
    return Trace(
        lot_id=lot.pk,
        lots=MaterialLot.objects.select_related("material", "place", "produced_by").in_bulk(distances),
        distances=distances,
        edges=sorted(edges),
        cycles=cycles((edge.source, edge.target) for edge in edges),
        truncated=truncated,
    )


def _walk(lot_id: int, way: str, depth: int, limit: int) -> tuple[list[Edge], bool]:
    with connection.cursor() as cursor:
        cursor.execute(STATEMENTS[way], {"lot_id": lot_id, "depth": depth, "limit": limit})
        found = [Edge(*row) for row in cursor.fetchall()]
    reached = {edge.source if way == "backward" else edge.target for edge in found}
    deepest = max((edge.distance for edge in found), default=0)
    return found, len(reached) >= limit or deepest >= depth
