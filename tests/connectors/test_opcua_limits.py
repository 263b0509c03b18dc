"""Servers that grant less than was asked, limit what one request may hold, or want to be asked again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.server.monitored_item_service import MonitoredItemService
from asyncua.server.subscription_service import SubscriptionService

from connectors.domain.columns import Columns
from connectors.protocols.opcua import connector, dialing
from connectors.protocols.opcua.conditions import FIELDS, REFRESH_ENDS, REFRESH_STARTS, Conditions
from connectors.protocols.opcua.history import _Told
from connectors.protocols.opcua.items import Items
from connectors.protocols.opcua.packml import Nested
from connectors.protocols.opcua.receiving import Receiving
from connectors.protocols.opcua.session import UaSession
from tests.connectors.peers import NAMESPACE, address, free_port, opcua_server, values
from tests.connectors.test_opcua import config
from tests.connectors.test_opcua_derived import HOT, MACHINE, OPEN, PACKML, Alarms, connected
from tests.connectors.test_opcua_items import running

_ua: Any = ua
NAMES = tuple("abcde")
T0: Any = datetime(2026, 3, 2, 6, tzinfo=UTC)


async def opened(port: int, *names: str) -> UaSession:
    session = connector.OpcUaConnector(config(port, *names))._new_session()
    await session.open()
    await session.subscribe([address(name) for name in names])
    return session


async def test_silence_is_measured_by_the_interval_the_server_granted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that publishes every 8 s is not suspicious after 5, and its values may be as much older."""
    create = SubscriptionService.create_subscription

    async def slowly(self: SubscriptionService, params: Any, *others: Any, **more: Any) -> Any:
        params.RequestedPublishingInterval = 8000.0
        return await create(self, params, *others, **more)

    monkeypatch.setattr(SubscriptionService, "create_subscription", slowly)
    port = free_port()
    async with opcua_server(port, {"a": 0}):
        session = await opened(port, "a")
        try:
            assert session.publishing_ms == session.receiving.publishing_ms == 8000
            assert session.suspicious_after > 30
            assert session.receiving.slack() == timedelta(seconds=5)
        finally:
            await session.close()


async def test_no_request_holds_more_than_the_server_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    create, asked = MonitoredItemService.create_monitored_items, list[int]()

    async def at_most_two(self: MonitoredItemService, params: Any) -> Any:
        asked.append(len(params.ItemsToCreate))
        if len(params.ItemsToCreate) > 2:
            raise ServiceError(ua.StatusCodes.BadTooManyOperations)
        return await create(self, params)

    monkeypatch.setattr(MonitoredItemService, "create_monitored_items", at_most_two)
    port = free_port()
    async with opcua_server(port, dict.fromkeys(NAMES, 0)) as server:
        limit = ua.Variant(2, ua.VariantType.UInt32)
        await server.get_node(dialing.LIMITS[0]).write_value(limit)
        async with running(connector.OpcUaConnector(config(port, *NAMES))) as follower:
            await follower.until(lambda: all(follower.last(name) == 0 for name in NAMES))
    assert max(asked) == 2


async def test_one_watched_late_has_as_long_to_report_as_the_first() -> None:
    port = free_port()
    async with opcua_server(port, {"a": 0, "b": 0}):
        session = await opened(port, "a")
        try:
            session.items.silent.clear()
            session._made_at -= 1000
            await session.monitor([address("b")])
            assert session.items.silent
            session._check_fresh()
        finally:
            await session.close()


def test_what_stays_absent_is_said_once() -> None:
    items = Items(100.0, 10)
    for _ in range(3):
        requests = items.requests([(MACHINE, ua.NodeId())])
        refused = ua.MonitoredItemCreateResult(
            StatusCode=ua.StatusCode(_ua.UInt32(ua.StatusCodes.BadNodeIdUnknown))
        )
        items.answered(requests, [refused])
    assert [str(said) for said in items.warnings] == [f"{MACHINE}: BadNodeIdUnknown"]


