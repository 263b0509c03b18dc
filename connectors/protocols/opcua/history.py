"""What a server kept while we were away, and whether that can be all."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from datetime import datetime

from asyncua import ua

from connectors.domain.columns import Columns
from connectors.interface import Unavailable
from connectors.protocols.opcua.session import CHUNK, UaSession, within
from connectors.protocols.opcua.values import NotAValue, add_value, aware, node_id

STARTED = ua.NodeId(ua.Int32(ua.ObjectIds.Server_ServerStatus_StartTime))
HISTORY_PAGE = 1000
HISTORY_MOST = 200_000


async def history(session: UaSession, address: str, start: datetime, end: datetime) -> AsyncIterator[Columns]:
    """What the server kept of [start, end), page by page.

    Raises Unavailable when it keeps none or too much.
    """
    node = node_id(address, session.namespaces)
    if node is None:
        raise Unavailable("namespace not known")
    details = ua.ReadRawModifiedDetails(
        IsReadModified=False,
        StartTime=start,
        EndTime=end,
        NumValuesPerNode=HISTORY_PAGE,
        ReturnBounds=False,
    )
    continuation: bytes | None = None
    total = 0
    while True:
        wanted = ua.HistoryReadValueId(NodeId=node, ContinuationPoint=continuation)
        parameters = ua.HistoryReadParameters(
            HistoryReadDetails=details,
            TimestampsToReturn=ua.TimestampsToReturn.Both,
            ReleaseContinuationPoints=False,
            NodesToRead=[wanted],
        )
        (result,) = await within(session.client.uaclient.session.history_read(parameters), "history")
        if not result.StatusCode.is_good():
            raise Unavailable(f"history: {result.StatusCode.name}")
        values = getattr(result.HistoryData, "DataValues", None) or []
        total += len(values)
        if total > HISTORY_MOST:
            raise Unavailable(f"history: more than {HISTORY_MOST} values")
        yield _history_columns(address, values)
        continuation = result.ContinuationPoint
        if not continuation:
            return


async def historizing(session: UaSession) -> set[str]:
    """Addresses whose values the server says it records; an empty history of any other proves nothing."""
    addresses = list(session.items.values())
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


async def running_since(session: UaSession) -> datetime | None:
    """Start of the server: what happened while it was down is in no history.

    None when it does not say.
    """
    read = session.client.uaclient.session.read_attributes([STARTED], ua.AttributeIds.Value)
    try:
        (answer,) = await within(read, "start time")
    except Unavailable:
        return None
    value = answer.Value.Value if answer.Value is not None else None
    return aware(value) if isinstance(value, datetime) else None


def _history_columns(address: str, values: list[ua.DataValue]) -> Columns:
    arrival, columns = time.time_ns() // 1000, Columns()
    for data in values:
        with contextlib.suppress(NotAValue, OverflowError):
            add_value(columns, address, data, arrival=arrival, historical=1)
    return columns
