"""Material of the order: lots used and made, the balance of each material, times something was lacking."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from mom.record.model import BalanceRow, LotRow, ShortageRow
from plant.selectors.material import materials_for_ids
from production.selectors.lookups import bill_of_materials
from traceability import selectors as traceability

if TYPE_CHECKING:
    from production.models import JobOrder
    from traceability.models import LotMovement
    from traceability.selectors import LotTold


def page_of(name: str, *args: object, otherwise: str = "") -> str:
    """Address of a page, or another one where this installation has no such page."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return otherwise


def lots(order: JobOrder) -> tuple[LotRow, ...]:
    """What was booked, and what machines told that nobody booked."""
    expected = bill_of_materials(job_order_id=order.pk)
    booked = [_lot_row(row, expected) for row in traceability.movements_for_order(job_order_id=order.pk)]
    told = [
        _told_row(told, expected) for told in traceability.lots_told(job_order_id=order.pk) if not told.booked
    ]
    return tuple(sorted([*booked, *told], key=lambda row: row.at))


def _lot_row(row: LotMovement, expected: Mapping[int, Decimal]) -> LotRow:
    material = row.lot.material
    came_out = row.kind == "produced"
    return LotRow(
        direction="out" if came_out else "in",
        lot_code=row.lot.code,
        material_code=material.code,
        material=material.name,
        kind=row.kind,
        quantity=row.quantity,
        unit=row.unit,
        at=row.at,
        by=str(row.person) if row.person else row.actor,
        in_bom=None if came_out or not expected else material.pk in expected,
        evidence=f"/api/v1/lots/{row.lot.code}/trace?direction={'backward' if came_out else 'both'}",
    )


def _told_row(told: LotTold, expected: Mapping[int, Decimal]) -> LotRow:
    code, material = told.span.lot_code, told.lot.material if told.lot else None
    return LotRow(
        direction="in",
        lot_code=code,
        material_code=material.code if material else "",
        material=material.name if material else _("lot not known here"),
        kind="told",
        quantity=None,
        unit="",
        at=told.span.start_time,
        by=_("%(machine)s: its signal") % {"machine": told.span.work_unit.name},
        in_bom=material.pk in expected if material and expected else None,
        evidence=f"/api/v1/lots/{code}/trace?direction=both"
        if told.lot
        else f"/equipment/{told.span.work_unit.code}/",
    )


def balance(order: JobOrder, *, output: Decimal | None) -> tuple[BalanceRow, ...]:
    """used = in product + scrapped + returned + remainder; ``output``: units of product made, as counted."""
    sums = traceability.order_material_balance(job_order_id=order.pk, output=output)
    known = materials_for_ids([row.material_id for row in sums])
    rows = []
    for row in sums:
        material = known[row.material_id]
        planned = None if row.expected_per_unit is None else row.expected_per_unit * order.quantity
        rows.append(
            BalanceRow(
                material_code=material.code,
                material=material.name,
                unit=material.unit,
                planned=planned,
                used=row.used,
                in_product=row.in_product,
                scrapped=row.scrapped,
                returned=row.returned,
                remainder=row.remainder,
                evidence=f"#lot-{material.code}",
            )
        )
    return tuple(rows)


def shortages(
    order: JobOrder, *, line_path: str, start: datetime | None, until: datetime
) -> tuple[ShortageRow, ...]:
    """What was lacking for this order, or on its line while it ran without being tied to another order."""
    found = {row.pk: row for row in traceability.shortages_for_order(job_order_id=order.pk)}
    if start is not None and start < until:
        for row in traceability.shortages_between(equipment_path=line_path, start=start, end=until):
            if row.job_order_id in (None, order.pk):
                found[row.pk] = row
    return tuple(
        ShortageRow(
            material=row.material.name,
            equipment=row.equipment.name,
            start=row.start_time,
            end=row.end_time,
            seconds=max(round(((row.end_time or until) - row.start_time).total_seconds()), 0),
            comment=row.comment,
            said_by=str(row.said_by) if row.said_by else row.said_by_rule,
            evidence=f"#shortage-{row.pk}",
        )
        for row in sorted(found.values(), key=lambda row: (row.start_time, row.pk))
    )
