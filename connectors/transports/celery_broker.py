"""Celery and Redis as the runner uses them: tasks out, answers in."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import orjson
import redis.asyncio
from celery import Celery

REPLY = "ingest-reply:{}"
KNOWN = "ingest-runner:{}"
MOST_ANSWERS = 200
ASK_EVERY, NEVER = 1.0, float("-inf")


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

    async def send_ingest(self, spool: str, connection: str, batches: list[list[Any]]) -> None:
        await self._send(self._ingest, {"spool": spool, "connection": connection, "batches": batches})

    async def send_tick(self, watermarks: dict[str, str]) -> None:
        await self._send(self._tick, {"watermarks": watermarks}, expires=60)

    async def send_report(self, spool: str, report: dict[str, Any]) -> None:
        await self._send(self._report, {"spool": spool, "report": report}, expires=60)

    async def _send(self, job: tuple[str, str], kwargs: dict[str, Any], **options: Any) -> None:
        name, queue = job
        async with self._sending:
            await asyncio.to_thread(
                self._app.send_task,
                name,
                kwargs=kwargs,
                queue=queue,
                retry=False,
                argsrepr="",
                kwargsrepr="",
                **options,
            )

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
