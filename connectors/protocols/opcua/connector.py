"""OPC UA client: one subscription per connection, re-made from nothing after every loss, which is put
on record.
"""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import ClassVar

from connectors.domain.columns import Columns
from connectors.domain.outage import Outage, gap_declared
from connectors.domain.phrase import Told, late, phrase
from connectors.interface import ConnectorConfig, GapRecord, Identity, Probe, SampleBatch, Unavailable
from connectors.protocols.opcua import settings, trust, verifying
from connectors.protocols.opcua.history import historizing, history, running_since
from connectors.protocols.opcua.session import Access, Pending, UaSession
from connectors.protocols.opcua.settings import OpcUaConfig

ABSENT_RETRY = 60.0
VERIFY_EVERY = 30.0
PROBE_SECONDS = 5.0
HISTORY_SECONDS = 120.0


class CannotReread(Told, ValueError):
    """Reading it again gives what it gave the first time."""


class OpcUaConnector:
    slug: ClassVar[str] = "opcua"
    config_class: ClassVar[type[ConnectorConfig]] = OpcUaConfig

    def __init__(self, config: OpcUaConfig) -> None:
        settings.check(config)
        self._config = config
        self._outage = Outage(config.endpoint)
        self._started = False

    async def probe(self) -> Probe:
        session = self._open_session()
        samples = Columns()
        try:
            await session.open()
            await session.subscribe(list(self._config.addresses))
            await verifying.verified(session)
            deadline = time.monotonic() + PROBE_SECONDS
            seen: dict[str, int] = {}
            while len(seen) < len(session.items) and time.monotonic() < deadline:
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
            resumed = self._config.resume_from and self._outage.lost(self._config.resume_from, "process_down")
            if resumed:
                yield SampleBatch(gaps=[resumed])
        session = self._open_session()
        try:
            await session.open()
            await session.subscribe(list(self._config.addresses))
            await verifying.verified(session)
            async for batch in self._restore(session):
                yield batch
            retry = time.monotonic() + ABSENT_RETRY
            while True:
                found = await session.next()
                if found is not None:
                    yield found
                if time.monotonic() > session.verified_at + VERIFY_EVERY:
                    unwatched = await verifying.verified(session)
                    if unwatched:
                        yield SampleBatch(gaps=unwatched)
                if session.absent and time.monotonic() > retry:
                    retry = time.monotonic() + ABSENT_RETRY
                    await self._try_absent(session)
        except Exception as error:
            lost = self._outage.lost(datetime.now(UTC), "connection_down", str(error))
            if lost:
                yield SampleBatch(gaps=[lost])
            raise
        finally:
            await session.close()

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

    async def _restore(self, session: UaSession) -> AsyncIterator[SampleBatch]:
        """After an outage: the server's history where it has one, a gap for what it has not."""
        now = datetime.now(UTC)
        opened = self._outage.open
        if opened is None:
            yield SampleBatch(messages=1)
            return
        missing = set(session.items.values())
        if self._config.history:
            deadline = time.monotonic() + HISTORY_SECONDS
            for address in sorted(await historizing(session)):
                if time.monotonic() > deadline:
                    break
                try:
                    async for page in history(session, address, opened.start_time, now):
                        if len(page):
                            yield SampleBatch(samples=page, messages=1)
                    missing.discard(address)
                except Unavailable:
                    continue
            since = await running_since(session)
            if since is None or since > opened.start_time:
                missing = set(session.items.values())
        yield SampleBatch(gaps=self._closing(session, opened, now, missing), messages=1)

    def _closing(
        self, session: UaSession, opened: GapRecord, now: datetime, missing: set[str]
    ) -> list[GapRecord]:
        """The whole outage when nothing came back; else one gap for each address whose history did not."""
        recovered = len(missing) < len(session.items)
        closed = self._outage.restored(now, "history" if recovered else "")
        # What the server granted says how much of a stall it could bridge: on record with the outage
        gaps = [replace(closed, detail=f"{closed.detail}; {session.queues()}"[:500])] if closed else []
        if recovered:
            source, cause = self._config.endpoint, opened.cause
            gaps += [
                gap_declared(source=source, cause=cause, start=opened.start_time, end=now, scope=address)
                for address in sorted(missing)
            ]
        return gaps

    async def _try_absent(self, session: UaSession) -> None:
        """Optional nodes may appear later; asking again costs one request."""
        wanted, session.absent = session.absent, []
        await session.monitor(wanted)

    def _open_session(self) -> UaSession:
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
    """The publish callback may return: asyncua then acknowledges the sequence number."""
    if isinstance(batch.token, Pending) and not batch.token.safe.done():
        batch.token.safe.set_result(None)
