"""One process that keeps a group of connections: source → spool → acknowledge → Celery → reply → out of
the spool.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import orjson

from connectors.domain.columns import encode, instant
from connectors.domain.outage import GapRecord, Outage, in_scope
from connectors.domain.wire import extras_to_json, gap_from_json
from connectors.interface import ConfigurationError, Connector, SampleBatch, Unavailable
from connectors.registry import connector_class
from connectors.sending import Carrier, Sending, Troubles
from connectors.spool import Spool, SpoolBroken, SpoolFull

log = logging.getLogger(__name__)

REPORT_SECONDS = 5.0
NO_ROOM_WAIT = 0.5
SETTLED = timedelta(seconds=1)
COMPRESS_FROM = 200
# Within the eight seconds a supervisor gives a process to end by itself.
DRAIN_SECONDS = 6.0


@dataclass(slots=True)
class _Followed:
    revision: object
    task: asyncio.Task[None]
    busy_since: datetime | None = None
    heard: bool = False
    # Up to when it is known that another runner followed it, and since when this one hears it
    since: str | None = None
    listening: datetime | None = None
    leftover: list[GapRecord] = field(default_factory=list)


Configurations = Callable[[], Awaitable[list[dict[str, Any]] | None]]


@dataclass
class Runner:
    """``configurations`` gives what to follow, None = cannot be read now (go on as before)."""

    spool: Spool
    carrier: Carrier
    configurations: Configurations
    tick_seconds: float = 1.0
    reload_seconds: float = 3.0
    troubles: Troubles = field(default_factory=Troubles)

    def __post_init__(self) -> None:
        self._followed: dict[str, _Followed] = {}
        self._sending = Sending(self.spool, self.carrier, self.troubles)
        self._ticked: dict[str, datetime] = {}
        self._reported = -REPORT_SECONDS

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop`` is set; raises SpoolBroken when the disk failed: the process must end."""
        work: list[asyncio.Task[None]] = [
            asyncio.create_task(loop())
            for loop in (self._reload_loop, self._sending.dispatch, self._sending.answered, self._tick_loop)
        ]
        stopped = asyncio.create_task(_set(stop))
        self._fatal: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            waiting: list[asyncio.Future[None]] = [*work, stopped, self._fatal]
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            await self._drain(stopped)
        finally:
            followers = [followed.task for followed in self._followed.values()]
            for task in [*followers, *work, stopped]:
                task.cancel()
            await asyncio.gather(*followers, *work, stopped, return_exceptions=True)

    async def _drain(self, stopped: asyncio.Task[Any]) -> None:
        """A clean stop hears the sources no more and gives the last batches a moment to be confirmed."""
        if not stopped.done():
            return
        for followed in self._followed.values():
            followed.task.cancel()
        await asyncio.gather(*(followed.task for followed in self._followed.values()), return_exceptions=True)
        deadline = time.monotonic() + DRAIN_SECONDS
        while time.monotonic() < deadline:
            waiting = await asyncio.to_thread(self.spool.connections)
            if not waiting:
                return
            await asyncio.sleep(0.05)

    # -- following sources ---------------------------------------------------------------------------------

    async def _reload_loop(self) -> None:
        while True:
            wanted = await self.configurations()
            if wanted is not None:
                await self._reconcile({str(item["slug"]): item for item in wanted})
            await asyncio.sleep(self.reload_seconds)

    async def _reconcile(self, wanted: Mapping[str, dict[str, Any]]) -> None:
        for slug, followed in list(self._followed.items()):
            if slug not in wanted or wanted[slug].get("revision") != followed.revision:
                followed.task.cancel()
                await asyncio.gather(followed.task, return_exceptions=True)
                del self._followed[slug]
        for slug, item in wanted.items():
            if slug not in self._followed:
                leftover = await asyncio.to_thread(self.spool.open_gaps, slug)
                leftover += map(gap_from_json, item.get("open_gaps", ()))
                task = asyncio.create_task(self._follow(slug, item))
                self._followed[slug] = _Followed(
                    item.get("revision"), task, leftover=leftover, since=item.get("since")
                )
                task.add_done_callback(self._follower_ended)

    def _follower_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None and not self._fatal.done():
            self._fatal.set_exception(error)

    async def _follow(self, slug: str, item: Mapping[str, Any]) -> None:
        """Keep one source connected. Ends only on a broken spool or a configuration that cannot work."""
        try:
            cls = connector_class(str(item["protocol"]))
            config = cls.config_class.from_mapping(
                item["config"],
                addresses=tuple(item["addresses"]),
                resume_from=await self._resume(slug, item),
                remembered=await asyncio.to_thread(self.spool.remembered, slug),
            )
            connector = cls(config)
        except ConfigurationError as error:
            await self._cannot_work(slug, error)
            return
        delay = 1.0
        while True:
            started = time.monotonic()
            try:
                await self._stream(slug, connector)
                raise Unavailable("the stream ended")
            except ConfigurationError as error:
                await self._cannot_work(slug, error)
                return
            except (SpoolBroken, asyncio.CancelledError):
                raise
            except Unavailable as error:
                self.troubles.failed(slug, error)
            except Exception as error:
                self.troubles.failed(slug, f"{type(error).__name__}: {error}")
                log.debug("%s", slug, exc_info=True)
            delay = 1.0 if time.monotonic() - started > 30 else min(delay * 2, 30.0)
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))

    async def _resume(self, slug: str, item: Mapping[str, Any]) -> datetime | None:
        """When an earlier process, or another runner, last followed this source; None for the first."""
        if item.get("since"):
            # Older than what another runner did since
            gone = dict.fromkeys(await asyncio.to_thread(self.spool.remembered, slug))
            await self._with_room(lambda: self.spool.remember(slug, gone))
            return datetime.fromisoformat(item["since"])
        known = self.spool.last_alive(slug)
        if known is None:
            # Killed before its first tick, it must still leave behind from when on nobody listened
            now = datetime.now(UTC)
            await self._with_room(lambda: self.spool.alive(now, [slug]))
        return known

    async def _cannot_work(self, slug: str, error: ConfigurationError) -> None:
        """Never retried as it stands; what is missing meanwhile is on record until a changed
        configuration connects.
        """
        self.troubles.failed(slug, f"configuration: {error}")
        start = self.spool.last_alive(slug) or datetime.now(UTC)
        gap = Outage(slug).lost(start, "configuration", str(error))
        if gap is not None and not self.spool.open_gaps(slug):
            await self._keep(slug, SampleBatch(gaps=[gap]))

    async def _stream(self, slug: str, connector: Connector) -> None:
        stream = cast(AsyncGenerator[SampleBatch, None], connector.batches())
        async with contextlib.aclosing(stream):
            async for batch in stream:
                self._close_leftovers(slug, batch)
                await self._keep(slug, batch)
                await connector.acknowledge(batch)
                if batch.messages:
                    self.troubles.recovered(slug)

    def _close_leftovers(self, slug: str, batch: SampleBatch) -> None:
        """Gaps an earlier process or configuration left open end when their scope is heard again."""
        followed = self._followed.get(slug)
        if followed is None or not (followed.leftover and batch.messages):
            return
        now = datetime.now(UTC)
        recovered = next((gap.recovered for gap in batch.gaps if gap.end_time and not gap.scope), "")
        for gap in list(followed.leftover):
            if not gap.scope or any(in_scope(address, gap.scope) for address in batch.samples.addresses):
                followed.leftover.remove(gap)
                end = max(now, gap.start_time)
                batch.gaps.append(replace(gap, end_time=end, recovered="" if gap.scope else recovered))

    async def _keep(self, slug: str, batch: SampleBatch) -> None:
        """On disk when it returns. A full spool waits here: nothing is acknowledged, nothing dropped."""
        followed = self._followed.get(slug)
        if followed:
            followed.heard = batch.followed
            followed.listening = followed.listening or (datetime.now(UTC) if batch.followed else None)
        if not (len(batch.samples) or batch.gaps or batch.malformed or batch.notices):
            if batch.remember:
                await self._with_room(lambda: self.spool.remember(slug, batch.remember))
            return
        now = time.time_ns() // 1000
        arrived = min(batch.samples.arrival_time, default=now)
        samples = (
            encode(batch.samples, compress=len(batch.samples) >= COMPRESS_FROM) if len(batch.samples) else b""
        )
        count = len(batch.samples) + len(batch.malformed)
        text = orjson.dumps(extras_to_json(count, batch.gaps, batch.notices, batch.malformed)).decode()
        if followed:
            followed.busy_since = instant(arrived)
        await self._with_room(
            lambda: self.spool.append(
                slug,
                arrived=arrived,
                samples=samples,
                extras=text,
                gaps=batch.gaps,
                count=count,
                remember=batch.remember,
            )
        )
        if followed:
            followed.busy_since = None
        self._sending.spooled(slug, len(samples))

    async def _with_room(self, write: Callable[[], Awaitable[object]]) -> None:
        """Waits while the disk is full."""
        while True:
            try:
                await write()
                break
            except SpoolFull as error:
                self.troubles.failed("spool", error)
                await asyncio.sleep(NO_ROOM_WAIT)
        self.troubles.recovered("spool")

    # -- watermarks ----------------------------------------------------------------------------------------

    async def _tick_loop(self) -> None:
        while True:
            await asyncio.sleep(self.tick_seconds)
            now = datetime.now(UTC)
            # Before its first word (connected, or a gap) nothing is known of a connection
            slugs = [slug for slug, followed in self._followed.items() if followed.heard]
            # Values that wait for room on disk are not safe, nor is the word of an outage before this process
            try:
                await self.spool.alive(now, [s for s in slugs if self._followed[s].busy_since is None])
            except SpoolFull as error:
                self.troubles.failed("spool", error)
                slugs = []  # what is not on disk is not promised either
            oldest = await asyncio.to_thread(self.spool.oldest)
            news: dict[str, str] = {}
            for slug in slugs:
                at = self._complete_until(slug, now, oldest)
                if at != self._ticked.get(slug):  # earlier, once a clock that was ahead is put right
                    self._ticked[slug] = at
                    news[slug] = at.isoformat()
            self._alarm()
            await self._report(now)
            if news:
                with contextlib.suppress(Exception):  # the next tick says more than this one did
                    await self.carrier.send_tick(news)

    def _complete_until(self, slug: str, now: datetime, oldest: Mapping[str, datetime]) -> datetime:
        """A dead connection moves on too: its open gap is on record, so its silence is known to be
        unknown.
        """
        busy = self._followed[slug].busy_since
        waiting = [instant for instant in (oldest.get(slug), busy) if instant is not None]
        return min([now - SETTLED, *(instant - timedelta(microseconds=1) for instant in waiting)])

    async def _report(self, now: datetime) -> None:
        """What this side counted, for the page that adds both sides up. A lost report costs only its age."""
        if time.monotonic() - self._reported < REPORT_SECONDS:
            return
        self._reported = time.monotonic()
        with contextlib.suppress(Exception):
            report = await asyncio.to_thread(self.spool.report, now, list(self._followed))
            report["listening"] = {
                slug: [one.listening.isoformat(), one.since]
                for slug, one in self._followed.items()
                if one.listening
            }
            await self.carrier.send_report(self.spool.id, report)

    def _alarm(self) -> None:
        for share in (0.95, 0.85, 0.70):
            name = f"spool {share:.0%}"
            if self.spool.usage >= share:
                self.troubles.failed(name, f"{self.spool.usage:.0%} of {self.spool.limit} bytes in use")
            else:
                self.troubles.recovered(name)


async def _set(event: asyncio.Event) -> None:
    await event.wait()
