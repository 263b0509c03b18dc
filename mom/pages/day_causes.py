"""The causes of a day's missing pieces in the plant's words: who owns them, who said so, how often before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as late

from mom.improvement.selectors import open_actions
from mom.pages import svg, words
from mom.pages.board import Figure, href
from mom.pages.losses import data_quality
from mom.pages.origins import end_word, origin_word
from mom.provenance.links import figure_href, shown_link
from plant import selectors as plant
from plant.domain.quantities import round_parts
from production import selectors as production
from production.domain.missing import (
    IN_LINE,
    NOT_KNOWN,
    REJECTS,
    SETUP_OVER,
    SETUP_SEQUENCE,
    SETUP_WITHIN,
    SPEED,
    START_UP,
    UNCODED,
    UNRATED,
    Cause,
    Lost,
)
from production.domain.scrap import Place, summed
from production.selectors.scrap import scrap_between

if TYPE_CHECKING:
    from mom.improvement.models import Action
    from plant.models import Reason
    from production.domain.scrap import Row as ScrapRow
    from production.selectors import Frequency, LineDay

MONTH = timedelta(days=30)
SHOWN_EVENTS = 40
# What is no class of time, with the colour its bar takes.
CAUSE_WORDS = {
    SPEED: late("Slower than the ideal rate"),
    REJECTS: late("Rejected"),
    START_UP: late("Rejected while starting up"),
    IN_LINE: late("Still in the line"),
    NOT_KNOWN: late("Not known: no data"),
    UNCODED: late("Stops nobody has explained"),
    SETUP_WITHIN: late("Changeover, within standard"),
    SETUP_OVER: late("Changeover, over standard"),
    SETUP_SEQUENCE: late("Changeover the morning’s plan did not have"),
}
CAUSE_KINDS = {
    SPEED: "slow",
    REJECTS: words.STOP,
    START_UP: words.STOP,
    IN_LINE: words.PLANNED,
    NOT_KNOWN: words.UNKNOWN,
    UNCODED: words.STOP,
    UNRATED: words.UNKNOWN,
    SETUP_WITHIN: words.SETUP,
    SETUP_OVER: words.SETUP,
    SETUP_SEQUENCE: words.SETUP,
}
IN_FAVOUR = {
    SPEED: late("Faster than the ideal rate: the rate is too low"),
    IN_LINE: late("Taken from what was in the line"),
    UNRATED: late("Made without an ideal rate"),
}


@dataclass(frozen=True, slots=True)
class Event:
    """One standstill behind a cause; opens its raw signals."""

    start: datetime
    duration: timedelta
    order_code: str
    href: str


@dataclass(frozen=True, slots=True)
class CauseRow:
    """One cause as the meeting reads it. ``pieces`` are whole and add up with the other rows'.

    ``is_accepted``: a standard allows it. ``scrapped``: of rejects, the pieces of each reason, what nobody
    told last, and where they open; they add up to what was rejected from the pacing machine on.
    ``evidence``: where its figures open.
    """

    cause: Cause
    label: str
    kind: str
    is_accepted: bool
    pieces: int
    duration: timedelta | None
    count: int
    department: str
    said_by: tuple[str, ...]
    bar: SafeString | str
    events: tuple[Event, ...]
    more: int
    month: Frequency | None
    actions: tuple[Action, ...]
    action_href: str
    code_href: str
    money: str
    cost: str
    late: str
    scrapped: tuple[tuple[Decimal, str, str], ...] = ()
    scrap_href: str = ""
    department_code: str = ""
    evidence: Mapping[str, str] = field(default_factory=dict)

    @property
    def money_link(self) -> SafeString:
        return shown_link(self.evidence["money"], self.money)

    @property
    def cost_link(self) -> SafeString:
        return shown_link(self.evidence["cost"], self.cost)

    @property
    def late_link(self) -> SafeString:
        return shown_link(self.evidence["late"], self.late)


@dataclass(frozen=True, slots=True)
class Causes:
    """Rows that lost pieces, the dearest first; rows in favour; ``missing`` is what they add up to."""

    rows: tuple[CauseRow, ...]
    in_favour: tuple[CauseRow, ...]
    planned: int | None
    possible: int
    good: int

    @property
    def plan_row(self) -> int:
        """Pieces planned beyond what the ideal rate allows; less than zero: losses the plan allowed for."""
        return 0 if self.planned is None else self.planned - self.possible

    @property
    def missing(self) -> int:
        return (self.possible if self.planned is None else self.planned) - self.good

    @property
    def ahead(self) -> int:
        """Pieces made beyond the plan."""
        return max(-self.missing, 0)

    @property
    def difference(self) -> int:
        """Pieces no row explains: zero, or the page says so."""
        told = sum(row.pieces for row in (*self.rows, *self.in_favour))
        return self.missing - told - self.plan_row


def causes(day: LineDay) -> Causes:
    """A day's causes in whole pieces: rounded together, so that what is shown adds up."""
    found = day.missing.causes
    rounded = round_parts([_exact(cause.pieces) for cause in found])
    good = round(day.missing.good)
    possible = good + int(sum(rounded, Decimal(0)))
    planned = None if day.planned is None else round(day.planned)
    seen = _Seen(day)
    most = max([*rounded, Decimal(1)])
    rows = [
        seen.row(cause, int(pieces), svg_share=pieces / most)
        for cause, pieces in zip(found, rounded, strict=True)
    ]
    return Causes(
        rows=tuple(row for row in rows if row.pieces > 0 or (row.pieces == 0 and row.count)),
        in_favour=tuple(row for row in rows if row.pieces < 0),
        planned=planned,
        possible=possible,
        good=good,
    )


