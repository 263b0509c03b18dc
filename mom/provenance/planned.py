"""Evidence of what was planned for a shift, order by order, as the plan stood when it began."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from mom.pages.words import quantity
from mom.provenance.model import PIECES, Evidence, Input, Term, Version
from mom.provenance.trust import edits_of, trust_of
from plant import selectors as plant
from production import selectors as production

if TYPE_CHECKING:
    from plant.models import Equipment
    from production.selectors.day import Planned


def planned_evidence(*, line: Equipment, start: datetime, end: datetime) -> Evidence | None:
    """Pieces planned in the shift [start, end); None where that is no shift or nothing was planned."""
    slots = plant.calendar_slots(line_id=line.pk, start=start, end=end)
    shift = next((slot for slot in slots if slot.kind == "shift" and slot.start_time == start), None)
    told = production.line_shift(line_id=line.pk, shift=shift) if shift else None
    if told is None or not told.plan:
        return None
    rows = tuple(_row(item) for item in told.plan)
    return Evidence(
        figure="planned",
        name=_("Planned"),
        kind=PIECES,
        formula="Σ",
        definition=_("orders as the plan had them when the shift began"),
        place=line.name,
        start=start,
        end=end,
        shown=told.planned,
        terms=(Term("Σ", _("Sum of the rows below"), PIECES, rows),),
        versions=tuple(
            Version(
                item.order.code,
                _("version %(n)s") % {"n": item.version.version},
                item.version.at,
                item.version.recorded_at,
            )
            for item in told.plan
        ),
        excluded=(),
        edits=edits_of(equipment_ids=[line.pk], start=start, end=end),
        trust=trust_of(told.kpi.account),
    )


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
