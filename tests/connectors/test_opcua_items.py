"""Servers that lose monitored items, overflow, or fall silent while the connection looks fine."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from asyncua import Server, ua, uamethod

from connectors.interface import SampleBatch, Unavailable
from connectors.protocols.opcua import OpcUaConnector, connector, verifying
from connectors.protocols.opcua.session import Gone, UaSession
from connectors.transports.deadline import bounded
from tests.connectors.peers import address, free_port, node, opcua_server, values
from tests.connectors.test_opcua import config

NAMES = ("a", "b", "c")
NODES = dict.fromkeys(NAMES, 0)


def subscription(server: Server) -> Any:
    (found,) = server.iserver.subscription_service.subscriptions.values()
    return found.monitored_item_srv


def lose(server: Server, *names: str) -> None:
    """The server drops items and says nothing."""
    items = subscription(server)
    wanted = {node(server, name).nodeid for name in names}
    lost = [
        data.monitored_item_id
        for data in items._monitored_items.values()
        if data.read_value_id.NodeId in wanted
    ]
    assert len(lost) == len(names)
    items.delete_monitored_items(lost)


async def offer_get_monitored_items(server: Server, asked: list[int]) -> None:
    """As OPC UA Part 5 §9.1 defines it; asyncua's server has the node but nothing behind it."""

    @uamethod
    def get_monitored_items(parent: Any, subscription_id: int) -> Any:
        asked.append(subscription_id)
        held = subscription(server)._monitored_items.values()
        return (
            ua.Variant([item.monitored_item_id for item in held], ua.VariantType.UInt32),
            ua.Variant([item.client_handle for item in held], ua.VariantType.UInt32),
        )

    server.link_method(server.get_node(verifying.GET_MONITORED_ITEMS), get_monitored_items)


class Running:
    """A connector followed in the background."""

    def __init__(self, made: OpcUaConnector) -> None:
        self.batches: list[SampleBatch] = []
        self.made = made
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async with contextlib.aclosing(self.made.batches()) as stream:  # type: ignore[type-var]
            async for batch in stream:
                self.batches.append(batch)
                await self.made.acknowledge(batch)

    async def until(self, condition: Callable[[], Any], seconds: float = 20.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                if self.task.done():
                    self.task.result()
                await asyncio.sleep(0.02)

    def last(self, name: str) -> Any:
        return (values(self.batches, address(name)) or [None])[-1]

    def gaps(self) -> list[Any]:
        return [gap for batch in self.batches for gap in batch.gaps]


@contextlib.asynccontextmanager
async def running(made: OpcUaConnector) -> AsyncIterator[Running]:
    found = Running(made)
    try:
        yield found
    finally:
        found.task.cancel()
        await asyncio.gather(found.task, return_exceptions=True)


@pytest.mark.parametrize("lists_items", [True, False], ids=["lists its items", "has no such method"])
async def test_items_a_server_loses_are_watched_again_and_the_loss_is_a_gap(
    monkeypatch: pytest.MonkeyPatch, lists_items: bool
) -> None:
    monkeypatch.setattr(connector, "VERIFY_EVERY", 0.2)
    port, asked = free_port(), list[int]()
    async with opcua_server(port, NODES) as server:
        if lists_items:
            await offer_get_monitored_items(server, asked)
        async with running(OpcUaConnector(config(port, *NAMES))) as follower:
            await follower.until(lambda: all(follower.last(name) == 0 for name in NAMES))
            lose(server, "a", "c")
            # Nobody hears this: only the declared gap tells
            await node(server, "a").write_value(1)
            await follower.until(lambda: len(follower.gaps()) == 2)
            for number, name in enumerate(NAMES, 5):
                await node(server, name).write_value(number)
            await follower.until(lambda: [follower.last(name) for name in NAMES] == [5, 6, 7])
        assert len(set(asked)) == lists_items
    assert [(gap.cause, gap.scope) for gap in follower.gaps()] == [
        ("items_lost", address("a")),
        ("items_lost", address("c")),
    ]
    for gap in follower.gaps():
        assert gap.end_time is not None
        assert 0 < (gap.end_time - gap.start_time).total_seconds() < 10


async def test_items_missing_right_after_they_were_made_are_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The library's fault (#1969): every item reported as created, none there."""
    port = free_port()
    subscribe = UaSession.subscribe

    async with opcua_server(port, NODES) as server:

        async def subscribe_and_lose(self: UaSession, addresses: list[str]) -> None:
            await subscribe(self, addresses)
            lose(server, *NAMES)

        monkeypatch.setattr(UaSession, "subscribe", subscribe_and_lose)
        async with running(OpcUaConnector(config(port, *NAMES))) as follower:
            await follower.until(lambda: all(follower.last(name) == 0 for name in NAMES))
            await node(server, "b").write_value(9)
            await follower.until(lambda: follower.last("b") == 9)


async def test_a_server_that_will_not_keep_its_items_is_unavailable_and_a_gap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connector, "VERIFY_EVERY", 0.2)
    port = free_port()
    monitor = UaSession.monitor
    async with opcua_server(port, NODES) as server:

        async def monitor_in_vain(self: UaSession, addresses: list[str]) -> None:
            await monitor(self, addresses)
            if len(addresses) == 1:
                lose(server, *(name for name in NAMES if address(name) in addresses))

        async with running(OpcUaConnector(config(port, *NAMES))) as follower:
            await follower.until(lambda: all(follower.last(name) == 0 for name in NAMES))
            monkeypatch.setattr(UaSession, "monitor", monitor_in_vain)
            lose(server, "b")
            with pytest.raises(Unavailable, match="lost again"):
                await bounded(asyncio.shield(follower.task), 20)
    assert [(gap.cause, gap.end_time) for gap in follower.gaps()] == [("connection_down", None)]


