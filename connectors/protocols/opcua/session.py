"""One subscription with one OPC UA server, over as many channels as it takes.

Every channel is a new asyncua client. The publish loop is ours: a sequence number is acknowledged only once
what came with it is on disk, and stays to be acknowledged over a cut; asyncua's own loop acknowledges
whatever its callback did, and restores nothing after a second cut (#1969).
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable, Coroutine
from datetime import datetime
from functools import partial
from typing import Any

from asyncua import Client, ua
from asyncua.client.ua_client import UaClientState
from asyncua.ua import uaerrors
from asyncua.ua.ua_binary import struct_from_binary

from connectors.domain.phrase import Phrase
from connectors.interface import SampleBatch, Unavailable
from connectors.protocols.opcua import dialing, watching
from connectors.protocols.opcua.conditions import Conditions
from connectors.protocols.opcua.derived import derived
from connectors.protocols.opcua.dialing import REQUEST, Access, Ticket, within
from connectors.protocols.opcua.items import HEARTBEAT, HEARTBEAT_HANDLE, Items, request
from connectors.protocols.opcua.lifecycle import Heard, Lifecycle, Step
from connectors.protocols.opcua.notifications import publish, republish
from connectors.protocols.opcua.receiving import Gone, Pending, Receiving, Silent
from connectors.transports.deadline import bounded

__all__ = ["CHUNK", "Access", "Gone", "Pending", "Silent", "UaSession", "within"]
CHUNK = 500
LIFETIME_KEEPALIVES = 12
SILENCE_SECONDS = 5.0
REFUSED_PAUSE = 0.1
UNKNOWN_SUBSCRIPTION = (uaerrors.BadNoSubscription, uaerrors.BadSubscriptionIdInvalid)


class UaSession:
    def __init__(
        self,
        *,
        access: Access,
        source: str,
        publishing_ms: float,
        sampling_ms: float,
        queue_size: int,
        freshness_seconds: float,
    ) -> None:
        self.access, self.source = access, source
        self.publishing_ms, self.freshness_seconds = publishing_ms, freshness_seconds
        self.keepalive_seconds = min(5.0, freshness_seconds / 3)
        self.life = Lifecycle()
        self.items = Items(sampling_ms, queue_size)
        self.receiving = Receiving(source, self.items, publishing_ms)
        self.pending: asyncio.Queue[SampleBatch | Exception] = asyncio.Queue()
        self.unacknowledged: list[int] = []
        self.namespaces: list[str] = []
        self.verified_at = self._made_at = time.monotonic()
        self.chunk = CHUNK
        self.can_list_items = True
        self.subscription = 0
        self._client: Client | None = None
        self._ticket: Ticket | None = None
        self._server_started: datetime | None = None
        self._heartbeat, self._heartbeat_seconds = False, 0.0
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def client(self) -> Client:
        if self._client is None:
            raise Unavailable("connection lost")
        return self._client

    @property
    def warnings(self) -> list[Phrase]:
        return self.items.warnings

    @property
    def conditions(self) -> Conditions:
        return self.receiving.conditions

    @property
    def watched(self) -> set[str]:
        """The addresses whose values or events come."""
        return self.items.public | set(self.conditions.addresses if self.items.conditions else ())

    @property
    def absent(self) -> list[str]:
        return self.items.absent

    # -- opening -------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Raises Unavailable or ConfigurationError."""
        self._client = await dialing.channel(self.access)
        self._ticket = await dialing.session(self.client, self.access)
        self._tasks.append(asyncio.create_task(dialing.renewing(self.client)))
        self.namespaces = await within(self.client.get_namespace_array(), "namespaces")
        self.receiving.namespaces = self.namespaces
        self._server_started = await dialing.running_since(self.client)
        self.chunk = min(CHUNK, await dialing.most_per_call(self.client) or CHUNK)

    async def resume(self) -> None:
        """On a new channel: the old session, else a new one that takes the subscription over.

        Raises Gone when the server has it no more, else Unavailable.
        """
        self._client = await dialing.channel(self.access)
        assert self._ticket is not None
        reactivated = await dialing.reactivate(self.client, self._ticket)
        self.life.reactivated(reactivated is not None)
        if reactivated is None:
            self._ticket = await dialing.session(self.client, self.access)
            self.life.transferred(
                await dialing.transferred(self.client, self.subscription, self._server_started)
            )
        else:
            self._ticket = reactivated
        if self.life.step is Step.OPEN:
            raise Gone("the server did not give the subscription back")
        self._tasks.append(asyncio.create_task(dialing.renewing(self.client)))
        await self._republish_missed()

    async def _republish_missed(self) -> None:
        while (number := self.life.wanted()) is not None:
            message = await self._republish(number)
            self.life.republished(None if message is None else self.receiving.published_at(message))
            if message is not None:
                self._hand_over(self.receiving.batch(message), number)

    async def subscribe(self, addresses: list[str]) -> None:
        """One subscription for all addresses; those the server does not know are kept in ``absent``."""
        keepalive = max(1, math.ceil(self.keepalive_seconds * 1000 / self.publishing_ms))
        asked = ua.CreateSubscriptionRequest()
        asked.Parameters = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=self.publishing_ms,
            RequestedMaxKeepAliveCount=keepalive,
            RequestedLifetimeCount=max(
                keepalive * LIFETIME_KEEPALIVES,
                math.ceil(dialing.SESSION_SECONDS * 1000 / self.publishing_ms),
            ),
            MaxNotificationsPerPublish=10_000,
            PublishingEnabled=True,
            Priority=0,
        )
        # Not the library's create_subscription: it starts its own publish loop
        data = await within(self.client.uaclient.session._send_request(asked), "subscribe")
        answer = struct_from_binary(ua.CreateSubscriptionResponse, data)
        self.subscription = int(answer.Parameters.SubscriptionId)
        self._granted(answer.Parameters)
        self.receiving.heard = self.receiving.data_heard = time.monotonic()
        await self._monitor_heartbeat()
        await self.monitor(addresses)
        await watching.conditions(self, addresses)
        self.life.opened(self.receiving.server_now())

    def _granted(self, answer: ua.CreateSubscriptionResult) -> None:
        """What the server made of the intervals asked for: by them its silence is measured."""
        if answer.RevisedPublishingInterval > 0:
            self.publishing_ms = self.receiving.publishing_ms = float(answer.RevisedPublishingInterval)
        if answer.RevisedMaxKeepAliveCount > 0:
            granted = self.publishing_ms * int(answer.RevisedMaxKeepAliveCount) / 1000
            self.keepalive_seconds = max(self.keepalive_seconds, granted)

    async def monitor(self, addresses: list[str]) -> None:
        """Adds monitored items and checks the server's answer for each."""
        plain = [address for address in addresses if derived(address) is None]
        known = self.items.known(plain, self.namespaces)
        known += await watching.machines(self, addresses)
        for first in range(0, len(known), self.chunk):
            requests = self.items.requests(known[first : first + self.chunk])
            self._made_at = time.monotonic()
            self.items.answered(requests, await self.create(requests))
        await watching.reports(self)

    async def _monitor_heartbeat(self) -> None:
        """The server's own clock changes whatever the machines do: its silence is the connection's."""
        interval = min(1000.0, self.freshness_seconds * 250)
        (result,) = await self.create([request(HEARTBEAT, HEARTBEAT_HANDLE, interval, 1)]) or (None,)
        self._heartbeat = result is not None and result.StatusCode.is_good()
        if result is not None and self._heartbeat:
            self._heartbeat_seconds = float(result.RevisedSamplingInterval) / 1000

    async def create(self, requests: list[ua.MonitoredItemCreateRequest]) -> list[Any]:
        parameters = ua.CreateMonitoredItemsParameters(
            SubscriptionId=self.subscription,
            TimestampsToReturn=ua.TimestampsToReturn.Both,
            ItemsToCreate=requests,
        )
        return list(await within(self.client.uaclient.session.create_monitored_items(parameters), "monitor"))

    # -- receiving -----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Receives from now on; the items are verified."""
        self.life.verified()
        self.receiving.heard = self.receiving.data_heard = time.monotonic()
        self._tasks.append(asyncio.create_task(self._publishing()))
        self.alongside(partial(watching.asking, self))

    async def _publishing(self) -> None:
        """One publish request at a time; what came is on disk before the next, and acknowledged with it."""
        try:
            while True:
                told = list(self.unacknowledged)
                try:
                    response = await publish(
                        self.client,
                        [ua.SubscriptionAcknowledgement(self.subscription, number) for number in told],
                    )
                except (uaerrors.BadTimeout, uaerrors.BadTooManyPublishRequests):
                    # Some refuse at once, and would again
                    await asyncio.sleep(REFUSED_PAUSE)
                    continue
                except uaerrors.UaStructParsingError:
                    # Not to be read, so not acknowledged: the next one's number tells that it is missing
                    continue
                del self.unacknowledged[: len(told)]
                if int(response.Parameters.SubscriptionId) == self.subscription:
                    await self._published(response.Parameters)
        except UNKNOWN_SUBSCRIPTION as error:
            self.pending.put_nowait(Gone(f"publish: {error}"))
        except Unavailable as error:
            self.pending.put_nowait(error)
        except Exception as error:
            self.pending.put_nowait(Unavailable(f"publish: {str(error) or type(error).__name__}"))

    async def _published(self, result: ua.PublishResult) -> None:
        message = result.NotificationMessage
        number, at = int(message.SequenceNumber), self.receiving.published_at(message)
        has_data = bool(message.NotificationData)
        self.receiving.covered = self.life.covered
        heard = self.life.notified(number, at, data=has_data, available=result.AvailableSequenceNumbers or ())
        # Nothing is awaited before it is handed over: a cut meanwhile must not lose it
        safe = None
        if heard.new:
            safe = self._hand_over(self.receiving.batch(message), number)
        elif has_data:
            self.unacknowledged.append(number)
        if heard.ask or heard.lost:
            await self._ask_again(heard, number)
        if safe:
            await safe.wait()

    async def _ask_again(self, heard: Heard, number: int) -> None:
        """For the notifications skipped before this number; a gap where one of them is not to be had."""
        lost = True
        try:
            found = [await self._recover(skipped) for skipped in heard.ask]
            lost = heard.lost or not all(found)
        finally:
            if lost:
                detail = f"notifications before number {number} did not come"
                until = self.life.covered or self.receiving.server_now()
                self._hand_over(SampleBatch(gaps=[self.receiving.jump(heard.since, until, detail)]), 0)

    async def _recover(self, number: int) -> bool:
        message = await self._republish(number)
        if message is None:
            return False
        self.life.recovered(number)
        self._hand_over(self.receiving.batch(message), number)
        return True

    async def _republish(self, number: int) -> ua.NotificationMessage | None:
        """None when the server has it no more; some answer an empty message for that.

        Raises Gone when it has not even the subscription.
        """
        try:
            message = await within(republish(self.client, self.subscription, number), "republish")
        except Unavailable as error:
            if isinstance(error.__cause__, UNKNOWN_SUBSCRIPTION):
                raise Gone(str(error)) from error
            if isinstance(error.__cause__, uaerrors.UaError):
                return None
            raise
        found: ua.NotificationMessage | None = message if message.NotificationData else None
        return found

    def _hand_over(self, batch: SampleBatch, number: int) -> asyncio.Event:
        batch.token = Pending(self.unacknowledged, number, asyncio.Event())
        if batch:
            self.pending.put_nowait(batch)
        else:
            batch.token.confirm()
        return batch.token.safe

    async def hand_over(self, batch: SampleBatch) -> None:
        """Returns when it is on disk."""
        await self._hand_over(batch, 0).wait()

    async def next(self) -> SampleBatch | None:
        """The next batch, or None after a second of quiet.

        Raises Unavailable when the session is lost or stale.
        """
        try:
            # Not wait_for: in Python 3.11 it can swallow a cancellation that meets an item
            async with asyncio.timeout(min(1.0, self.freshness_seconds / 4)):
                item = await self.pending.get()
        except TimeoutError:
            self._check_fresh()
            return None
        if isinstance(item, Exception):
            raise item
        return item

    def left(self) -> list[SampleBatch]:
        """What came before the session was lost."""
        found = []
        while not self.pending.empty():
            item = self.pending.get_nowait()
            if not isinstance(item, Exception):
                found.append(item)
        return found

    @property
    def connected(self) -> bool:
        return self._client is not None and self._client.uaclient.state is UaClientState.CONNECTED

    @property
    def suspicious_after(self) -> float:
        """Seconds of silence after which something is wrong, though perhaps not for long."""
        if self._heartbeat:
            usual = min(SILENCE_SECONDS, self.freshness_seconds / 2) + self.publishing_ms / 1000
            return max(usual, 2 * (self._heartbeat_seconds + self.publishing_ms / 1000))
        return 2 * self.keepalive_seconds

    def silent_for(self) -> float:
        """Seconds without the server's clock, or without a word where it does not show its clock."""
        last = self.receiving.data_heard if self._heartbeat else self.receiving.heard
        return time.monotonic() - last

    def _check_fresh(self) -> None:
        if not self.connected:
            raise Unavailable("connection lost")
        now = time.monotonic()
        limit = max(self.freshness_seconds, 2.4 * self.keepalive_seconds)
        if now - self.receiving.heard > limit:
            raise Silent(f"nothing published for {limit:g} s")
        still = max(self.freshness_seconds, self.suspicious_after)
        if self._heartbeat and now - self.receiving.data_heard > still:
            raise Gone(f"no data for {still:g} s, not even the server's clock")
        silent = self.items.silent
        if silent and now - self._made_at > REQUEST:
            example = self.items.addresses.get(min(silent), "?")
            raise Gone(f"{len(silent)} monitored items never reported, e.g. {example}")

    # -- ending --------------------------------------------------------------------------------------------

    def lost(self, error: Exception) -> Step:
        """Leaves the channel; the server may keep session and subscription for a while."""
        self._end_tasks()
        if self._client is not None:
            with contextlib.suppress(Exception):
                self._client.disconnect_socket()
        if isinstance(error, Gone):
            self.life.forgotten()
        return self.life.lost(stale=isinstance(error, Silent))

    def alongside(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Until it ends or the channel is lost."""
        self._tasks.append(asyncio.create_task(self._reported(work)))

    async def _reported(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await work()
        except Exception as error:
            self.pending.put_nowait(error)

    def _end_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()

    async def close(self) -> None:
        """Ends session and subscription. Never waits long: a hanging server must not keep the process."""
        self._end_tasks()
        if self._client is None:
            return
        with contextlib.suppress(Exception):
            await bounded(self._client.disconnect(), 5.0)
        with contextlib.suppress(Exception):
            self._client.disconnect_socket()
