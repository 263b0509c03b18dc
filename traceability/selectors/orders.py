"""What an order used and made, whether that adds up, and whether it was the right thing."""

from __future__ import annotations

from decimal import Decimal

from production.selectors.lookups import bill_of_materials
from traceability.domain import answers, balance
from traceability.models import LotMovement


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
    )


def _materials_used(job_order_id: int) -> set[int]:
    used = LotMovement.objects.filter(job_order_id=job_order_id, kind=LotMovement.Kind.CONSUMED)
    return set(used.values_list("lot__material_id", flat=True))
