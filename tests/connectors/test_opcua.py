from __future__ import annotations

import asyncio
import struct
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asyncua import ua
from asyncua.ua import ua_binary

from connectors.interface import ConfigurationError, SampleBatch, Unavailable
from connectors.protocols.opcua import OpcUaConfig, OpcUaConnector
from connectors.protocols.opcua import connector as module
from connectors.protocols.opcua.dialing import STARTED
from connectors.protocols.opcua.values import address_of, node_id
from connectors.transports.deadline import bounded
from plant.domain.samples import Quality
from tests.connectors.peers import address, collect, free_port, node, opcua_server, values

# The library types its own conversions more narrowly than it makes them
_ua_binary: Any = ua_binary
HISTORY_DATA = ua.NodeId(ua.Int32(ua.ObjectIds.HistoryData_Encoding_DefaultBinary))


def config(port: int, *names: str, **changes: Any) -> OpcUaConfig:
    settings = {
        "endpoint": f"opc.tcp://127.0.0.1:{port}/",
        "security": "none",
        "publishing_ms": 50.0,
        "sampling_ms": 10.0,
        **changes,
    }
    return OpcUaConfig(addresses=tuple(map(address, names)), **settings)


def test_addresses_carry_the_namespace_uri() -> None:
    namespaces = ["http://opcfoundation.org/UA/", "urn:a", "urn:b;c"]
    for text in ("i=2258", "nsu=urn:a;s=Line.State", "nsu=urn:b;c;i=7"):
        found = node_id(text, namespaces)
        assert found is not None
        assert address_of(found, namespaces) == text
    assert node_id("nsu=urn:other;s=x", namespaces) is None
    with pytest.raises(ConfigurationError):
        OpcUaConnector(OpcUaConfig(endpoint="opc.tcp://localhost", security="none", addresses=("ns=2;s=x",)))


async def test_every_change_arrives_in_order_with_its_source_time() -> None:
    port = free_port()
    async with opcua_server(port, {"count": 0, "label": "", "on": False}) as server:
        connector = OpcUaConnector(config(port, "count", "label", "on"))

        async def drive() -> None:
            for number in range(1, 51):
                await node(server, "count").write_value(number)
                await asyncio.sleep(0.005)
            await node(server, "label").write_value("é")
            await node(server, "on").write_value(True)

        driver = asyncio.create_task(drive())
        got = await collect(
            connector,
            lambda b: values(b, address("on"))[-1:] == [True] and values(b, address("count"))[-1:] == [50],
        )
        await driver
    counts = values(got, address("count"))
    assert counts == sorted(set(counts))
    assert counts[-1] == 50
    assert values(got, address("label"))[-1] == "é"
    times = [
        sample.source_time for batch in got for sample in batch.samples if sample.address == address("count")
    ]
    assert times == sorted(times)
    assert not [gap for batch in got for gap in batch.gaps]


async def test_an_absent_node_is_tolerated_and_named_by_the_probe() -> None:
    port = free_port()
    async with opcua_server(port, {"state": 6}):
        probe = await OpcUaConnector(config(port, "state", "missing")).probe()
    assert [(sample.address, sample.value) for sample in probe.samples] == [(address("state"), 6)]
    assert any("missing" in str(warning) for warning in probe.warnings)


async def test_bad_quality_and_arrays_are_told_apart() -> None:
    port = free_port()
    async with opcua_server(port, {"speed": 1.0, "list": [1, 2]}) as server:
        connector = OpcUaConnector(config(port, "speed", "list"))

        async def drive() -> None:
            await asyncio.sleep(0.3)
            bad = ua.DataValue(
                ua.Variant(2.0), StatusCode=ua.StatusCode(ua.UInt32(ua.StatusCodes.BadSensorFailure))
            )
            await node(server, "speed").write_value(bad)

        driver = asyncio.create_task(drive())
        got = await collect(
            connector,
            lambda b: (
                any(s.quality == Quality.BAD for x in b for s in x.samples) and any(x.malformed for x in b)
            ),
        )
        await driver
    sample = next(s for batch in got for s in batch.samples if s.quality == Quality.BAD)
    assert sample.status_code == ua.StatusCodes.BadSensorFailure
    assert "array" in next(m for batch in got for m in batch.malformed).reason


