"""One session with one OPC UA server: a new asyncua client each time, a deadline around everything.

Notifications reach us through a publish callback of our own, which returns only when the batch is on disk:
asyncua sends the acknowledgement of a sequence number after its callback, so an unfinished callback is an
unacknowledged one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Awaitable, Collection
from dataclasses import dataclass, field
from typing import Any, TypeVar

from asyncua import Client, ua
from asyncua.client.ua_client import UaClientState
from asyncua.ua.uaerrors import UaError

from connectors.domain.columns import instant
from connectors.domain.outage import gap_declared
from connectors.domain.phrase import Phrase, late, phrase
from connectors.interface import GapRecord, Malformed, SampleBatch, Unavailable
from connectors.protocols.opcua import secured
from connectors.protocols.opcua.values import BadAddress, NotAValue, add_value, node_id, overflowed
from connectors.transports.deadline import bounded

log = logging.getLogger(__name__)
T = TypeVar("T")
REQUEST = 10.0
CHUNK = 500
HEARTBEAT_HANDLE = 1
HEARTBEAT = ua.NodeId(ua.Int32(ua.ObjectIds.Server_ServerStatus_CurrentTime))


@dataclass(frozen=True, kw_only=True)
class Access:
    """How to reach and trust a server. ``security`` "none" must be said.

    Empty files: the certificate made for this host, the servers in its folder of trusted ones.
    """

    endpoint: str
    security: str
    certificate: str
    private_key: str
    server_certificate: str
    username: str
    password: str = field(repr=False)


@dataclass(slots=True)
class Pending:
    """A batch and the promise that it is on disk."""

    batch: SampleBatch
    safe: asyncio.Future[None]


@dataclass
class UaSession:
    access: Access
    source: str
    publishing_ms: float
    sampling_ms: float
    queue_size: int
    freshness_seconds: float
    warnings: list[Phrase] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pending: asyncio.Queue[Pending | Exception] = asyncio.Queue()
        self.namespaces: list[str] = []
        self.items: dict[int, str] = {}
        self.absent: list[str] = []
        # Monitored items by our handle: the server's number for each, the queue it granted
        self.at_server: dict[int, int] = {}
        self.granted: dict[int, int] = {}
        self.verified_at = time.monotonic()
        self.can_list_items = True
        self._silent: set[int] = set()
        self._last_source: dict[str, int] = {}
        self.subscription = 0
        self._next_sequence: int | None = None
        self._heard = self._data_heard = self._subscribed_at = time.monotonic()
        self._heartbeat = False
        self._last_handle = HEARTBEAT_HANDLE
        self.client = Client(self.access.endpoint, timeout=REQUEST)
        self.client.session_timeout = 60_000
        self.client.name = self.client.description = "Manufacturing operations"
        if self.access.username:
            self.client.set_user(self.access.username)
            self.client.set_password(self.access.password)

    # -- opening -------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Raises Unavailable or ConfigurationError."""
        if self.access.security == "none":
            await within(self.client.connect(), "connect", 2 * REQUEST)
        else:
            await self._connect_secured()
        self.namespaces = await within(self.client.get_namespace_array(), "namespaces")

    async def _connect_secured(self) -> None:
        """The server's certificate is believed before anything is said to it; asyncua then holds it to that
        certificate.
        """
        discovery = Client(self.access.endpoint, timeout=REQUEST)
        found = await within(discovery.connect_and_get_server_endpoints(), "endpoints", 2 * REQUEST)
        ours = await asyncio.to_thread(secured.credentials, self.access.certificate, self.access.private_key)
        policy, server = await asyncio.to_thread(
            secured.chosen, found, self.access.endpoint, self.access.server_certificate
        )
        self.client.application_uri = ours.application_uri
        await self.client.set_security(policy, ours.certificate, ours.private_key, server_certificate=server)
        try:
            await within(self.client.connect(), "connect", 2 * REQUEST)
        except Unavailable as error:
            raise Unavailable(
                late("%(why)s. Does the server trust our certificate %(thumbprint)s, %(file)s?"),
                why=error,
                thumbprint=ours.thumbprint,
                file=ours.file,
            ) from error

    async def subscribe(self, addresses: list[str]) -> None:
        """One subscription for all addresses; those the server does not know are kept in ``absent``."""
        keepalive = max(1, math.ceil(5000 / self.publishing_ms))
        parameters = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=self.publishing_ms,
            RequestedMaxKeepAliveCount=keepalive,
            RequestedLifetimeCount=keepalive * 12,
            MaxNotificationsPerPublish=10_000,
            PublishingEnabled=True,
            Priority=0,
        )
        created = await within(
            self.client.uaclient.session.create_subscription(parameters, callback=self._published),
            "subscribe",
        )
        self.subscription = created.SubscriptionId
        self._heard = self._data_heard = self._subscribed_at = time.monotonic()
        await self._monitor_heartbeat()
        await self.monitor(addresses)

    async def monitor(self, addresses: list[str]) -> None:
        """Adds monitored items and checks the server's answer for each: a set of ours, outside the
        library.
        """
        known: list[tuple[str, ua.NodeId]] = []
        for address in addresses:
            try:
                node = node_id(address, self.namespaces)
            except BadAddress as error:
                self.warnings.append(error.phrase)
                continue
            if node is None:
                self.absent.append(address)
            else:
                known.append((address, node))
        for first in range(0, len(known), CHUNK):
            await self._monitor_chunk(known[first : first + CHUNK])

    async def _monitor_chunk(self, chunk: list[tuple[str, ua.NodeId]]) -> None:
        requests = []
        for address, node in chunk:
            self._last_handle += 1
            # Before the request: the first values may come before its answer
            self.items[self._last_handle] = address
            self._silent.add(self._last_handle)
            requests.append(self._request(node, self._last_handle, self.sampling_ms, self.queue_size))
        results = await self._create(requests)
        if len(results) != len(requests):
            raise Unavailable(f"the server answered {len(results)} of {len(requests)} monitored items")
        for request, result in zip(requests, results, strict=True):
            handle = request.RequestedParameters.ClientHandle
            if not result.StatusCode.is_good():
                self._silent.discard(handle)
                address = self.items.pop(handle)
                self.absent.append(address)
                self.warnings.append(Phrase(f"{address}: {result.StatusCode.name}"))
                continue
            self.at_server[handle] = int(result.MonitoredItemId)
            self.granted[handle] = int(result.RevisedQueueSize)
            if result.RevisedQueueSize < self.queue_size:
                text = late("%(address)s: queue of %(granted)d granted, %(asked)d asked")
                place = {"address": self.items[handle], "granted": self.granted[handle]}
                self.warnings.append(phrase(text, **place, asked=self.queue_size))

    def queues(self) -> str:
        """How much of a stall the server can bridge, as granted."""
        fewest = min(self.granted.values(), default=0)
        short = sum(granted < self.queue_size for granted in self.granted.values())
        return (
            f"queues of {self.queue_size} asked, {fewest} or more granted,"
            f" fewer than asked for {short} of {len(self.granted)} values"
        )

    def forget(self, handles: Collection[int]) -> list[str]:
        """The server no longer has these; returns their addresses."""
        for handle in handles:
            self._silent.discard(handle)
            self.at_server.pop(handle, None)
            self.granted.pop(handle, None)
        return [self.items.pop(handle) for handle in handles]

    async def _monitor_heartbeat(self) -> None:
        """The server's own clock changes whatever the machines do: its silence is the connection's."""
        interval = min(1000.0, self.freshness_seconds * 250)
        (result,) = await self._create([self._request(HEARTBEAT, HEARTBEAT_HANDLE, interval, 1)]) or (None,)
        self._heartbeat = result is not None and result.StatusCode.is_good()

    async def _create(self, requests: list[ua.MonitoredItemCreateRequest]) -> list[Any]:
        parameters = ua.CreateMonitoredItemsParameters(
            SubscriptionId=self.subscription,
            TimestampsToReturn=ua.TimestampsToReturn.Both,
            ItemsToCreate=requests,
        )
        return list(await within(self.client.uaclient.session.create_monitored_items(parameters), "monitor"))

    @staticmethod
    def _request(node: ua.NodeId, handle: int, sampling: float, queue: int) -> ua.MonitoredItemCreateRequest:
        return ua.MonitoredItemCreateRequest(
            ItemToMonitor=ua.ReadValueId(NodeId=node, AttributeId=ua.AttributeIds.Value),
            MonitoringMode=ua.MonitoringMode.Reporting,
            RequestedParameters=ua.MonitoringParameters(
                ClientHandle=handle, SamplingInterval=sampling, QueueSize=queue, DiscardOldest=True
            ),
        )

    # -- receiving -----------------------------------------------------------------------------------------

    async def _published(self, result: ua.PublishResult) -> None:
        """Returns only when what came is on disk; on failure never, and the session is dropped."""
        try:
            self._heard = time.monotonic()
            message = result.NotificationMessage
            gaps = await self._check_sequence(result)
            if not message.NotificationData:
                for gap in gaps:
                    await self._hand_over(SampleBatch(gaps=[gap]))
                return
            batch = self._batch(message.NotificationData)
            batch.gaps += gaps
            if batch:
                await self._hand_over(batch)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self.pending.put_nowait(
                error if isinstance(error, Unavailable) else Unavailable(f"publish: {error}")
            )
            await asyncio.Event().wait()

    async def _hand_over(self, batch: SampleBatch) -> None:
        pending = Pending(batch, asyncio.get_running_loop().create_future())
        batch.token = pending
        self.pending.put_nowait(pending)
        await pending.safe

    async def _check_sequence(self, result: ua.PublishResult) -> list[GapRecord]:
        """A hole in the sequence numbers is asked for again, within what the server says it still has."""
        number = int(result.NotificationMessage.SequenceNumber)
        expected, has_data = self._next_sequence, bool(result.NotificationMessage.NotificationData)
        if has_data:
            self._next_sequence = 1 if number >= 0xFFFFFFFF else number + 1
        if expected is None or not number or number <= expected:
            return []
        available = set(result.AvailableSequenceNumbers or ())
        now = instant(time.time_ns() // 1000)
        for missing in range(expected, min(number, expected + 100)):
            if missing not in available or not await self._republish(missing):
                start = instant(max(self._last_source.values(), default=time.time_ns() // 1000))
                detail = f"expected notification {expected}, got {number}"
                return [
                    gap_declared(
                        source=self.source, cause="sequence_jump", start=start, end=now, detail=detail
                    )
                ]
        return []

    async def _republish(self, number: int) -> bool:
        try:
            message = await within(
                self.client.uaclient.session.republish(self.subscription, number), "republish"
            )
        except (UaError, Unavailable):
            return False
        if message.NotificationData:
            batch = self._batch(message.NotificationData)
            if batch:
                await self._hand_over(batch)
        return True

    def _batch(self, notifications: list[Any]) -> SampleBatch:
        arrival = time.time_ns() // 1000
        batch = SampleBatch()
        for notification in notifications:
            if isinstance(notification, ua.DataChangeNotification):
                for item in notification.MonitoredItems:
                    self._item(item, batch, arrival)
                batch.messages += 1
            elif isinstance(notification, ua.StatusChangeNotification):
                raise Unavailable(
                    f"subscription: {getattr(notification.Status, 'name', notification.Status)}"
                )
        return batch

    def _item(self, item: ua.MonitoredItemNotification, batch: SampleBatch, arrival: int) -> None:
        handle, data = item.ClientHandle, item.Value
        if handle == HEARTBEAT_HANDLE:
            self._data_heard = time.monotonic()
            return
        address = self.items.get(handle)
        if address is None:
            return
        self._silent.discard(handle)
        before = self._last_source.get(address, arrival)
        try:
            at = add_value(batch.samples, address, data, arrival=arrival)
        except (NotAValue, OverflowError) as error:
            batch.malformed.append(
                Malformed(
                    source=address,
                    reason=str(error),
                    raw=repr(data.Value)[:2000].encode("utf-8", "replace"),
                    arrival_time=instant(arrival),
                )
            )
            return
        self._last_source[address] = max(before, at) if address in self._last_source else at
        if data.StatusCode is not None and overflowed(int(data.StatusCode.value)):
            batch.gaps.append(
                gap_declared(
                    source=self.source,
                    cause="overflow",
                    start=instant(min(before, at)),
                    end=instant(at),
                    scope=address,
                    detail="the server's queue overflowed",
                )
            )

    async def next(self) -> SampleBatch | None:
        """The next batch, or None after a second of quiet.

        Raises Unavailable when the session is lost or stale.
        """
        try:
            # Not wait_for: in Python 3.11 it can swallow a cancellation that meets an item
            async with asyncio.timeout(1.0):
                item = await self.pending.get()
        except TimeoutError:
            self._check_fresh()
            return None
        if isinstance(item, Exception):
            raise item
        return item.batch

    def _check_fresh(self) -> None:
        now = time.monotonic()
        if self.client.uaclient.state is not UaClientState.CONNECTED:
            raise Unavailable("connection lost")
        limit = max(self.freshness_seconds, 12.0)
        if now - self._heard > limit:
            raise Unavailable(f"nothing published for {limit:g} s")
        if self._heartbeat and now - self._data_heard > self.freshness_seconds:
            raise Unavailable(f"no data for {self.freshness_seconds:g} s, not even the server's clock")
        if self._silent and now - self._subscribed_at > REQUEST:
            raise Unavailable(f"{len(self._silent)} monitored items never reported, e.g. {self._an_item()}")

    def _an_item(self) -> str:
        return self.items.get(min(self._silent), "?")

    async def close(self) -> None:
        """Never waits long: a hanging server must not keep the process."""
        with contextlib.suppress(Exception):
            await bounded(self.client.disconnect(), 5.0)
        with contextlib.suppress(Exception):
            self.client.disconnect_socket()


async def within(work: Awaitable[T], what: str, seconds: float = REQUEST) -> T:
    """An outer deadline, and every library error as Unavailable: the same client can hang for ever
    (#1660).
    """
    try:
        return await bounded(work, seconds)
    except TimeoutError:
        raise Unavailable(f"{what}: no answer within {seconds:g} s") from None
    except (OSError, UaError) as error:
        raise Unavailable(f"{what}: {str(error) or type(error).__name__}") from error
