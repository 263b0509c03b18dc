"""Quantities by who counted them, side by side, and the one the record is computed with."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from mom.pages.words import joined, piece_word, quantity
from mom.provenance.links import order_figure_href
from mom.record.model import PieceBalance, QuantityRow
from traceability import selectors as traceability

if TYPE_CHECKING:
    from production.selectors import JobResponse, MachinePart, QuantityPart

ZERO = Decimal(0)


def good_pieces(response: JobResponse) -> Decimal | None:
    """What the machines at the line's exit counted good; what people counted where they have no counter."""
    counted = _machines(response, "good")
    return _first(response, "good", ("people",)) if counted is None else counted


def scrap_pieces(response: JobResponse) -> Decimal | None:
    """A piece is scrapped at one machine, so the line's scrap is the sum of what its machines counted."""
    counted = _machines(response, "scrap")
    return _first(response, "scrap", ("people",)) if counted is None else counted


def _machines(response: JobResponse, kind: str) -> Decimal | None:
    """Of all machines that tell it; None where none does."""
    known = [
        part.quantity
        for part in response.quantities
        if part.kind == kind and part.source == "machine" and part.quantity is not None
    ]
    return sum(known, ZERO) if known else None


def _first(response: JobResponse, kind: str, sources: tuple[str, ...]) -> Decimal | None:
    for source in sources:
        for part in response.quantities:
            if part.kind == kind and part.source == source and part.quantity is not None:
                return part.quantity
    return None


def rows(response: JobResponse) -> tuple[QuantityRow, ...]:
    """Plan, machines, people and lots; ``authoritative`` marks what the rest of the record uses."""
    unit = piece_word(response.job_order.unit)
    has_machine = any(part.source == "machine" and part.kind == "good" for part in response.quantities)
    found = [
        _row(part, unit, has_machine=has_machine, response=response)
        for part in response.quantities
        if part.source != "plan"
    ]
    lots = traceability.order_output(job_order_id=response.job_order.pk)
    if lots is not None:
        found.append(QuantityRow(_("Lots made"), "good", lots, unit, False, "", "#lots"))
    return tuple(found)


def _row(part: QuantityPart, unit: str, *, has_machine: bool, response: JobResponse) -> QuantityRow:
    if part.source == "people":
        source, used, note = _("Entered by people"), not has_machine, ""
        evidence = "#people"
    else:
        assert part.equipment is not None
        source, used, note = _("Counter of %(machine)s") % {"machine": part.equipment.name}, True, ""
        evidence = order_figure_href(response.job_order.code, part.kind, by=part.equipment.code)
        note = _oddities(next(m for m in response.machines if m.equipment.pk == part.equipment.pk))
    return QuantityRow(source, part.kind, part.quantity, unit, used, note, evidence)


def _oddities(machine: MachinePart) -> str:
    """What in a machine's count asks for care."""
    in_gap = sum((part.in_gap for part in machine.counted), ZERO)
    unverified = sum((part.unverified for part in machine.counted), ZERO)
    spanning = sum((part.spanning for part in machine.counted), ZERO)
    told = []
    if in_gap:
        told.append(_("%(n)s across a gap in the data") % {"n": quantity(in_gap)})
    if unverified:
        told.append(_("%(n)s faster than believable, left out") % {"n": quantity(unverified)})
    if spanning:
        told.append(_("%(n)s of them in the step over the order change") % {"n": quantity(spanning)})
    return joined(told)


def piece_balance(response: JobResponse, good: Decimal | None, scrap: Decimal | None) -> PieceBalance | None:
    """Pieces put on the line = good at its exit + scrap + what remains; None where not counted."""
    for machine in response.machines:
        totals = [part.total for part in machine.counted if part.total is not None]
        if totals:
            started = sum(totals, ZERO)
            if good is None:
                return None
            remainder = started - good - (scrap or ZERO)
            evidence = order_figure_href(response.job_order.code, "started")
            return PieceBalance(started, machine.equipment.name, good, scrap, remainder, evidence)
    return None