async def test_a_server_restart_is_a_gap_that_closes_unrecovered_without_history(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MENDED_SECONDS", 0.2)
    port, batches = free_port(), list[SampleBatch]()
    connector = OpcUaConnector(config(port, "state"))
    async with opcua_server(port, {"state": 1}):
        await collect(connector, lambda b: bool(values(b, address("state"))))
        stream = connector.batches()
        async for batch in stream:
            await connector.acknowledge(batch)
            if len(batch.samples):
                break
        reader = asyncio.create_task(_drain(connector, stream, batches))
    with pytest.raises(Unavailable):
        await bounded(reader, 20)
    (opened,) = [gap for batch in batches for gap in batch.gaps]
    assert (opened.cause, opened.end_time) == ("connection_down", None)
    async with opcua_server(port, {"state": 2}):
        again = await collect(
            connector,
            lambda b: (
                values(b, address("state"))[-1:] == [2] and any(gap.end_time for x in b for gap in x.gaps)
            ),
        )
    (closed,) = [gap for batch in again for gap in batch.gaps]
    assert closed.key == opened.key
    assert closed.end_time is not None
    assert closed.recovered == ""


async def _drain(connector: OpcUaConnector, stream: Any, into: list[SampleBatch]) -> None:
    async for batch in stream:
        into.append(batch)
        await connector.acknowledge(batch)


async def test_an_outage_is_filled_from_the_servers_history() -> None:
    port = free_port()
    async with opcua_server(port, {"count": 0}, history=True) as server:
        start = datetime.now(UTC)
        # What happened before a server started is in no history
        await server.get_node(STARTED).write_value(start - timedelta(hours=1))
        for number in range(1, 31):
            await node(server, "count").write_value(number)
            await asyncio.sleep(0.01)
        connector = OpcUaConnector(OpcUaConfig(**{**vars(config(port, "count")), "resume_from": start}))
        got = await collect(connector, lambda b: any(gap.end_time for x in b for gap in x.gaps))
    old = [sample for batch in got for sample in batch.samples if sample.historical]
    assert [sample.value for sample in old][-30:] == list(range(1, 31))
    closed = next(gap for batch in got for gap in batch.gaps if gap.end_time)
    assert (closed.cause, closed.recovered) == ("process_down", "history")


def _as_the_standard_writes(data: ua.DataValue) -> bytes:
    """With picoseconds, each behind its own time (Part 6 Table 27); asyncua's server has them elsewhere."""
    times: Any = (data.SourceTimestamp, data.ServerTimestamp)
    source, at = map(ua.datetime_to_win_epoch, times)
    return b"\x3d" + _ua_binary.variant_to_binary(data.Value) + struct.pack("<qHqH", source, 17, at, 18)


async def test_history_with_picoseconds_keeps_the_servers_time(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    async with opcua_server(port, {"count": 0}, history=True) as server:
        start = datetime.now(UTC)
        await server.get_node(STARTED).write_value(start - timedelta(hours=1))
        for number in range(1, 4):
            await node(server, "count").write_value(number)
            await asyncio.sleep(0.01)
        manager = server.iserver.history_manager
        read = manager.read_history

        async def in_bytes(params: Any) -> Any:
            results = await read(params)
            for result in results:
                found = result.HistoryData.DataValues
                body = struct.pack("<i", len(found)) + b"".join(map(_as_the_standard_writes, found))
                result.HistoryData = ua.ExtensionObject(TypeId=HISTORY_DATA, Body=ua.ByteString(body))
            return results

        monkeypatch.setattr(manager, "read_history", in_bytes)
        connector = OpcUaConnector(OpcUaConfig(**{**vars(config(port, "count")), "resume_from": start}))
        got = await collect(connector, lambda b: any(gap.end_time for x in b for gap in x.gaps))
    old = [sample for batch in got for sample in batch.samples if sample.historical][-3:]
    assert [sample.value for sample in old] == [1, 2, 3]
    for sample in old:
        assert sample.server_time is not None
        assert abs(sample.server_time - sample.source_time) < timedelta(minutes=1)


async def test_what_was_not_acknowledged_is_not_confirmed_to_the_server() -> None:
    """The publish callback waits for the spool, so the server keeps what we might still lose."""
    port = free_port()
    async with opcua_server(port, {"count": 0}) as server:
        connector = OpcUaConnector(config(port, "count"))
        stream: Any = connector.batches()
        batch = await anext(stream)
        while not len(batch.samples):
            await connector.acknowledge(batch)
            batch = await anext(stream)
        for number in range(1, 6):
            await node(server, "count").write_value(number)
            await asyncio.sleep(0.06)
        (kept,) = server.iserver.subscription_service.subscriptions.values()
        assert kept._not_acknowledged_results
        first = set(kept._not_acknowledged_results)
        while 5 not in values([batch], address("count")):
            await connector.acknowledge(batch)
            batch = await anext(stream)
        assert not first & set(kept._not_acknowledged_results)
        await stream.aclose()


async def test_no_server_is_unavailable_and_opens_a_gap() -> None:
    connector, batches = OpcUaConnector(config(free_port(), "x")), list[SampleBatch]()
    with pytest.raises(Unavailable):
        await bounded(_drain(connector, connector.batches(), batches), 20)
    assert [gap.cause for batch in batches for gap in batch.gaps] == ["connection_down"]
