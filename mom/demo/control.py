"""Switches of the demo plant for the product's pages: stop a machine, pause and resume, how far it is.

Carried by Redis, because the pages may run in another container. Losing it loses a button press, no more.
"""

from __future__ import annotations

import json
from typing import Any

import redis
from django.conf import settings

COMMANDS, PAUSED, PROGRESS = "mom:demo:commands", "mom:demo:paused", "mom:demo:progress"
LONGEST_STOP = 3600
PROGRESS_SECONDS = 120


def _redis() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, decode_responses=True, socket_timeout=2)


def machine_stop(code: str, seconds: int) -> None:
    """Press stop on a simulated machine for 1 to 3600 s. Raises ValueError outside that."""
    if not 1 <= seconds <= LONGEST_STOP:
        raise ValueError(f"seconds: read {seconds}, expected 1 to {LONGEST_STOP}")
    _redis().rpush(COMMANDS, json.dumps({"stop": code, "seconds": seconds}))


def switch(*, on: bool) -> None:
    """Off: the simulated plant stands still and says nothing, as if its power was cut. On: it goes on."""
    if on:
        _redis().delete(PAUSED)
    else:
        _redis().set(PAUSED, "1")


def commands_take() -> list[dict[str, Any]]:
    """What was asked for since the last look, oldest first."""
    taken = _redis().lpop(COMMANDS, 100)
    return [json.loads(raw) for raw in taken] if isinstance(taken, list) else []


def is_on() -> bool:
    return not _redis().exists(PAUSED)


def progress_tell(progress: dict[str, Any]) -> None:
    _redis().set(PROGRESS, json.dumps(progress), ex=PROGRESS_SECONDS)


def progress() -> dict[str, Any] | None:
    """phase (past, live or off), start and at (ISO), share (0 to 1), samples; None when none is running."""
    try:
        raw = _redis().get(PROGRESS)
    except redis.RedisError:
        return None
    found: dict[str, Any] | None = json.loads(raw) if isinstance(raw, str) else None
    return found
