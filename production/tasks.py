"""Stitching in the background: one task per machine that changed, and a sweep for wake-ups that were lost."""

from __future__ import annotations

import logging

from celery import shared_task
from django.db import OperationalError
from django.utils import timezone

from connectors import selectors as connectors
from production import jobs, selectors, services
from production.services.failing import stitch_guarded
from production.services.rollups import rollups_after, rollups_sweep

log = logging.getLogger(__name__)
SWEEP_SECONDS, REASONS_SECONDS, ROLLUPS_SECONDS = 3.0, 600.0, 10.0
BEAT = {
    "production-sweep": {
        "task": jobs.SWEEP.name,
        "schedule": SWEEP_SECONDS,
        # One that waited longer than its turn is useless: the next one does the same.
        "options": {"queue": jobs.SWEEP.queue, "expires": SWEEP_SECONDS},
    },
    "production-reasons": {
        "task": jobs.REASONS.name,
        "schedule": REASONS_SECONDS,
        "options": {"queue": jobs.REASONS.queue, "expires": REASONS_SECONDS},
    },
    "production-rollups": {
        "task": jobs.ROLLUPS.name,
        "schedule": ROLLUPS_SECONDS,
        "options": {"queue": jobs.ROLLUPS.queue, "expires": ROLLUPS_SECONDS},
    },
}


@shared_task(
    name=jobs.STITCH.name,
    queue=jobs.STITCH.queue,
    autoretry_for=(OperationalError,),
    retry_backoff=True,
    max_retries=3,
)
def stitch(work_unit_id: int) -> None:
    """Safe to run twice or never: the sweep finds what was not done."""
    _stitch(work_unit_id)


def _stitch(work_unit_id: int) -> None:
    """Stops first, in a transaction of their own; then what rules say of them. One machine that fails stops
    no other.
    """
    done = stitch_guarded(work_unit_id=work_unit_id)
    if done is None or not done.rows:
        return
    rollups_after(work_unit_id=work_unit_id)
    try:
        services.reasons_auto(work_unit_id=work_unit_id)
    except Exception:
        # Asked again by ``reasons``, which looks at older stops too.
        log.exception("rules of reasons failed for machine %s, others go on", work_unit_id)


@shared_task(name=jobs.SWEEP.name, queue=jobs.SWEEP.queue)
def sweep() -> None:
    """Stitch machines with marks nobody woke us for, and those whose watermark has moved on."""
    services.stations_tick(now=timezone.now())
    for work_unit_id in sorted({*connectors.dirty_work_units(), *selectors.units_behind()}):
        _stitch(work_unit_id)


@shared_task(name=jobs.REASONS.name, queue=jobs.REASONS.queue)
def reasons() -> None:
    """What rules say of older stops: those that late data brought, and of rules that are newer than they."""
    services.reasons_catch_up()


@shared_task(name=jobs.ROLLUPS.name, queue=jobs.ROLLUPS.queue)
def rollups() -> None:
    """Shifts that are over are added up, and those that something changed in are added up again."""
    rollups_sweep()
