"""OPC UA client: one subscription per connection, re-made from nothing after every loss, which is put
on record.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from connectors.domain.columns import Columns
from connectors.domain.outage import Outage, gap_declared
from connectors.interface import (
    ConfigurationError,
    ConnectorConfig,
    GapRecord,
    Probe,
    SampleBatch,
    Unavailable,
    option,
)
from connectors.protocols.opcua.history import historizing, history, running_since
from connectors.protocols.opcua.session import Access, Pending, UaSession
from connectors.protocols.opcua.values import BadAddress, node_id

ABSENT_RETRY = 60.0
PROBE_SECONDS = 5.0
HISTORY_SECONDS = 120.0


@dataclass(frozen=True, kw_only=True)
class OpcUaConfig(ConnectorConfig):
    endpoint: str = option(label="Endpoint", help="opc.tcp://host:port/path")
    security: str = option(
        "sign_and_encrypt", label="Security", help="sign_and_encrypt, or none (must be said explicitly)"
    )
    certificate: str = option("", label="Certificate", help="File of our certificate (DER or PEM)")
    private_key: str = option("", label="Private key", help="File of our private key")
    server_certificate: str = option(
        "", label="Server certificate", help="File of the one certificate to trust"
    )
    username: str = option("", label="User name", help="Leave empty for anonymous")
    password_env: str = option(
        "", label="Password variable", help="Environment variable that holds the password"
    )
    publishing_ms: float = option(
        250.0, label="Publishing interval", help="Milliseconds between notifications"
    )
    sampling_ms: float = option(
        100.0, label="Sampling interval", help="Milliseconds between two looks at a value"
    )
    tolerated_outage_seconds: float = option(
        60.0, label="Tolerated outage", help="The server is asked to queue this many seconds of every value"
    )
    freshness_seconds: float = option(
        30.0, label="Freshness", help="Reconnect when not even the server's clock moved for so long"
    )
    history: bool = option(
        True, label="Read history", help="Fill outages from the server's history where it has one"
    )


class OpcUaConnector:
    slug: ClassVar[str] = "opcua"
    config_class: ClassVar[type[ConnectorConfig]] = OpcUaConfig

    def __init__(self, config: OpcUaConfig) -> None:
        _check(config)
        self._config = config
        self._outage = Outage(config.endpoint)
        self._started = False

    async def probe(self) -> Probe:
        session = self._open_session()
        samples = Columns()
        try:
            await session.open()
            await session.subscribe(list(self._config.addresses))
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
        absent = tuple(f"{address}: not at this server" for address in session.absent)
        return Probe(
            server=self._config.endpoint,
            samples=tuple(latest.values()),
            warnings=(*dict.fromkeys((*session.warnings, *absent)),)[:50],
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
            async for batch in self._restore(session):
                yield batch
            retry = time.monotonic() + ABSENT_RETRY
            while True:
                found = await session.next()
                if found is not None:
                    yield found
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
        gaps = [closed] if closed else []
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
                password_env=config.password_env,
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


def _check(config: OpcUaConfig) -> None:
    if not config.endpoint.startswith("opc.tcp://"):
        raise ConfigurationError(f"endpoint: read {config.endpoint!r}, expected opc.tcp://host:port")
    if config.security not in {"none", "sign_and_encrypt"}:
        raise ConfigurationError(f"security: read {config.security!r}, expected sign_and_encrypt or none")
    if config.security != "none" and not (
        config.certificate and config.private_key and config.server_certificate
    ):
        raise ConfigurationError(
            "security: sign_and_encrypt needs certificate, private_key and server_certificate;"
            " write security: none to go without"
        )
    for name in ("publishing_ms", "sampling_ms", "tolerated_outage_seconds", "freshness_seconds"):
        if not 0 < getattr(config, name) < 1e9:
            raise ConfigurationError(f"{name}: read {getattr(config, name)!r}, expected more than 0")
    if config.password_env and config.password_env not in os.environ:
        raise ConfigurationError(f"password_env: the variable {config.password_env} is not set")
    for address in config.addresses:
        try:
            node_id(address, [])
        except BadAddress as error:
            raise ConfigurationError(str(error)) from error
