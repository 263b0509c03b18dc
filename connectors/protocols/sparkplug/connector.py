"""Sparkplug B 3.0 host application: clean start, STATE birth and death, sessions followed by
``sparkplug_session``.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

import orjson

from connectors.domain.columns import Columns, instant, micros
from connectors.domain.outage import GapRecord, Outage
from connectors.domain.phrase import Phrase, late, phrase
from connectors.domain.sparkplug_messages import Outcome, Unreadable, topic_parts
from connectors.domain.sparkplug_node import Rules
from connectors.domain.sparkplug_session import Host
from connectors.domain.sparkplug_values import NotAlone, read_alone
from connectors.interface import (
    ConfigurationError,
    ConnectorConfig,
    Malformed,
    Probe,
    SampleBatch,
    option,
)
from connectors.protocols.sparkplug import codec
from connectors.transports.mqtt_client import Broker, MqttSession, Received, Will, refuse_password

log = logging.getLogger(__name__)
BATCH = 500
MOST_ALARMS = 1000
PROBE_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class SparkplugConfig(ConnectorConfig):
    broker: str = option(label=late("Broker"), help=late("mqtt://host:port, or mqtts:// with TLS"))
    host_id: str = option(
        label=late("Host id"), help=late("Unique name of this host application; edges wait for its STATE")
    )
    group: str = option("+", label=late("Group"), help=late("Sparkplug group to follow; + = all"))
    primary: bool = option(
        True, label=late("Primary host"), help=late("Publish STATE, so that edges store while we are away")
    )
    reorder_seconds: float = option(
        2.0, label=late("Reorder time"), help=late("Seconds to wait for a missing sequence number")
    )
    cooldown_seconds: float = option(
        30.0, label=late("Rebirth cool-down"), help=late("Seconds between two rebirth requests")
    )
    rebirth_on_unknown: bool = option(
        True, label=late("Rebirth on unknown"), help=late("Ask for births on unknown metrics")
    )
    username: str = option("", label=late("User name"), help=late("Leave empty for none"))
    password_env: str = option(
        "", label=late("Password variable"), help=late("Environment variable that holds the password")
    )
    ca_file: str = option(
        "", label=late("CA file"), help=late("Certificates to trust with mqtts; empty = the system's")
    )


class SparkplugConnector:
    slug: ClassVar[str] = "sparkplug"
    config_class: ClassVar[type[ConnectorConfig]] = SparkplugConfig

    def __init__(self, config: SparkplugConfig) -> None:
        for name, value in (("host_id", config.host_id), ("group", config.group)):
            if (
                not value
                or (value != "+" and set(value) & set("+/#"))
                or (name == "host_id" and value == "+")
            ):
                text = late("%(name)s: read %(read)r, expected a name without +, / and #")
                raise ConfigurationError(text, name=name, read=value)
        refuse_password(config.broker)
        self._config = config
        self._state_topic = f"spBv1.0/STATE/{config.host_id}"
        source = f"{config.broker} {config.host_id}"
        self._host = Host(
            Rules(
                reorder_timeout=int(config.reorder_seconds * 1e6),
                cooldown=int(config.cooldown_seconds * 1e6),
                rebirth_on_unknown=config.rebirth_on_unknown,
            ),
            source=source,
        )
        self._outage = Outage(source)
        self._started = False
        self._birth_ms = 0
        self._alarmed: set[str] = set()

    # -- the port --------------------------------------------------------------------------------------------

    async def probe(self) -> Probe:
        """Listens without a STATE of its own and asks every node it hears for a birth."""
        probe = SparkplugConnector(self._config)
        session = MqttSession(self._broker(), client_id=f"probe-{uuid.uuid4().hex[:12]}", clean=True)
        outcome = Outcome()
        await session.open()
        try:
            await session.subscribe([(f"spBv1.0/{self._config.group}/#", 0)])
            deadline = time.monotonic() + PROBE_SECONDS
            while (left := deadline - time.monotonic()) > 0 and not len(outcome.samples):
                for message in await session.receive(limit=BATCH, timeout=left):
                    probe._feed(message, outcome)
                probe._command(session, outcome)
        finally:
            await session.close()
        latest = {sample.address: sample for sample in outcome.samples}
        warnings = [Phrase(said) for said in (*outcome.alarms, *(m.reason for m in outcome.unreadable))]
        if not latest:
            warnings.append(phrase(late("no birth within %(seconds)d s"), seconds=PROBE_SECONDS))
        return Probe(
            server=self._config.broker, samples=tuple(latest.values()), warnings=tuple(warnings[:20])
        )

    async def batches(self) -> AsyncIterator[SampleBatch]:
        if not self._started:
            self._started = True
            resumed = self._config.resume_from and self._outage.lost(self._config.resume_from, "process_down")
            if resumed:
                yield SampleBatch(gaps=[resumed])
        # tck-id-host-topic-phid-birth-payload-timestamp: birth and will of one CONNECT carry the same time
        self._birth_ms = time.time_ns() // 1_000_000
        session = MqttSession(
            self._broker(),
            client_id=f"{self._config.host_id}-{uuid.uuid4().hex[:8]}",
            clean=True,
            will=self._will(),
        )
        try:
            yield await self._start(session)
            while True:
                batch = await self._next(session)
                if batch:
                    yield batch
        except Exception as error:
            yield self._lost(str(error))
            raise
        finally:
            self._stop(session)
            await session.close()

    @staticmethod
    def reread(config: SparkplugConfig, source: str, raw: bytes, arrival: int) -> Columns:
        """A quarantined message, if it says by itself which metrics it speaks of. Raises NotAlone."""
        parts = topic_parts(source)
        if parts is None:
            raise NotAlone(late("not a Sparkplug topic"))
        kind, group, node, device = parts
        try:
            message = codec.read(
                raw,
                kind=kind,
                group=group,
                node=node,
                device=device,
                arrival=arrival,
                datatype=lambda name, alias: 0,
            )
        except codec.UnreadablePayload as error:
            raise NotAlone("%(problem)s", problem=str(error)) from error
        outcome = read_alone(message)
        if outcome.unreadable:
            raise NotAlone("%(problem)s", problem=outcome.unreadable[0].reason)
        return outcome.samples

    async def acknowledge(self, batch: SampleBatch) -> None:
        """Sparkplug data is QoS 0: nothing waits for an answer. Its loss detector is ``seq``."""

    # -- one session -----------------------------------------------------------------------------------------

    def _broker(self) -> Broker:
        config = self._config
        return Broker.parse(
            config.broker, username=config.username, password_env=config.password_env, ca_file=config.ca_file
        )

    def _will(self) -> Will | None:
        if not self._config.primary:
            return None
        return Will(topic=self._state_topic, payload=_state(False, self._birth_ms))

    async def _start(self, session: MqttSession) -> SampleBatch:
        """Subscribe first, then say we are online: an edge that waits for us publishes at once."""
        await session.open()
        await session.subscribe([(self._state_topic, 1), (f"spBv1.0/{self._config.group}/#", 0)])
        self._announce(session)
        now = datetime.now(UTC)
        outcome = Outcome()
        self._host.transport_restored(micros(now), outcome)
        self._command(session, outcome)
        closed = self._outage.restored(now)
        return _batch(outcome, messages=1, gaps=[closed] if closed else [])

    async def _next(self, session: MqttSession) -> SampleBatch:
        now = _now()
        deadline = self._host.next_deadline()
        timeout = 1.0 if deadline is None else min(1.0, max(0.01, (deadline - now) / 1e6))
        messages = await session.receive(limit=BATCH, timeout=timeout)
        outcome = Outcome()
        acknowledged = []
        for message in messages:
            if message.topic == self._state_topic:
                self._own_state(session, message)
            else:
                self._feed(message, outcome)
            if message.qos:
                acknowledged.append((message.mid, message.qos))
        self._host.tick(_now(), outcome)
        self._command(session, outcome)
        self._alarm(outcome)
        session.acknowledge(acknowledged)
        return _batch(outcome, messages=len(messages))

    def _alarm(self, outcome: Outcome) -> None:
        """Each alarm once: an edge that is wrong in one birth is wrong in all."""
        for said in outcome.alarms:
            if said not in self._alarmed and len(self._alarmed) < MOST_ALARMS:
                self._alarmed.add(said)
                log.warning("%s: %s", self._config.host_id, said)

    def _lost(self, why: str) -> SampleBatch:
        now = datetime.now(UTC)
        outcome = Outcome()
        self._host.transport_lost(micros(now), outcome)
        lost = self._outage.lost(now, "connection_down", why)
        return _batch(outcome, gaps=[lost] if lost else [])

    def _feed(self, message: Received, outcome: Outcome) -> None:
        parts = topic_parts(message.topic)
        if parts is None:
            if (
                "/NCMD/" not in message.topic
                and "/DCMD/" not in message.topic
                and "/STATE/" not in message.topic
            ):
                reason = "not a Sparkplug topic"
                outcome.unreadable.append(Unreadable(message.topic, reason, message.payload, message.arrival))
            return
        kind, group, node, device = parts
        host = self._host
        try:
            read = codec.read(
                message.payload,
                kind=kind,
                group=group,
                node=node,
                device=device,
                arrival=message.arrival,
                datatype=lambda name, alias: host.datatype(group, node, device, name, alias),
            )
        except codec.UnreadablePayload as error:
            outcome.unreadable.append(Unreadable(message.topic, str(error), message.payload, message.arrival))
            host.malformed(group, node, str(error), message.arrival, outcome)
            return
        host.feed(read, outcome)

    def _command(self, session: MqttSession, outcome: Outcome) -> None:
        for rebirth in outcome.rebirths:
            session.publish(
                f"spBv1.0/{rebirth.group}/NCMD/{rebirth.node}",
                codec.rebirth_command(time.time_ns() // 1_000_000),
            )
        outcome.rebirths.clear()

    def _announce(self, session: MqttSession) -> None:
        if self._config.primary:
            session.publish(self._state_topic, _state(True, self._birth_ms), qos=1, retain=True)

    def _own_state(self, session: MqttSession, message: Received) -> None:
        """Somebody's late will says we are offline: say again that we are not (tck-id-host-topic-phid-*)."""
        if not self._config.primary:
            return
        try:
            said = orjson.loads(message.payload)
            offline = said["online"] is False
        except (orjson.JSONDecodeError, KeyError, TypeError):
            offline = True
        if offline:
            self._announce(session)

    def _stop(self, session: MqttSession) -> None:
        """A clean stop says so itself, with the present time, before DISCONNECT."""
        if self._config.primary and session.connected:
            session.publish(self._state_topic, _state(False, time.time_ns() // 1_000_000), qos=1, retain=True)


def _state(online: bool, timestamp_ms: int) -> bytes:
    return orjson.dumps({"online": online, "timestamp": timestamp_ms})


def _now() -> int:
    return time.time_ns() // 1000


def _batch(outcome: Outcome, *, messages: int = 0, gaps: list[GapRecord] | None = None) -> SampleBatch:
    samples: Columns = outcome.samples
    malformed = [
        Malformed(source=topic, reason=reason, raw=raw, arrival_time=instant(arrival))
        for topic, reason, raw, arrival in outcome.unreadable
    ]
    return SampleBatch(
        samples=samples, gaps=[*(gaps or []), *outcome.gaps], malformed=malformed, messages=messages
    )
