"""The Celery application: tasks live in each app's ``tasks`` module, schedules beside them as ``BEAT``."""

from __future__ import annotations

import gc
import os
import signal
from importlib import import_module
from importlib.util import find_spec

from celery import Celery, Task
from celery.signals import task_postrun, task_prerun, worker_init, worker_process_init
from django.conf import settings
from django.db import close_old_connections

from mom.embedded.lifeline import follow_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mom.settings")

app = Celery("mom")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

APPS_WITH_TASKS = ("plant", "connectors", "production", "traceability", "maintenance", "quality", "mom")


@app.on_after_finalize.connect
def schedules_collect(sender: Celery, **_: object) -> None:
    for name in APPS_WITH_TASKS:
        if find_spec(f"{name}.tasks"):
            sender.conf.beat_schedule.update(getattr(import_module(f"{name}.tasks"), "BEAT", {}))


@worker_init.connect
def data_directory_make(**_: object) -> None:
    settings.DATA_DIR.mkdir(parents=True, exist_ok=True)


@worker_process_init.connect
def pool_process_follow(**_: object) -> None:
    """A pool process busy with a task would outlive a killed worker, and work beside its successor."""
    follow_parent(signal.SIGKILL)
    # What is loaded by now stays: no collection looks at it again
    gc.collect()
    gc.freeze()


@task_prerun.connect
@task_postrun.connect
def connections_check(task: Task, **_: object) -> None:
    """One that broke or grew old is closed; one that died unnoticed is found by its health check."""
    if not task.request.is_eager:
        close_old_connections()