async def test_a_lost_subscription_is_made_anew_and_the_span_between_is_a_gap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connector, "VERIFY_EVERY", 0.2)
    port = free_port()
    async with (
        opcua_server(port, NODES) as server,
        running(OpcUaConnector(config(port, *NAMES))) as follower,
    ):
        await follower.until(lambda: all(follower.last(name) == 0 for name in NAMES))
        service = server.iserver.subscription_service
        (number,) = service.subscriptions
        await service.delete_subscriptions([number])
        lost = datetime.now(UTC)
        await node(server, "a").write_value(1)
        await node(server, "a").write_value(2)
        try:
            await follower.until(lambda: any(gap.end_time for gap in follower.gaps()))
        except Gone:
            # Told by the publishing before the items were verified: the runner then begins again
            follower.task = asyncio.create_task(follower._run())
            await follower.until(lambda: any(gap.end_time for gap in follower.gaps()))
        await follower.until(lambda: follower.last("a") == 2)
    opened, closed = follower.gaps()
    assert (opened.cause, opened.end_time, closed.key) == ("connection_down", None, opened.key)
    assert closed.start_time < lost < closed.end_time
    assert closed.recovered == ""


async def test_an_overflow_bit_is_a_gap_of_that_value_alone() -> None:
    port = free_port()
    async with (
        opcua_server(port, NODES) as server,
        running(OpcUaConnector(config(port, *NAMES))) as follower,
    ):
        await follower.until(lambda: all(follower.last(name) == 0 for name in NAMES))
        before = follower.batches[-1].samples.sample(0).source_time
        overflow = ua.StatusCode(ua.UInt32(0x480))
        await node(server, "b").write_value(ua.DataValue(ua.Variant(7), StatusCode=overflow))
        await follower.until(lambda: follower.gaps())
    (gap,) = follower.gaps()
    assert (gap.cause, gap.scope) == ("overflow", address("b"))
    assert before <= gap.end_time
    (sample,) = [s for b in follower.batches for s in b.samples if s.value == 7]
    assert (sample.quality, sample.status_code) == (0, 0)


async def test_a_server_whose_values_stop_while_it_keeps_the_connection_is_left() -> None:
    """Keep-alives go on, the server's own clock does not: the connection looks fine and is not."""
    port = free_port()
    async with opcua_server(port, NODES) as server:
        made = OpcUaConnector(config(port, *NAMES, freshness_seconds=1.0))
        async with running(made) as follower:
            await follower.until(lambda: all(follower.last(name) == 0 for name in NAMES))
            items = subscription(server)
            items.delete_monitored_items(
                [
                    data.monitored_item_id
                    for data in items._monitored_items.values()
                    if data.client_handle == 1
                ]
            )
            with pytest.raises(Unavailable, match="not even the server's clock"):
                await bounded(asyncio.shield(follower.task), 20)


async def test_what_the_server_grants_is_told_by_the_probe_and_kept_with_the_outage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connector, "MENDED_SECONDS", 0.2)
    port = free_port()
    made = OpcUaConnector(config(port, *NAMES, tolerated_outage_seconds=900.0))
    async with opcua_server(port, NODES) as server:
        granted = server.iserver.subscription_service
        async with running(made) as follower:
            await follower.until(lambda: all(follower.last(name) == 0 for name in NAMES))
            cap = next(iter(granted.subscriptions.values())).max_queue_size
        probe = await OpcUaConnector(config(port, "a", tolerated_outage_seconds=900.0)).probe()
    assert [str(said) for said in probe.warnings] == [f"{address('a')}: queue of {cap} granted, 90000 asked"]
    with pytest.raises(Unavailable):
        async with running(made) as follower:
            await follower.until(lambda: False)
    async with opcua_server(port, NODES), running(made) as follower:
        await follower.until(lambda: any(gap.end_time for gap in follower.gaps()))
    (told,) = follower.batches[0].notices
    assert told.kind == "listening"
    assert told.detail == (
        f"queues of 90000 asked, {cap} or more granted, fewer than asked for 3 of 3 values;"
        " sampled every 10 ms asked, 50 ms or faster granted"
    )
    closed = next(gap for gap in follower.gaps() if gap.end_time)
    assert f"queues of 90000 asked, {cap} or more granted, fewer than asked for 3 of 3" in closed.detail
