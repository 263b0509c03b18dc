"""After a cut: three kinds of server, on two stacks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asyncua import Server, ua
from asyncua.common.utils import ServiceError
from asyncua.server.internal_subscription import InternalSubscription
from asyncua.server.subscription_service import SubscriptionService

from connectors.protocols.opcua import OpcUaConnector, connector, dialing
from connectors.protocols.opcua.dialing import STARTED
from tests.chaos.proxy import Proxy
from tests.connectors.peers import address, free_port, node, opcua_server, values
from tests.connectors.test_opcua import config
from tests.connectors.test_opcua_items import Running, running

NODES = {"count": 0}


@contextlib.asynccontextmanager
async def behind_a_proxy(**changes: Any) -> AsyncIterator[tuple[Server, Proxy, Running]]:
    """A server, what may be cut, and a connector that already heard its first value."""
    port = free_port()
    async with opcua_server(port, NODES, history=changes.pop("kept", False)) as server:
        # What happened before a server started is in no history
        await server.get_node(STARTED).write_value(datetime.now(UTC) - timedelta(hours=1))
        with Proxy(port) as proxy:
            made = OpcUaConnector(config(proxy.port, "count", **changes))
            async with running(made) as follower:
                await follower.until(lambda: follower.last("count") == 0)
                yield server, proxy, follower


async def write(server: Server, numbers: range) -> None:
    for number in numbers:
        await node(server, "count").write_value(number)
        await asyncio.sleep(0.002)


def came(follower: Running) -> list[int]:
    return values(follower.batches, address("count"))


@pytest.fixture
def a_conforming_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Part 4 §5.14.6 has it: what is not to be had is refused."""
    republish = InternalSubscription.republish

    def refusing(self: InternalSubscription, number: int) -> ua.NotificationMessage:
        if number not in self._not_acknowledged_results:
            raise ServiceError(ua.StatusCodes.BadMessageNotAvailable)
        return republish(self, number)

    monkeypatch.setattr(InternalSubscription, "republish", refusing)


@pytest.fixture(params=["conforming", "empty answer"])
def kind(request: pytest.FixtureRequest) -> None:
    """asyncua's server as it is answers an unknown number with an empty message."""
    if request.param == "conforming":
        request.getfixturevalue("a_conforming_server")


def ours(server: Server) -> InternalSubscription:
    """Not the server's own, for its history."""
    found = server.iserver.subscription_service.subscriptions.values()
    return next(one for one in found if one.pub_request_callback)


def lose_the_session(server: Server) -> None:
    """The server forgets who we are and keeps the subscription."""
    sessions = server.iserver._external_sessions
    for token in list(sessions):
        sessions.pop(token)


async def test_a_cut_loses_nothing_the_server_still_has(kind: None) -> None:
    """What was published into the dead channel is published again, what waited comes next."""
    async with behind_a_proxy() as (server, proxy, follower):
        for turn in range(3):
            proxy.swallow()
            await write(server, range(30 * turn + 1, 30 * turn + 16))
            await asyncio.sleep(0.1)
            proxy.cut(refuse=True)
            await write(server, range(30 * turn + 16, 30 * turn + 31))
            proxy.heal()
            last = 30 * turn + 30
            await follower.until(lambda last=last: follower.last("count") == last)  # type: ignore[misc]
    assert came(follower) == list(range(91))
    assert follower.gaps() == []


async def test_a_server_that_refuses_the_transfer_leaves_a_gap_that_holds_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def refuse(*_: Any) -> list[ua.TransferResult]:
        return [ua.TransferResult(StatusCode=ua.StatusCode(ua.UInt32(ua.StatusCodes.BadUserAccessDenied)))]

    monkeypatch.setattr(SubscriptionService, "transfer_subscriptions", refuse)
    async with behind_a_proxy() as (server, proxy, follower):
        proxy.cut(refuse=True)
        await write(server, range(1, 11))
        lose_the_session(server)
        proxy.heal()
        await follower.until(lambda: any(gap.end_time for gap in follower.gaps()))
        await write(server, range(11, 21))
        await follower.until(lambda: follower.last("count") == 20)
    assert set(range(11, 21)) <= set(came(follower))
    opened, closed = follower.gaps()
    assert (opened.key, opened.cause, opened.end_time) == (closed.key, "connection_down", None)
    assert closed.recovered == ""


