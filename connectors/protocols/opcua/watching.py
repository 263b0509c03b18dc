"""Watching what no single node holds: what of a server's events and objects must be subscribed to for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from asyncua import Client, ua

from connectors.domain.phrase import Phrase, late, phrase
from connectors.interface import Unavailable
from connectors.protocols.opcua import job_offers
from connectors.protocols.opcua.conditions import SERVER, Conditions, event_request, refresh_request
from connectors.protocols.opcua.derived import CONDITION, JOBS, PACKML, PART, PRODUCED, derived
from connectors.protocols.opcua.dialing import within
from connectors.protocols.opcua.items import Wanted
from connectors.protocols.opcua.job_reports import Reports
from connectors.protocols.opcua.packml import Nested, nested
from connectors.protocols.opcua.values import node_id

if TYPE_CHECKING:
    from connectors.protocols.opcua.session import UaSession


Parts = list[tuple[str, ua.NodeId]]
# What makes one value of many parts, and the parts to watch for it
WATCHED: dict[str, Callable[[Client, str, ua.NodeId], Awaitable[tuple[Nested | Reports, Parts]]]] = {
    PACKML: nested,
    JOBS: job_offers.orders,
    PRODUCED: job_offers.produced,
}
# Seconds between two looks at whether a server is due to be asked
LOOK = 0.5


async def machines(session: UaSession, addresses: list[str]) -> list[Wanted]:
    """The nodes behind addresses of machines and jobs, or behind parts of them, that are not watched yet."""
    found: list[Wanted] = []
    watched = set(session.items.addresses.values())
    for address in dict.fromkeys(address.partition(PART)[0] for address in addresses):
        wanted = derived(address)
        if wanted is None or wanted.kind not in WATCHED:
            continue
        node, parts = node_id(wanted.node, session.namespaces), Parts()
        machine: Nested | Reports | None = None
        if node is not None:
            try:
                machine, parts = await WATCHED[wanted.kind](session.client, address, node)
            except Unavailable as error:
                if not session.connected:
                    raise
                session.items.warn(Phrase(f"{address}: {error}"))
        if machine is None or not (parts or _tells(machine)):
            session.items.absent.append(address)
            continue
        session.receiving.nested.setdefault(address, machine)
        named = ((f"{address}{PART}{part}", inner) for part, inner in parts)
        found += [(part, inner) for part, inner in named if part not in watched]
    return found


def _tells(machine: Nested | Reports) -> bool:
    """Though no node of it is watched."""
    return isinstance(machine, Reports) and (machine.event_type is not None or machine.asking is not None)


async def reports(session: UaSession) -> None:
    """Has events of job orders told that are not yet; one whose nodes cannot be watched either is absent."""
    items = session.items
    for address, machine in list(session.receiving.nested.items()):
        if isinstance(machine, Reports):
            if machine.event_type is not None and address not in items.reports.values():
                await _job_events(session, address, machine)
            if machine.asking is not None:
                items.asked.add(address)
        if address not in items.public:
            del session.receiving.nested[address]
            items.absent.append(address)
            text = late("%(address)s: the server lets nobody watch it")
            items.warn(phrase(text, address=address))


async def _job_events(session: UaSession, address: str, machine: Reports) -> None:
    """From the object itself, else from the server, which tells what all its objects tell."""
    items = session.items
    for node in (machine.provider, SERVER):
        asked = job_offers.event_request(machine, node, items.next_handle(), items.queue_size)
        handle = asked.RequestedParameters.ClientHandle
        # Known before it is sent: the first events may come before the answer
        items.reports[handle] = address
        (result,) = await session.create([asked]) or (None,)
        if result is not None and result.StatusCode.is_good():
            items.events[handle] = int(result.MonitoredItemId)
            machine.everybody = node == SERVER
            return
        items.forget([handle])


async def asking(session: UaSession) -> None:
    """Asks for what no event and no list tells, or to heal what they lost, until the channel is lost."""
    due: dict[str, float] = {}
    while True:
        for address in sorted(session.items.asked):
            machine = session.receiving.nested.get(address)
            if isinstance(machine, Reports) and machine.asking is not None:
                if time.monotonic() < due.get(address, 0.0):
                    continue
                await _ask(session, machine)
                due[address] = time.monotonic() + machine.asking.every
        await asyncio.sleep(LOOK)


async def _ask(session: UaSession, machine: Reports) -> None:
    at = session.receiving.server_time()
    try:
        await job_offers.ask(session.client, machine, at)
    except Unavailable as error:
        if not session.connected:
            raise
        machine.refused(str(error), at)
    batch = session.receiving.told(machine)
    if batch:
        await session.hand_over(batch)


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
    requests = []
    watched = {names.scopes.get(handle) for handle in items.conditions}
    for scope, node in names.notifiers(session.namespaces):
        if scope in watched:
            continue
        handle = items.next_handle()
        names.scopes[handle] = scope
        requests.append(event_request(node, handle, items.queue_size))
    for asked, result in zip(requests, await session.create(requests), strict=True):
        if result.StatusCode.is_good():
            items.events[asked.RequestedParameters.ClientHandle] = int(result.MonitoredItemId)
    if not items.conditions:
        items.absent += names.addresses
        items.warn(phrase(late("the server tells of no events")))
        return
    await refresh(session)


async def refresh(session: UaSession) -> None:
    """Asks the server which conditions stand."""
    session.conditions.refresh_due = False
    try:
        (answer,) = await within(
            session.client.uaclient.session.call([refresh_request(session.subscription)]), "refresh"
        )
    except Unavailable:
        if not session.connected:
            raise
        answer = None
    if answer is None or not answer.StatusCode.is_good():
        text = late("the server does not tell which conditions stand; they are known from their next change")
        session.items.warn(phrase(text))
