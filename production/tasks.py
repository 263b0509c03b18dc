"""Stitching in the background: one task per machine that changed, and a sweep for wake-ups that were lost."""

from __future__ import annotations

from celery import shared_task
from django.db import OperationalError

from connectors import selectors as connectors
from production import jobs, selectors, services

SWEEP_SECONDS = 3.0
BEAT = {
    "production-sweep": {
        "task": jobs.SWEEP.name,
        "schedule": SWEEP_SECONDS,
        # One that waited longer than its turn is useless: the next one does the same.
        "options": {"queue": jobs.SWEEP.queue, "expires": SWEEP_SECONDS},
    }
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
    services.stitch(work_unit_id=work_unit_id)


@shared_task(name=jobs.SWEEP.name, queue=jobs.SWEEP.queue)
def sweep() -> None:
    """Stitch machines with marks nobody woke us for, and those whose watermark has moved on."""
    for work_unit_id in sorted({*connectors.dirty_work_units(), *selectors.units_behind()}):
        services.stitch(work_unit_id=work_unit_id)
