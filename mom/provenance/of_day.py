"""Evidence of Yesterday: a day's or shift's missing pieces, each cause, who owns it, how often before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as late

from mom.pages.day_causes import MONTH, Causes, causes, day_href, scrap_rows
from mom.pages.words import class_word, quantity
from mom.provenance.model import MONEY, NUMBER, PIECES, SECONDS, Evidence, Input, Term
from mom.provenance.planned import day_told
from mom.provenance.trust import edits_of, trust_of
from mom.provenance.versions import versions_of
from production.domain.lateness import late_of_each
from production.domain.missing import ALLOWED, DARK, GOOD, RAN, SCRAP, STARTING, STOOD, TOTAL
from production.domain.oee import seconds

if TYPE_CHECKING:
    from mom.pages.day_causes import CauseRow
    from plant.models import Equipment
    from production.domain.missing import Bit
    from production.selectors import LineDay

HUNDRED_HOURS = Decimal(360_000)
BIT_WORDS: Mapping[str, Any] = {
    STOOD: late("Standstill × ideal rate"),
    RAN: late("Running time × ideal rate"),
    DARK: late("Time without data × ideal rate, no more than is missing"),
    ALLOWED: late("Required time × ideal rate"),
    TOTAL: late("Pieces through what paces the line"),
    GOOD: late("Good pieces"),
    SCRAP: late("Rejected pieces"),
    STARTING: late("Rejected while starting up"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """Which cause: its class, reason, machine and origin; or a department."""

    time_class: str
    reason: str
    machine: str
    origin: str
    by: str

    def holds(self, row: CauseRow) -> bool:
        cause = row.cause
        found = (cause.kind, cause.reason_code, cause.machine, cause.origin)
        return found == (self.time_class, self.reason, self.machine, self.origin)


@dataclass(frozen=True, slots=True)
class Made:
    """A figure: its name, how it is defined, its unit, the value shown and the terms it is made of."""

    name: str
    definition: str
    kind: str
    shown: Decimal | None
    terms: tuple[Term, ...]


def day_evidence(
    *, line: Equipment, figure: str, start: datetime, end: datetime, asked: Asked
) -> Evidence | None:
    """One of FIGURES of the shift or production day [start, end); None where it is neither."""
    day = day_told(line=line, start=start, end=end)
    if day is None:
        return None
    told = causes(day)
    if figure in OF_DAY:
        made = OF_DAY[figure](day, told, asked)
    else:
        row = next((row for row in (*told.rows, *told.in_favour) if asked.holds(row)), None)
        made = OF_CAUSE[figure](day, row) if row else None
    if made is None:
        return None
    return Evidence(
        figure=figure,
        name=made.name,
        kind=made.kind,
        formula=" / ".join(term.symbol for term in made.terms),
        definition=made.definition,
        place=line.name,
        start=start,
        end=end,
        shown=made.shown,
        terms=made.terms,
        versions=versions_of(line, day.kpi),
        excluded=(),
        edits=edits_of(equipment_ids=[line.pk, *(u.pk for u in day.kpi.members)], start=start, end=end),
        trust=trust_of(day.kpi.account),
        currency=day.currency if made.kind == MONEY else "",
    )


def decimal(amount: Fraction) -> Decimal:
    return Decimal(amount.numerator) / Decimal(amount.denominator)


def _whole(rows: Sequence[Input], shown: int) -> tuple[Input, ...]:
    """With the part of a piece by which the figures of a day are rounded, so that they add up."""
    part = shown - sum((row.amount for row in rows if row.amount is not None), Decimal(0))
    if not part or abs(part) >= 1:
        return tuple(rows)
    return (*rows, Input(_("Rounded to whole pieces, all causes together"), part))


def _pieces(name: str, definition: str, symbol: str, rows: Sequence[Input], shown: int) -> Made:
    return Made(name, definition, PIECES, Decimal(shown), (Term(symbol, name, PIECES, _whole(rows, shown)),))


def _missing(day: LineDay, told: Causes, asked: Asked) -> Made:
    until, how = day.kpi.account.end, _("counted where the line ends")
    good = Input(_("Good pieces"), -day.good, day.start, until, how, day_href(day, "good"))
    rows = [_planned_or_possible(day, told), good]
    name = _("Missing") if told.missing >= 0 else _("More than planned")
    if told.missing < 0:
        rows = [Input(r.what, -(r.amount or Decimal(0)), r.start, r.end, r.how, r.evidence) for r in rows]
    return _pieces(name, _("planned − good pieces"), "P − G", rows, abs(told.missing))


def _planned_or_possible(day: LineDay, told: Causes) -> Input:
    if day.planned is None:
        allowed = decimal(day.missing.possible)
        opens = day_href(day, "day_possible")
        return Input(_("What the ideal rate allows"), allowed, day.start, day.end, "", opens)
    return Input(_("Planned"), day.planned, day.start, day.end, "", day_href(day, "planned"))


def _possible(day: LineDay, told: Causes, asked: Asked) -> Made:
    definition = _("required time × the ideal rate of what was being made")
    rows = [_bit_row(day, bit) for bit in day.missing.allowed]
    return _pieces(_("What the ideal rate allows"), definition, "Σ", rows, told.possible)


def _plan_row(day: LineDay, told: Causes, asked: Asked) -> Made | None:
    if day.planned is None:
        return None
    allowed = Input(_("What the ideal rate allows"), -Decimal(told.possible), day.start, day.end, "",
                    day_href(day, "day_possible"))  # fmt: skip
    rows = [_planned_or_possible(day, told), allowed]
    name = _("Planned beyond what the ideal rate allows")
    return _pieces(name, _("planned − what the ideal rate allows"), "P − A", rows, told.plan_row)


def _department(day: LineDay, told: Causes, asked: Asked) -> Made | None:
    mine = [row for row in told.rows if row.department_code == asked.by]
    if not asked.by or not mine:
        return None
    rows = [
        Input(row.label, Decimal(row.pieces), day.start, day.end, "", row.evidence["pieces"]) for row in mine
    ]
    definition = _("missing pieces of the causes whose reason it owns")
    return _pieces(mine[0].department, definition, "Σ", rows, sum(row.pieces for row in mine))


def _scrap(day: LineDay, told: Causes, asked: Asked) -> Made | None:
    found = [row for row in scrap_rows(day) if row.reason_code == asked.reason]
    rows = tuple(
        Input(
            row.place.machine or day.line.code,
            row.quantity,
            day.start,
            day.kpi.account.end,
            " · ".join(text for text in (row.place.product, row.place.shift) if text),
            f"/lines/{day.line.code}/scrap/",
        )
        for row in found
    )
    name = " · ".join(text for text in (_("Rejected"), asked.reason or _("not told")) if text)
    total = sum((row.quantity for row in found), Decimal(0))
    definition = _("rejected from the pacing machine on")
    return Made(name, definition, PIECES, total, (Term("R", _("Rejected pieces"), PIECES, rows),))


OF_DAY: Mapping[str, Callable[[LineDay, Causes, Asked], Made | None]] = {
    "day_missing": _missing,
    "day_possible": _possible,
    "day_beyond": _plan_row,
    "day_department": _department,
    "day_scrap": _scrap,
}


def _bit_row(day: LineDay, bit: Bit) -> Input:
    """One term of a cause; of a standstill, opening the machine it began at."""
    event, part = bit.event, bit.part
    if event is None:
        what = " · ".join(text for text in (str(BIT_WORDS[bit.what]), part.order_code) if text)
        opens = f"/orders/{part.order_code}/#quantities" if part.order_code else ""
        how = _("%(rate)s per hour") % {"rate": quantity(part.rate)} if _at_rate(bit) else ""
        return Input(what, decimal(bit.pieces), part.start, part.end, how, opens)
    how = _("%(seconds)s s × %(rate)s per hour") % {
        "seconds": quantity(seconds(event.duration)), "rate": quantity(part.rate),
    }  # fmt: skip
    machine = event.machine or day.kpi.paced_by.code
    what = " · ".join(text for text in (machine, event.reason_code, part.order_code) if text)
    return Input(what, decimal(bit.pieces), event.start, event.end, how, opens_at(machine, event.start))


def _at_rate(bit: Bit) -> bool:
    return bit.part.rate is not None and bit.what in (RAN, DARK, ALLOWED)


def opens_at(machine: str, at: datetime) -> str:
    return f"/equipment/{machine}/?{urlencode({'at': at.isoformat()})}"


def _cause_pieces(day: LineDay, row: CauseRow) -> Made:
    rows = [_bit_row(day, bit) for bit in row.cause.bits]
    return _pieces(row.label, _("missing pieces of this cause"), "Σ", rows, row.pieces)


def _event_rows(day: LineDay, row: CauseRow) -> tuple[Input, ...]:
    return tuple(
        Input(
            class_word(event.kind), seconds(event.duration), event.start, event.end, event.order_code,
            opens_at(event.machine or day.kpi.paced_by.code, event.start),
        )
        for event in row.cause.events
    )  # fmt: skip


def _cause_time(day: LineDay, row: CauseRow) -> Made:
    shown = None if row.duration is None else seconds(row.duration)
    term = Term("T", _("Sum of the times below"), SECONDS, _event_rows(day, row))
    return Made(row.label, _("time of what paces the line, charged to this cause"), SECONDS, shown, (term,))


def _cause_count(day: LineDay, row: CauseRow) -> Made:
    first = {event.stop_start: event for event in reversed(row.cause.events) if event.stop_start}
    rows = tuple(
        Input(event.machine or day.kpi.paced_by.code, Decimal(1), at, None, event.order_code,
              opens_at(event.machine or day.kpi.paced_by.code, at))
        for at, event in sorted(first.items())
    )  # fmt: skip
    name = _("Stops")
    definition = _("each counted once, however it is cut")
    return Made(
        f"{row.label} · {name}", definition, NUMBER, Decimal(row.count), (Term("n", name, NUMBER, rows),)
    )


def _cause_money(day: LineDay, row: CauseRow) -> Made:
    rows = []
    for bit in row.cause.bits:
        told, each = _bit_row(day, bit), bit.part.each
        how = _("%(pieces)s pieces × %(each)s") % {"pieces": quantity(told.amount), "each": quantity(each)}
        amount = None if bit.money is None else decimal(bit.money)
        rows.append(Input(told.what, amount, told.start, told.end, how, told.evidence))
    name = _("Contribution of the pieces not made")
    shown = None if row.cause.money is None else decimal(row.cause.money)
    return Made(row.label, name, MONEY, shown, (Term("Σ", name, MONEY, tuple(rows)),))


def _cause_cost(day: LineDay, row: CauseRow) -> Made:
    rows = []
    for event, told in zip(row.cause.events, _event_rows(day, row), strict=True):
        per_hour = day.cost_per_hour(event)
        amount = None if per_hour is None or told.amount is None else told.amount * per_hour / 3600
        how = _("%(seconds)s s × %(rate)s per hour") % {
            "seconds": quantity(told.amount), "rate": quantity(per_hour),
        }  # fmt: skip
        rows.append(Input(told.what, amount, told.start, told.end, how, told.evidence))
    name, cost = _("Lost time × cost of an hour"), day.cost(row.cause)
    shown = None if cost is None else decimal(cost)
    return Made(row.label, name, MONEY, shown, (Term("Σ", name, MONEY, tuple(rows)),))


def _cause_late(day: LineDay, row: CauseRow) -> Made:
    lost = ((event.order_code, event.duration) for event in row.cause.events)
    rows = []
    for code, time, less in late_of_each(lost, day.lateness):
        late_by = day.lateness[code].late
        how = _("lost %(lost)s s, late %(late)s s") % {
            "lost": quantity(seconds(time)),
            "late": quantity(None if late_by is None else seconds(late_by)),
        }
        amount = None if less is None else seconds(less)
        rows.append(Input(code, amount, day.start, day.end, how, f"/orders/{code}/#plan"))
    told = day.late(row.cause)
    name = _("Less late without it")
    definition = _("of each order no more than it is late")
    shown = None if told is None else seconds(told)
    term = Term("Σ", name, SECONDS, tuple(rows))
    return Made(f"{row.label} · {name}", definition, SECONDS, shown, (term,))


def _month_rows(row: CauseRow) -> tuple[Input, ...]:
    given: Iterable[tuple[str, datetime]] = row.month.given if row.month else ()
    return tuple(Input(code, Decimal(1), at, None, "", opens_at(code, at)) for code, at in given)


def _month(day: LineDay, row: CauseRow) -> Made | None:
    if row.month is None:
        return None
    name = _("Times the reason was given")
    definition = _("in the 30 days before the end, on every machine of the line")
    term = Term("n", name, NUMBER, _month_rows(row))
    return Made(f"{row.cause.reason_code} · {name}", definition, NUMBER, Decimal(row.month.count), (term,))


def _month_rate(day: LineDay, row: CauseRow) -> Made | None:
    month = row.month
    if month is None or month.per_hundred_hours is None:
        return None
    ran = tuple(
        Input(code, seconds(time) / HUNDRED_HOURS, day.end - MONTH, day.end,
              _("%(hours)s h run") % {"hours": quantity(seconds(time) / 3600)})
        for code, time in month.ran_by
    )  # fmt: skip
    terms = (
        Term("n", _("Times the reason was given"), NUMBER, _month_rows(row)),
        Term("T", _("Hundreds of hours run by the machines it was given on"), NUMBER, ran),
    )
    name = _("Times per 100 hours run")
    shown = month.count * HUNDRED_HOURS / seconds(month.ran) if month.ran > timedelta() else None
    definition = _("in the 30 days before the end, on every machine of the line")
    return Made(f"{row.cause.reason_code} · {name}", definition, NUMBER, shown, terms)


OF_CAUSE: Mapping[str, Callable[[LineDay, CauseRow], Made | None]] = {
    "day_cause": _cause_pieces,
    "day_cause_time": _cause_time,
    "day_cause_count": _cause_count,
    "day_cause_money": _cause_money,
    "day_cause_cost": _cause_cost,
    "day_cause_late": _cause_late,
    "day_cause_month": _month,
    "day_cause_rate": _month_rate,
}
FIGURES = (*OF_DAY, *OF_CAUSE)
