"""Rebuilding derived rows from facts, and checking that they are what the facts say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from django.db import transaction

from connectors import selectors as connectors
from production.domain.job_order import Event, execution
from production.domain.stitching import Fold, Open
from production.domain.stops import stops_of
from production.models import JobOrder, StitchCheckpoint
from production.selectors.executions import (
    SPAN_COLUMNS,
    codes_unknown,
    commands_of,
    line_signalled,
    signalled,
    spans_of,
    spans_stored,
)
from production.selectors.folding import gaps_read, samples_read
from production.selectors.paces import paced_unit
from production.selectors.stored import Stored
from production.selectors.units import UnitSetup, unit_setup
from production.services.derived import Difference, apply, difference
from production.services.execution import execution_refresh, unknown_refresh
from production.services.rollups import rollups_check
from production.services.stitching import DAY, INSTANT, stitch, unit_lock
from production.services.window import Window, differences


@dataclass(slots=True)
class Rebuilt:
    """What a rebuild found. ``lines``: every difference between stored and derived rows, in words."""

    work_units: int = 0
    samples: int = 0
    job_orders: int = 0
    lines: list[str] = field(default_factory=list)


def rebuild(
    *, work_unit_ids: Sequence[int] | None = None, progress: Callable[[str], None] | None = None
) -> Rebuilt:
    """Derive everything again from facts and store what differs. Returns what differed."""
    return _rebuild(work_unit_ids, write=True, progress=progress)


def rebuild_check(
    *, work_unit_ids: Sequence[int] | None = None, progress: Callable[[str], None] | None = None
) -> Rebuilt:
    """Derive everything again and compare row by row, changing nothing but stitching what has just landed."""
    return _rebuild(work_unit_ids, write=False, progress=progress)


def _rebuild(
    work_unit_ids: Sequence[int] | None, *, write: bool, progress: Callable[[str], None] | None
) -> Rebuilt:
    found = Rebuilt()
    known = set(StitchCheckpoint.objects.values_list("work_unit_id", flat=True))
    units = sorted(known | set(connectors.dirty_work_units())) if work_unit_ids is None else work_unit_ids
    for work_unit_id in units:
        changes = unit_rebuild(work_unit_id, found, write=write)
        if progress is not None:
            progress(f"{work_unit_id}: {len(changes)} tables differ")
    if work_unit_ids is None:
        _orders_rebuild(found, write=write)
    found.lines += rollups_check(write=write, work_unit_ids=work_unit_ids)
    return found


@transaction.atomic
def unit_rebuild(work_unit_id: int, found: Rebuilt, *, write: bool) -> list[Difference]:
    """One machine from its first sample to the checkpoint's horizon, held still by its lock."""
    unit_lock(work_unit_id)
    stitch(work_unit_id=work_unit_id)
    checkpoint = StitchCheckpoint.objects.filter(work_unit_id=work_unit_id).first()
    if checkpoint is None:
        return []
    setup = unit_setup(work_unit_id=work_unit_id)
    window = _whole(setup, checkpoint, found)
    found.work_units += 1
    changes = differences(setup, window)
    if window.fold.last_at != checkpoint.folded_to:
        told = f"folded to {checkpoint.folded_to}, derived {window.fold.last_at}"
        found.lines.append(f"{setup.unit.code}: {told}")
    found.lines += [f"{setup.unit.code} {line}" for change in changes for line in change.lines()]
    if write:
        for change in changes:
            apply(change)
    return changes


def _whole(setup: UnitSetup, checkpoint: StitchCheckpoint, found: Rebuilt) -> Window:
    opened = Open(checkpoint.begun)
    begin = opened.at
    end = checkpoint.horizon + INSTANT
    fold = Fold(paced_unit(setup, begin, end), opened, gaps_read(setup, opened))
    while begin < end:
        cut = min(begin + DAY, end)
        samples = samples_read(setup, begin, cut)
        found.samples += len(samples)
        fold.feed(samples)
        if cut < end:
            fold.advance(cut)
        begin = cut
    fold.close(checkpoint.horizon)
    states = [*fold.states, *([fold.row] if fold.row else [])] if setup.unit.has_state else []
    stops = stops_of(states, base_of=setup.definitions.base_of)
    stored = Stored(setup.id, (), opened.at, None, whole=True)
    return Window(opened.at, None, checkpoint.horizon, fold, states, stops, stored)


def _orders_rebuild(found: Rebuilt, *, write: bool) -> None:
    """Job orders' derived state, and the time line and machines had each, from commands and signals."""
    for job_order in JobOrder.objects.order_by("pk"):
        found.job_orders += 1
        with transaction.atomic():
            found.lines += _order_differences(job_order)
            if write:
                execution_refresh(job_order)
    for line_id, code in codes_unknown():
        with transaction.atomic():
            events = line_signalled(line_id=line_id, code=code)
            found.lines += _span_differences(line_id, code, events, known=False)
            if write:
                unknown_refresh(line_id=line_id, code=code)


def _order_differences(job_order: JobOrder) -> list[str]:
    events = [*commands_of(job_order), *signalled(job_order)]
    now = execution(events)
    held = (job_order.state, job_order.started_at, job_order.ended_at)
    lines = []
    if held != (now.state, now.started_at, now.ended_at):
        derived = f"{now.state} {now.started_at} {now.ended_at}"
        lines.append(f"order {job_order.code}: stored {' '.join(map(str, held))}, derived {derived}")
    return lines + _span_differences(job_order.line_id, job_order.code, events, known=True)


def _span_differences(line_id: int, code: str, events: list[Event], *, known: bool) -> list[str]:
    derived = spans_of(line_id=line_id, code=code, events=events, known=known)
    spans = difference(spans_stored(line_id=line_id, code=code), SPAN_COLUMNS, derived)
    return [f"order {code} {line}" for line in spans.lines()]
