"""MQTT with JSON payloads: a persistent session under a fixed client id; PUBACK only after the batch is
on disk.
"""

from __future__ import annotations

import socket
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, ClassVar

import orjson

from connectors.domain import notices
from connectors.domain.columns import Columns, instant, key_of
from connectors.domain.mapping import Mapper, MappingProblem, Rule
from connectors.domain.notices import Notice
from connectors.domain.outage import GapRecord, Outage, gap_declared
from connectors.domain.phrase import Phrase, late, phrase
from connectors.domain.redelivery import Unconfirmed
from connectors.interface import (
    ConfigurationError,
    ConnectorConfig,
    Malformed,
    Probe,
    SampleBatch,
    Unavailable,
    option,
)
from connectors.transports.mqtt_broker import Broker, refuse_password
from connectors.transports.mqtt_client import MqttSession
from connectors.transports.mqtt_waiting import Received

BATCH = 500
PROBE_SECONDS = 5.0
UNSEEN = "the broker kept its session; what its queue had no room for, or was sent with QoS 0, is not seen"
VERSIONS = {"3.1.1": 4, "5": 5}
TOPICS = "topics"
MOST_TOPICS = 100_000


@dataclass(frozen=True, kw_only=True)
class MqttConfig(ConnectorConfig):
    broker: str = option(label=late("Broker"), help=late("mqtt://host:port, or mqtts:// with TLS"))
    client_id: str = option(
        label=late("Client id"), help=late("Fixed and unique: the broker keeps its queue under it")
    )
    mappings: tuple[dict, ...] = option(  # type: ignore[type-arg]
        label=late("Mappings"),
        help=late('Rules such as {"topic":"plant/{equipment}/{signal}","value":"v","time":"ts"}'),
    )
    qos: int = option(
        1, label=late("QoS"), help=late("1 = at least once (recommended), 0 = may be lost unnoticed")
    )
    share: str = option(
        "",
        label=late("Share"),
        help=late("Several runners take turns under this name; only for messages with a time or number"),
    )
    version: str = option("3.1.1", label=late("MQTT version"), help=late("3.1.1 or 5"))
    username: str = option("", label=late("User name"), help=late("Leave empty for none"))
    password_env: str = option(
        "", label=late("Password variable"), help=late("Environment variable that holds the password")
    )
    ca_file: str = option(
        "", label=late("CA file"), help=late("Certificates to trust with mqtts; empty = the system's")
    )


