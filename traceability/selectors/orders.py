"""What an order used and made, whether that adds up, and whether it was the right thing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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


@dataclass(frozen=True, slots=True)
class OrderLots:
    """What two of the seven questions rest on: the lots of an order, booked and told by machines.

    ``used``, ``expected``: ids of materials, by its lots and by its bill of materials. ``unbooked``: lots
    that machines have finished with and nobody booked.
    """

    used: frozenset[int]
    expected: frozenset[int]
    lots_made: int
    unbooked: int


def order_lots(*, job_order_id: int) -> OrderLots:
    rows = LotMovement.objects.filter(job_order_id=job_order_id)
    moved = list(rows.values_list("lot_id", "kind", "lot__material_id"))
    told = _told(lots_said(job_order_id=job_order_id), {lot_id for lot_id, _, _ in moved})
    unbooked = [row for row in told if not row.booked]
    used = {material_id for _, kind, material_id in moved if kind == LotMovement.Kind.CONSUMED}
    return OrderLots(
        used=frozenset(used | {row.lot.material_id for row in unbooked if row.lot}),
        expected=frozenset(bill_of_materials(job_order_id=job_order_id)),
        lots_made=len({lot_id for lot_id, kind, _ in moved if kind == LotMovement.Kind.PRODUCED}),
        # One still on the machine is booked when it ends.
        unbooked=sum(row.span.end_time is not None for row in unbooked),
    )


def material_answer(*, job_order_id: int, read: OrderLots | None = None) -> answers.MaterialAnswer:
    """The right material? Evidence: ``movements_for_order`` and the decisions on overrides.

    ``read``: the order's ``order_lots``, where they are read already.
    """
    lots = read or order_lots(job_order_id=job_order_id)
    return answers.right_material(used=lots.used, expected=lots.expected)


def evidence_answer(*, job_order_id: int, read: OrderLots | None = None) -> answers.Verdict:
    """Leaving traceability evidence? ``read`` as of ``material_answer``."""
    lots = read or order_lots(job_order_id=job_order_id)
    return answers.leaves_evidence(
        used=lots.used, expected=lots.expected, lots_made=lots.lots_made, unbooked=lots.unbooked
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
    moved = LotMovement.objects.filter(job_order_id=job_order_id)
    return _told(spans, moved.values_list("lot_id", flat=True))


def _told(spans: Sequence[LotSpan], moved: Iterable[int]) -> list[LotTold]:
    """``moved``: ids of the lots booked in the order."""
    if not spans:
        return []
    rows = MaterialLot.objects.select_related("material")
    lots = {lot.code: lot for lot in rows.filter(code__in={span.lot_code for span in spans})}
    booked = set(moved)
    found = ((span, lots.get(span.lot_code)) for span in spans)
    return [LotTold(span, lot, lot is not None and lot.pk in booked) for span, lot in found]
