"""Commands on job orders, and the state derived from commands and signals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction

from connectors import services as connectors
from plant import audit, hooks
from plant import services as plant
from plant.access import Actor
from production.domain.job_order import (
    ABORT,
    PAUSE,
    RESUME,
    START,
    STOP,
    Event,
    Execution,
    IllegalTransition,
    check,
    execution,
)
from production.models import JobOrder, JobOrderEvent, StitchCheckpoint
from production.selectors.executions import (
    SPAN_COLUMNS,
    codes_unknown,
    commands_of,
    line_signalled,
    line_transits,
    signalled,
    spans_of,
    spans_stored,
)
from production.selectors.paces import paced_by_order
from production.services.derived import Difference, apply, difference

if TYPE_CHECKING:
    from plant.models import Equipment


class Vetoed(ValueError):
    """Another department refuses; ``vetoes`` says who and why in words a person can act on."""

    is_bad_input = True

    def __init__(self, vetoes: list[hooks.Veto]) -> None:
        self.vetoes = vetoes
        super().__init__("; ".join(veto.message for veto in vetoes))


def job_order_start(*, job_order_id: int, at: datetime, by: Actor, why: str = "") -> JobOrder:
    """Raises IllegalTransition, or Vetoed where another floor refuses the start."""
    return _command(START, job_order_id=job_order_id, at=at, by=by, why=why)


def job_order_pause(*, job_order_id: int, at: datetime, by: Actor, why: str = "") -> JobOrder:
    return _command(PAUSE, job_order_id=job_order_id, at=at, by=by, why=why)


def job_order_resume(*, job_order_id: int, at: datetime, by: Actor, why: str = "") -> JobOrder:
    return _command(RESUME, job_order_id=job_order_id, at=at, by=by, why=why)


def job_order_stop(*, job_order_id: int, at: datetime, by: Actor, why: str = "") -> JobOrder:
    return _command(STOP, job_order_id=job_order_id, at=at, by=by, why=why)


def job_order_abort(*, job_order_id: int, at: datetime, by: Actor, why: str = "") -> JobOrder:
    return _command(ABORT, job_order_id=job_order_id, at=at, by=by, why=why)


@transaction.atomic
def _command(verb: str, *, job_order_id: int, at: datetime, by: Actor, why: str) -> JobOrder:
    # The row is locked first, so that two people pressing at once are told apart.
    job_order = (
        JobOrder.objects.select_for_update(of=("self",), no_key=True)
        .select_related("line")
        .get(pk=job_order_id)
    )
    by.require("order.execute", job_order.line)
    happened = [*commands_of(job_order), *signalled(job_order)]
    before = execution(event for event in happened if event.at <= at)
    check(before.state, verb)
    _check_rest(happened, Event(at, verb), before)
    if verb == START and (vetoes := hooks.may_start.vetoes(job_order.pk)):
        raise Vetoed(vetoes)
    event_record(job_order, verb, at=at, by=by, why=why)
    changed_from = job_order.state
    execution_refresh(job_order)
    audit.record(
        by=by,
        action=f"job_order.{verb}",
        subject_type="job_order",
        subject_code=job_order.code,
        why=why,
        before={"state": changed_from},
        after={"state": job_order.state, "at": at.isoformat()},
    )
    plant.revision_bump(line_id=job_order.line_id)
    return job_order


def _check_rest(happened: list[Event], command: Event, before: Execution) -> None:
    """A command dated back must not make a later command illegal."""
    earlier = [event for event in execution(happened).illegal if not event.signalled]
    after = [event for event in execution([*happened, command]).illegal if not event.signalled]
    if len(after) > len(earlier):
        raise IllegalTransition(command.verb, before.state)


def event_record(job_order: JobOrder, verb: str, *, at: datetime, by: Actor, why: str) -> JobOrderEvent:
    return JobOrderEvent.objects.create(
        job_order=job_order,
        verb=verb,
        at=at,
        person_id=by.person_id,
        device_id=by.device_id,
        actor=by.label[:80],
        why=why,
    )


def execution_refresh(job_order: JobOrder, transit: Mapping[int, timedelta] | None = None) -> bool:
    """Recompute an order's state and the time its line and machines worked on it. Returns whether anything
    changed. ``transit``: the line's, where it is read already.
    """
    events = [*commands_of(job_order), *signalled(job_order)]
    now = execution(events)
    changed = _spans_replace(job_order.line_id, job_order.code, events, known=True, transit=transit)
    held = (job_order.state, job_order.started_at, job_order.ended_at)
    if held != (now.state, now.started_at, now.ended_at):
        job_order.state, job_order.started_at, job_order.ended_at = now.state, now.started_at, now.ended_at
        job_order.save(update_fields=["state", "started_at", "ended_at"])
        changed = True
    return changed


def _spans_replace(
    line_id: int, code: str, events: list[Event], *, known: bool, transit: Mapping[int, timedelta] | None
) -> bool:
    derived = spans_of(line_id=line_id, code=code, events=events, known=known, transit=transit)
    change = difference(spans_stored(line_id=line_id, code=code), SPAN_COLUMNS, derived)
    done = apply(change) > 0
    if done:
        _paces_changed(change)
    return done


def _paces_changed(change: Difference) -> None:
    """Stops seen through a counter depend on the order at work, where its product decides the cycle."""
    spans = [dict(zip(SPAN_COLUMNS, row, strict=True)) for row in (*change.gone.values(), *change.new)]
    machines = {row["equipment_id"] for row in spans}
    for machine in paced_by_order(machines):
        mine = [row for row in spans if row["equipment_id"] == machine]
        reached = StitchCheckpoint.objects.filter(work_unit_id=machine).first()
        if reached is None:
            continue
        ends = [row["end_time"] or reached.horizon for row in mine]
        low, high = min(row["start_time"] for row in mine), min(max(ends), reached.horizon)
        if max(low, reached.begun) < high:
            connectors.dirty_mark({machine: (max(low, reached.begun), high)})


def unknown_refresh(*, line_id: int, code: str, transit: Mapping[int, timedelta] | None = None) -> bool:
    """The same for an order nobody has told of here, which the line's own signal names all the same."""
    events = line_signalled(line_id=line_id, code=code)
    return _spans_replace(line_id, code, events, known=False, transit=transit)


def orders_refresh_for(*, equipment: Equipment, line_id: int | None, codes: Iterable[str]) -> None:
    """After an order signal of a machine or line changed: recompute the orders it named."""
    if line_id is None:
        return
    named = set(codes)
    found = JobOrder.objects.select_for_update(no_key=True).filter(line_id=line_id, code__in=named)
    transit = line_transits(line_id)
    for job_order in found.order_by("pk"):
        execution_refresh(job_order, transit)
        named.discard(job_order.code)
    if equipment.pk == line_id:
        for code in sorted(named):
            unknown_refresh(line_id=line_id, code=code, transit=transit)


@transaction.atomic
def line_orders_refresh(*, line_id: int) -> None:
    """After the machines of a line or the transit between them changed: recompute all that ever ran on it."""
    transit = line_transits(line_id)
    found = JobOrder.objects.select_for_update(no_key=True).filter(line_id=line_id)
    for job_order in found.exclude(started_at=None).order_by("pk"):
        execution_refresh(job_order, transit)
    for line, code in codes_unknown():
        if line == line_id:
            unknown_refresh(line_id=line_id, code=code, transit=transit)
    plant.revision_bump(line_id=line_id)
