"""Work of the ground floor that runs by the clock."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task

from plant import jobs, services


@shared_task(name=jobs.CALENDAR_EXTEND.name, queue=jobs.CALENDAR_EXTEND.queue)
def calendar_extend() -> None:
    services.calendar_horizon_extend()


BEAT = {
    jobs.CALENDAR_EXTEND.name: {
        "task": jobs.CALENDAR_EXTEND.name,
        "schedule": timedelta(days=1),
        "options": {"queue": jobs.CALENDAR_EXTEND.queue},
    }
}
