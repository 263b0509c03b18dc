"""Job orders to a server by OPC 10031-4 (ISA-95 job control).

An order goes to an object of ISA95JobOrderReceiverObjectType: in version 2 (§6.2.1) by one of its methods, in
version 1 (its §6.2.1.2) by the one method ReceiveJobOrder, which is told the command. Which of the two an
object is, its methods say. What became of the order is heard by ``job_reports``.
"""

from __future__ import annotations

from typing import Any

from asyncua import Client, ua

from connectors.domain.job_control import COMMANDS_1, METHODS, WITH_ORDER, Job
from connectors.domain.phrase import late
from connectors.interface import Unavailable
from connectors.protocols.opcua.dialing import within
from connectors.protocols.opcua.packml import children
from connectors.protocols.opcua.structures import NotReadable, Structures

RECEIVE_1 = "ReceiveJobOrder"
CALL = 20.0


async def command(client: Client, receiver: ua.NodeId, verb: str, job: Job, comment: str = "") -> int:
    """The method's ReturnStatus (Annex B.2). Raises Unavailable."""
    inside = await children(client, receiver)
    if RECEIVE_1 in inside:
        name, method = RECEIVE_1, inside[RECEIVE_1]
        given = await _given_1(client, method, verb, job)
    else:
        name, found = METHODS[verb], inside.get(METHODS[verb])
        if found is None:
            raise Unavailable(late("the machine has no method %(method)s"), method=name)
        method = found
        order = await _order(client, method, job) if verb in WITH_ORDER else ua.Variant(job.code)
        said = [ua.LocalizedText(Text=comment)] if comment else []
        given = [order, ua.Variant(said, ua.VariantType.LocalizedText, is_array=True)]
    request = ua.CallMethodRequest(ObjectId=receiver, MethodId=method, InputArguments=given)
    (result,) = await within(client.uaclient.session.call([request]), "call", CALL)
    if result.StatusCode.is_bad():
        raise Unavailable(f"{name}: {result.StatusCode.name}")
    told = [answer.Value for answer in result.OutputArguments or ()]
    if not (told and isinstance(told[0], int)):
        raise Unavailable(f"{name}: no status came back")
    return told[0]


async def _order(client: Client, method: ua.NodeId, job: Job) -> ua.Variant:
    """ISA95JobOrderDataType (§6.3.4) as this server defines it."""
    (kind, *_) = await arguments(client, method)
    return await _written(client, kind.DataType, fields_of(job))


async def _given_1(client: Client, method: ua.NodeId, verb: str, job: Job) -> list[ua.Variant]:
    """The command by number and the order; of most commands only its number counts. No comment."""
    if verb not in COMMANDS_1:
        raise Unavailable(
            late("the machine has no method %(method)s"), method=f"{METHODS[verb]} (job control version 1)"
        )
    kinds = await arguments(client, method)
    if len(kinds) != 2:
        raise Unavailable(f"{RECEIVE_1}: {len(kinds)} arguments, expected a command and an order")
    order = await _written(
        client, kinds[1].DataType, fields_1_of(job) if verb in WITH_ORDER else {"ID": job.code}
    )
    return [ua.Variant(COMMANDS_1[verb], ua.VariantType.Int32), order]


async def arguments(client: Client, method: ua.NodeId, which: str = "InputArguments") -> list[Any]:
    """Raises Unavailable."""
    place = (await children(client, method)).get(which)
    if place is None:
        raise Unavailable(f"the server does not say the {which} of a method")
    return list(await within(client.get_node(place).read_value(), "arguments") or ())


async def _written(client: Client, kind: ua.NodeId, fields: dict[str, Any]) -> ua.Variant:
    structures = Structures(client)
    try:
        await structures.learn(kind)
        order = structures.write(kind, fields)
    except NotReadable as error:
        raise Unavailable(f"the order as this server wants it: {error}") from error
    return ua.Variant(order, ua.VariantType.ExtensionObject)


def fields_of(job: Job) -> dict[str, Any]:
    """What is made stands in the material requirements, with the use Produced (ISA-95 part 4)."""
    material = {
        "MaterialDefinitionID": job.product,
        "Description": _texts(job.product_name),
        "MaterialUse": "Produced",
        "Quantity": _decimal(job),
        "EngineeringUnits": ua.EUInformation(DisplayName=ua.LocalizedText(Text=job.unit)),
    }
    return {
        "JobOrderID": job.code,
        "Description": _texts(job.name),
        "StartTime": job.start,
        "EndTime": job.end,
        "Priority": job.priority,
        "MaterialRequirements": [material] if job.product else None,
    }


def fields_1_of(job: Job) -> dict[str, Any]:
    """As ``fields_of``, by the names and types of version 1 (its §6.3.2, §6.3.4)."""
    material = {
        "MaterialDefinitionID": job.product,
        "Description": job.product_name,
        "MaterialUse": "Produced",
        "Quantity": _decimal(job),
        "UoM": job.unit,
    }
    return {
        "ID": job.code,
        "Description": job.name,
        "StartTime": job.start,
        "EndTime": job.end,
        "Priority": job.priority,
        "MaterialRequirements": [material] if job.product else None,
    }


def _decimal(job: Job) -> str | None:
    return None if job.quantity is None else f"{job.quantity.normalize():f}"


def _texts(text: str) -> list[ua.LocalizedText] | None:
    return [ua.LocalizedText(Text=text)] if text else None
