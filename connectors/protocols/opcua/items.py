"""The values we watch, kept outside the library: what was asked for, what the server granted."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from asyncua import ua

from connectors.domain.notices import GRANTED
from connectors.domain.phrase import Phrase, late, phrase
from connectors.interface import Unavailable
from connectors.protocols.opcua.derived import PART
from connectors.protocols.opcua.values import BadAddress, node_id

HEARTBEAT_HANDLE = 1
HEARTBEAT = ua.NodeId(ua.Int32(ua.ObjectIds.Server_ServerStatus_CurrentTime))
Wanted = tuple[str, ua.NodeId]


class Granted(NamedTuple):
    """``sampling`` in milliseconds; ``queue`` in values."""

    sampling: float
    queue: int


@dataclass
class Items:
    """By our handle: the address, the server's number for it (values, events), what it granted.

    ``events`` are those of conditions and of job orders, the latter by address in ``reports``. ``asked`` are
    addresses for which the server is asked. ``silent``: never reported since they were made.
    """

    sampling_ms: float
    queue_size: int
    _warned: dict[str, Phrase] = field(default_factory=dict)
    addresses: dict[int, str] = field(default_factory=dict)
    at_server: dict[int, int] = field(default_factory=dict)
    events: dict[int, int] = field(default_factory=dict)
    reports: dict[int, str] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    granted: dict[int, Granted] = field(default_factory=dict)
    silent: set[int] = field(default_factory=set)
    absent: list[str] = field(default_factory=list)
    _last: int = HEARTBEAT_HANDLE
    _fewest: int = 2**32

    @property
    def warnings(self) -> list[Phrase]:
        return list(self._warned.values())

    def warn(self, said: Phrase) -> None:
        """Once: what is absent is asked for again every minute, for months."""
        self._warned[str(said)] = said

    @property
    def public(self) -> set[str]:
        """The addresses asked for, whatever nodes were needed for them."""
        nodes = {address.partition(PART)[0] for address in self.addresses.values()}
        return nodes | set(self.reports.values()) | self.asked

    @property
    def conditions(self) -> set[int]:
        """Those of the events that are of conditions."""
        return self.events.keys() - self.reports.keys()

    @property
    def made(self) -> dict[int, int]:
        """The server's numbers of everything watched, values and events."""
        return self.at_server | self.events

    def next_handle(self) -> int:
        self._last += 1
        return self._last

    def known(self, addresses: Iterable[str], namespaces: list[str]) -> list[Wanted]:
        """Those whose namespace the server has; the others are kept in ``absent``."""
        found: list[Wanted] = []
        for address in addresses:
            try:
                node = node_id(address, namespaces)
            except BadAddress as error:
                self.warn(error.phrase)
                continue
            if node is None:
                self.absent.append(address)
            else:
                found.append((address, node))
        return found

    def requests(self, chunk: list[Wanted]) -> list[ua.MonitoredItemCreateRequest]:
        """Registered before they are sent: the first values may come before the answer."""
        made = []
        for address, node in chunk:
            handle = self.next_handle()
            self.addresses[handle] = address
            self.silent.add(handle)
            made.append(request(node, handle, self.sampling_ms, self.queue_size))
        return made

    def answered(self, requests: list[ua.MonitoredItemCreateRequest], results: list[Any]) -> None:
        if len(results) != len(requests):
            raise Unavailable(f"the server answered {len(results)} of {len(requests)} monitored items")
        for asked, result in zip(requests, results, strict=True):
            handle = asked.RequestedParameters.ClientHandle
            if result.StatusCode.is_good():
                self._made(handle, result)
                continue
            (address,) = self.forget([handle])
            if PART in address:
                continue
            self.absent.append(address)
            self.warn(Phrase(f"{address}: {result.StatusCode.name}"))

    def _made(self, handle: int, result: Any) -> None:
        self.at_server[handle] = int(result.MonitoredItemId)
        granted = Granted(float(result.RevisedSamplingInterval), int(result.RevisedQueueSize))
        self.granted[handle] = granted
        self._fewest = min(self._fewest, max(granted.queue, 2))
        if granted.queue < self.queue_size:
            text = late("%(address)s: queue of %(granted)d granted, %(asked)d asked")
            place = {"address": self.addresses[handle], "granted": granted.queue}
            self.warn(phrase(text, **place, asked=self.queue_size))

    def forget(self, handles: Collection[int]) -> list[str]:
        """The server no longer has these; returns their addresses."""
        for handle in handles:
            self.silent.discard(handle)
            self.at_server.pop(handle, None)
            self.granted.pop(handle, None)
            self.events.pop(handle, None)
            self.reports.pop(handle, None)
        return [self.addresses.pop(handle) for handle in handles if handle in self.addresses]

    @property
    def fewest(self) -> int:
        """Values the shortest queue holds."""
        return self._fewest

    def slowest(self) -> float:
        """Seconds a value may be older than the notification it comes with."""
        return max((granted.sampling for granted in self.granted.values()), default=0.0) / 1000

    def said(self) -> str:
        """How much of a stall the server can bridge, as granted."""
        queues = [granted.queue for granted in self.granted.values()]
        short = sum(queue < self.queue_size for queue in queues)
        return GRANTED % {
            "asked": self.queue_size,
            "granted": min(queues, default=0),
            "short": short,
            "values": len(queues),
            "every": f"{self.sampling_ms:g}",
            "slowest": f"{self.slowest() * 1000:g}",
        }


def request(node: ua.NodeId, handle: int, sampling: float, queue: int) -> ua.MonitoredItemCreateRequest:
    return ua.MonitoredItemCreateRequest(
        ItemToMonitor=ua.ReadValueId(NodeId=node, AttributeId=ua.AttributeIds.Value),
        MonitoringMode=ua.MonitoringMode.Reporting,
        RequestedParameters=ua.MonitoringParameters(
            ClientHandle=handle, SamplingInterval=sampling, QueueSize=queue, DiscardOldest=True
        ),
    )