def _exact(pieces: Fraction) -> Decimal:
    """A fraction of a piece to the millionth: enough to round fairly."""
    return Decimal(round(pieces * 1_000_000)) / 1_000_000


def _money(amount: Fraction | None, currency: str) -> str:
    """Empty where it is not known."""
    exact = None if amount is None else _exact(amount)
    return words.money(exact, currency) if exact and currency else ""


class _Seen:
    """What the rows of one day are told with, read once for all."""

    def __init__(self, day: LineDay) -> None:
        self.day = day
        self.reasons = _reasons({cause.reason_code for cause in day.missing.causes})
        self.month = production.reason_frequency(line_id=day.line.pk, start=day.end - MONTH, end=day.end)
        machines = plant.line_work_units(day.line.pk)
        units, self.names = [unit.pk for unit in machines], {unit.code: unit.name for unit in machines}
        self.actions: dict[str, list[Action]] = {}
        for action in open_actions(equipment_ids=[day.line.pk, *units]):
            self.actions.setdefault(action.reason.code if action.reason else "", []).append(action)
        ids = {event.assertion_id for cause in day.missing.causes for event in cause.events}
        self.said = production.said_by_for(assertion_ids=[pk for pk in ids if pk is not None])

    def row(self, cause: Cause, pieces: int, *, svg_share: Decimal) -> CauseRow:
        reason = self.reasons.get(cause.reason_code)
        label = self.label(cause, reason, pieces)
        kind = CAUSE_KINDS.get(cause.kind) or words.class_kind(cause.kind)
        people = {self.said[e.assertion_id] for e in cause.events if e.assertion_id in self.said}
        return CauseRow(
            cause=cause,
            label=label,
            kind=kind,
            is_accepted=cause.kind == SETUP_WITHIN,
            pieces=pieces,
            duration=cause.duration,
            count=cause.count,
            department=reason.department.name if reason and reason.department else "",
            said_by=tuple(sorted(people)),
            bar=svg.progress(svg_share, Decimal(1), label=label, kind=kind, height=12) if pieces > 0 else "",
            events=tuple(self.event(event) for event in cause.events[:SHOWN_EVENTS]),
            more=max(len(cause.events) - SHOWN_EVENTS, 0),
            month=self.month.get(cause.reason_code) if cause.reason_code else None,
            actions=tuple(self.actions.get(cause.reason_code, ())) if cause.reason_code else (),
            action_href=self.action(cause, label),
            code_href=href("/stops/", line=self.day.line.code, uncoded="1", period="7d")
            if cause.kind == UNCODED
            else "",
            money=_money(cause.money, self.day.currency),
            cost=_money(self.day.cost(cause), self.day.currency),
            late=words.span_minutes(later) if (later := self.day.late(cause)) else "",
            scrapped=self.scrapped if cause.kind in (REJECTS, START_UP) and cause.pieces > 0 else (),
            scrap_href=href(f"/lines/{self.day.line.code}/scrap/", period="7d"),
            department_code=reason.department.code if reason and reason.department else "",
            evidence=self.evidence(cause),
        )

    def evidence(self, cause: Cause) -> dict[str, str]:
        """Where the figures of a cause open."""
        asked = {
            "class": cause.kind, "reason": cause.reason_code, "machine": cause.machine, "kind": cause.origin,
        }  # fmt: skip
        figures = ("time", "count", "money", "cost", "late", "month", "rate")
        opens = {name: day_href(self.day, f"day_cause_{name}", **asked) for name in figures}
        return {"pieces": day_href(self.day, "day_cause", **asked), **opens}

    @cached_property
    def scrapped(self) -> tuple[tuple[Decimal, str, str], ...]:
        """Why pieces were rejected from what paces the line on; the same of all rejects of the day."""
        rows = summed(scrap_rows(self.day), Place("", "", ""))
        names = _reasons({row.reason_code for row in rows})
        return tuple(
            (
                row.quantity,
                names[row.reason_code].name if row.reason_code in names else _("not told"),
                day_href(self.day, "day_scrap", reason=row.reason_code),
            )
            for row in rows
            if row.quantity
        )

    def label(self, cause: Cause, reason: Reason | None, pieces: int) -> str:
        if pieces < 0 and cause.kind in IN_FAVOUR:
            return str(IN_FAVOUR[cause.kind])
        word = str(CAUSE_WORDS.get(cause.kind) or words.class_word(cause.kind))
        what = words.class_and_reason(word, reason.name) if reason else end_word(cause.origin) or word
        return origin_word(self.names.get(cause.machine, cause.machine), what)

    def event(self, event: Lost) -> Event:
        unit = event.machine or self.day.kpi.paced_by.code
        opens = href(f"/equipment/{unit}/", at=event.start.isoformat())
        return Event(event.start, event.duration, event.order_code, opens)

    def action(self, cause: Cause, label: str) -> str:
        evidence = f"/lines/{self.day.line.code}/days/{self.day.day.isoformat()}/"
        title = _("Less of: %(cause)s") % {"cause": label}
        return href(
            "/actions/new/",
            equipment=cause.machine or self.day.kpi.paced_by.code,
            reason=cause.reason_code,
            evidence=evidence,
            title=title,
        )


