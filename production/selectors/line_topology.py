"""A line's topology and the machine that paces it, from configuration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import Min, OuterRef, Subquery

from plant import selectors as plant
from production.domain.attribution import declared_constraint
from production.domain.line.topology import GroupRow, LinkRow, Topology, slowest, topology_of
from production.models import IdealRate

if TYPE_CHECKING:
    from plant.models import Equipment

DECLARED, LOWEST_RATE = "declared_constraint", "lowest_rate"


def line_topology(
    *, line_id: int, units: Sequence[Equipment], groups: Sequence[GroupRow] | None = None
) -> Topology | None:
    """How the line's machines are linked, in one query; None where no link is declared.

    A buffer's time is its capacity at the lowest ideal rate of the slower end, whatever is being made.
    ``groups``: machines side by side, where they are read already.
    """
    found: Any = plant.configuration_rows("plant.EquipmentLink", upstream__parent_id=line_id)
    rows = list(
        found.select_related("upstream", "downstream")
        .annotate(upstream_rate=_lowest("upstream_id"), downstream_rate=_lowest("downstream_id"))
        .order_by("pk")
    )
    if not rows:
        return None
    rates: dict[str, Decimal] = {}
    for row in rows:
        for machine, rate in ((row.upstream, row.upstream_rate), (row.downstream, row.downstream_rate)):
            if rate is not None:
                rates[machine.code] = rate
    return topology_of(
        machines=[unit.code for unit in units],
        links=[_link(row) for row in rows],
        groups=line_groups(line_id=line_id, units=units) if groups is None else groups,
        rates=rates,
    )


def line_groups(*, line_id: int, units: Sequence[Equipment]) -> list[GroupRow]:
    """Machines of a line that do one step side by side; no query where none are declared."""
    members: dict[int, list[str]] = {}
    for unit in units:
        if unit.parallel_group_id is not None:
            members.setdefault(unit.parallel_group_id, []).append(unit.code)
    if not members:
        return []
    declared: Any = plant.configuration_rows("plant.ParallelGroup", pk__in=list(members)).order_by("code")
    return [GroupRow(row.code, tuple(members[row.pk]), row.minimum_running) for row in declared]


def _link(row: Any) -> LinkRow:
    return LinkRow(
        row.upstream.code, row.downstream.code, row.buffer_capacity, row.transit, row.tolerance
    )  # fmt: skip


def _lowest(machine: str) -> Subquery:
    rates = IdealRate.objects.filter(equipment_id=OuterRef(machine)).order_by()
    return Subquery(rates.values("equipment_id").annotate(lowest=Min("units_per_hour")).values("lowest"))


def line_paced_by(
    units: Sequence[Equipment],
    rates: Mapping[int, Sequence[IdealRate]],
    product_ids: Iterable[int | None],
    groups: Sequence[GroupRow] = (),
) -> tuple[Equipment, str] | None:
    """The machine that paces the line and why: declared, or the one with the lowest ideal rate.

    ``product_ids``: what was being made, the latest first. None where neither is known. Machines side by
    side pace it together; the one named speaks for them.
    """
    if (declared := declared_constraint(units)) is not None:
        return declared, DECLARED
    by_code = {unit.code: unit for unit in units}
    for product_id in (*product_ids, None):
        known = {
            unit.code: min(row.units_per_hour for row in same)
            for unit in units
            if (same := [row for row in rates.get(unit.pk, ()) if row.product_id == product_id])
        }
        if (code := slowest(known, [unit.code for unit in units], groups)) is not None:
            return by_code[code], LOWEST_RATE
    return None
