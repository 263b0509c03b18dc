"""What a server kept while we were away, and whether that can be all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from asyncua import ua

from connectors.domain.columns import HISTORICAL, Row
from connectors.interface import SampleBatch, Unavailable
from connectors.protocols.opcua.derived import derived
from connectors.protocols.opcua.dialing import running_since, within
from connectors.protocols.opcua.receiving import unread
from connectors.protocols.opcua.session import CHUNK, UaSession
from connectors.protocols.opcua.values import NotAValue, aware, data_row, node_id

HISTORY_SECONDS = 120.0
HISTORY_PAGE = 1000
HISTORY_MOST = 200_000
# OPC UA times count 100 ns; ours, microseconds
TICK = timedelta(microseconds=1)


async def filled(
    session: UaSession, *, start: datetime, end: datetime, progress: dict[str, datetime]
) -> set[str]:
    """Hands over what the server kept of [start, end) and returns the addresses of which it kept nothing, or
    not all. Raises Unavailable when the channel is lost; ``progress`` tells a later call where to go on.
    """
    missing = session.watched
    deadline = time.monotonic() + HISTORY_SECONDS
    # A server may file a value a moment after it published it
    await asyncio.sleep(2 * session.receiving.slack().total_seconds())
    for address in sorted(await historizing(session)):
        if time.monotonic() > deadline:
            break
        try:
            async for page in history(session, address, progress.get(address, start), end):
                await session.hand_over(page)
            progress[address] = end - session.receiving.slack()
            missing.discard(address)
        except Unavailable:
            if not session.connected:
                raise
    since = await running_since(session.client)
    # What happened while the server was down is in no history
    return missing if since is not None and since <= start else session.watched


async def history(
    session: UaSession, address: str, start: datetime, end: datetime
) -> AsyncIterator[SampleBatch]:
    """What the server kept of [start, end), page by page.

    Continuation points are followed. Many servers give one page and no continuation point, so after a page
    without one the rest is asked for again from its last value on, until nothing new comes.
    Raises Unavailable when it keeps none or too much.
    """
    node = node_id(address, session.namespaces)
    if node is None:
        raise Unavailable("namespace not known")
    total, continuation = 0, None
    while start < end:
        values, continuation = await _page(session, node, start, end, continuation)
        total += len(values)
        if total > HISTORY_MOST:
            raise Unavailable(f"history: more than {HISTORY_MOST} values")
        if values:
            yield _read(address, values)
        if continuation:
            continue
        last = max((aware(one.SourceTimestamp) for one in values if one.SourceTimestamp), default=None)
        if last is None:
            return
        if len(values) >= HISTORY_PAGE and last <= start:
            raise Unavailable(f"history: {len(values)} values of one instant and no way on")
        # A full page may have cut values of its last instant off; those of a short page are all there
        start = last if len(values) >= HISTORY_PAGE else last + TICK


async def _page(
    session: UaSession, node: ua.NodeId, start: datetime, end: datetime, continuation: bytes | None
) -> tuple[list[ua.DataValue], bytes | None]:
    parameters = ua.HistoryReadParameters(
        HistoryReadDetails=ua.ReadRawModifiedDetails(
            IsReadModified=False,
            StartTime=start,
            EndTime=end,
            NumValuesPerNode=HISTORY_PAGE,
            ReturnBounds=False,
        ),
        TimestampsToReturn=ua.TimestampsToReturn.Both,
        ReleaseContinuationPoints=False,
        NodesToRead=[ua.HistoryReadValueId(NodeId=node, ContinuationPoint=continuation)],
    )
    (result,) = await within(session.client.uaclient.session.history_read(parameters), "history")
    if result.StatusCode.value == ua.StatusCodes.BadNoData:
        return [], None
    if not result.StatusCode.is_good():
        raise Unavailable(f"history: {result.StatusCode.name}")
    return getattr(result.HistoryData, "DataValues", None) or [], result.ContinuationPoint or None


async def historizing(session: UaSession) -> set[str]:
    """Addresses whose values the server says it records; an empty history of any other proves nothing."""
    addresses = [address for address in session.items.public if derived(address) is None]
    nodes = [node_id(address, session.namespaces) for address in addresses]
    found: set[str] = set()
    for first in range(0, len(nodes), CHUNK):
        answers = await within(
            session.client.uaclient.session.read_attributes(
                nodes[first : first + CHUNK],  # type: ignore[arg-type]
                ua.AttributeIds.Historizing,
            ),
            "historizing",
        )
        for address, answer in zip(addresses[first:], answers, strict=False):
            if answer.Value is not None and answer.Value.Value is True:
                found.add(address)
    return found


def _read(address: str, values: list[ua.DataValue]) -> SampleBatch:
    arrival, rows, batch = time.time_ns() // 1000, list[Row](), SampleBatch(messages=1)
    for data in values:
        try:
            rows.append(data_row(address, data, arrival))
        except (NotAValue, OverflowError) as error:
            batch.malformed.append(unread(address, error, data, arrival))
    batch.samples.add_rows(rows, arrival, HISTORICAL)
    return batch
