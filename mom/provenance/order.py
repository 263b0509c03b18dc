"""Evidence of the figures of an order's record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from mom.pages.words import labelled
from mom.provenance import against_plan, changed_over
from mom.provenance.cause import Cause
from mom.provenance.lost import lost_rows, whole
from mom.provenance.model import PIECES, RATIO, SECONDS, Evidence, Excluded, Input, Term, Version
from mom.provenance.times import rows_of, summed, time_name, wanted_by
from mom.provenance.trust import edits_of, trust_of
from mom.provenance.versions import versions_of
from mom.record import counted, timing
from mom.record.origins import losses_of, lost_inside
from plant.domain.quantities import ratio
from production import selectors as production
from production.domain.hand_counts import reworked
from production.domain.oee import seconds
from production.selectors import counts_said, job_response
from production.selectors.scrap import order_scrap
from production.selectors.stopped import counts_for_ids

if TYPE_CHECKING:
    from plant.models import Equipment
    from production.models import JobOrder
    from production.selectors import JobResponse, MachinePart, QuantityPart

COUNTED = ("good", "scrap", "rework", "rework_good", "rework_scrap")
SHARES = ("time_share", "changeover")
FIGURES = (*COUNTED, "in_rework", "started", "worked", "time", "lost", *SHARES, *against_plan.FIGURES)
NONE = timedelta()
# A changeover to an order is looked for so long before it.
BEFORE = timedelta(hours=24)


def order_evidence(
    *, order: JobOrder, figure: str, cause: Cause, by: str = "", at: datetime
) -> Evidence | None:
    """Evidence of one of FIGURES; None before the order was started or where nothing tells.

    ``by``: the machine whose count is asked for, or "people"; empty for what the record uses. ``cause``
    narrows times and lost times; ``at``: what stands against the plan is as known then. Raises KeyError for a
    figure that is not known.
    """
    if figure not in FIGURES:
        raise KeyError(figure)
    response = job_response(job_order_id=order.pk)
    if response.start is None or response.end is None:
        return None
    told = Told(response)
    if figure in against_plan.FIGURES:
        return told.planned(figure, at)
    if figure == "changeover":
        return told.changeover()
    if figure == "time_share":
        return told.time_share(cause)
    if figure == "worked":
        return told.worked()
    if figure == "time":
        return told.time(cause)
    if figure == "lost":
        return told.lost(cause)
    if figure == "scrap" and (cause.reason or cause.uncoded):
        return told.scrap_of(cause.reason)
    if figure == "in_rework":
        return told.in_rework()
    return told.started() if figure == "started" else told.counted(figure, by)


class Told:
    """One order's record, as evidence asks for it."""

    def __init__(self, response: JobResponse) -> None:
        self.response = response
        self.order = response.job_order
        machines = timing.machines(response)
        self.paced = timing.paced(response, machines)

    @property
    def window(self) -> tuple[datetime, datetime]:
        """When it was worked on: evidence is only asked for of an order that was started."""
        start, end = self.response.start, self.response.end
        assert start is not None
        assert end is not None
        return start, end

    def _told(
        self, figure: str, name: str, kind: str, shown: Decimal | None, rows: Sequence[Input], definition: str
    ) -> Evidence:
        response = self.response
        start, end = self.window
        ids = [self.order.line_id, *(machine.equipment.pk for machine in response.machines)]
        account = self.paced.account if self.paced else None
        return Evidence(
            figure=figure,
            name=name,
            kind=kind,
            formula="Σ",
            definition=definition,
            place=f"{self.order.code} · {self.order.line.name}",
            start=start,
            end=end,
            shown=shown,
            terms=(Term("Σ", _("Sum of the rows below"), kind, tuple(rows)),),
            versions=(*self._plan(), *self._versions()),
            excluded=self._excluded(figure),
            edits=edits_of(equipment_ids=ids, start=start, end=end),
            trust=trust_of(account) if account else None,
        )

    def _plan(self) -> tuple[Version, ...]:
        last = self.response.versions[-1] if self.response.versions else None
        if last is None:
            return ()
        name = _("Plan of %(order)s") % {"order": self.order.code}
        return (Version(name, _("version %(n)s") % {"n": last.version}, last.at, last.recorded_at),)

    def _versions(self) -> tuple[Version, ...]:
        start, end = self.window
        found = production.kpi(equipment_id=self.order.line_id, start=start, end=end)
        return versions_of(self.order.line, found) if found else ()

    def _excluded(self, figure: str) -> tuple[Excluded, ...]:
        """Counts that no figure of the record holds."""
        if figure not in (*COUNTED, "started"):
            return ()
        rows = []
        for machine in self.response.machines:
            doubted = sum((part.unverified for part in machine.counted), Decimal(0))
            if doubted:
                why = _("in steps faster than believable")
                rows.append(Excluded(machine.equipment.name, doubted, PIECES, why))
        return tuple(rows)

    def planned(self, figure: str, at: datetime) -> Evidence | None:
        """What stands against the plan as known at an instant."""
        found = against_plan.plan_evidence(order=self.order, figure=figure, at=at)
        if found is None:
            return None
        told = self._told(figure, found.name, found.kind, found.shown, (), found.definition)
        formula = " / ".join(term.symbol for term in found.terms)
        end = min(at, self.order.ended_at or at)
        return replace(told, formula=formula, terms=found.terms, end=max(end, told.start))

    def changeover(self) -> Evidence | None:
        """The changeover to the order on the machine that paces its line."""
        start, end = self.window
        found = production.line_changeovers(line_id=self.order.line_id, start=start - BEFORE, end=end)
        done = next((d for d in found.done if d.to_order == self.order.code), None) if found else None
        if found is None or done is None:
            return None
        rows = changed_over.stood_rows(done, found.paced_by.code)
        definition = _("from the last run of one order to the first of the next, without breaks")
        told = self._told("changeover", _("Changeover"), SECONDS, seconds(done.duration), rows, definition)
        return replace(told, start=done.start, end=done.end)

    def time_share(self, asked: Cause) -> Evidence | None:
        """A class of time over all of the order's time, on the machine that paces its line."""
        part = self.time(asked)
        if part is None or self.paced is None or self.paced.account is None:
            return None
        account = self.paced.account
        whole = rows_of(account, self.paced.equipment.code, wanted_by())
        terms = (
            replace(part.terms[0], symbol="T"),
            Term("A", _("All of the order’s time"), SECONDS, tuple(whole)),
        )
        shown = ratio(part.shown, seconds(account.span))
        return replace(part, figure="time_share", kind=RATIO, formula="T / A", shown=shown, terms=terms)

    def worked(self) -> Evidence:
        rows = [
            Input(
                self.order.code,
                seconds((work.end or self.response.end or work.start) - work.start),
                work.start,
                work.end or self.response.end,
            )
            for work in self.response.execution.working
        ]
        total = sum((row.amount for row in rows if row.amount is not None), Decimal(0))
        definition = _("from start to end of the order, interruptions left out")
        return self._told("worked", _("Time worked on it"), SECONDS, total, rows, definition)

    def time(self, asked: Cause) -> Evidence | None:
        if self.paced is None or self.paced.account is None:
            return None
        account, reason = self.paced.account, asked.reason or None
        wanted = wanted_by(time_class=asked.time_class, reason=reason, uncoded=asked.uncoded)
        rows = rows_of(account, self.paced.equipment.code, wanted)
        definition = _("one class for every instant, by state, mode, calendar, order and reason")
        name = time_name(asked.time_class, reason, asked.uncoded)
        found = self._told("time", name, SECONDS, summed(account.segments, wanted), rows, definition)
        return replace(found, place=f"{self.order.code} · {self.paced.equipment.name}")

    def lost(self, cause: Cause) -> Evidence | None:
        losses = losses_of(self.paced)
        if losses is None or self.paced is None or self.paced.account is None:
            return None
        found = [(part, time) for part, time in lost_inside(self.paced.account, losses) if cause.holds(part)]
        total = seconds(sum((time for _part, time in found), NONE))
        definition = _("lost time of what paces the line, charged to where it started (first-fault walk)")
        return self._told("lost", cause.name, SECONDS, total, lost_rows(found, whole), definition)

    def counted(self, kind: str, by: str) -> Evidence | None:
        """One count, span by span; or what the record uses, machine by machine."""
        names = {
            "good": _("Good pieces"),
            "scrap": _("Rejected pieces"),
            "rework": _("Pieces sent to rework"),
            "rework_good": _("Good after rework"),
            "rework_scrap": _("Scrapped after rework"),
        }
        parts = [part for part in self.response.quantities if part.kind == kind and part.source != "plan"]
        if by:
            parts = [part for part in parts if _by(part) == by]
            rows = [row for part in parts for row in self._spans(part)]
            shown = parts[0].quantity if parts else None
        else:
            used = [part for part in parts if part.equipment is not None] or parts
            rows = [row for part in used for row in self._spans(part)]
            told = {"good": counted.good_pieces, "scrap": counted.scrap_pieces}.get(kind)
            shown = told(self.response) if told else counted.rework_told(self.response).get(kind)
        if not parts:
            return None
        definition = _(
            "counted by machines while they worked on the order; people's counts where none counts"
        )
        return self._told(kind, names[kind], PIECES, shown, rows, definition)

    def _spans(self, part: QuantityPart) -> list[Input]:
        if part.equipment is None:
            return [
                Input(str(said.said_by or said.said_by_rule), said.quantity, said.start_time, said.end_time)
                for said in counts_said(job_order_id=self.order.pk)
                if said.pk in part.evidence
            ]
        machine = next(m for m in self.response.machines if m.equipment.pk == part.equipment.pk)
        return machine_spans(machine, part.kind)

    def scrap_of(self, reason_code: str) -> Evidence | None:
        """Scrap of one reason, count by count; without a reason: what was counted less all that was told."""
        found = order_scrap(self.response)
        if found is None:
            return None
        rows = [row for row in found.by_reason() if row.reason_code]
        told = {entry for row in rows if reason_code in ("", row.reason_code) for entry in row.entries}
        said = {entry.pk: entry for entry in counts_for_ids(told)}
        sign = 1 if reason_code else -1
        inputs = [
            Input(
                str(one.said_by or one.said_by_rule),
                sign * one.quantity,
                one.start_time,
                one.end_time,
                one.reason.name if one.reason else "",
            )
            for one in said.values()
        ]
        shown = sum((row.quantity for row in found.by_reason() if row.reason_code == reason_code), Decimal(0))
        whole = self.counted("scrap", "")
        if not reason_code and whole is not None:
            inputs = [*whole.terms[0].rows, *inputs]
        names = {entry.reason.code: entry.reason.name for entry in said.values() if entry.reason}
        name = labelled(_("Rejected pieces"), names.get(reason_code, reason_code) or _("not told"))
        definition = _("pieces counted as scrap; people say of how many why, the rest is not told")
        return self._told("scrap", name, PIECES, shown, inputs, definition)

    def in_rework(self) -> Evidence | None:
        told = counted.rework_told(self.response)
        rework = reworked(told)
        if rework is None:
            return None
        rows = [
            Input(_("Pieces sent to rework"), rework.sent),
            Input(_("Good after rework"), -rework.good),
            Input(_("Scrapped after rework"), -rework.scrap),
        ]
        definition = _("sent to rework, less what came back good and what was scrapped")
        return self._told("in_rework", _("Still in rework"), PIECES, rework.remainder, rows, definition)

    def started(self) -> Evidence | None:
        for machine in self.response.machines:
            rows = machine_spans(machine, "total")
            if rows:
                total = sum((row.amount for row in rows if row.amount is not None), Decimal(0))
                definition = _("counted by the first machine that counts")
                return self._told("started", _("Pieces started"), PIECES, total, rows, definition)
        return None


def machine_spans(machine: MachinePart, kind: str) -> list[Input]:
    """What a machine counted in each span it worked on the order; each opens the machine at its start."""
    return [
        Input(
            machine.equipment.name,
            getattr(span, kind),
            span.start,
            span.end,
            _("counter"),
            machine_href(machine.equipment, span.start),
        )
        for span in machine.counted
        if getattr(span, kind) is not None or kind in span.refused
    ]


def machine_href(machine: Equipment, at: datetime) -> str:
    return f"/equipment/{machine.code}/?{urlencode({'at': at.isoformat()})}"


def _by(part: QuantityPart) -> str:
    return part.equipment.code if part.equipment else "people"
