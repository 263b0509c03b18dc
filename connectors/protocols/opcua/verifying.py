"""Does the server still have every value we asked it to watch? Libraries and servers lose some in silence."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from asyncua import ua
from asyncua.ua.uaerrors import UaError

from connectors.domain.outage import gap_declared
from connectors.interface import GapRecord, Unavailable
from connectors.protocols.opcua import watching
from connectors.protocols.opcua.derived import PART
from connectors.protocols.opcua.dialing import within
from connectors.protocols.opcua.session import Gone, UaSession

log = logging.getLogger(__name__)
SERVER = ua.NodeId(ua.Int32(ua.ObjectIds.Server))
GET_MONITORED_ITEMS = ua.NodeId(ua.Int32(ua.ObjectIds.Server_GetMonitoredItems))


async def verified(session: UaSession) -> list[GapRecord]:
    """Asks the server what it watches, has it watch what is missing, and returns a gap for each such value,
    from the last time it was known to be watched.

    Raises Gone when the server will not keep them.
    """
    checked = time.monotonic()
    now = session.receiving.server_now()
    since = now - session.receiving.slack() - timedelta(seconds=checked - session.verified_at)
    missing = await _missing(session)
    events = [handle for handle in missing if handle in session.items.conditions]
    addresses = {session.items.reports[handle] for handle in missing if handle in session.items.reports}
    lost = session.items.forget(missing)
    addresses |= {address.partition(PART)[0] for address in lost}
    if missing:
        log.warning("%s: %d values were no longer watched", session.source, len(missing))
        await session.monitor(lost)
        if events:
            addresses |= set(session.conditions.addresses)
            await watching.events(session)
        again = await _missing(session)
        if again:
            example = session.items.addresses.get(again[0], "events")
            raise Gone(f"{len(again)} monitored items are lost again, e.g. {example}")
    session.verified_at = checked
    now = session.receiving.server_now()
    detail = "the server no longer watched it"
    return [
        gap_declared(
            source=session.source, cause="items_lost", start=since, end=now, scope=address, detail=detail
        )
        for address in sorted(addresses)
    ]


async def _missing(session: UaSession) -> list[int]:
    listed = await _listed(session) if session.can_list_items else None
    if listed is not None:
        return sorted(handle for handle in session.items.made if handle not in listed)
    return await _refused(session)


async def _listed(session: UaSession) -> set[int] | None:
    """Our handles of all the subscription's items (OPC UA Part 5 §9.1), None where the method is absent."""
    request = ua.CallMethodRequest(
        ObjectId=SERVER,
        MethodId=GET_MONITORED_ITEMS,
        InputArguments=[ua.Variant(session.subscription, ua.VariantType.UInt32)],
    )
    try:
        (result,) = await within(session.client.uaclient.session.call([request]), "monitored items")
    except Unavailable as error:
        if isinstance(error.__cause__, UaError):
            session.can_list_items = False
            return None
        raise
    if result.StatusCode is not None and result.StatusCode.value == ua.StatusCodes.BadSubscriptionIdInvalid:
        raise Gone("the server no longer knows the subscription")
    outputs = result.OutputArguments or []
    if not result.StatusCode.is_good() or len(outputs) < 2:
        session.can_list_items = False
        return None
    return {int(handle) for handle in outputs[1].Value or ()}


async def _refused(session: UaSession) -> list[int]:
    """Every server must answer for each item when told to keep its mode; for one it lost it cannot."""
    made = session.items.made
    handles = sorted(made)
    lost: list[int] = []
    for first in range(0, len(handles), session.chunk):
        chunk = handles[first : first + session.chunk]
        parameters = ua.SetMonitoringModeParameters(
            SubscriptionId=session.subscription,
            MonitoringMode=ua.MonitoringMode.Reporting,
            MonitoredItemIds=[ua.IntegerId(made[handle]) for handle in chunk],
        )
        answers = await within(
            session.client.uaclient.session.set_monitoring_mode(parameters), "monitoring mode"
        )
        lost += [handle for handle, answer in zip(chunk, answers, strict=True) if not answer.is_good()]
    return lost
