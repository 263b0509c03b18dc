"""Celery and Redis as the runner uses them: tasks out, answers in."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

import orjson
import redis.asyncio
from celery import Celery

REPLY = "ingest-reply:{}"
KNOWN = "ingest-runner:{}"
MOST_ANSWERS = 200
ASK_EVERY, NEVER = 1.0, float("-inf")
# Tasks in a queue; a copy of a batch may have 3 MB
MOST_WAITING = 50


class Crowded(Exception):
    """So many tasks wait that workers are away or far behind: one more would only fill the broker."""


class CeleryCarrier:
    """One sender thread at a time: Celery's producers are pooled, and order of sending is order of
    numbers.
    """

    def __init__(
        self,
        app: Celery,
        redis_url: str,
        *,
        ingest: tuple[str, str],
        tick: tuple[str, str],
        report: tuple[str, str],
    ) -> None:
        self._app, self._ingest, self._tick, self._report = app, ingest, tick, report
        self._redis = redis.asyncio.Redis.from_url(redis_url, socket_timeout=10, socket_connect_timeout=5)
        self._sending = asyncio.Lock()
        self._asked = NEVER

    async def send_ingest(
        self, spool: str, connection: str, batches: list[list[Any]], *, again: bool = False
    ) -> None:
        said = {"spool": spool, "connection": connection, "batches": batches}
        await self._send(self._ingest, said, expendable=again)

    async def send_tick(self, watermarks: dict[str, str]) -> None:
        """Never expires: it would by our clock, and one that is behind would not be heard at all. An old one
        says nothing that is wrong.
        """
        await self._send(self._tick, {"watermarks": watermarks}, expendable=True)

    async def send_report(self, spool: str, report: dict[str, Any]) -> None:
        """With the instant by the clock of Redis, which the workers share: how old it is then is known."""
        said: dict[str, Any] = {"spool": spool, "report": report}
        with contextlib.suppress(redis.asyncio.RedisError):
            seconds, micros = await self._redis.time()
            said["sent"] = seconds + micros / 1e6
        await self._send(self._report, said, expendable=True)

    async def _send(self, job: tuple[str, str], kwargs: dict[str, Any], *, expendable: bool) -> None:
        async with self._sending:
            await asyncio.to_thread(self._send_now, *job, kwargs, expendable)

    def _send_now(self, name: str, queue: str, kwargs: dict[str, Any], expendable: bool) -> None:
        """``expendable``: another like it waits already or will follow; raises Crowded."""
        if expendable and (waiting := self._waiting(queue)) >= MOST_WAITING:
            raise Crowded(f"{waiting} tasks wait in queue {queue}: are workers running?")
        self._app.send_task(name, kwargs=kwargs, queue=queue, retry=False, argsrepr="", kwargsrepr="")

    def _waiting(self, queue: str) -> int:
        with self._app.connection_or_acquire() as connection:
            try:
                told = connection.default_channel.queue_declare(queue=queue, passive=True)
                return int(told.message_count)
            except connection.channel_errors:  # nothing was ever sent to it, or nothing waits in it
                return 0

    async def answers(self, spool: str, wait: float) -> list[dict[str, Any]]:
        """Of workers; ``{"forgotten": True}`` is our own: tasks on their way and their answers are gone."""
        key = REPLY.format(spool)
        first = await self._redis.blpop([key], timeout=wait)
        raw = [first[1], *(await self._redis.lpop(key, MOST_ANSWERS) or [])] if first else []
        answers = [orjson.loads(answer) for answer in raw]
        return [*answers, *([{"forgotten": True}] if await self._forgot(spool) else [])]

    async def _forgot(self, spool: str) -> bool:
        """Whether Redis was emptied or started again since this was last asked: it keeps nothing."""
        if time.monotonic() - self._asked < ASK_EVERY:
            return False
        fresh = bool(await self._redis.set(KNOWN.format(spool), 1, nx=True))
        first, self._asked = self._asked == NEVER, time.monotonic()
        return fresh and not first

    async def close(self) -> None:
        await self._redis.aclose()
