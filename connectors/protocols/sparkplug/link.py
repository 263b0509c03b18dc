"""One broker of a Sparkplug host: clean start, subscribe, then STATE with the time of this CONNECT.

Several hosts may run under one id, each of them as it starts being the one with the newest birth. Who hears
a newer birth than its own steps back: it leaves without a word (its death would send the edges away from the
other), then only watches STATE, and is the host again once the other's death is told.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import orjson

from connectors.interface import Unavailable
from connectors.protocols.sparkplug.codec import END_OF_TIME, rebirth_command
from connectors.protocols.sparkplug.settings import VERSIONS, SparkplugConfig
from connectors.transports.mqtt_client import MqttSession, Received, Will

BATCH: Final = 500
LONGEST_WAIT: Final = 30.0
# What a broker retains it tells at once
RETAINED_WITHIN: Final = 5.0
UP, HEARD, LOST, STANDBY = "up", "heard", "lost", "standby"


@dataclass(frozen=True)
class Word:
    """What a link has to say; ``done`` is set once it was taken in, and then the link goes on."""

    link: int
    kind: str
    messages: list[Received] = field(default_factory=list)
    why: str = ""
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Superseded(Unavailable):
    """A newer birth of this host's id: another is the host now."""


class Link:
    """From one CONNECT to the next. ``birth_ms``: of the present one, told to this broker alone."""

    def __init__(self, config: SparkplugConfig, number: int, url: str) -> None:
        self.number, self.url = number, url
        self._config = config
        self._session: MqttSession | None = None
        self._latest: MqttSession | None = None
        self.birth_ms = 0
        self.standing_by = False
        self.news: list[str] = []
        self._waits = 0

    @property
    def up(self) -> bool:
        return self._session is not None and self._session.connected

    def lost_since(self, noticed: datetime) -> datetime:
        """From when on something may have been sent that the connection just lost did not bring."""
        return self._latest.lost_since(noticed) if self._latest is not None else noticed

    def wait(self) -> float:
        """Seconds before the next attempt: longer with each that failed."""
        self._waits += 1
        return min(2.0 ** (self._waits - 1), LONGEST_WAIT)

    def open_session(self, *, passive: bool = False) -> MqttSession:
        config = self._config
        # tck-id-host-topic-phid-birth-payload-timestamp: birth and will of one CONNECT carry the same time
        self.birth_ms = max(time.time_ns() // 1_000_000, self.birth_ms + 1)
        will = Will(topic=config.state_topic, payload=state(False, self.birth_ms))
        self._latest = MqttSession(
            config.broker_of(self.url),
            client_id=f"{config.host_id}-{uuid.uuid4().hex[:8]}",
            clean=True,
            version=VERSIONS[config.version],
            will=will if config.primary and not passive else None,
        )
        return self._latest

    async def follow(self, words: asyncio.Queue[Word]) -> None:
        """One attempt, until it is lost. Everything it hears goes to ``words``, the loss last."""
        while True:
            try:
                if self.standing_by:
                    await self._stand_by()
                await self._host(words)
            except Superseded as error:
                await self._say(words, STANDBY, why=str(error))
            except Unavailable as error:
                await self._say(words, LOST, why=str(error))
                return
            except Exception as error:
                await self._say(words, LOST, why=f"{type(error).__name__}: {error}")
                return

    async def _say(self, words: asyncio.Queue[Word], kind: str, why: str = "") -> None:
        word = Word(self.number, kind, why=why)
        await words.put(word)
        await word.done.wait()

    async def _host(self, words: asyncio.Queue[Word]) -> None:
        config = self._config
        self._session = session = self.open_session()
        try:
            await session.open()
            await session.subscribe([(config.state_topic, 1), (f"spBv1.0/{config.group}/#", 0)])
            self._announce()
            self._waits = 0
            await self._say(words, UP)
            while True:
                messages = await session.receive(limit=BATCH, timeout=1.0)
                if messages:
                    await self._heard(session, messages, words)
        finally:
            await self._leave(session)

    async def _heard(
        self, session: MqttSession, messages: list[Received], words: asyncio.Queue[Word]
    ) -> None:
        for message in messages:
            if message.topic == self._config.state_topic:
                self._own_state(message)
        word = Word(self.number, HEARD, messages)
        await words.put(word)
        await word.done.wait()
        session.acknowledge([(message.mid, message.qos) for message in messages if message.qos])

    async def _leave(self, session: MqttSession) -> None:
        """A clean stop says so itself, with the present time, before DISCONNECT."""
        self._session = None
        if self._config.primary and session.connected and not self.standing_by:
            death = state(False, max(time.time_ns() // 1_000_000, self.birth_ms))
            session.publish(self._config.state_topic, death, qos=1, retain=True)
        await session.close()

    async def _stand_by(self) -> None:
        """Returns when the other host's death is told, or when the broker knows of no host: one that lost
        what it retained would never tell of a death.
        """
        session = self.open_session(passive=True)
        try:
            await session.open()
            await session.subscribe([(self._config.state_topic, 1)])
            online, asked = None, time.monotonic()
            while online or (online is None and time.monotonic() - asked < RETAINED_WITHIN):
                for message in await session.receive(limit=BATCH, timeout=RETAINED_WITHIN):
                    session.acknowledge([(message.mid, message.qos)] if message.qos else [])
                    online = _read(message.payload)[0] is True
            self.standing_by = False
        finally:
            await session.close()

    # -- commands and STATE ----------------------------------------------------------------------------------

    def ask_for_births(self, group: str, node: str) -> None:
        if self._session is not None:
            command = rebirth_command(time.time_ns() // 1_000_000)
            self._session.publish(f"spBv1.0/{group}/NCMD/{node}", command)

    def _announce(self) -> None:
        if self._config.primary and self._session is not None:
            birth = state(True, self.birth_ms)
            self._session.publish(self._config.state_topic, birth, qos=1, retain=True)

    def _own_state(self, message: Received) -> None:
        """A late will says we are offline: say again that we are not (tck-id-message-flow-hid-*). A living
        host of the same id: the newer stays. Raises Superseded.

        A clock that was put back: edges take no birth older than the death they know. Raises Unavailable.
        """
        if not self._config.primary:
            return
        online, at = _read(message.payload)
        if online is not True and message.retain and self.birth_ms < at < END_OF_TIME:
            self.news.append("its death was told with a later time than its birth: the clock was put back")
            self.birth_ms = at
            raise Unavailable("edges would ignore a birth older than the death told before")
        if online is not True:
            self._announce()
        elif at != self.birth_ms and not message.retain:
            self.news.append(f"another host says it is {self._config.host_id}")
            if at > self.birth_ms:
                self.standing_by = True
                raise Superseded(f"another host is {self._config.host_id} since its newer birth")
            self._announce()


def state(online: bool, timestamp_ms: int) -> bytes:
    return orjson.dumps({"online": online, "timestamp": timestamp_ms})


def _read(payload: bytes) -> tuple[Any, int]:
    """(online, timestamp) of a STATE; (None, 0) when it is none."""
    try:
        said = orjson.loads(payload)
        at = said.get("timestamp", 0)
        return said["online"], at if type(at) is int else 0
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return None, 0
