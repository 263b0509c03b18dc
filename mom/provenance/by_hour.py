"""Evidence of the hour-by-hour page: target, pieces, gap and dearest loss of an hour, and of its shift."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as late

from mom.pages.hours import top_loss
from mom.pages.words import class_word, quantity
from mom.provenance.links import figure_href
from mom.provenance.model import HOURS, NUMBER, PIECES, SECONDS, Evidence, Input, Term
from mom.provenance.trust import edits_of, trust_of
from mom.provenance.versions import versions_of
from plant import selectors as plant
from plant.domain.intervals import Interval, clip
from production import selectors as production
from production.domain.line.pacing import machine_of
from production.domain.oee import seconds
from production.domain.stops import working_time

if TYPE_CHECKING:
    from plant.models import Equipment
    from production.domain.hourly import Hour
    from production.selectors import HourTold, ShiftHours
    from production.selectors.hourly import Due

PER_HOUR = Decimal(3600)
SHIFT = frozenset({"shift_target", "shift_good", "shift_recovery", "shift_left", "shift_pace"})


@dataclass(frozen=True, slots=True)
class Made:
    """A figure of an hour or its shift: what the page shows, and the terms it is made of."""

    kind: str
    shown: Decimal | None
    terms: tuple[Term, ...]


def by_hour_evidence(
    *, line: Equipment, figure: str, start: datetime, end: datetime, at: datetime
) -> Evidence | None:
    """One of FIGURES of the hour, or the shift, [start, end) as known at an instant; None where that is no
    shift, or nothing is known of it.
    """
    shift = plant.shift_at(line_id=line.pk, at=start)
    told = production.shift_hours(line_id=line.pk, shift=shift, now=at) if shift else None
    if shift is None or told is None:
        return None
    of_hour = next((item for item in told.hours if (item.hour.start, item.hour.end) == (start, end)), None)
    if figure in SHIFT:
        made = _of_shift(line, told, figure) if (start, end) == (shift.start_time, shift.end_time) else None
    else:
        made = HOUR_FIGURES[figure](line, told, of_hour) if of_hour else None
    if made is None:
        return None
    return Evidence(
        figure=figure,
        name=str(NAMES[figure]),
        kind=made.kind,
        formula=" / ".join(term.symbol for term in made.terms),
        definition=str(DEFINITIONS.get(figure, "")),
        place=line.name,
        start=start,
        end=end,
        shown=made.shown,
        terms=made.terms,
        versions=versions_of(line, told.kpi),
        excluded=(),
        edits=edits_of(equipment_ids=[line.pk, *_ids(told)], start=start, end=end),
        trust=trust_of(told.kpi.account),
    )


NAMES: Mapping[str, Any] = {
    "hour_target": late("Target"),
    "hour_good": late("Good pieces"),
    "hour_gap": late("Gap"),
    "hour_gap_so_far": late("Gap so far"),
    "hour_loss": late("What cost most"),
    "shift_target": late("Target"),
    "shift_good": late("Good pieces"),
    "shift_recovery": late("Pieces per hour needed to recover"),
    "shift_left": late("Planned time left"),
    "shift_pace": late("Pieces per hour asked of the order running"),
}
FIGURES = tuple(NAMES)
ASKED_FOR = late(
    "planned working time × the pace of the order’s plan, or the ideal rate without planned times"
)
DEFINITIONS: Mapping[str, Any] = {
    "hour_target": ASKED_FOR,
    "shift_target": ASKED_FOR,
    "hour_good": late("counted where the line ends"),
    "shift_good": late("counted where the line ends"),
    "hour_gap": late("good pieces less what was due as far as data reach"),
    "hour_gap_so_far": late("gaps of the hours of the shift, up to this one"),
    "hour_loss": late("the cause that took most of the hour from the machine that paces the line"),
    "shift_recovery": late("pieces missing from the shift’s target per planned hour left; none once reached"),
    "shift_left": late("planned working time after the last data, breaks left out"),
    "shift_pace": ASKED_FOR,
}


def _ids(told: ShiftHours) -> list[int]:
    return sorted({unit.pk for unit in (*told.kpi.members, *told.kpi.exits)})


def _target(line: Equipment, told: ShiftHours, of: HourTold) -> Made:
    rows = _asked_rows(told.dues(of.hour.start, of.hour.end), of.hour.target)
    return Made(PIECES, of.hour.target, (Term("P", _("Asked of the hour"), PIECES, rows),))


def _good(line: Equipment, told: ShiftHours, of: HourTold) -> Made:
    rows = _good_rows(told, of)
    return Made(PIECES, of.hour.good, (Term("G", _("Good pieces"), PIECES, rows),))


def _gap(line: Equipment, told: ShiftHours, of: HourTold) -> Made:
    until = min(of.hour.end, told.until)
    due = _asked_rows(told.dues(of.hour.start, until), of.hour.due)
    rows = (*_good_rows(told, of), *_less(due))
    return Made(PIECES, of.hour.gap, (Term("G − P", _("Good pieces less what was due"), PIECES, rows),))


def _so_far(line: Equipment, told: ShiftHours, of: HourTold) -> Made:
    before = [item.hour for item in told.hours if item.hour.start <= of.hour.start]
    rows = _hour_rows(line, told, before, "hour_gap", lambda hour: hour.gap)
    return Made(PIECES, of.so_far, (Term("Σ", _("Gaps of the hours"), PIECES, rows),))


def _loss(line: Equipment, told: ShiftHours, of: HourTold) -> Made | None:
    key, time, segments = top_loss(of)
    window = Interval(of.hour.start, of.hour.end)
    rows = []
    for segment in segments:
        inside = clip(segment, window)
        assert inside is not None
        assert inside.duration is not None
        code = machine_of(segment, told.kpi.paced_by.code)
        how = " · ".join(
            text for text in (segment.reason_code, segment.fault_code, segment.order_code) if text
        )
        opens = _opens(code, segment.start)
        what = f"{code} · {class_word(key[0])}"
        rows.append(Input(what, seconds(inside.duration), inside.start, inside.end, how, opens))
    term = Term("T", _("Sum of the times below"), SECONDS, tuple(rows))
    return Made(SECONDS, seconds(time), (term,)) if rows else None


HOUR_FIGURES: Mapping[str, Callable[[Equipment, ShiftHours, HourTold], Made | None]] = {
    "hour_target": _target,
    "hour_good": _good,
    "hour_gap": _gap,
    "hour_gap_so_far": _so_far,
    "hour_loss": _loss,
}


def _of_shift(line: Equipment, told: ShiftHours, figure: str) -> Made | None:
    again, hours = told.recovery, [item.hour for item in told.hours]
    if figure == "shift_pace":
        return _pace(told)
    if figure == "shift_left":
        return Made(SECONDS, seconds(again.left), (Term("T", _("Planned time left"), SECONDS, _left(told)),))
    asked = _hour_rows(line, told, hours, "hour_target", lambda hour: hour.target)
    begun = [hour for hour in hours if hour.good is not None]
    good = _hour_rows(line, told, begun, "hour_good", lambda hour: hour.good) or (_nobody(),)
    if figure == "shift_target":
        return Made(PIECES, again.target, (Term("P", _("Asked of the shift"), PIECES, asked),))
    if figure == "shift_good":
        return Made(PIECES, again.good, (Term("G", _("Good pieces"), PIECES, good),))
    if again.needed is None or again.target is None or again.good is None:
        return None
    missing = [*asked, *_less(good)]
    if again.good > again.target:
        missing.append(Input(_("Made beyond the target"), again.good - again.target))
    hours_left = tuple(replace(row, amount=(row.amount or Decimal(0)) / PER_HOUR) for row in _left(told))
    terms = (
        Term("M", _("Missing from the shift’s target"), PIECES, tuple(missing)),
        Term("T", _("Planned hours left"), HOURS, hours_left),
    )
    return Made(NUMBER, again.needed, terms)


def _pace(told: ShiftHours) -> Made | None:
    if not told.paces:
        return None
    pace = told.paces[-1]
    opens = f"/orders/{pace.order_code}/#versions" if pace.order_code else ""
    what = pace.order_code or _("outside orders")
    if pace.planned is None:
        rows = (Input(what, pace.per_hour, pace.start, None, _("ideal rate"), opens),)
        return Made(NUMBER, pace.per_hour, (Term("r", _("Ideal rate"), NUMBER, rows),))
    hours = Input(what, seconds(pace.planned) / PER_HOUR, how=_("planned working time"), evidence=opens)
    terms = (
        Term("Q", _("Quantity of the order"), PIECES, (Input(what, pace.quantity, evidence=opens),)),
        Term("T", _("Planned working hours"), HOURS, (hours,)),
    )
    return Made(NUMBER, pace.per_hour, terms)


def _left(told: ShiftHours) -> tuple[Input, ...]:
    """Planned stretches after the last data, to the end of the shift."""
    window = Interval(told.until, told.shift.end_time)
    parts = [window] if told.slots is None else working_time(window, list(told.slots))
    return tuple(
        Input(_("Planned working time"), seconds(part.end - part.start), part.start, part.end)
        for part in parts
        if part.end is not None and part.start < part.end
    )


def _asked_rows(dues: Iterable[Due], asked: Decimal | None) -> tuple[Input, ...]:
    """One row per pace; ``asked`` None without any: no pace is known."""
    rows = tuple(
        Input(
            due.pace.order_code or _("outside orders"),
            due.pieces,
            due.start,
            due.end,
            _("no ideal rate")
            if due.pace.per_hour is None
            else _("%(seconds)s s × %(rate)s per hour")
            % {"seconds": quantity(seconds(due.time)), "rate": quantity(due.pace.per_hour)},
            f"/orders/{due.pace.order_code}/#versions" if due.pace.order_code else "",
        )
        for due in dues
    )
    return rows if rows or asked is not None else (Input(_("No pace is known"), None),)


def _good_rows(told: ShiftHours, of: HourTold) -> tuple[Input, ...]:
    """What each machine at the line's exit counted."""
    machines = {unit.pk: unit for unit in told.kpi.exits}
    rows = tuple(
        Input(
            machines[pk].name,
            counted.good,
            counted.start,
            counted.end,
            _("said by people") if "good" in counted.by_hand else _("counted"),
            _opens(machines[pk].code, counted.start),
        )
        for pk, counted in of.counted.items()
        if counted.good is not None
    )
    return rows or (_nobody(),)


def _hour_rows(
    line: Equipment,
    told: ShiftHours,
    hours: Sequence[Hour],
    figure: str,
    amount: Callable[[Hour], Decimal | None],
) -> tuple[Input, ...]:
    """One row per hour, opening the same of that hour."""
    at = told.until.isoformat()
    return tuple(
        Input(
            str(NAMES[figure]), amount(hour), hour.start, hour.end,
            evidence=figure_href(line.code, figure, hour.start, hour.end, at=at),
        )
        for hour in hours
    )  # fmt: skip


def _less(rows: Iterable[Input]) -> tuple[Input, ...]:
    return tuple(replace(row, amount=None if row.amount is None else -row.amount) for row in rows)


def _nobody() -> Input:
    return Input(_("Nobody counted"), None)


def _opens(code: str, at: datetime) -> str:
    return f"/equipment/{code}/?{urlencode({'at': at.isoformat()})}"
