"""Tasks of the roof itself."""

from __future__ import annotations

import time

import redis
from celery import shared_task
from celery.signals import beat_init
from django.conf import settings

from mom.calls.services import calls_watch
from mom.reactions.watching import reactions_watch
from mom.signing.orders import order_restatements_find
from mom.signing.services import restatements_find

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


@beat_init.connect
def first_tick(**_: object) -> None:
    """At once, so that nobody has to wait a minute to know that beat and a worker do their work."""
    tick.apply_async(expires=55, retry=False)


@shared_task(name="mom.tasks.restatements", ignore_result=True)
def restatements() -> None:
    """Compares signed shifts and orders with what is known by now."""
    restatements_find()
    order_restatements_find()


@shared_task(name="mom.tasks.calls_pass_on", ignore_result=True)
def calls_pass_on() -> None:
    """Plans nobody kept raise calls; calls nobody took, or resolved, in time go to the next ones on shift."""
    reactions_watch()
    calls_watch()


# Expires before the next one: a worker that was away must not work through a queue of stale heartbeats.
BEAT = {
    "tick": {"task": "mom.tasks.tick", "schedule": 60.0, "options": {"expires": 55}},
    "calls-pass-on": {"task": "mom.tasks.calls_pass_on", "schedule": 30.0, "options": {"expires": 25}},
    "restatements": {"task": "mom.tasks.restatements", "schedule": 900.0, "options": {"expires": 800}},
}
