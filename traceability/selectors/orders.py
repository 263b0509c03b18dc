"""What an order used and made, whether that adds up, and whether it was the right thing."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from production.selectors import lots_said
from production.selectors.lookups import bill_of_materials
from traceability.domain import answers, balance
from traceability.models import LotMovement, MaterialLot

if TYPE_CHECKING:
    from production.models import LotSpan


def order_output(*, job_order_id: int) -> Decimal | None:
    """Units of the order's product in the lots it made; None when it has made no lot."""
    rows = LotMovement.objects.filter(job_order_id=job_order_id, kind=LotMovement.Kind.PRODUCED)
    made = list(rows.values_list("quantity", flat=True))
    return sum(made, Decimal(0)) if made else None


def order_material_balance(
    *, job_order_id: int, output: Decimal | None = None
) -> list[balance.MaterialBalance]:
    """Balance of every material used or expected, by id. ``output`` defaults to what the lots made hold."""
    output = order_output(job_order_id=job_order_id) if output is None else output
    expected = bill_of_materials(job_order_id=job_order_id)
    moved: dict[int, list[tuple[str, Decimal]]] = {material_id: [] for material_id in expected}
    rows = LotMovement.objects.filter(job_order_id=job_order_id).exclude(kind=LotMovement.Kind.PRODUCED)
    for material_id, kind, quantity in rows.values_list("lot__material_id", "kind", "quantity"):
        moved.setdefault(material_id, []).append((kind, quantity))
    return [
        balance.material_balance(
            material_id=material_id,
            movements=moved[material_id],
            per_unit=expected.get(material_id),
            output=output,
        )
        for material_id in sorted(moved)
    ]


def material_answer(*, job_order_id: int) -> answers.MaterialAnswer:
    """The right material? Evidence: ``movements_for_order`` and the decisions on overrides."""
    return answers.right_material(
        used=_materials_used(job_order_id), expected=bill_of_materials(job_order_id=job_order_id)
    )


def evidence_answer(*, job_order_id: int) -> answers.Verdict:
    """Leaving traceability evidence?"""
    made = LotMovement.objects.filter(job_order_id=job_order_id, kind=LotMovement.Kind.PRODUCED)
    return answers.leaves_evidence(
        used=_materials_used(job_order_id),
        expected=bill_of_materials(job_order_id=job_order_id),
        lots_made=made.values("lot").distinct().count(),
        # One still on the machine is booked when it ends.
        unbooked=sum(
            not told.booked and told.span.end_time is not None
            for told in lots_told(job_order_id=job_order_id)
        ),
    )


@dataclass(frozen=True, slots=True)
class LotTold:
    """A lot a machine said it worked with in an order. ``lot`` None: no lot of that code is known here."""

    span: LotSpan
    lot: MaterialLot | None
    booked: bool


def lots_told(*, job_order_id: int) -> list[LotTold]:
    """What machines said of lots in an order, and whether somebody booked each as used or made in it."""
    spans = lots_said(job_order_id=job_order_id)
    if not spans:
        return []
    lots = {
        lot.code: lot
        for lot in MaterialLot.objects.select_related("material").filter(
            code__in={span.lot_code for span in spans}
        )
    }
    moved = set(LotMovement.objects.filter(job_order_id=job_order_id).values_list("lot_id", flat=True))
    found = ((span, lots.get(span.lot_code)) for span in spans)
    return [LotTold(span, lot, lot is not None and lot.pk in moved) for span, lot in found]


def _materials_used(job_order_id: int) -> set[int]:
    """Materials booked as used, and those of lots that machines said they worked with."""
    used = LotMovement.objects.filter(job_order_id=job_order_id, kind=LotMovement.Kind.CONSUMED)
    told = (told.lot for told in lots_told(job_order_id=job_order_id) if not told.booked)
    return {*used.values_list("lot__material_id", flat=True), *(lot.material_id for lot in told if lot)}
