"""Quantities by who counted them, side by side, and the one the record is computed with."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from mom.pages.words import joined, piece_word, quantity
from mom.provenance.links import order_figure_href
from mom.record.amounts import PieceBalance, QuantityRow, Rework, ScrapReason
from plant.domain.quantities import ratio
from production.domain.hand_counts import reworked
from production.selectors.scrap import order_scrap
from traceability import selectors as traceability

if TYPE_CHECKING:
    from collections.abc import Mapping

    from production.selectors import JobResponse, MachinePart, QuantityPart

ZERO = Decimal(0)
# What became of pieces sent to rework is told by people alone.
REWORK_KINDS = ("rework", "rework_good", "rework_scrap")


def good_pieces(response: JobResponse) -> Decimal | None:
    """Good at the line's exit in the end, as its machines count or people do where they have no counter; else
    all that people counted.
    """
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
        if part.kind == kind and part.equipment is not None and part.quantity is not None
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
    told = {part.kind for part in response.quantities if part.equipment is not None}
    found = [
        _row(part, unit, is_told=part.kind in told, response=response)
        for part in response.quantities
        if part.source != "plan"
    ]
    lots = traceability.order_output(job_order_id=response.job_order.pk)
    if lots is not None:
        found.append(QuantityRow(_("Lots made"), "good", lots, unit, False, "", "#lots"))
    return tuple(found)


def _row(part: QuantityPart, unit: str, *, is_told: bool, response: JobResponse) -> QuantityRow:
    if part.equipment is None:
        used = not is_told
        return QuantityRow(_("Entered by people"), part.kind, part.quantity, unit, used, "", "#people")
    by, name = part.equipment.code, part.equipment.name
    evidence = order_figure_href(response.job_order.code, part.kind, by=by)
    machine = next(m for m in response.machines if m.equipment.pk == part.equipment.pk)
    if part.source == "people":
        source, note = _("Entered at %(machine)s") % {"machine": name}, _after_rework(machine, part.kind)
    else:
        source, note = _("Counter of %(machine)s") % {"machine": name}, _oddities(machine, part.kind)
    return QuantityRow(source, part.kind, part.quantity, unit, True, note, evidence)


def _after_rework(machine: MachinePart, kind: str) -> str:
    """How many of them came out of rework."""
    field = {"good": "rework_good", "scrap": "rework_scrap"}.get(kind)
    known = [getattr(part, field) for part in machine.counted if field and getattr(part, field)]
    return _("%(n)s of them after rework") % {"n": quantity(sum(known, ZERO))} if known else ""


def _oddities(machine: MachinePart, kind: str) -> str:
    """What in a machine's count asks for care."""
    in_gap = sum((part.in_gap for part in machine.counted), ZERO)
    unverified = sum((part.unverified for part in machine.counted), ZERO)
    spanning = sum((part.spanning for part in machine.counted), ZERO)
    told = []
    if any(kind in part.refused for part in machine.counted):
        told.append(_("counted in another unit, and nobody has said what it makes of this product"))
    if in_gap:
        told.append(_("%(n)s across a gap in the data") % {"n": quantity(in_gap)})
    if unverified:
        told.append(_("%(n)s faster than believable, left out") % {"n": quantity(unverified)})
    if spanning:
        told.append(_("%(n)s of them in the step over the order change") % {"n": quantity(spanning)})
    if reworked := _after_rework(machine, kind):
        told.append(reworked)
    return joined(told)


def piece_balance(
    response: JobResponse, good: Decimal | None, scrap: Decimal | None, rework: Rework | None = None
) -> PieceBalance | None:
    """Pieces started = good at the exit + scrap + in rework + what remains; None where not counted."""
    for machine in response.machines:
        totals = [part.total for part in machine.counted if part.total is not None]
        if totals:
            started = sum(totals, ZERO)
            if good is None:
                return None
            waiting = rework.remainder if rework else None
            remainder = started - good - (scrap or ZERO) - (waiting or ZERO)
            evidence = order_figure_href(response.job_order.code, "started")
            return PieceBalance(started, machine.equipment.name, good, scrap, remainder, evidence, waiting)
    return None


def scrap_reasons(response: JobResponse, reasons: Mapping[str, str]) -> tuple[ScrapReason, ...]:
    """The order's scrap by reason, most first, what nobody told last; nothing where no scrap is known."""
    found = order_scrap(response)
    return tuple(
        ScrapReason(
            row.reason_code,
            reasons.get(row.reason_code, row.reason_code) or _("not told"),
            row.quantity,
            order_figure_href(
                response.job_order.code,
                "scrap",
                reason=row.reason_code,
                uncoded="" if row.reason_code else "1",
            ),
        )
        for row in (found.by_reason() if found else ())
    )


def rework_told(response: JobResponse) -> dict[str, Decimal | None]:
    """Sent to rework, and what became of it, over all machines; by kind."""
    told = {kind: _machines(response, kind) for kind in REWORK_KINDS}
    # Nobody says of a whole line what came back, only what was sent.
    return told if told["rework"] is not None else told | {"rework": _first(response, "rework", ("people",))}


def rework(response: JobResponse, good: Decimal | None) -> Rework | None:
    """What became of the pieces sent to rework; None where none were sent or brought back."""
    told = reworked(rework_told(response))
    if told is None:
        return None
    first = None if good is None else good - told.good
    made = _exit_total(response)
    return Rework(
        told.sent,
        told.good,
        told.scrap,
        told.remainder,
        first,
        ratio(first, made),
        ratio(good, made),
        order_figure_href(response.job_order.code, "in_rework"),
    )


def _exit_total(response: JobResponse) -> Decimal | None:
    """Pieces processed where the order's good pieces are counted, each once; None where that is not told."""
    leaving = {p.equipment.pk for p in response.quantities if p.kind == "good" and p.equipment}
    counted = [part for m in response.machines if m.equipment.pk in leaving for part in m.counted]
    known = [part.total for part in counted if part.total is not None]
    return sum(known, ZERO) if known else None
