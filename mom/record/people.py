"""Decisions, notes, and who entered what: people are listed by name, never ranked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from mom.record.model import PersonRow, SaidRow
from plant import selectors as plant

if TYPE_CHECKING:
    from mom.record.model import LotRow, RequestRow, StopRow, TestRow
    from production.selectors import JobResponse

ANCHORS = {
    "command": "timeline",
    "reason": "stops",
    "count": "quantities",
    "lot": "lots",
    "check": "quality",
    "request": "maintenance",
    "decision": "decisions",
    "note": "notes",
}


def decisions(job_order_code: str) -> tuple[SaidRow, ...]:
    return tuple(
        SaidRow(
            at=row.said_at,
            by=str(row.said_by) if row.said_by else row.said_by_rule,
            kind=row.kind,
            text=row.summary,
            why=row.why,
            evidence=f"#decision-{row.pk}",
        )
        for row in plant.decisions_of(job_order_code=job_order_code)
    )


def notes(response: JobResponse) -> tuple[SaidRow, ...]:
    return tuple(
        SaidRow(
            at=row.start_time,
            by=str(row.said_by) if row.said_by else row.said_by_rule,
            kind="note",
            text=row.text,
            why="",
            evidence=f"#note-{row.pk}",
        )
        for row in response.notes
    )


def people(
    response: JobResponse,
    *,
    stops: Iterable[StopRow],
    lots: Iterable[LotRow],
    tests: Iterable[TestRow],
    requests: Iterable[RequestRow],
    said: Iterable[SaidRow],
    counted_by: Iterable[str],
) -> tuple[PersonRow, ...]:
    """Everyone who entered something in the order, and what, in the order of their names."""
    did: Counter[tuple[str, str]] = Counter()
    for event in response.events:
        if event.person is not None and event.verb != "store":
            did[str(event.person), "command"] += 1
    for name, what in (
        *((stop.said_by, "reason") for stop in stops),
        *((row.by, "lot") for row in lots),
        *((row.by, "check") for row in tests),
        *((row.raised_by, "request") for row in requests),
        *((row.by, "note" if row.kind == "note" else "decision") for row in said),
        *((name, "count") for name in counted_by),
    ):
        if name and ":" not in name:
            did[name, what] += 1
    names = sorted({name for name, _what in did})
    return tuple(_person(name, {what: n for (who, what), n in did.items() if who == name}) for name in names)


def _person(name: str, did: dict[str, int]) -> PersonRow:
    told = [_what(what, did[what]) for what in ANCHORS if what in did]
    first: Sequence[str] = [what for what in ANCHORS if what in did]
    return PersonRow(name, tuple(told), f"#{ANCHORS[first[0]]}")


def _what(what: str, count: int) -> str:
    words = {
        "command": ngettext("%(n)d command", "%(n)d commands", count),
        "reason": ngettext("%(n)d reason", "%(n)d reasons", count),
        "count": ngettext("%(n)d count", "%(n)d counts", count),
        "lot": ngettext("%(n)d lot movement", "%(n)d lot movements", count),
        "check": ngettext("%(n)d check", "%(n)d checks", count),
        "request": ngettext("%(n)d request", "%(n)d requests", count),
        "decision": ngettext("%(n)d decision", "%(n)d decisions", count),
        "note": ngettext("%(n)d note", "%(n)d notes", count),
    }
    return words.get(what, _("%(n)d entries")) % {"n": count}