async def test_conditions_of_a_server_that_tells_no_events_yet_are_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connector, "ABSENT_RETRY", 0.2)
    create, refused = MonitoredItemService._create_events_monitored_item, list[Any]()

    def later(self: MonitoredItemService, params: Any) -> Any:
        result = create(self, params)
        if len(refused) < 4:
            refused.append(params)
            result.StatusCode = ua.StatusCode(_ua.UInt32(ua.StatusCodes.BadServiceUnsupported))
        return result

    monkeypatch.setattr(MonitoredItemService, "_create_events_monitored_item", later)
    port = free_port()
    async with opcua_server(port, {"a": 0}) as server:
        alarms = Alarms(server)
        await alarms.make()
        async with running(connected(port, HOT, address("a"))) as follower:
            await follower.until(lambda: values(follower.batches, HOT))


async def test_a_server_that_says_so_is_asked_anew_which_conditions_stand() -> None:
    port = free_port()
    async with opcua_server(port, {}) as server:
        alarms = Alarms(server)
        await alarms.make()
        required = await server.get_event_generator(ua.ObjectIds.RefreshRequiredEventType)
        async with running(connected(port, HOT)) as follower:
            await follower.until(lambda: len(values(follower.batches, HOT)) == 1)
            await required.trigger()
            await follower.until(lambda: len(values(follower.batches, HOT)) == 2)
    assert [str(told).split(":")[1] for told in values(follower.batches, HOT)] == ["cleared"] * 2


def test_what_one_source_tells_of_its_own_clears_nothing_of_another() -> None:
    """A refresh goes through every item; that of a source brings its own conditions alone."""
    other = f"nsu={NAMESPACE};s=Packer"
    open_there = OPEN.replace(MACHINE, other)
    heard = Conditions({("Too hot", MACHINE): HOT, ("Door: open", other): open_there})
    heard.scopes = {7: "", 8: MACHINE, 9: other}
    into, spaces = Columns(), ["http://opcfoundation.org/UA/", NAMESPACE]

    def event(handle: int, **said: Any) -> None:
        fields = [_ua.Variant(said.get(name.partition("/")[0])) for name, _ in FIELDS]
        heard.hear(fields, spaces, into, 1, handle)

    stands = {
        "SourceNode": _ua.NodeId("Packer", 1),
        "ConditionName": "Door: open",
        "ActiveState": True,
        "AckedState": False,
        "Time": T0,
    }
    for handle in (7, 8, 9):
        event(handle, EventType=REFRESH_STARTS)
        if handle != 8:
            event(handle, **stands)
        event(handle, EventType=REFRESH_ENDS)
    told = [(sample.address, str(sample.value).split(":")[1]) for sample in into]
    assert (open_there, "cleared") not in told
    assert told.count((HOT, "cleared")) == 2


def test_a_page_that_begins_too_early_repeats_nothing_and_misses_nothing() -> None:
    """A server that rounds down to the millisecond, or cuts a page off within one instant."""

    def page(*said: tuple[int, int]) -> list[ua.DataValue]:
        return [
            ua.DataValue(_ua.Variant(value), SourceTimestamp=T0 + timedelta(microseconds=at))
            for at, value in said
        ]

    told = _Told()
    assert told.news(first := page((1, 1), (2, 2), (2, 3))) == first
    again = page((1, 1), (2, 2), (2, 3), (2, 4), (5, 5))
    assert told.news(again) == again[3:]
    assert told.until == T0 + timedelta(microseconds=5)
    assert told.news(page((2, 2), (5, 5))) == []


def test_an_overflow_of_a_part_is_a_gap_of_the_whole() -> None:
    items = Items(100.0, 10, addresses={7: f"{PACKML}\x1f0.text"})
    receiving = Receiving("x", items, 100)
    receiving.nested[PACKML] = Nested(PACKML)
    full = ua.DataValue(
        _ua.Variant("Stopped"), StatusCode=ua.StatusCode(_ua.UInt32(0x480)), SourceTimestamp=T0
    )
    change = ua.MonitoredItemNotification(ClientHandle=7, Value=full)
    batch = receiving.read([ua.DataChangeNotification(MonitoredItems=[change])])
    assert [(gap.cause, gap.scope) for gap in batch.gaps] == [("overflow", PACKML)]
    assert [sample.value for sample in batch.samples] == ["Stopped"]
