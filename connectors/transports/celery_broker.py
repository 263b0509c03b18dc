"""Celery and Redis as the runner uses them: tasks out, answers in."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import redis.asyncio
from celery import Celery

REPLY = "ingest-reply:{}"
MOST_ANSWERS = 200


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
        key = REPLY.format(spool)
        first = await self._redis.blpop([key], timeout=wait)
        if first is None:
            return []
        more = await self._redis.lpop(key, MOST_ANSWERS) or []
        return [orjson.loads(raw) for raw in [first[1], *more]]

    async def close(self) -> None:
        await self._redis.aclose()
