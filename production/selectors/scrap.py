"""Scrap of a line or machine in a window, and of an order, by reason and by where it was made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from plant import selectors as plant
from plant.domain.calendar import SHIFT
from production.domain.account import OrderUse
from production.domain.hand_counts import REWORK_SCRAP, SCRAP, Hand, by_part
from production.domain.scrap import Place, Said, Scrap, scrap
from production.models import CountAssertion, JobOrder
from production.selectors.hand_counts import hand_counts, hands
from production.selectors.order_quantities import order_quantities
from production.selectors.quantities import INSTANT
from production.selectors.record import JobResponse
from production.selectors.units import planned_slots

if TYPE_CHECKING:
    from plant.domain.calendar import Slot
    from plant.models import Equipment, Reason

KINDS = (SCRAP, REWORK_SCRAP)


def scrap_between(*, equipment_id: int, start: datetime, end: datetime) -> Scrap:
    """Scrap of a machine, or of all machines of a line, in [start, end), by machine, product and shift.

    As the figures of the window count it; what was said about the line as a whole is under no machine.
    """
    place = plant.equipment_for_ids([equipment_id])[equipment_id]
    line = place if place.level == "line" else plant.line_of(place)
    units = plant.line_work_units(place.pk) if place.level == "line" else [place]
    slots = [slot for slot in _slots(line, start, end) if slot.kind == SHIFT]
    cuts = sorted({at for slot in slots for at in (slot.start, slot.end) if start < at < end})
    found = order_quantities(equipment=units, start=start, end=end, cuts=cuts)
    ids = [unit.pk for unit in units] + ([line.pk] if line is not None and line is place else [])
    said = _said(ids, start, end)
    codes = {count.use.code for counts in found.values() for count in counts} | {one.order for one in said}
    told = _Told({unit.pk: unit.code for unit in units}, slots, _products(codes))
    counted: dict[Place, Decimal] = {}
    uses: dict[int, list[OrderUse]] = {}
    for unit in units:
        for use, pieces in found[unit.pk]:
            uses.setdefault(unit.pk, []).append(use)
            if pieces is not None and pieces.scrap is not None:
                at = told.place(unit.pk, use)
                counted[at] = counted.get(at, Decimal(0)) + pieces.scrap
    return scrap(counted, told.said(said, uses))


def _slots(line: Equipment | None, start: datetime, end: datetime) -> Sequence[Slot]:
    return planned_slots(line_id=line.pk if line else None, start=start, end=end) or ()


def _said(equipment_ids: Iterable[int], start: datetime, end: datetime) -> list[Hand]:
    found = hand_counts(equipment_ids=equipment_ids, start=start, end=end - INSTANT)
    return [one for one in found if one.kind in KINDS]


def _products(codes: Iterable[str]) -> dict[str, str]:
    rows = JobOrder.objects.filter(code__in=[code for code in codes if code])
    return dict(rows.values_list("code", "product__code"))


class _Told:
    """Where counts belong: machine, product and shift."""

    def __init__(self, machines: dict[int, str], slots: Sequence[Slot], products: dict[str, str]) -> None:
        self._machines, self._slots, self._products = machines, slots, products

    def place(self, machine: int, use: OrderUse) -> Place:
        product = self._products.get(use.code, "")
        inside = (slot.code for slot in self._slots if slot.start <= use.start < slot.end)
        return Place(self._machines.get(machine, ""), product, next(inside, ""))

    def said(self, found: Sequence[Hand], uses: dict[int, list[OrderUse]]) -> list[Said]:
        rows: list[Said] = []
        for machine in dict.fromkeys(one.machine for one in found):
            parts = uses.get(machine, [])
            placed, beside = by_part([one for one in found if one.machine == machine], parts)
            for number, hands_of in placed.items():
                at = self.place(machine, parts[number])
                rows += [Said(at, one.reason, one.quantity, one.entry) for one in hands_of]
            for one in beside:
                at = self.place(machine, OrderUse(one.end - INSTANT, one.end, one.order))
                rows.append(Said(at, one.reason, one.quantity, one.entry))
        return rows


def order_scrap(response: JobResponse) -> Scrap | None:
    """An order's scrap by machine and reason; None where nobody tells its scrap."""
    order = response.job_order
    parts = [part for part in response.quantities if part.kind == SCRAP and part.quantity is not None]
    own = [part for part in parts if part.equipment is not None] or parts
    if not own:
        return None
    counted = {
        Place(part.equipment.code if part.equipment else "", order.product.code, ""): part.quantity
        or Decimal(0)
        for part in own
    }
    units = {machine.equipment.pk: machine.equipment.code for machine in response.machines}
    said = hands(CountAssertion.objects.filter(job_order=order, kind__in=KINDS))
    said += _unnamed(response, list(units))
    rows = [
        Said(Place(units.get(one.machine, ""), order.product.code, ""), one.reason, one.quantity, one.entry)
        for one in said
    ]
    if all(part.equipment is None for part in own):
        rows = [row._replace(place=Place("", order.product.code, "")) for row in rows]
    return scrap(counted, rows)


def _unnamed(response: JobResponse, ids: Sequence[int]) -> list[Hand]:
    """Said without naming an order, while the machine worked on this one."""
    if response.start is None or response.end is None:
        return []
    found: list[Hand] = []
    bare = [one for one in _said(ids, response.start, response.end + INSTANT) if not one.order]
    for machine in response.machines:
        spans = [OrderUse(part.start, part.end, "") for part in machine.counted]
        mine = [one for one in bare if one.machine == machine.equipment.pk]
        placed, _ = by_part(mine, spans)
        found += [one for hands_of in placed.values() for one in hands_of]
    return found


def scrap_reasons(equipment: Equipment, *, at: datetime | None = None) -> list[Reason]:
    """Reasons of scrap a machine offers; of a line those of all its machines, each once."""
    places = [equipment] if equipment.level == "work_unit" else plant.line_work_units(equipment.pk)
    found: dict[int, Reason] = {}
    for place in places:
        for reason in plant.reasons_offered(place, at=at, explains=SCRAP):
            found.setdefault(reason.pk, reason)
    return list(found.values())


def scrap_entries(
    *, equipment_ids: Iterable[int], start: datetime, end: datetime, order_code: str = "", most: int = 100
) -> list[CountAssertion]:
    """Counts of scrap in force that end in [start, end), or all of an order; the newest first."""
    about = CountAssertion.objects.filter(kind__in=KINDS, superseded_by=None)
    if order_code:
        about = about.filter(job_order__code=order_code)
    else:
        about = about.filter(equipment_id__in=list(equipment_ids), end_time__gte=start, end_time__lt=end)
    rows = about.select_related("equipment", "job_order", "reason", "said_by")
    return list(rows.order_by("-end_time", "-id")[:most])
