"""Evidence of changeovers: one, and how long a line takes from one product to another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as late

from mom.pages.words import span
from mom.provenance.links import order_figure_href
from mom.provenance.model import NUMBER, SECONDS, Evidence, Input, Term, Version
from mom.provenance.trust import edits_of
from production import selectors as production
from production.domain.oee import seconds
from production.selectors.changeover_steps import RUN_WITHIN, sequence_costs

if TYPE_CHECKING:
    from plant.models import Equipment
    from production.domain.changeover import Cell, Done
    from production.selectors.changeover_steps import SequenceStep

NONE = timedelta()
NAMES = {
    "changeover_count": late("Changeovers"),
    "changeover_total": late("Changeover time"),
    "changeover_median": late("Median changeover"),
    "changeover_mean": late("Mean changeover"),
    "changeover_best": late("Best changeover"),
    "changeover_over": late("Over standard"),
}
FIGURES = tuple(NAMES)
SEQUENCE = ("sequence_standard", "sequence_measured")
MOMENT = timedelta(microseconds=1)
Amount = Callable[["Done", "Cell | None"], Decimal]


def changeover_evidence(
    *, line: Equipment, figure: str, start: datetime, end: datetime, before: str, after: str
) -> Evidence | None:
    """One of FIGURES in [start, end): of the changes from one product to another, or of all of them with
    neither named. None where no machine paces the line or it has no data.
    """
    found = production.line_changeovers(line_id=line.pk, start=start, end=end)
    if found is None:
        return None
    cells = [c for c in found.cells if not before or (c.before.code, c.after.code) == (before, after)]
    of = {item: cell for cell in cells for item in cell.done}
    done = [item for item in found.done if item in of] if before else list(found.done)
    pair = f"{before} → {after}" if before else ""
    return Evidence(
        figure=figure,
        name=" · ".join(text for text in (str(NAMES[figure]), pair) if text),
        kind=NUMBER if figure == "changeover_count" else SECONDS,
        formula=" / ".join(term.symbol for term in _terms(figure, done, of)),
        definition=_("from the last run of one order to the first of the next on %(machine)s, without breaks")
        % {"machine": found.paced_by.name},
        place=line.name,
        start=start,
        end=end,
        shown=_shown(figure, cells, done, is_one=bool(before)),
        terms=_terms(figure, done, of),
        versions=tuple(
            Version(_("Standard %(before)s → %(after)s") % {"before": c.before.code, "after": c.after.code},
                    span(c.standard))
            for c in cells if c.standard is not None
        ),
        excluded=(),
        edits=edits_of(equipment_ids=[line.pk, found.paced_by.pk], start=start, end=end),
        trust=None,
    )  # fmt: skip


def _shown(figure: str, cells: Sequence[Cell], done: Sequence[Done], *, is_one: bool) -> Decimal | None:
    """What the page shows, by the matrix itself."""
    if figure == "changeover_count":
        return Decimal(len(done))
    if figure == "changeover_over":
        known = [cell.over for cell in cells if cell.over is not None]
        return seconds(sum(known, NONE)) if known or not is_one else None
    if figure == "changeover_total" or not is_one or not cells:
        return seconds(sum((item.duration for item in done), NONE))
    by_figure = {"median": cells[0].median, "mean": cells[0].mean, "best": cells[0].best}
    return seconds(by_figure[figure.removeprefix("changeover_")])


def _terms(figure: str, done: Sequence[Done], of: dict[Done, Cell]) -> tuple[Term, ...]:
    each = Term("n", _("Changeovers"), NUMBER, _rows(done, of, lambda item, cell: Decimal(1)))
    if figure == "changeover_count":
        return (each,)
    whole = Term(
        "T", _("Changeover time"), SECONDS, _rows(done, of, lambda item, cell: seconds(item.duration))
    )
    if figure == "changeover_total":
        return (whole,)
    if figure == "changeover_over":
        held = [item for item in done if (cell := of.get(item)) is not None and cell.standard is not None]
        return (Term("Σ", _("Over standard"), SECONDS, _rows(held, of, _over)),)
    if figure == "changeover_mean":
        return (whole, each)
    ranked = sorted(done, key=lambda item: (item.duration, item.start))
    if figure == "changeover_best":
        return (Term("min", _("The shortest"), SECONDS, _rows(ranked[:1], of, _took)),)
    middle = ranked[(len(ranked) - 1) // 2 : len(ranked) // 2 + 1]
    count = Decimal(len(middle) or 1)
    rows = _rows(middle, of, lambda item, cell: seconds(item.duration) / count)
    return (Term("med", _("The one in the middle, or half of each of the two"), SECONDS, rows),)


def _took(item: Done, cell: Cell | None) -> Decimal:
    return seconds(item.duration)


def _over(item: Done, cell: Cell | None) -> Decimal:
    assert cell is not None
    assert cell.standard is not None
    return seconds(max(item.duration - cell.standard, NONE))


def _rows(done: Sequence[Done], of: dict[Done, Cell], amount: Amount) -> tuple[Input, ...]:
    return tuple(
        Input(
            f"{item.from_order} → {item.to_order}",
            amount(item, of.get(item)),
            item.start,
            item.end,
            span(item.duration),
            order_figure_href(item.to_order, "changeover"),
        )
        for item in done
    )


def sequence_evidence(*, line: Equipment, figure: str, at: datetime, now: datetime) -> Evidence | None:
    """One of SEQUENCE: what the change of sequence decided at an instant cost; None without one."""
    run = production.line_changeovers(line_id=line.pk, start=at, end=min(now, at + RUN_WITHIN))
    costs = sequence_costs(line_id=line.pk, start=at, end=at + MOMENT, done=run.done if run else ())
    if not costs:
        return None
    [cost, *_others] = costs
    is_measured = figure == "sequence_measured"
    chosen = [_step(step, 1, step.measured if is_measured else None) for step in cost.chosen]
    rows = (*chosen, *(_step(step, -1, None) for step in cost.replaced))
    name = _("Changeover time, measured") if is_measured else _("Changeover time, by standards")
    shown = cost.cost if is_measured else cost.standard
    return Evidence(
        figure=figure,
        name=name,
        kind=SECONDS,
        formula="Σ",
        definition=_("of the sequence chosen, less that of the sequence replaced by standards"),
        place=line.name,
        start=at,
        end=min(now, at + RUN_WITHIN),
        shown=None if shown is None else seconds(shown),
        terms=(Term("Σ", name, SECONDS, rows),),
        versions=(),
        excluded=(),
        edits=(),
        trust=None,
    )


def _step(step: SequenceStep, sign: int, measured: timedelta | None) -> Input:
    time = step.standard if measured is None else measured
    how = _("standard of the sequence replaced") if sign < 0 else _("standard")
    return Input(
        f"{step.from_order} → {step.to_order}",
        None if time is None else sign * seconds(time),
        how=how if measured is None else _("measured"),
        evidence="" if measured is None else order_figure_href(step.to_order, "changeover"),
    )


def stood_rows(item: Done, machine: str) -> list[Input]:
    """The times a machine stood for one changeover, pauses left out; each opens its raw signals."""
    return [
        Input(
            f"{item.from_order} → {item.to_order}",
            seconds(end - start),
            start,
            end,
            evidence=f"/equipment/{machine}/?at={start.isoformat().replace('+', '%2B')}",
        )
        for start, end in item.stood
    ]
