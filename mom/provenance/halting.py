"""Evidence of a line's breakdowns: how long it ran between those that halted it, how long each took."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from mom.pages.words import class_word
from mom.provenance.lost import lost_rows, whole
from mom.provenance.model import NUMBER, SECONDS, Evidence, Input, Term
from mom.provenance.trust import edits_of, trust_of
from mom.provenance.versions import versions_of
from mom.provenance.window import term_of
from plant.domain.quantities import ratio
from production import selectors as production
from production.domain.oee import seconds
from production.domain.stops import stop_id
from production.domain.time_model import BREAKDOWN

if TYPE_CHECKING:
    from plant.models import Equipment
    from production.domain.line.losses import LineLosses

FIGURES = ("line_mtbf", "line_mttr")


def halting_evidence(*, line: Equipment, figure: str, start: datetime, end: datetime) -> Evidence | None:
    """One of FIGURES in [start, end); None without data or links between its machines."""
    found = production.kpi(equipment_id=line.pk, start=start, end=end)
    if found is None:
        return None
    losses = production.line_losses(line_id=line.pk, start=found.account.start, end=found.account.end)
    if losses is None:
        return None
    told = losses.losses
    count, time = told.breakdowns
    is_between = figure == "line_mtbf"
    lost = [(part, part.duration) for part, _stop in told.halts]
    first = (
        term_of("APT", found)
        if is_between
        else Term("T", _("Time the line stood by breakdowns"), SECONDS, lost_rows(lost, whole))
    )
    begun = Term("n", _("Breakdowns of any machine that halted the line"), NUMBER, _begun(told))
    return Evidence(
        figure=figure,
        name=_("Time between breakdowns") if is_between else _("Time to repair"),
        kind=SECONDS,
        formula=f"{first.symbol} / {begun.symbol}",
        definition=_("of any machine, as far as it halted the line; what buffers took up is left out"),
        place=line.name,
        start=found.account.start,
        end=found.account.end,
        shown=ratio(found.oee.apt if is_between else seconds(time), count),
        terms=(first, begun),
        versions=versions_of(line, found),
        excluded=(),
        edits=edits_of(
            equipment_ids=[unit.pk for unit in losses.units.values()],
            start=found.account.start,
            end=found.account.end,
        ),
        trust=trust_of(found.account),
    )


def _begun(told: LineLosses) -> tuple[Input, ...]:
    """Each counted once, however its time was cut; one that had begun before is none of this time's."""
    stops = sorted({stop for _part, stop in told.halts if stop is not None and stop[1] >= told.window.start})
    return tuple(
        Input(
            f"{machine} · {class_word(BREAKDOWN)}",
            ratio(1, 1),
            at,
            evidence=f"/stops/{stop_id(machine, at)}/",
        )
        for machine, at in stops
    )
