"""How a server tells of its job orders (OPC 10031-4): what its object offers is found by browsing, and used.

Version 2 (§6.2.7): events of ISA95JobOrderStatusEventType, at once; the JobOrderResponseList, watched, which
also heals an event that was lost; where there is no list, RequestJobResponseByJobOrderState heals, asked now
and then. Version 1 (its §6.2.2) has neither events nor a list: RequestJobResponse is asked.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from asyncua import Client, ua

from connectors.domain.job_control import AT_WORK, OVER, STATES, STATES_1, errors_of
from connectors.interface import Unavailable
from connectors.protocols.opcua.dialing import within
from connectors.protocols.opcua.job_control import CALL, arguments
from connectors.protocols.opcua.job_reports import BASE_FIELDS, OWN_FIELDS, Asking, Reports
from connectors.protocols.opcua.packml import children
from connectors.protocols.opcua.structures import Structures

RESPONSES = "JobOrderResponseList"
STATUS_EVENT = "ISA95JobOrderStatusEventType"
ASK, ASK_1 = "RequestJobResponseByJobOrderState", "RequestJobResponse"
# Seconds between two times a server is asked: where nothing else tells, and where that only heals
ASK_ALONE, ASK_TO_HEAL = 5.0, 30.0
BASE_EVENT = ua.NodeId(ua.Int32(ua.ObjectIds.BaseEventType))
Parts = list[tuple[str, ua.NodeId]]


async def orders(client: Client, address: str, provider: ua.NodeId) -> tuple[Reports, Parts]:
    """What to watch for the order at work. Raises Unavailable."""
    return await _offered(client, Reports(address, Structures(client), provider))


async def produced(client: Client, address: str, provider: ua.NodeId) -> tuple[Reports, Parts]:
    """What to watch for what is made of it. Raises Unavailable."""
    return await _offered(client, Reports(address, Structures(client), provider, counting=True))


async def _offered(client: Client, found: Reports) -> tuple[Reports, Parts]:
    inside = await children(client, found.provider)
    listed = inside.get(RESPONSES)
    if listed is not None:
        kind = await within(client.get_node(listed).read_data_type(), "type")
        await found.structures.learn(kind)
    if ASK_1 not in inside:
        found.event_type = await _status_event(client, found.structures)
    if listed is None and ASK_1 in inside:
        found.asking = await _asking_1(client, found.structures, inside[ASK_1])
    elif listed is None and ASK in inside:
        every = ASK_TO_HEAL if found.event_type is not None else ASK_ALONE
        found.asking = await _asking(client, found.structures, inside[ASK], every)
    return found, [] if listed is None else [("list", listed)]


async def _status_event(client: Client, structures: Structures) -> ua.NodeId | None:
    """The event's type, whose fields are learnt; None where the server has it not or does not define them."""
    node = client.get_node(BASE_EVENT)
    refs = await within(node.get_references(ua.ObjectIds.HasSubtype, ua.BrowseDirection.Forward), "browse")
    for ref in refs:
        if ref.BrowseName.Name != STATUS_EVENT:
            continue
        kind = ua.NodeId(ref.NodeId.Identifier, ref.NodeId.NamespaceIndex)
        inside = await children(client, kind)
        try:
            for name in OWN_FIELDS:
                await structures.learn(await within(client.get_node(inside[name]).read_data_type(), "type"))
        except (KeyError, Unavailable):
            return None
        return kind
    return None


async def _asking(client: Client, structures: Structures, method: ua.NodeId, every: float) -> Asking:
    (state, *_) = await arguments(client, method)
    await structures.learn(state.DataType)
    (answer, *_) = await arguments(client, method, "OutputArguments")
    await structures.learn(answer.DataType)
    given = []
    for number, name in enumerate(STATES, start=1):
        if name in AT_WORK | OVER:
            text = ua.LocalizedText(Text=name.title().replace("_", ""))
            one = structures.write(state.DataType, {"StateText": text, "StateNumber": number})
            given.append((ua.Variant([one], ua.VariantType.ExtensionObject, is_array=True),))
    return Asking(method, tuple(given), every)


async def _asking_1(client: Client, structures: Structures, method: ua.NodeId) -> Asking:
    """Asked by state, the number of the order shall be null."""
    (answer, *_) = await arguments(client, method, "OutputArguments")
    await structures.learn(answer.DataType)
    nobody = ua.Variant(None, ua.VariantType.String)
    numbers = [number for number, name in STATES_1.items() if name in AT_WORK | OVER]
    given = [(nobody, ua.Variant(number, ua.VariantType.Int32)) for number in numbers]
    return Asking(method, tuple(given), ASK_ALONE)


async def ask(client: Client, reports: Reports, at: datetime) -> None:
    """Hears what the server answers; ``at`` is before it was asked. Raises Unavailable when it is lost."""
    assert reports.asking is not None
    method, given, _ = reports.asking
    requests = [
        ua.CallMethodRequest(ObjectId=reports.provider, MethodId=method, InputArguments=list(one))
        for one in given
    ]
    results = await within(client.uaclient.session.call(requests), "call", CALL)
    values, whole = list[Any](), len(results) == len(requests)
    for result in results:
        told = [answer.Value for answer in result.OutputArguments or ()]
        if result.StatusCode.is_bad() or len(told) != 2:
            whole = False
            continue
        values += told[0] if isinstance(told[0], list) else []
        whole = whole and isinstance(told[1], int) and not errors_of(told[1])
    bad = [result.StatusCode.name for result in results if result.StatusCode.is_bad()]
    if bad and not values:
        reports.refused(bad[0], at)
        return
    reports.hear_all(values, at, whole=whole)


def event_request(
    reports: Reports, node: ua.NodeId, handle: int, queue: int
) -> ua.MonitoredItemCreateRequest:
    """No condition on the server's side, as for alarms: few servers evaluate one, and some wrongly."""
    own = reports.event_type
    assert own is not None
    paths = [(BASE_EVENT, ua.QualifiedName(name)) for name in BASE_FIELDS]
    paths += [(own, ua.QualifiedName(name, own.NamespaceIndex)) for name in OWN_FIELDS]
    clauses = [
        ua.SimpleAttributeOperand(TypeDefinitionId=kind, BrowsePath=[step], AttributeId=ua.AttributeIds.Value)
        for kind, step in paths
    ]
    return ua.MonitoredItemCreateRequest(
        ItemToMonitor=ua.ReadValueId(NodeId=node, AttributeId=ua.AttributeIds.EventNotifier),
        MonitoringMode=ua.MonitoringMode.Reporting,
        RequestedParameters=ua.MonitoringParameters(
            ClientHandle=handle,
            SamplingInterval=0,
            QueueSize=queue,
            DiscardOldest=True,
            Filter=ua.EventFilter(SelectClauses=clauses),
        ),
    )
