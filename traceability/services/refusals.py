"""What a scan or an entry can be refused for, and the checks every movement passes."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from django.core.exceptions import ObjectDoesNotExist
from django.utils.translation import gettext as _

from plant import selectors as plant
from plant.selectors.material import material_by_code
from production.selectors.lookups import job_order_for_id
from traceability import selectors
from traceability.models import MaterialLot

if TYPE_CHECKING:
    from plant.models import Equipment, MaterialDefinition
    from production.models import JobOrder

AHEAD = timedelta(minutes=5)
LARGEST = Decimal(10) ** 13


class LotInputRefused(ValueError):
    """What was read, and what was expected instead."""

    is_bad_input = True


class LotExists(LotInputRefused):
    """The code is taken by another lot."""


class LotNotInBom(LotInputRefused):
    """The material scanned is not in the bill of materials of the order."""

    def __init__(self, *, lot_code: str, material: str, order: str, expected: list[str]) -> None:
        self.lot_code, self.material, self.expected = lot_code, material, expected
        super().__init__(
            _("lot %(lot)s is %(material)s; order %(order)s expects %(expected)s")
            % {"lot": lot_code, "material": material, "order": order, "expected": ", ".join(expected)}
        )


class LotRefused(LotInputRefused):
    """The lot may not be used now: expired, blocked …; ``codes`` say which."""

    def __init__(self, codes: list[str], messages: list[str]) -> None:
        super().__init__("; ".join(messages))
        self.codes = codes


def lot_known(code: str) -> MaterialLot:
    try:
        return selectors.lot_by_code(code.strip())
    except MaterialLot.DoesNotExist as error:
        raise LotInputRefused(str(error)) from None


def material_known(code: str) -> MaterialDefinition:
    try:
        return material_by_code(code)
    except ObjectDoesNotExist:
        raise LotInputRefused(
            f"material: read {code!r}, expected the code of a material known here"
        ) from None


def quantity_checked(quantity: Decimal, *, signed: bool = False) -> Decimal:
    """The amount as stored; zero, endless and (unless signed) negative amounts are refused."""
    if not quantity.is_finite() or abs(quantity) >= LARGEST or quantity == 0 or (quantity < 0 and not signed):
        raise LotInputRefused(f"quantity: read {quantity}, expected a number above 0 and below {LARGEST:f}")
    kept = quantity.quantize(Decimal("0.000001"))
    if kept != quantity:
        raise LotInputRefused(f"quantity: read {quantity}, expected at most 6 decimals")
    return kept


def unit_checked(unit: str, lot: MaterialLot) -> str:
    expected = lot.material.unit
    if unit and unit != expected:
        raise LotInputRefused(f"unit: read {unit!r}, expected {expected!r}, the unit of {lot.material.code}")
    return expected


def instant_checked(at: datetime, *, now: datetime, name: str = "at") -> datetime:
    if at.tzinfo is None:
        raise LotInputRefused(f"{name}: read {at.isoformat()}, expected a time with its zone")
    if at > now + AHEAD:
        raise LotInputRefused(f"{name}: read {at.isoformat()}, expected a time that is not in the future")
    return at


def order_known(job_order_id: int) -> JobOrder:
    try:
        return plant.remembered(("job order", job_order_id), lambda: job_order_for_id(job_order_id))
    except ObjectDoesNotExist:
        raise LotInputRefused(f"job order: read {job_order_id}, expected an order known here") from None


def equipment_of_order(order: JobOrder, equipment_id: int | None) -> Equipment:
    """The machine named, which must be on the order's line; the line when none is named."""
    if equipment_id is None:
        return order.line
    found = plant.equipment_for_ids([equipment_id]).get(equipment_id)
    if found is None or not found.path.startswith(order.line.path):
        read = found.code if found else str(equipment_id)
        raise LotInputRefused(f"equipment: read {read}, expected a machine of line {order.line.code}")
    return found
