"""Orders with a bill of materials, and lots, for tests of what was used and made."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from plant.access import Actor
from plant.models import Equipment, MaterialDefinition
from production.models import BillOfMaterialsItem, JobOrder, WorkMaster
from tests.factories.plant import Line, actor_make, line_make, material_make
from traceability.models import LotMovement, MaterialLot

_numbers = itertools.count(1)
START = datetime(2026, 3, 2, 6, tzinfo=UTC)


def minutes(number: float) -> datetime:
    """An instant of the test shift."""
    return START + timedelta(minutes=number)


def order_make(
    line: Equipment,
    product: MaterialDefinition | None = None,
    *,
    materials: list[MaterialDefinition] | None = None,
    code: str = "",
    started: float | None = 0,
    ended: float | None = None,
) -> JobOrder:
    """A running order; with ``materials``, one of each is needed per unit of the product."""
    number = next(_numbers)
    product = product or material_make()
    routing = None
    if materials is not None:
        routing = WorkMaster.objects.create(code=f"WM{number}", product=product, line=line)
        for material in materials:
            BillOfMaterialsItem.objects.create(
                work_master=routing, material=material, quantity=Decimal(1), unit=material.unit
            )
    return JobOrder.objects.create(
        code=code or f"PO{number}",
        line=line,
        product=product,
        work_master=routing,
        quantity=Decimal(1000),
        unit=product.unit,
        state=JobOrder.State.RUNNING if ended is None else JobOrder.State.ENDED,
        started_at=None if started is None else minutes(started),
        ended_at=None if ended is None else minutes(ended),
    )


def lot_make(
    place: Equipment, material: MaterialDefinition | None = None, *, code: str = "", **values: object
) -> MaterialLot:
    code = code or f"LOT{next(_numbers)}"
    return MaterialLot.objects.create(
        code=code, material=material or material_make(kind="packaging"), place=place, **values
    )


def movement_make(
    lot: MaterialLot, kind: str, quantity: int | str = 1, *, at: float = 0, **values: object
) -> LotMovement:
    return LotMovement.objects.create(
        lot=lot, kind=kind, quantity=Decimal(quantity), unit="pcs", at=minutes(at), actor="test", **values
    )


@dataclass(frozen=True, slots=True)
class Bottling:
    """A line with a running order that needs caps and bottles, and lots of both."""

    line: Line
    order: JobOrder
    caps: MaterialLot
    bottles: MaterialLot
    operator: Actor


def bottling_make() -> Bottling:
    line = line_make()
    caps, bottles = material_make(kind="packaging"), material_make(kind="packaging")
    return Bottling(
        line=line,
        order=order_make(line.line, materials=[caps, bottles]),
        caps=lot_make(line.site, caps),
        bottles=lot_make(line.site, bottles),
        operator=actor_make("operator", line.line),
    )
