"""Tasks of the roof itself."""

from __future__ import annotations

import time

import redis
from celery import shared_task
from django.conf import settings

HEARTBEAT_KEY = "mom:beat"
HEARTBEAT_KEPT_SECONDS = 86_400


@shared_task(name="mom.tasks.tick", ignore_result=True)
def tick() -> None:
    """Leaves the time in Redis: proof, for the health checks, that beat schedules and a worker works."""
    client = redis.Redis.from_url(settings.REDIS_URL)
    try:
        client.set(HEARTBEAT_KEY, int(time.time()), ex=HEARTBEAT_KEPT_SECONDS)
    finally:
        client.close()


# Expires before the next one: a worker that was away must not work through a queue of stale heartbeats.
BEAT = {"tick": {"task": "mom.tasks.tick", "schedule": 60.0, "options": {"expires": 55}}}
