"""What Celery runs for quality."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from quality import jobs, services


@shared_task(name=jobs.RESULTS_PULL.name)
def results_pull() -> None:
    services.results_pull(now=timezone.now())


BEAT = {
    "quality-results-pull": {
        "task": jobs.RESULTS_PULL.name,
        "schedule": 60.0,
        "options": {"queue": jobs.RESULTS_PULL.queue, "expires": 55},
    }
}
