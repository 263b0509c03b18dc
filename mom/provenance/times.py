"""Evidence of a time: the segments of a machine's account it is the sum of, each opening its raw signals."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from mom.pages.words import class_word, quantity
from mom.provenance.model import PIECES, SECONDS, Evidence, Input, Term
from mom.provenance.trust import edits_of, trust_of
from mom.provenance.versions import versions_of
from production import selectors as production
from production.domain.account import Account, Segment
from production.domain.oee import seconds
from production.selectors import said_by_for

if TYPE_CHECKING:
    from plant.models import Equipment

HOUR = Decimal(3600)
Wanted = Callable[[Segment], bool]


def wanted_by(*, time_class: str = "", reason: str | None = None, uncoded: bool = False) -> Wanted:
    """Segments of a class, of a reason, or waiting for a reason; all of them without anything asked."""

    def wanted(segment: Segment) -> bool:
        if uncoded:
            return segment.uncoded
        if time_class and segment.time_class != time_class:
            return False
        return reason is None or (segment.reason_code == reason and not segment.uncoded)

    return wanted


def rows_of(account: Account, code: str, wanted: Wanted) -> tuple[Input, ...]:
    """One row per segment: what it was, who said why, how long exactly."""
    found = [segment for segment in account.segments if wanted(segment)]
    said = said_by_for(assertion_ids={s.assertion_id for s in found if s.assertion_id is not None})
    return tuple(
        Input(
            what=class_word("uncoded" if segment.uncoded else segment.time_class),
            amount=seconds(segment.duration),
            start=segment.start,
            end=segment.end,
            how=_how(segment, said.get(segment.assertion_id or 0, "")),
            evidence=f"/equipment/{code}/?{urlencode({'at': segment.start.isoformat()})}",
        )
        for segment in found
    )


def _how(segment: Segment, said_by: str) -> str:
    parts = (segment.reason_code, said_by, segment.fault_code, segment.order_code)
    return " · ".join(part for part in parts if part)


def time_evidence(
    *,
    equipment: Equipment,
    start: datetime,
    end: datetime,
    time_class: str,
    reason: str | None,
    uncoded: bool,
    pieces: bool = False,
) -> Evidence | None:
    """Time of a machine, or of what paces a line, in [start, end), by class and reason; None: no data.

    ``pieces``: what that time would have made at the ideal rate of what is made last.
    """
    found = production.kpi(equipment_id=equipment.pk, start=start, end=end)
    if found is None:
        return None
    account = found.account
    wanted = wanted_by(time_class=time_class, reason=reason, uncoded=uncoded)
    term = Term("T", _("Sum of the times below"), SECONDS, rows_of(account, found.paced_by.code, wanted))
    total: Decimal | None = summed(account.segments, wanted)
    if pieces and total is not None:
        rate = next((part.per_hour for part in reversed(found.made) if part.per_hour), None)
        term, total = _in_pieces(term, rate), None if rate is None else total * rate / HOUR
    return Evidence(
        figure="time_pieces" if pieces else "time",
        name=time_name(time_class, reason, uncoded),
        kind=term.unit,
        formula=term.symbol,
        definition=_("one class for every instant, by state, mode, calendar, order and reason"),
        place=found.paced_by.name,
        start=account.start,
        end=account.end,
        shown=total,
        terms=(term,),
        versions=versions_of(equipment, found),
        excluded=(),
        edits=edits_of(equipment_ids=[found.paced_by.pk], start=account.start, end=account.end),
        trust=trust_of(account),
    )


def _in_pieces(times: Term, rate: Decimal | None) -> Term:
    rows = tuple(_at_rate(row, rate) for row in times.rows)
    return Term("T × r", _("Lost time × ideal rate"), PIECES, rows)


def _at_rate(row: Input, rate: Decimal | None) -> Input:
    if rate is None or row.amount is None:
        return replace(row, amount=None, how=_("no ideal rate"))
    how = _("%(seconds)s s × %(rate)s per hour") % {"seconds": quantity(row.amount), "rate": quantity(rate)}
    return replace(row, amount=row.amount * rate / HOUR, how=" · ".join(t for t in (row.how, how) if t))


def time_name(time_class: str, reason: str | None, uncoded: bool) -> str:
    if uncoded:
        return class_word("uncoded")
    word = class_word(time_class) if time_class else _("Time")
    return f"{word} · {reason}" if reason else word


def summed(segments: Iterable[Segment], wanted: Wanted) -> Decimal:
    """Seconds of the segments wanted, added as times: what their rows must come to."""
    return seconds(sum((segment.duration for segment in segments if wanted(segment)), timedelta()))
