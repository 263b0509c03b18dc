"""Whether the plan of a stop is being kept: who was called, who came, how many minutes are left."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from maintenance import selectors as maintenance
from mom.calls.selectors import CallTold, calls_of_stop
from mom.reactions.domain import Kept
from mom.reactions.selectors import plan_of

if TYPE_CHECKING:
    from maintenance.models import MaintenanceRequest
    from mom.reactions.models import ReactionPlan
    from production.models import ReasonAssertion
    from production.selectors import StopTold


@dataclass(frozen=True, slots=True)
class Answered:
    """Every call about a stop: those of the stations, and the maintenance request it raised."""

    calls: tuple[CallTold, ...]
    request: MaintenanceRequest | None

    @property
    def asked_at(self) -> datetime | None:
        """When somebody was first called; a call the product raised because of its plan is no first one."""
        times = [told.call.raised_at for told in self.calls if told.call.raised_by_id or told.call.device_id]
        if self.request is not None:
            times.append(self.request.said_at)
        return min(times, default=None)

    @property
    def came(self) -> tuple[datetime, str] | None:
        """When somebody first had it, and who."""
        found = [(told.taken_at, told.taken_by) for told in self.calls if told.taken_at is not None]
        if self.request is not None:
            for event in self.request.events.all():
                if event.kind in ("taken", "repair_started", "repair_ended"):
                    who = event.person.name or event.person.badge if event.person else event.actor
                    found.append((event.at, who))
        return min(found, default=None, key=lambda item: item[0])


@dataclass(frozen=True, slots=True)
class Reaction:
    """The plan of a stop and how it is kept."""

    plan: ReactionPlan
    kept: Kept
    came_by: str
    is_called: bool


def answered(told: StopTold, *, now: datetime) -> Answered:
    stop = told.stop
    calls = calls_of_stop(equipment=stop.work_unit, start=stop.start_time, end=stop.end_time or now)
    request = maintenance.request_of_stop(equipment_id=stop.work_unit_id, stop_start=stop.start_time)
    if request is not None and maintenance.request_state(request) == "withdrawn":
        request = None
    return Answered(tuple(calls), request)


def reaction_of(told: StopTold, *, now: datetime, found: Answered | None = None) -> Reaction | None:
    """None where no plan holds for the stop as it is said now.

    The minutes run from the first call, or from when its reason was first known, whichever came first.
    """
    reason = told.said.reason if told.said else None
    plan = plan_of(equipment=told.stop.work_unit, reason=reason)
    if plan is None:
        return None
    found = found or answered(told, now=now)
    came = found.came
    kept = Kept(plan.within, _asked(told, found), came[0] if came else None, told.stop.end_time)
    called = any(item.call.kind == plan.calls and item.resolved_at is None for item in found.calls)
    return Reaction(plan, kept, came[1] if came else "", called or found.request is not None)


def _asked(told: StopTold, found: Answered) -> datetime | None:
    """A reason given after the stop was over asks nobody to come any more."""
    said: ReasonAssertion | None = told.said
    over = told.stop.end_time
    times = [found.asked_at] if found.asked_at is not None else []
    if said is not None and (over is None or said.said_at < over):
        times.append(max(said.said_at, told.stop.start_time))
    return min(times, default=None)