def scrap_rows(day: LineDay) -> list[ScrapRow]:
    """What was rejected from the machine that paces the line on, by place and reason."""
    found = scrap_between(equipment_id=day.line.pk, start=day.start, end=day.kpi.account.end)
    first = min(unit.position for unit in day.kpi.members)
    onward = {unit.code for unit in plant.line_work_units(day.line.pk) if unit.position >= first} | {""}
    return [row for row in found.rows if row.place.machine in onward]


def day_href(day: LineDay, figure: str, **query: str) -> str:
    """Evidence of a figure of the day, or of the shift told as one; good pieces only as far as data reach."""
    until = day.kpi.account.end if figure == "good" else day.end
    return figure_href(day.line.code, figure, day.start, until, **query)


def told_with(day: LineDay, told: Causes) -> dict[str, Any]:
    """Causes as their template reads them, and where the figures of the day as a whole open."""
    figures = {
        "planned": "planned", "good": "good", "missing": "day_missing", "possible": "day_possible",
        "beyond": "day_beyond",
    }  # fmt: skip
    opens = {name: day_href(day, figure) for name, figure in figures.items()}
    possible = shown_link(opens["possible"], words.quantity(told.possible))
    return {"causes": told, "evidence": opens, "possible_link": possible}


def _reasons(codes: set[str]) -> dict[str, Reason]:
    rows: Any = plant.configuration_rows("plant.Reason", code__in=codes - {""})
    return {reason.code: reason for reason in rows.select_related("department")}


def figure(day: LineDay) -> Figure:
    """TRS of the window told, and how far it can be trusted."""
    return Figure(
        name=_("TRS (NF E60-182)"),
        value=day.kpi.trs.trs,
        definition=_("TRS = TU / TR: useful time over required time, in the time shown (NF E60-182)."),
        quality=data_quality(day.kpi.account),
        href=figure_href(day.line.code, "trs", day.start, day.kpi.account.end),
    )


def owners(rows: Sequence[CauseRow]) -> list[tuple[str, int]]:
    """Pieces by department, the dearest first; causes without a department are under an empty name."""
    total: dict[str, int] = {}
    for row in rows:
        total[row.department] = total.get(row.department, 0) + row.pieces
    return sorted(total.items(), key=lambda item: (-item[1], item[0]))