class MqttConnector:
    slug: ClassVar[str] = "mqtt"
    name: ClassVar[str] = "MQTT (JSON)"
    config_class: ClassVar[type[ConnectorConfig]] = MqttConfig

    def __init__(self, config: MqttConfig) -> None:
        if config.qos not in (0, 1):
            raise ConfigurationError(late("qos: read %(read)s, expected 0 or 1"), read=config.qos)
        if config.version not in VERSIONS:
            raise ConfigurationError(late("version: read %(read)r, expected 3.1.1 or 5"), read=config.version)
        if not config.client_id:
            raise ConfigurationError(late("client_id: expected a fixed, unique name"))
        refuse_password(config.broker)
        self._config = config
        self._mapper = mapper_of(config)
        _check_share(config)
        self._source = f"{config.broker} {config.client_id}"
        self._outage = Outage(self._source)
        self._session: MqttSession | None = None
        self._tells = all(Rule.from_mapping(raw).ordered_by_itself for raw in config.mappings)
        remembered = dict(config.remembered)
        self._subscribed = _topics_from(remembered.pop(TOPICS, b""), self._source)
        self._unconfirmed = Unconfirmed(self._source, remembered)
        self._latest: dict[str, int] = {}
        self._started = False
        # What was said of why nothing is heard; "": perhaps something, by a process before
        self._why: str | None = ""

    async def probe(self) -> Probe:
        """A session of its own, so that the connection's queue at the broker is not touched."""
        session = self._open_session(f"{self._config.client_id}-probe-{uuid.uuid4().hex[:8]}", clean=True)
        warnings: list[Phrase] = []
        columns = Columns()
        await session.open()
        try:
            await session.subscribe([(topic, 0) for topic in self._mapper.subscriptions])
            deadline = datetime.now(UTC).timestamp() + PROBE_SECONDS
            while (left := deadline - datetime.now(UTC).timestamp()) > 0 and len(columns) < BATCH:
                for message in await session.receive(limit=BATCH, timeout=left):
                    problem = self._read(message, self._said(message), columns, set())
                    if problem:
                        warnings.append(Phrase(f"{message.topic}: {problem.reason}"))
        finally:
            await session.close()
        if not len(columns):
            warnings.append(phrase(late("no readable message within %(seconds)d s"), seconds=PROBE_SECONDS))
        latest = {sample.address: sample for sample in columns}
        return Probe(
            server=self._config.broker, samples=tuple(latest.values()), warnings=tuple(warnings[:20])
        )

    async def batches(self) -> AsyncIterator[SampleBatch]:
        if not self._started:
            self._started = True
            resumed = self._config.resume_from and self._outage.lost(self._config.resume_from, "process_down")
            if resumed:
                yield SampleBatch(gaps=[resumed])
        session = self._open_session(self._client_id, clean=False)
        try:
            kept = await session.open()
            granted = await session.subscribe([(topic, self._config.qos) for topic in self._topics])
            if min(granted) < self._config.qos:
                raise Unavailable(late("the broker grants QoS 0 where 1 is asked for: messages may be lost"))
            if kept and (left := sorted(self._subscribed - set(self._topics))):
                session.unsubscribe(left)
            self._subscribed = set(self._topics)
            self._session = session
            self._unconfirmed.connected(kept=kept)
            topics = orjson.dumps([self._source, *self._topics])
            said = SampleBatch(gaps=self._restored(kept), notices=self._heard(), messages=1)
            said.remember[TOPICS] = topics
            yield said
            while True:
                messages = await session.receive(limit=BATCH, timeout=1.0)
                self._unconfirmed.answered(session.proven)
                batch = self._batch(messages)
                batch.gaps += self._dropped(session)
                if batch:
                    yield batch
        except Exception as error:
            lost = self._outage.lost(session.lost_since(datetime.now(UTC)), "connection_down", str(error))
            gaps = [*self._dropped(session), *([lost] if lost else [])]
            deaf = self._deaf(str(error))
            if gaps or deaf:
                yield SampleBatch(gaps=gaps, notices=deaf)
            raise
        finally:
            self._session = None
            await session.close()

    def _heard(self) -> list[Notice]:
        said, self._why = self._why, None
        at = time.time_ns() // 1000
        return [] if said is None else [Notice(notices.LISTENING, "", at)]

    def _deaf(self, why: str) -> list[Notice]:
        """Why nothing is heard, each time it is something else: a gap tells only how it began."""
        if why == self._why:
            return []
        self._why = why
        return [Notice(notices.DEAF, "", time.time_ns() // 1000, detail=why[:300])]

    def _restored(self, kept: bool) -> list[GapRecord]:
        queued = kept and self._config.qos > 0
        closed = self._outage.restored(datetime.now(UTC), "broker_queue" if queued else "")
        if closed is None:
            return []
        detail = f"{closed.detail}; {UNSEEN}"[-500:] if queued else closed.detail
        return [replace(closed, detail=detail.removeprefix("; "))]

    def _dropped(self, session: MqttSession) -> list[GapRecord]:
        """What came with QoS 0 while a full disk held us, and more than the memory set aside for it."""
        dropped = session.take_dropped()
        if dropped is None:
            return []
        gap = gap_declared(
            source=self._source,
            cause="no_room",
            start=dropped.start,
            end=dropped.end,
            detail=f"{dropped.count} messages of QoS 0 came when no more could be held",
        )
        return [gap]

    async def acknowledge(self, batch: SampleBatch) -> None:
        """PUBACK in order of arrival. If the connection is gone the broker sends again, flagged DUP."""
        messages: list[tuple[int, int]] = batch.token or []
        session, turn, told = self._session, 0, False
        if session is not None:
            told = session.connected
            session.acknowledge([(mid, 1) for mid, _ in messages])
            turn = session.asked
        self._unconfirmed.stored(messages, turn, told=told)

    def _said(self, message: Received) -> int:
        """What tells a message from another of its id; where it has to outlive this process, its digest."""
        return hash((message.topic, message.payload)) if self._tells else _digest(message)

    @property
    def _client_id(self) -> str:
        """Those that share are told apart by their hosts; the broker keeps a queue for each."""
        config = self._config
        return f"{config.client_id}-{socket.gethostname()}" if config.share else config.client_id

    @property
    def _topics(self) -> list[str]:
        share = f"$share/{self._config.share}/" if self._config.share else ""
        return [share + topic for topic in self._mapper.subscriptions]

    def _open_session(self, client_id: str, *, clean: bool) -> MqttSession:
        config = self._config
        broker = Broker.parse(
            config.broker, username=config.username, password_env=config.password_env, ca_file=config.ca_file
        )
        return MqttSession(broker, client_id=client_id, clean=clean, version=VERSIONS[config.version])

    def _batch(self, messages: list[Received]) -> SampleBatch:
        batch = SampleBatch(messages=len(messages))
        fresh: set[int] = set()
        token: list[tuple[int, int]] = []
        for message in messages:
            said = self._said(message)
            if message.qos:
                token.append((message.mid, said))
            problem = self._read(message, said, batch.samples, fresh)
            if problem:
                batch.malformed.append(problem)
        batch.token = token
        if not self._tells:
            self._unconfirmed.note(token)
        batch.remember = self._unconfirmed.news()
        return batch

    def _read(self, message: Received, said: int, into: Columns, fresh: set[int]) -> Malformed | None:
        if message.dup and self._unconfirmed.again(message.mid, said):
            return None
        if message.qos:
            self._unconfirmed.sent_anew(message.mid, dup=message.dup)
        key = 0
        if not self._tells:
            if self._kept_by_broker(message, said):
                return None
            key = said
            while key in fresh:
                key += 1
            fresh.add(key)
        try:
            self._mapper.read(
                message.topic, message.payload, arrival=message.arrival, message_key=key, into=into
            )
        except MappingProblem as problem:
            return Malformed(
                source=message.topic,
                reason=str(problem),
                raw=message.payload,
                arrival_time=instant(message.arrival),
            )
        return None

    def _kept_by_broker(self, message: Received, digest: int) -> bool:
        """Whether it is what came last on its topic, retained: a broker tells it again at every SUBSCRIBE.
        With QoS 1 a newer one that says the same would have come by itself.
        """
        if len(self._latest) >= MOST_TOPICS:
            self._latest.clear()
        known = self._latest.get(message.topic)
        self._latest[message.topic] = digest
        return message.retain and message.qos > 0 and known == digest

    @staticmethod
    def reread(config: MqttConfig, source: str, raw: bytes, arrival: int) -> Columns:
        """A quarantined message under today's mappings. Raises ValueError."""
        columns = Columns()
        mapper_of(config).read(
            source, raw, arrival=arrival, message_key=key_of(source, raw.hex()), into=columns
        )
        return columns


def _topics_from(said: bytes, source: str) -> set[str]:
    """What an earlier process of the same source subscribed to: the broker's session may hold it still."""
    try:
        known, *topics = orjson.loads(said)
    except (ValueError, TypeError):
        return set()
    return {topic for topic in topics if isinstance(topic, str)} if known == source else set()


def _digest(message: Received) -> int:
    return key_of(message.topic, message.payload.hex())


def mapper_of(config: MqttConfig) -> Mapper:
    try:
        return Mapper(tuple(Rule.from_mapping(raw) for raw in config.mappings), loads=_loads)
    except MappingProblem as error:
        raise ConfigurationError(late("mappings: %(problem)s"), problem=error) from error


def _check_share(config: MqttConfig) -> None:
    """What is shared reaches us in no order: each message must say when, or as which, it was sent."""
    if set(config.share) & set("+/#"):
        text = late("share: read %(read)r, expected a name without +, / and #")
        raise ConfigurationError(text, read=config.share)
    rules = [Rule.from_mapping(raw) for raw in config.mappings] if config.share else []
    for rule in rules:
        if not rule.ordered_by_itself:
            text = late(
                "share: messages of %(topic)s have neither time nor number; taken by several runners, their"
                " order would be lost"
            )
            raise ConfigurationError(text, topic=rule.topic)


def _loads(payload: bytes) -> Any:
    return orjson.loads(payload)
