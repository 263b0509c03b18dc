"""Evidence of what was planned for a shift, order by order, as the plan stood when it began."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from mom.pages.words import quantity
from mom.provenance.model import PIECES, Evidence, Input, Term, Version
from mom.provenance.trust import edits_of, trust_of
from plant import selectors as plant
from production import selectors as production

if TYPE_CHECKING:
    from plant.models import Equipment
    from production.selectors.day import LineDay, Planned


def planned_evidence(*, line: Equipment, start: datetime, end: datetime, order: str = "") -> Evidence | None:
    """Pieces planned in the shift or production day [start, end), or of one order; None where that is neither
    or nothing was planned.
    """
    told = day_told(line=line, start=start, end=end)
    found = [item for item in told.plan if not order or item.order.code == order] if told else []
    if told is None or not found:
        return None
    return Evidence(
        figure="planned",
        name=" · ".join(text for text in (_("Planned"), order) if text),
        kind=PIECES,
        formula="Σ",
        definition=_("orders as the plan had them when the shift began"),
        place=line.name,
        start=start,
        end=end,
        shown=sum((item.pieces for item in found), Decimal(0)),
        terms=(Term("Σ", _("Sum of the rows below"), PIECES, tuple(_row(item) for item in found)),),
        versions=tuple(
            Version(
                item.order.code,
                _("version %(n)s") % {"n": item.version.version},
                item.version.at,
                item.version.recorded_at,
            )
            for item in found
        ),
        excluded=(),
        edits=edits_of(equipment_ids=[line.pk], start=start, end=end),
        trust=trust_of(told.kpi.account),
    )


def day_told(*, line: Equipment, start: datetime, end: datetime) -> LineDay | None:
    """The shift or production day of a line that [start, end) is; None where it is neither."""
    slots = plant.calendar_slots(line_id=line.pk, start=start, end=end)
    shift = next((slot for slot in slots if slot.kind == "shift" and slot.start_time == start), None)
    if shift is None:
        return None
    if shift.end_time == end:
        return production.line_shift(line_id=line.pk, shift=shift)
    told = production.line_day(line_id=line.pk, day=shift.production_day)
    return told if told and (told.start, told.end) == (start, end) else None


def _row(item: Planned) -> Input:
    how = _("%(quantity)s planned, the share of its working time in this shift")
    return Input(
        item.order.code,
        item.pieces,
        item.start,
        item.end,
        how % {"quantity": quantity(item.quantity)},
        f"/orders/{item.order.code}/#versions",
    )
