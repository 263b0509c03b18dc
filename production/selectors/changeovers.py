"""How long a line takes from one product to the next, beside its standards."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from plant import selectors as plant
from production.domain.attribution import declared_constraint
from production.domain.changeover import Cell, Done, Product, Standard, changeovers_done, matrix
from production.models import ChangeoverStandard, JobOrder
from production.selectors.accounts import accounts

if TYPE_CHECKING:
    from plant.models import Equipment


@dataclass(frozen=True, slots=True)
class LineChangeovers:
    """Changeovers of the machine that paces a line, oldest first, and by product before and after."""

    paced_by: Equipment
    done: tuple[Done, ...]
    cells: tuple[Cell, ...]


def line_changeovers(*, line_id: int, start: datetime, end: datetime) -> LineChangeovers | None:
    """None without a declared constraint or data of it."""
    machine = declared_constraint(plant.line_work_units(line_id))
    if machine is None:
        return None
    told = accounts(equipment=[machine], start=start, end=end).get(machine.pk)
    if told is None:
        return None
    done = changeovers_done(told.segments)
    products = products_of({code for item in done for code in (item.from_order, item.to_order)})
    return LineChangeovers(machine, tuple(done), tuple(matrix(done, products, standards_of(line_id))))


def products_of(order_codes: Iterable[str]) -> dict[str, Product]:
    """What each order makes, by order code; unknown orders are left out."""
    rows = JobOrder.objects.filter(code__in=list(order_codes))
    found = rows.values_list("code", "product__code", "product__family")
    return {code: Product(product, family) for code, product, family in found}


def standards_of(line_id: int) -> list[Standard]:
    """The standards declared for a line."""
    rows = ChangeoverStandard.objects.filter(line_id=line_id).values_list(
        "from_product__code", "from_family", "to_product__code", "to_family", "seconds"
    )
    return [Standard(a or "", b, c or "", d, timedelta(seconds=time)) for a, b, c, d, time in rows]
