"""From the machine's signal to the action: everything known of one stop, and what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.http import urlencode

from connectors import selectors as connectors
from mom.improvement.hops import Hop, Step, hop_make, trail_told
from mom.improvement.selectors import actions_about, reason_count
from mom.reactions.following import Answered, Reaction, answered, reaction_of
from plant import selectors
from production import selectors as production

if TYPE_CHECKING:
    from maintenance.models import MaintenanceRequest
    from plant.models import Decision
    from production.selectors import StopTold

# A fault code may come before or after the change of state it explains.
BEFORE, AFTER = timedelta(seconds=60), timedelta(seconds=5)
INSTANT = timedelta(microseconds=1)
FAULTS = ("fault_code", "alarm")
# So often in 30 days with the same reason on the same machine: somebody should act on it.
PATTERN, MONTH = 5, timedelta(days=30)
SUBJECT = "stop"


@dataclass(frozen=True, slots=True)
class LossTrail:
    """``reason_count``: how often the reason came on this machine in the 30 days up to the stop."""

    told: StopTold
    hops: tuple[Hop, ...]
    reaction: Reaction | None
    reason_count: int

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(hop.key for hop in self.hops if hop.is_missing)


def loss_trail(told: StopTold, *, now: datetime) -> LossTrail:
    found = answered(told, now=now)
    reaction = reaction_of(told, now=now, found=found)
    stop, reason = told.stop, told.said.reason if told.said else None
    count = 0
    if reason is not None:
        since = stop.start_time - MONTH
        until = stop.start_time + INSTANT
        count = reason_count(equipment_id=stop.work_unit_id, reason_id=reason.pk, start=since, end=until)
    asks = bool(reason and reason.opens_request) or bool(reaction and reaction.plan.calls)
    hops = (
        hop_make("signal", _signals(told), asked=True),
        hop_make("stop", _stop(told), asked=True),
        hop_make("reason", _reasons(told, now), asked=stop.needs_reason),
        hop_make("call", _calls(found), asked=asks),
        hop_make("repair", _repairs(found), asked=found.request is not None),
        hop_make("decision", _decisions(told, now), asked=False),
        hop_make("action", _actions(told), asked=count >= PATTERN),
    )
    return LossTrail(told, trail_told(hops), reaction, count)


def _equipment(told: StopTold, at: datetime) -> str:
    page = reverse("equipment", args=[told.stop.work_unit.code])
    return f"{page}?{urlencode({'at': at.isoformat()})}"


def _own(told: StopTold, anchor: str) -> str:
    return f"{reverse('stop', args=[told.stop.pk])}#{anchor}"


def _signals(told: StopTold) -> Iterator[Step]:
    """The change of state the stop began with, and faults the machine told about then."""
    stop = told.stop
    signals = {
        signal.pk: signal
        for signal in connectors.signals_for(equipment_id=stop.work_unit_id, roles=("state", *FAULTS))
    }
    start = stop.start_time
    for row in connectors.samples_between(signal_ids=signals, start=start - BEFORE, end=start + AFTER):
        signal = signals[row.signal_id]
        if signal.role in FAULTS and row.value in (None, "", 0, "0", False):
            continue
        if signal.role == "state" and row.source_time != start:
            continue
        what = f"{signal.name or signal.address} = {row.value}"
        who = signal.connection.name or signal.connection.slug
        yield Step(row.source_time, signal.role, who, what, _equipment(told, row.source_time))


def _stop(told: StopTold) -> Iterator[Step]:
    stop = told.stop
    name = stop.work_unit.name
    yield Step(stop.start_time, "stopped", name, stop.fault_code, _own(told, "parts"))


def _reasons(told: StopTold, now: datetime) -> Iterator[Step]:
    """Every reason given, replaced since or not: the first is when one was known."""
    stop = told.stop
    said = production.reason_history(
        equipment_id=stop.work_unit_id, start=stop.start_time, end=stop.end_time or now
    )
    for entry in said:
        if entry.reason is None:
            continue
        who = str(entry.said_by or entry.said_by_rule)
        yield Step(entry.said_at, "said", who, entry.reason.name, _own(told, f"said-{entry.pk}"))


def _calls(found: Answered) -> Iterator[Step]:
    page = reverse("calls")
    for told in found.calls:
        call = told.call
        href = f"{page}#call-{call.pk}" if told.resolved_at is None else ""
        who = str(call.raised_by) if call.raised_by else ""
        yield Step(call.raised_at, "called", who, call.kind, href)
        if told.taken_at is not None:
            yield Step(told.taken_at, "call_taken", told.taken_by, call.kind, href)
        if told.resolved_at is not None:
            yield Step(told.resolved_at, "call_done", "", call.kind)
    if found.request is not None:
        request = found.request
        who = str(request.said_by or request.said_by_rule)
        yield Step(request.said_at, "requested", who, request.code, _request(request))


def _request(request: MaintenanceRequest) -> str:
    """Where it stands: in the record of the order that ran, else as the API tells it."""
    if request.job_order is not None:
        return f"{reverse('order', args=[request.job_order.code])}#maintenance"
    return reverse("maintenance-request-detail", args=[request.code])


def _repairs(found: Answered) -> Iterator[Step]:
    if found.request is None:
        return
    for event in found.request.events.all():
        if event.kind in ("taken", "repair_started", "repair_ended", "closed"):
            who = str(event.person) if event.person else event.actor
            yield Step(event.at, event.kind, who, event.cure, _request(found.request))


def _decisions(told: StopTold, now: datetime) -> Iterator[Step]:
    """Decisions about this stop, and those about its line's orders made while it stood."""
    stop = told.stop
    line = selectors.line_of(stop.work_unit)
    if line is None:
        return
    for decision in decisions_about(told):
        yield _decision(decision, "decided", _own(told, f"decision-{decision.pk}"))
    while_it_stood = selectors.decisions_between(
        line_id=line.pk, start=stop.start_time, end=stop.end_time or now
    )
    for decision in while_it_stood.exclude(subject_type=SUBJECT):
        code = decision.job_order_code
        href = f"{reverse('order', args=[code])}#decisions" if code else ""
        yield _decision(decision, "decided_meanwhile", href)


def _decision(decision: Decision, kind: str, href: str) -> Step:
    who = str(decision.said_by or decision.said_by_rule)
    return Step(decision.said_at, kind, who, decision.summary, href)


def decisions_about(told: StopTold) -> list[Decision]:
    """Decisions somebody recorded on the stop itself, oldest first."""
    found: Any = selectors.configuration_rows(
        "plant.Decision", subject_type=SUBJECT, subject_code=str(told.stop.pk), superseded_by=None
    )
    return list(found.select_related("said_by"))


def _actions(told: StopTold) -> Iterator[Step]:
    """Actions opened on this stop, and those about its reason on the machine or its line."""
    stop = told.stop
    line = selectors.line_of(stop.work_unit)
    reason = told.said.reason if told.said else None
    found = actions_about(
        stop_id=str(stop.pk),
        equipment_ids=[stop.work_unit_id, *([line.pk] if line else [])],
        reason_id=reason.pk if reason else None,
        since=stop.start_time,
    )
    for action in found:
        href = reverse("action", args=[action.pk])
        exact = str(stop.pk) in action.evidence
        kind = "acted" if exact else "acted_reason"
        yield Step(action.opened_at, kind, str(action.owner), action.title, href)
        if action.done_at is not None:
            yield Step(action.done_at, "acted_done", str(action.owner), action.result, href)
