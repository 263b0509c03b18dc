"""What a server kept while we were away, and whether that can be all."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime

from asyncua import ua

from connectors.domain.columns import HISTORICAL, Row
from connectors.interface import SampleBatch, Unavailable
from connectors.protocols.opcua.derived import derived
from connectors.protocols.opcua.dialing import running_since, within
from connectors.protocols.opcua.receiving import unread
from connectors.protocols.opcua.recorded import history_read
from connectors.protocols.opcua.session import UaSession
from connectors.protocols.opcua.values import NotAValue, aware, data_row, node_id, said_of

HISTORY_SECONDS = 120.0
HISTORY_PAGE = 1000
HISTORY_MOST = 200_000


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
            begin = progress.get(address, start)
            async with aclosing(history(session, address, begin, end, deadline=deadline)) as pages:
                async for page in pages:
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
    session: UaSession, address: str, start: datetime, end: datetime, *, deadline: float = math.inf
) -> AsyncGenerator[SampleBatch, None]:
    """What the server kept of [start, end), page by page; ``deadline`` is an instant of the monotonic clock.

    Continuation points are followed. Many servers give one page and no continuation point, so after a page
    without one the rest is asked for again from its last instant on, until nothing new comes.
    Raises Unavailable when it keeps none or too much.
    """
    node = node_id(address, session.namespaces)
    if node is None:
        raise Unavailable("namespace not known")
    total, continuation, told = 0, b"", _Told()
    try:
        while start < end:
            if time.monotonic() > deadline:
                raise Unavailable(f"history: not all of it within {HISTORY_SECONDS:g} s")
            values, continuation = await _page(session, node, start, end, continuation)
            total += len(values)
            if total > HISTORY_MOST:
                raise Unavailable(f"history: more than {HISTORY_MOST} values")
            if news := told.news(values):
                yield _read(address, news)
            if continuation:
                continue
            if told.until is None or told.until <= start:
                if len(values) >= HISTORY_PAGE:
                    raise Unavailable(f"history: {len(values)} values of one instant and no way on")
                return
            start = told.until
    finally:
        if continuation and session.connected:
            await _release(session, node, start, end, continuation)


@dataclass
class _Told:
    """Up to which instant a history was told, and what of that instant: a page may have been cut off there.

    A server may round the beginning down, to the millisecond for one, and so repeat what lies before it.
    """

    until: datetime | None = None
    _last: set[tuple[str, int]] = field(default_factory=set)

    def news(self, values: list[ua.DataValue]) -> list[ua.DataValue]:
        found = []
        for data in values:
            if data.SourceTimestamp is not None:
                at = aware(data.SourceTimestamp)
                if self.until is not None and at < self.until:
                    continue
                if at != self.until:
                    self.until, self._last = at, set()
                said = (repr(data.Value), said_of(data)[0])
                if said in self._last:
                    continue
                self._last.add(said)
            found.append(data)
        return found


async def _release(
    session: UaSession, node: ua.NodeId, start: datetime, end: datetime, continuation: bytes
) -> None:
    """A server keeps few continuation points; those not followed to the end are given back."""
    parameters = _parameters(node, start, end, continuation)
    parameters.ReleaseContinuationPoints = True
    with contextlib.suppress(Unavailable):
        await within(history_read(session.client, parameters), "history")


async def _page(
    session: UaSession, node: ua.NodeId, start: datetime, end: datetime, continuation: bytes
) -> tuple[list[ua.DataValue], bytes]:
    parameters = _parameters(node, start, end, continuation)
    (result,) = await within(history_read(session.client, parameters), "history")
    if result.StatusCode.value == ua.StatusCodes.BadNoData:
        return [], b""
    if not result.StatusCode.is_good():
        raise Unavailable(f"history: {result.StatusCode.name}")
    return getattr(result.HistoryData, "DataValues", None) or [], result.ContinuationPoint or b""


def _parameters(
    node: ua.NodeId, start: datetime, end: datetime, continuation: bytes
) -> ua.HistoryReadParameters:
    return ua.HistoryReadParameters(
        HistoryReadDetails=ua.ReadRawModifiedDetails(
            IsReadModified=False,
            StartTime=start,
            EndTime=end,
            NumValuesPerNode=HISTORY_PAGE,
            ReturnBounds=False,
        ),
        TimestampsToReturn=ua.TimestampsToReturn.Both,
        ReleaseContinuationPoints=False,
        NodesToRead=[ua.HistoryReadValueId(NodeId=node, ContinuationPoint=continuation or None)],
    )


async def historizing(session: UaSession) -> set[str]:
    """Addresses whose values the server says it records; an empty history of any other proves nothing."""
    addresses = [address for address in session.items.public if derived(address) is None]
    nodes = [node_id(address, session.namespaces) for address in addresses]
    found: set[str] = set()
    for first in range(0, len(nodes), session.chunk):
        answers = await within(
            session.client.uaclient.session.read_attributes(
                nodes[first : first + session.chunk],  # type: ignore[arg-type]
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
