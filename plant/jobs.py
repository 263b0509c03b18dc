"""Work that services ask for: named here, bound to a Celery task by each app's ``tasks`` module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from celery import current_app
from django.db import transaction


@dataclass(frozen=True, slots=True)
class Job:
    """A task by name and queue, so that a service can ask for it without importing the task."""

    name: str
    queue: str

    def enqueue(self, **kwargs: Any) -> None:
        """Send now. Losing the broker loses only the wake-up: every job is also found by a database sweep."""
        current_app.send_task(self.name, kwargs=kwargs, queue=self.queue, retry=False)

    def enqueue_on_commit(self, **kwargs: Any) -> None:
        transaction.on_commit(lambda: self.enqueue(**kwargs), robust=True)


CALENDAR_EXTEND = Job("plant.calendar_extend", "default")
