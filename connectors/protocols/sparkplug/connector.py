"""Sparkplug B 3.0 host application: one link per broker, the sessions of all followed by one
``sparkplug_session.Host``.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import ClassVar, Final

from connectors.domain import notices
from connectors.domain.columns import Columns, instant, micros
from connectors.domain.notices import Notice
from connectors.domain.outage import GapRecord, Outage
from connectors.domain.phrase import Phrase, late, phrase
from connectors.domain.sparkplug_messages import Outcome, Unreadable, topic_parts
from connectors.domain.sparkplug_node import Rules
from connectors.domain.sparkplug_session import Host
from connectors.domain.sparkplug_values import NotAlone, read_alone
from connectors.interface import ConnectorConfig, Malformed, Probe, SampleBatch, Unavailable
from connectors.protocols.sparkplug import codec
from connectors.protocols.sparkplug.bulk import Patience, feed_all
from connectors.protocols.sparkplug.link import BATCH, HEARD, STANDBY, UP, Link, Word
from connectors.protocols.sparkplug.settings import SparkplugConfig, check
from connectors.transports.mqtt_client import MqttSession, Received

log = logging.getLogger(__name__)
MOST_ALARMS: Final = 1000
PROBE_SECONDS: Final = 5.0


class SparkplugConnector:
    slug: ClassVar[str] = "sparkplug"
    name: ClassVar[str] = "Sparkplug B"
    config_class: ClassVar[type[ConnectorConfig]] = SparkplugConfig

    def __init__(self, config: SparkplugConfig) -> None:
        check(config)
        self._config = config
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
        self._links = [Link(config, number, url) for number, url in enumerate(config.brokers)]
        self._properties = frozenset(config.properties)
        self._patience = Patience()
        self._started = False
        self._alarmed: set[str] = set()
        self._news: list[Notice] = []

    # -- the port --------------------------------------------------------------------------------------------

    async def probe(self) -> Probe:
        """Listens without a STATE of its own and asks every node it hears for a birth."""
        outcome, warnings, heard = Outcome(), list[Phrase](), False
        for url in self._config.brokers:
            try:
                await self._listen(url, outcome)
                heard = True
            except Unavailable as error:
                if url == self._config.brokers[-1] and not heard:
                    raise
                warnings.append(Phrase(str(error)))
        latest = {sample.address: sample for sample in outcome.samples}
        warnings += [Phrase(said) for said in (*outcome.alarms, *(m.reason for m in outcome.unreadable))]
        if not latest:
            warnings.append(phrase(late("no birth within %(seconds)d s"), seconds=PROBE_SECONDS))
        return Probe(
            server=self._config.broker, samples=tuple(latest.values()), warnings=tuple(warnings[:20])
        )

    async def _listen(self, url: str, outcome: Outcome) -> None:
        probe = SparkplugConnector(self._config)
        client_id = f"probe-{uuid.uuid4().hex[:12]}"
        session = MqttSession(self._config.broker_of(url), client_id=client_id, clean=True)
        before = len(outcome.samples)
        await session.open()
        try:
            await session.subscribe([(f"spBv1.0/{self._config.group}/#", 0)])
            deadline = time.monotonic() + PROBE_SECONDS
            while (left := deadline - time.monotonic()) > 0 and len(outcome.samples) == before:
                for message in await session.receive(limit=BATCH, timeout=left):
                    probe._feed(message, outcome)
                for rebirth in outcome.rebirths:
                    command = codec.rebirth_command(time.time_ns() // 1_000_000)
                    session.publish(f"spBv1.0/{rebirth.group}/NCMD/{rebirth.node}", command)
                outcome.rebirths.clear()
        finally:
            await session.close()

    async def batches(self) -> AsyncIterator[SampleBatch]:
        """Until no broker can be reached; one of several is tried again while another is up."""
        if not self._started:
            self._started = True
            resumed = self._config.resume_from and self._outage.lost(self._config.resume_from, "process_down")
            self._news.append(Notice(notices.STARTED, "", _now()))
            if resumed:
                yield SampleBatch(gaps=[resumed])
        words: asyncio.Queue[Word] = asyncio.Queue(maxsize=2)
        tasks = {link.number: asyncio.create_task(link.follow(words)) for link in self._links}
        try:
            while True:
                async for batch in self._next(words, tasks):
                    yield batch
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)

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
                properties=frozenset(config.properties),
            )
        except codec.UnreadablePayload as error:
            raise NotAlone("%(problem)s", problem=str(error)) from error
        outcome = read_alone(message)
        if outcome.unreadable:
            raise NotAlone("%(problem)s", problem=outcome.unreadable[0].reason)
        return outcome.samples

    async def acknowledge(self, batch: SampleBatch) -> None:
        """Sparkplug data is QoS 0: nothing waits for an answer. Its loss detector is ``seq``."""

    # -- words of the links ----------------------------------------------------------------------------------

    async def _next(
        self, words: asyncio.Queue[Word], tasks: dict[int, asyncio.Task[None]]
    ) -> AsyncIterator[SampleBatch]:
        word = await self._word(words)
        if word is None:
            batch = self._told(Outcome(), [], 0)
            if batch:
                yield batch
        elif word.kind == HEARD:
            yield self._messages(word)
            # Only now on disk. STATE may be acknowledged, and what came meanwhile is one larger batch
            word.done.set()
        else:
            batch, over = self._turn(word, words, tasks)
            # Nothing to acknowledge: a link that is up reads on at once, one that is lost ends
            word.done.set()
            yield batch
            if over:
                raise Unavailable(over)

    def _messages(self, word: Word) -> SampleBatch:
        outcome = self._outcome()
        count = self._heard(word, outcome)
        return self._told(outcome, [], count)

    def _turn(
        self, word: Word, words: asyncio.Queue[Word], tasks: dict[int, asyncio.Task[None]]
    ) -> tuple[SampleBatch, str]:
        """A link that came, went or stood back; and why nothing is left to follow, else ""."""
        outcome, over = self._outcome(), ""
        if word.kind == UP:
            return self._told(outcome, self._up(word.link, outcome), 1), over
        if word.kind == STANDBY:
            return self._told(outcome, self._stand_by(word, outcome), 0), over
        gaps = self._lost(word, outcome)
        over = self._again(word, words, tasks)
        return self._told(outcome, gaps, 0), over

    def _outcome(self) -> Outcome:
        outcome = Outcome(notices=list(self._news))
        self._news.clear()
        return outcome

    def _told(self, outcome: Outcome, gaps: list[GapRecord | None], count: int) -> SampleBatch:
        self._host.tick(_now(), outcome)
        self._command(outcome)
        self._alarm(outcome)
        batch = _batch(outcome, messages=count, gaps=[gap for gap in gaps if gap])
        batch.followed = not all(link.standing_by for link in self._links)
        return batch

    async def _word(self, words: asyncio.Queue[Word]) -> Word | None:
        """The next, or None when something is due before it."""
        deadline = self._host.next_deadline()
        wait = 1.0 if deadline is None else min(1.0, max(0.01, (deadline - _now()) / 1e6))
        try:
            async with asyncio.timeout(wait):
                return await words.get()
        except TimeoutError:
            return None

    def _heard(self, word: Word, outcome: Outcome) -> int:
        self._feed_all(
            [message for message in word.messages if message.topic != self._config.state_topic],
            outcome,
            word.link,
        )
        return len(word.messages)

    def _up(self, number: int, outcome: Outcome) -> list[GapRecord | None]:
        now = datetime.now(UTC)
        link = self._links[number]
        outcome.notices.append(Notice(notices.LISTENING, "", micros(now), detail=_shown(link.url)))
        self._host.transport_restored(micros(now), outcome, link=number)
        closed = self._outage.restored(now)
        if closed and len(self._links) > 1:
            self._host.unheard(self._config.node_paths, micros(now), "broker_down", outcome)
        return [closed]

    def _lost(self, word: Word, outcome: Outcome) -> list[GapRecord | None]:
        now = datetime.now(UTC)
        outcome.notices.append(Notice(notices.DEAF, "", micros(now), detail=word.why[:300]))
        since = self._links[word.link].lost_since(now)
        self._host.transport_lost(micros(now), outcome, link=word.link, since=micros(since))
        others = [link for link in self._links if link.number != word.link]
        if any(link.up or link.standing_by for link in others):
            return []
        return [self._outage.lost(since, "connection_down", word.why)]

    def _stand_by(self, word: Word, outcome: Outcome) -> list[GapRecord | None]:
        """Another host records from here on: what we missed is over, what comes is not ours to miss."""
        now = datetime.now(UTC)
        outcome.notices.append(Notice(notices.STANDBY, "", micros(now), detail=word.why[:300]))
        self._host.yielded(micros(now), outcome)
        return [self._outage.restored(now)]

    def _again(self, word: Word, words: asyncio.Queue[Word], tasks: dict[int, asyncio.Task[None]]) -> str:
        """One of several is tried again by itself; without any, the runner is told: its reason, else ""."""
        others = [number for number, task in tasks.items() if number != word.link and not task.done()]
        if not others:
            return word.why
        link = self._links[word.link]

        async def retry() -> None:
            await asyncio.sleep(random.uniform(0.5, 1.0) * link.wait())
            await link.follow(words)

        tasks[word.link] = asyncio.create_task(retry())
        return ""

    # -- messages --------------------------------------------------------------------------------------------

    def _feed_all(self, messages: list[Received], outcome: Outcome, link: int = 0) -> None:
        def feed(message: Received) -> None:
            self._feed(message, outcome, link)

        feed_all(messages, self._host, outcome, link, feed, self._patience)

    def _feed(self, message: Received, outcome: Outcome, link: int = 0) -> None:
        parts = topic_parts(message.topic)
        if parts is None:
            if not any(kind in message.topic for kind in ("/NCMD/", "/DCMD/", "/STATE/")):
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
                link=link,
                properties=self._properties,
            )
        except codec.UnreadablePayload as error:
            outcome.unreadable.append(Unreadable(message.topic, str(error), message.payload, message.arrival))
            host.malformed(group, node, str(error), message.arrival, outcome)
            return
        host.feed(read, outcome)

    def _command(self, outcome: Outcome) -> None:
        for rebirth in outcome.rebirths:
            self._links[rebirth.link].ask_for_births(rebirth.group, rebirth.node)
        outcome.rebirths.clear()

    def _alarm(self, outcome: Outcome) -> None:
        """Each alarm once: an edge that is wrong in one birth is wrong in all."""
        for link in self._links:
            outcome.alarms += link.news
            link.news.clear()
        for said in outcome.alarms:
            if said not in self._alarmed and len(self._alarmed) < MOST_ALARMS:
                self._alarmed.add(said)
                log.warning("%s: %s", self._config.host_id, said)
                scope, _, text = said.partition(": ")
                notice = Notice(notices.ALARM, scope if text else "", _now(), detail=(text or scope)[:300])
                outcome.notices.append(notice)


def _shown(url: str) -> str:
    """A broker without what may be secret in its URL."""
    return url.rpartition("@")[2]


def _now() -> int:
    return time.time_ns() // 1000


def _batch(outcome: Outcome, *, messages: int, gaps: list[GapRecord]) -> SampleBatch:
    malformed = [
        Malformed(source=topic, reason=reason, raw=raw, arrival_time=instant(arrival))
        for topic, reason, raw, arrival in outcome.unreadable
    ]
    return SampleBatch(
        samples=outcome.samples,
        gaps=[*gaps, *outcome.gaps],
        malformed=malformed,
        notices=outcome.notices,
        messages=messages,
    )
