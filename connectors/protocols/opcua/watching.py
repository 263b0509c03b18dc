"""Watching what no single node holds: what of a server's events and objects must be subscribed to for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, cast

from asyncua import Client, ua

from connectors.domain.phrase import late, phrase
from connectors.interface import Unavailable
from connectors.protocols.opcua.conditions import Conditions, event_request, refresh_request
from connectors.protocols.opcua.derived import CONDITION, JOBS, PACKML, PART, derived
from connectors.protocols.opcua.dialing import within
from connectors.protocols.opcua.items import Wanted
from connectors.protocols.opcua.job_control import Responses, responses
from connectors.protocols.opcua.packml import Nested, nested
from connectors.protocols.opcua.values import node_id

if TYPE_CHECKING:
    from connectors.protocols.opcua.session import UaSession


Parts = list[tuple[str, ua.NodeId]]
# What makes one value of many parts, and the parts to watch for it
WATCHED: dict[str, Callable[[Client, str, ua.NodeId], Awaitable[tuple[Nested | Responses, Parts]]]] = {
    PACKML: nested,
    JOBS: responses,
}


async def machines(session: UaSession, addresses: list[str]) -> list[Wanted]:
    """The nodes behind addresses of machines and jobs, or behind parts of them, that are not watched yet."""
    found: list[Wanted] = []
    watched = set(session.items.addresses.values())
    for address in dict.fromkeys(address.partition(PART)[0] for address in addresses):
        wanted = derived(address)
        if wanted is None or wanted.kind not in WATCHED:
            continue
        node, parts = node_id(wanted.node, session.namespaces), Parts()
        if node is not None:
            try:
                machine, parts = await WATCHED[wanted.kind](session.client, address, node)
            except Unavailable:
                if not session.connected:
                    raise
        if not parts:
            session.items.absent.append(address)
            continue
        session.receiving.nested.setdefault(address, cast("Nested", machine))
        named = ((f"{address}{PART}{part}", inner) for part, inner in parts)
        found += [(part, inner) for part, inner in named if part not in watched]
    return found


async def conditions(session: UaSession, addresses: list[str]) -> None:
    """Subscribes to events when a condition is wanted, and asks for those that stand already."""
    wanted = {
        (found.name, found.node): address
        for address in addresses
        if (found := derived(address)) is not None and found.kind == CONDITION
    }
    if wanted:
        session.receiving.conditions = Conditions(wanted)
        await events(session)


async def events(session: UaSession) -> None:
    items, names = session.items, session.conditions
    requests = [
        event_request(node, items.next_handle(), items.queue_size)
        for node in names.notifiers(session.namespaces)
    ]
    for asked, result in zip(requests, await session.create(requests), strict=True):
        if result.StatusCode.is_good():
            items.events[asked.RequestedParameters.ClientHandle] = int(result.MonitoredItemId)
    if not items.events:
        items.absent += names.addresses
        items.warnings.append(phrase(late("the server tells of no events")))
        return
    try:
        (answer,) = await within(
            session.client.uaclient.session.call([refresh_request(session.subscription)]), "refresh"
        )
    except Unavailable:
        if not session.connected:
            raise
        answer = None
    if answer is None or not answer.StatusCode.is_good():
        items.warnings.append(
            phrase(
                late("the server does not tell which conditions stand; they are known from their next change")
            )
        )
