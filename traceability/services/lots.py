"""Every way a lot comes into being and moves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils import timezone

from plant import audit
from plant import selectors as plant
from plant.access import Actor
from plant.selectors.material import materials_for_ids
from plant.services import decision_record, revision_bump
from production.selectors.lookups import bill_of_materials
from traceability import selectors
from traceability.models import LotMovement, MaterialLot
from traceability.models.lot import movement_key
from traceability.services.refusals import (
    LotExists,
    LotInputRefused,
    LotNotInBom,
    LotRefused,
    equipment_of_order,
    instant_checked,
    lot_known,
    material_known,
    order_known,
    quantity_checked,
    unit_checked,
)

if TYPE_CHECKING:
    from plant.models import Equipment
    from production.models import JobOrder

Kind = LotMovement.Kind


@dataclass(frozen=True, slots=True)
class _Where:
    """Where and in what a movement happens."""

    equipment: Equipment
    job_order: JobOrder | None = None
    operation: str = ""
    window_start: datetime | None = None
    comment: str = ""


@transaction.atomic
def lot_receive(
    *,
    code: str,
    material_code: str,
    quantity: Decimal,
    place: Equipment,
    by: Actor,
    at: datetime | None = None,
    unit: str = "",
    supplier: str = "",
    supplier_lot: str = "",
    expires_at: datetime | None = None,
    key: str = "",
) -> MaterialLot:
    """A new lot at a site or line, and its first quantity. Raises LotExists when the code is taken."""
    by.require("lot.move", place)
    if earlier := _replayed(key, code, Kind.RECEIVED, quantity):
        return earlier.lot
    at = instant_checked(at or timezone.now(), now=timezone.now())
    lot = _lot_create(
        code=code,
        material_id=material_known(material_code).pk,
        place_id=place.pk,
        supplier=supplier,
        supplier_lot=supplier_lot,
        expires_at=expires_at,
    )
    _append(Kind.RECEIVED, lot, quantity, at, by, where=_Where(place), unit=unit, key=key)
    return lot


@transaction.atomic
def lot_consume(
    *,
    job_order_id: int,
    lot_code: str,
    equipment_id: int | None,
    quantity: Decimal,
    at: datetime,
    by: Actor,
    override_why: str | None = None,
    window_start: datetime | None = None,
    unit: str = "",
    operation: str = "",
    key: str = "",
) -> LotMovement:
    """A lot used in an order, at a machine of its line: from ``at`` on, or from ``window_start`` to ``at``.

    Raises LotNotInBom for a material the order does not expect, unless someone who may ``lot.override`` says
    why: that is a decision. Raises LotRefused for an expired or blocked lot; nobody overrides that here.
    """
    if earlier := _replayed(key, lot_code, Kind.CONSUMED, quantity):
        return earlier
    order, lot = order_known(job_order_id), lot_known(lot_code)
    equipment = equipment_of_order(order, equipment_id)
    where = _Where(equipment, order, operation, window_start, comment=override_why or "")
    by.require("lot.move", equipment)
    _window_checked(window_start, at)
    vetoes = selectors.lot_vetoes(lot, at=at, job_order_id=order.pk)
    if vetoes:
        raise LotRefused([veto.code for veto in vetoes], [veto.message for veto in vetoes])
    _bom_check(order, lot, equipment, by, override_why, at)
    return _append(Kind.CONSUMED, lot, quantity, at, by, where=where, unit=unit, key=key)


def _bom_check(
    order: JobOrder, lot: MaterialLot, equipment: Equipment, by: Actor, why: str | None, at: datetime
) -> None:
    """An order nobody has given a bill of materials expects nothing, so nothing can be refused."""
    expected = plant.remembered(("bom", order.pk), lambda: bill_of_materials(job_order_id=order.pk))
    if not expected or lot.material_id in expected:
        return
    codes = sorted(material.code for material in materials_for_ids(expected).values())
    if not (why or "").strip():
        raise LotNotInBom(lot_code=lot.code, material=lot.material.code, order=order.code, expected=codes)
    by.require("lot.override", equipment)
    decision_record(
        kind="material_override",
        line_id=order.line_id,
        subject_type="material_lot",
        subject_code=lot.code,
        job_order_code=order.code,
        summary=f"{lot.code} ({lot.material.code}) used in {order.code}",
        why=why or "",
        by=by,
        detail={"read": lot.material.code, "expected": codes, "equipment": equipment.code},
        at=at,
    )


@transaction.atomic
def lot_produce(
    *,
    job_order_id: int,
    lot_code: str,
    quantity: Decimal,
    at: datetime,
    by: Actor,
    equipment_id: int | None = None,
    window_start: datetime | None = None,
    material_code: str = "",
    unit: str = "",
    operation: str = "",
    expires_at: datetime | None = None,
    key: str = "",
) -> LotMovement:
    """A quantity an order made: a new lot or more of one it makes. The material defaults to its product."""
    if earlier := _replayed(key, lot_code, Kind.PRODUCED, quantity):
        return earlier
    order = order_known(job_order_id)
    where = _Where(equipment_of_order(order, equipment_id), order, operation, window_start)
    by.require("lot.move", where.equipment)
    _window_checked(window_start, at)
    material_id = material_known(material_code).pk if material_code else order.product_id
    lot = MaterialLot.objects.select_related("material").filter(code=lot_code.strip()).first()
    if lot is None:
        lot = _lot_of_order(order, lot_code, material_id, expires_at)
    if lot.material_id != material_id or lot.produced_by_id != order.pk:
        raise LotExists(
            f"lot: read {lot_code!r}, which is a lot of {lot.material.code} not made by {order.code}"
        )
    return _append(Kind.PRODUCED, lot, quantity, at, by, where=where, unit=unit, key=key)


@transaction.atomic
def lot_move(
    *,
    kind: str,
    lot_code: str,
    quantity: Decimal,
    at: datetime,
    by: Actor,
    equipment_id: int | None = None,
    job_order_id: int | None = None,
    unit: str = "",
    comment: str = "",
    key: str = "",
) -> LotMovement:
    """More received, scrapped, given back, shipped, or found to differ (``adjusted``: signed, commented)."""
    if kind not in {Kind.RECEIVED, Kind.SCRAPPED, Kind.RETURNED, Kind.SHIPPED, Kind.ADJUSTED}:
        raise LotInputRefused(
            f"kind: read {kind!r}, expected received, scrapped, returned, shipped or adjusted"
        )
    if kind == Kind.ADJUSTED and not comment.strip():
        raise LotInputRefused("comment: read nothing, expected why the count differs")
    if earlier := _replayed(key, lot_code, kind, quantity):
        return earlier
    lot = lot_known(lot_code)
    order = order_known(job_order_id) if job_order_id is not None else None
    equipment = equipment_of_order(order, equipment_id) if order else _place(lot, equipment_id)
    by.require("lot.move", equipment)
    instant_checked(at, now=timezone.now())
    where = _Where(equipment, order, comment=comment)
    return _append(Kind(kind), lot, quantity, at, by, where=where, unit=unit, key=key)


def _window_checked(start: datetime | None, at: datetime) -> None:
    instant_checked(at, now=timezone.now())
    if start is not None and instant_checked(start, now=at, name="window_start") >= at:
        raise LotInputRefused(f"window_start: read {start.isoformat()}, expected before {at.isoformat()}")


def _place(lot: MaterialLot, equipment_id: int | None) -> Equipment:
    if equipment_id is None:
        return lot.place
    found = plant.equipment_for_ids([equipment_id]).get(equipment_id)
    if found is None:
        raise LotInputRefused(f"equipment: read {equipment_id}, expected an equipment known here")
    return found


def _lot_of_order(order: JobOrder, code: str, material_id: int, expires_at: datetime | None) -> MaterialLot:
    try:
        return _lot_create(
            code=code,
            material_id=material_id,
            place_id=order.line_id,
            produced_by_id=order.pk,
            expires_at=expires_at,
        )
    except LotExists:
        # Two stations report the first pieces of a lot at once: the later one adds to it.
        return MaterialLot.objects.select_related("material", "place").get(code=code.strip())


def _lot_create(*, code: str, **values: object) -> MaterialLot:
    code = code.strip()
    if not code or len(code) > 60 or "/" in code:
        raise LotInputRefused(f"lot: read {code[:80]!r}, expected a code of 1 to 60 characters without '/'")
    try:
        with transaction.atomic():
            lot = MaterialLot.objects.create(code=code, **values)
    except IntegrityError:
        raise LotExists(f"lot: read {code!r}, expected a code that is not taken") from None
    return MaterialLot.objects.select_related("material", "place").get(pk=lot.pk)


def _replayed(key: str, lot_code: str, kind: str, quantity: Decimal) -> LotMovement | None:
    """The movement already stored under this key. Raises LotInputRefused when it was another one."""
    earlier = selectors.movement_by_key(key) if key else None
    if earlier is None:
        return None
    if (earlier.lot.code, earlier.kind, earlier.quantity) != (lot_code.strip(), kind, quantity):
        raise LotInputRefused(
            f"key: read {key!r}, which was used for another movement of lot {earlier.lot.code}"
        )
    return earlier


def _append(
    kind: LotMovement.Kind,
    lot: MaterialLot,
    quantity: Decimal,
    at: datetime,
    by: Actor,
    *,
    where: _Where,
    unit: str,
    key: str,
) -> LotMovement:
    movement = LotMovement.objects.create(
        kind=kind,
        lot=lot,
        quantity=quantity_checked(quantity, signed=kind == Kind.ADJUSTED),
        unit=unit_checked(unit, lot),
        at=at,
        window_start=where.window_start,
        equipment=where.equipment,
        job_order=where.job_order,
        operation=where.operation[:60],
        person_id=by.person_id,
        device_id=by.device_id,
        actor=by.label[:80],
        comment=where.comment,
        key=key or movement_key(),
    )
    _trail(movement, where, by)
    return movement


def _trail(movement: LotMovement, where: _Where, by: Actor) -> None:
    audit.record(
        by=by,
        action=f"lot.{movement.kind}",
        subject_type="material_lot",
        subject_code=movement.lot.code,
        why=where.comment,
        after={
            "quantity": str(movement.quantity),
            "at": movement.at.isoformat(),
            "equipment": where.equipment.code,
            "job_order": where.job_order.code if where.job_order else None,
        },
    )
    line = plant.line_of(where.equipment)
    if line is not None:
        revision_bump(line_id=line.pk)
