"""OPC UA client: one subscription per connection, resumed after a cut, made anew where the server lost it;
what could not be had again is put on record.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import ClassVar

from connectors.domain.columns import Columns
from connectors.domain.job_control import Job
from connectors.domain.notices import LISTENING, Notice
from connectors.domain.outage import GapRecord, Outage, gap_declared
from connectors.domain.phrase import Told, late, phrase
from connectors.interface import (
    ConfigurationError,
    ConnectorConfig,
    Identity,
    Probe,
    SampleBatch,
    Unavailable,
)
from connectors.protocols.opcua import job_control, settings, trust, verifying, watching
from connectors.protocols.opcua.history import filled
from connectors.protocols.opcua.session import SILENCE_SECONDS, Access, Gone, Pending, UaSession
from connectors.protocols.opcua.settings import OpcUaConfig
from connectors.protocols.opcua.values import node_id

log = logging.getLogger(__name__)

ABSENT_RETRY = 60.0
VERIFY_EVERY = 30.0
PROBE_SECONDS = 5.0
# A cut mended within these seconds and without a loss is nobody's business but the log's
MENDED_SECONDS = 5.0
FIRST_DELAY, LONGEST_DELAY = 0.05, 1.0


class CannotReread(Told, ValueError):
    """Reading it again gives what it gave the first time."""


class OpcUaConnector:
    slug: ClassVar[str] = "opcua"
    name: ClassVar[str] = "OPC UA"
    config_class: ClassVar[type[ConnectorConfig]] = OpcUaConfig

    def __init__(self, config: OpcUaConfig) -> None:
        settings.check(config)
        self._config = config
        self._outage = Outage(config.endpoint)
        self._started = False
        # Kept over a loss: the server may still hold session and subscription
        self._session: UaSession | None = None
        # Until when (the server's clock) the open outage is to be filled from history
        self._fill_until: datetime | None = None
        self._filled: dict[str, datetime] = {}

    async def probe(self) -> Probe:
        session = self._new_session()
        samples = Columns()
        try:
            await session.open()
            await session.subscribe(list(self._config.addresses))
            await verifying.verified(session)
            session.start()
            deadline = time.monotonic() + PROBE_SECONDS
            seen: dict[str, int] = {}
            while len(seen) < len(session.items.public) and time.monotonic() < deadline:
                batch = await session.next()
                if batch is None:
                    continue
                for sample in batch.samples:
                    seen[sample.address] = len(samples)
                    samples.add_sample(sample, arrival_time=time.time_ns() // 1000)
                _release(batch)
        finally:
            await session.close()
        latest = {sample.address: sample for sample in samples}
        absent = [
            phrase(late("%(address)s: not at this server"), address=address) for address in session.absent
        ]
        return Probe(
            server=self._config.endpoint,
            samples=tuple(latest.values()),
            warnings=tuple({str(said): said for said in (*session.warnings, *absent)}.values())[:50],
        )

    async def batches(self) -> AsyncIterator[SampleBatch]:
        if not self._started:
            self._started = True
            if gap := self._process_was_down():
                yield SampleBatch(gaps=[gap])
        kept = False
        try:
            async with aclosing(self._mending()) as stream:
                async for batch in stream:
                    yield batch
        except Exception as error:
            kept = True
            if gap := self._lost(str(error)):
                yield SampleBatch(gaps=[gap])
            raise
        finally:
            if not kept and self._session is not None:
                await self._session.close()
                self._session = None

    async def acknowledge(self, batch: SampleBatch) -> None:
        _release(batch)

    @staticmethod
    def identity(config: OpcUaConfig) -> Identity | None:
        """Raises ConfigurationError."""
        if config.security == settings.NONE or config.certificate:
            return None
        return trust.own(trust.pki())

    @staticmethod
    def exception(config: OpcUaConfig) -> str:
        return config.insecure_reason if config.exposed else ""

    @staticmethod
    def reread(config: OpcUaConfig, source: str, raw: bytes, arrival: int) -> Columns:
        raise CannotReread(
            late("an array, a structure or bytes: no signal can hold it, however often it is read")
        )

    @staticmethod
    async def job_command(config: OpcUaConfig, verb: str, job: Job, comment: str = "") -> int:
        """The ReturnStatus of a method of the machine's job order receiver (OPC 10031-4 §6.2.1).

        Raises Unavailable, ConfigurationError.
        """
        if not config.job_receiver:
            raise ConfigurationError(late("job_receiver: expected the address of a job order receiver"))
        session = OpcUaConnector(config)._new_session()
        try:
            await session.open()
            receiver = node_id(config.job_receiver, session.namespaces)
            if receiver is None:
                raise Unavailable(late("%(address)s: not at this server"), address=config.job_receiver)
            return await job_control.command(session.client, receiver, verb, job, comment)
        finally:
            await session.close()

    # -- over cuts -----------------------------------------------------------------------------------------

    async def _mending(self) -> AsyncGenerator[SampleBatch, None]:
        """Over short cuts; raises what ended the last session when it cannot be resumed at once."""
        cut, delay = 0.0, FIRST_DELAY
        while True:
            try:
                async with aclosing(self._connected()) as stream:
                    async for batch in stream:
                        cut, delay = 0.0, FIRST_DELAY
                        yield batch
            except Exception as error:
                cut = cut or time.monotonic()
                session = self._session
                if session is None:
                    raise
                session.lost(error)
                for batch in session.left():
                    yield batch
                mended_in_time = time.monotonic() - cut < MENDED_SECONDS
                if not (isinstance(error, Unavailable) and session.life.resumable and mended_in_time):
                    raise
                log.debug("%s: %s; resuming", self._config.endpoint, error)
            await asyncio.sleep(delay)
            delay = min(2 * delay, LONGEST_DELAY)

    async def _connected(self) -> AsyncGenerator[SampleBatch, None]:
        """On one channel, until it is lost."""
        session, fresh = self._session, False
        if session is not None and session.life.resumable:
            try:
                await session.resume()
            except Gone as error:
                session.lost(error)
                if gap := self._lost(str(error)):
                    yield SampleBatch(gaps=[gap])
        if session is None or not session.life.resumable:
            session = self._session = self._new_session()
            await session.open()
            await session.subscribe(list(self._config.addresses))
            if self._outage.open is not None:
                self._fill_until = session.life.covered
            fresh = True
        for gap in await verifying.verified(session):
            yield SampleBatch(gaps=[gap])
        if fresh:
            now = time.time_ns() // 1000
            yield SampleBatch(notices=[Notice(LISTENING, "", now, detail=session.items.said())])
        session.start()
        if self._fill_until is not None:
            session.alongside(partial(self._fill, session, self._fill_until))
        else:
            yield SampleBatch(messages=1)
        async for batch in self._running(session):
            yield batch

    async def _running(self, session: UaSession) -> AsyncIterator[SampleBatch]:
        retry = time.monotonic() + ABSENT_RETRY
        while True:
            found = await session.next()
            if found is not None:
                yield found
            gap = self._silent_or_mended(session)
            if gap:
                yield SampleBatch(gaps=[gap])
            in_doubt = gap is not None and gap.end_time is None
            if in_doubt or time.monotonic() > session.verified_at + VERIFY_EVERY:
                unwatched = await verifying.verified(session)
                if unwatched:
                    yield SampleBatch(gaps=unwatched)
            if session.conditions.refresh_due:
                await watching.refresh(session)
            if session.absent and time.monotonic() > retry:
                retry = time.monotonic() + ABSENT_RETRY
                await self._try_absent(session)

    def _silent_or_mended(self, session: UaSession) -> GapRecord | None:
        """Silence is on record before the session is given up, and taken back when all of it came."""
        silent = session.silent_for() > session.suspicious_after
        if self._outage.open is None:
            return self._lost(f"nothing heard for {session.silent_for():.0f} s") if silent else None
        if silent or not session.life.proven or self._fill_until is not None:
            return None
        return self._outage.restored(session.receiving.server_now(), "queue")

    def _lost(self, why: str) -> GapRecord | None:
        """From the last instant of which everything is known to have come."""
        session, at = self._session, datetime.now(UTC)
        if session is not None and session.life.covered is not None:
            at = session.life.covered - session.receiving.slack()
        return self._outage.lost(at, "connection_down", why)

    def _process_was_down(self) -> GapRecord | None:
        """Longer than it was: what had been published or was in doubt when it ended died with it."""
        if self._config.resume_from is None:
            return None
        unheard = timedelta(seconds=SILENCE_SECONDS + self._config.publishing_ms / 1000)
        return self._outage.lost(self._config.resume_from - unheard, "process_down")

    # -- filling an outage ---------------------------------------------------------------------------------

    async def _fill(self, session: UaSession, until: datetime) -> None:
        """The outage from the server's history where it has one; what it has not, stays missing.

        Cut short, it goes on on the next channel.
        """
        opened = self._outage.open
        assert opened is not None
        missing = session.watched
        try:
            if self._config.history:
                missing = await filled(session, start=opened.start_time, end=until, progress=self._filled)
        except Unavailable as error:
            log.info("%s: history: %s", self._config.endpoint, error)
            if not session.connected:
                return
        self._fill_until = None
        self._filled.clear()
        gaps = self._closing(session, opened, until, missing)
        # No message of its own: a gap an earlier process left open reaches further back than this one
        await session.hand_over(SampleBatch(gaps=gaps))

    def _closing(
        self, session: UaSession, opened: GapRecord, now: datetime, missing: set[str]
    ) -> list[GapRecord]:
        """The whole outage when nothing came back; else one gap for each address whose history did not."""
        recovered = len(missing) < len(session.watched)
        closed = self._outage.restored(now, "history" if recovered else "")
        # What the server granted says how much of a stall it could bridge: on record with the outage
        gaps = [replace(closed, detail=f"{closed.detail}; {session.items.said()}"[:500])] if closed else []
        if recovered:
            source, cause = self._config.endpoint, opened.cause
            gaps += [
                gap_declared(source=source, cause=cause, start=opened.start_time, end=now, scope=address)
                for address in sorted(missing)
            ]
        return gaps

    @staticmethod
    async def _try_absent(session: UaSession) -> None:
        """Optional nodes may appear later; asking again costs one request."""
        wanted, session.items.absent = session.absent, []
        await session.monitor(wanted)
        await watching.conditions(session, wanted)

    def _new_session(self) -> UaSession:
        config = self._config
        queue = math.ceil(config.tolerated_outage_seconds * 1000 / max(config.sampling_ms, 1.0))
        return UaSession(
            access=Access(
                endpoint=config.endpoint,
                security=config.security,
                certificate=config.certificate,
                private_key=config.private_key,
                server_certificate=config.server_certificate,
                username=config.username,
                password=settings.password(config),
            ),
            source=config.endpoint,
            publishing_ms=config.publishing_ms,
            sampling_ms=config.sampling_ms,
            queue_size=max(1, min(queue, 100_000)),
            freshness_seconds=config.freshness_seconds,
        )


def _release(batch: SampleBatch) -> None:
    """What came with it is on disk: its number may be acknowledged."""
    if isinstance(batch.token, Pending):
        batch.token.confirm()