async def test_what_a_refused_transfer_lost_comes_from_history_and_closes_the_gap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("connectors.protocols.opcua.history.HISTORY_PAGE", 7)
    async with behind_a_proxy(kept=True) as (server, proxy, follower):
        await write(server, range(1, 6))
        await follower.until(lambda: follower.last("count") == 5)
        proxy.cut(refuse=True)
        await write(server, range(6, 36))
        lose_the_session(server)
        service = server.iserver.subscription_service
        await service.delete_subscriptions([ours(server).data.SubscriptionId])
        proxy.heal()
        await follower.until(lambda: any(gap.end_time for gap in follower.gaps()))
    assert set(range(36)) == set(came(follower))
    closed = next(gap for gap in follower.gaps() if gap.end_time)
    assert closed.recovered == "history"


async def test_a_half_open_connection_is_on_record_before_it_is_given_up() -> None:
    """Nothing tells us that nothing comes: the span is open at once, and closed when all of it came."""
    async with behind_a_proxy(freshness_seconds=2.0) as (server, proxy, follower):
        proxy.swallow()
        await write(server, range(1, 21))
        await follower.until(lambda: follower.gaps())
        (opened,) = follower.gaps()
        assert (opened.cause, opened.end_time) == ("connection_down", None)
        proxy.cut()
        proxy.heal()
        await follower.until(lambda: len(follower.gaps()) == 2)
    assert came(follower) == list(range(21))
    closed = follower.gaps()[1]
    assert (closed.key, closed.recovered) == (opened.key, "queue")


async def test_what_was_received_and_not_stored_before_a_cut_is_not_lost() -> None:
    """The spool is slow, the channel breaks meanwhile: the batch at hand is still delivered, once."""
    port = free_port()
    async with opcua_server(port, NODES) as server:
        with Proxy(port) as proxy:
            made = OpcUaConnector(config(proxy.port, "count"))
            stream: Any = made.batches()
            got: list[int] = []
            async with asyncio.timeout(30), contextlib.aclosing(stream):
                async for batch in stream:
                    got += values([batch], address("count"))
                    if values([batch], address("count")) == [0]:
                        await write(server, range(1, 6))
                        await asyncio.sleep(0.2)
                        proxy.cut()
                        await asyncio.sleep(0.2)
                    await made.acknowledge(batch)
                    if got[-1:] == [5]:
                        break
    assert got == [0, 1, 2, 3, 4, 5]


async def test_acknowledgements_due_at_a_cut_are_made_up_for() -> None:
    async with behind_a_proxy() as (server, proxy, follower):
        for turn in range(1, 4):
            await write(server, range(10 * turn, 10 * turn + 5))
            last = 10 * turn + 4
            await follower.until(lambda last=last: follower.last("count") == last)  # type: ignore[misc]
            proxy.cut()
        await write(server, range(100, 101))
        await follower.until(lambda: follower.last("count") == 100)
        kept = ours(server)
        await follower.until(lambda: not kept._not_acknowledged_results)


async def test_a_subscription_of_a_server_that_started_anew_is_nobodys_to_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After a restart the same number may belong to a stranger."""
    monkeypatch.setattr(connector, "MENDED_SECONDS", 30.0)
    asked: list[Any] = []
    transferred = dialing.transferred

    async def noted(*arguments: Any) -> Any:
        asked.append(await transferred(*arguments))
        return asked[-1]

    monkeypatch.setattr(dialing, "transferred", noted)
    taken: list[Any] = []

    async def take(*arguments: Any) -> Any:
        taken.append(arguments)

    monkeypatch.setattr(SubscriptionService, "transfer_subscriptions", take)
    port = free_port()
    async with contextlib.AsyncExitStack() as stack:
        async with opcua_server(port, NODES):
            follower = await stack.enter_async_context(running(OpcUaConnector(config(port, "count"))))
            await follower.until(lambda: follower.last("count") == 0)
        async with opcua_server(port, {"count": 7}):
            await follower.until(lambda: follower.last("count") == 7)
            await stack.aclose()
    assert asked == [None]
    assert taken == []
