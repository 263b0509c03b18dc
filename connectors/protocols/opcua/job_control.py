"""Job orders to a server and its responses, by OPC 10031-4 (ISA-95 job control, version 2).

An order goes to an object of ISA95JobOrderReceiverObjectType (§6.2.1) by one of its methods. What became of
it stands in the JobOrderResponseList of an ISA95JobResponseProviderObjectType (§6.2.7): watched, it tells
which order the machine works on since when.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from asyncua import Client, ua

from connectors.domain.columns import Columns, instant, micros
from connectors.domain.job_control import METHODS, WITH_ORDER, Job, Response, orders_over_time, state_of
from connectors.domain.phrase import late
from connectors.interface import Unavailable
from connectors.protocols.opcua.dialing import within
from connectors.protocols.opcua.packml import children
from connectors.protocols.opcua.structures import NotReadable, Structures, fields_in
from connectors.protocols.opcua.values import aware

RESPONSES = "JobOrderResponseList"
CALL = 20.0


async def command(client: Client, receiver: ua.NodeId, verb: str, job: Job, comment: str = "") -> int:
    """The method's ReturnStatus (Annex B.2). Raises Unavailable."""
    inside = await children(client, receiver)
    method = inside.get(METHODS[verb])
    if method is None:
        raise Unavailable(late("the machine has no method %(method)s"), method=METHODS[verb])
    order = await _order(client, method, job) if verb in WITH_ORDER else ua.Variant(job.code)
    said = [ua.LocalizedText(Text=comment)] if comment else []
    comments = ua.Variant(said, ua.VariantType.LocalizedText, is_array=True)
    request = ua.CallMethodRequest(ObjectId=receiver, MethodId=method, InputArguments=[order, comments])
    (result,) = await within(client.uaclient.session.call([request]), "call", CALL)
    if result.StatusCode.is_bad():
        raise Unavailable(f"{METHODS[verb]}: {result.StatusCode.name}")
    told = [answer.Value for answer in result.OutputArguments or ()]
    if not (told and isinstance(told[0], int)):
        raise Unavailable(f"{METHODS[verb]}: no status came back")
    return told[0]


async def _order(client: Client, method: ua.NodeId, job: Job) -> ua.Variant:
    """ISA95JobOrderDataType (§6.3.7) as this server defines it."""
    inside = await children(client, method)
    arguments: Any = await within(client.get_node(inside["InputArguments"]).read_value(), "arguments")
    structures = Structures(client)
    try:
        await structures.learn(arguments[0].DataType)
        order = structures.write(arguments[0].DataType, fields_of(job))
    except (NotReadable, IndexError) as error:
        raise Unavailable(f"the order as this server wants it: {error}") from error
    return ua.Variant(order, ua.VariantType.ExtensionObject)


def fields_of(job: Job) -> dict[str, Any]:
    """What is made stands in the material requirements, with the use Produced (ISA-95 part 4)."""
    material = {
        "MaterialDefinitionID": job.product,
        "Description": _texts(job.product_name),
        "MaterialUse": "Produced",
        "Quantity": None if job.quantity is None else f"{job.quantity.normalize():f}",
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


def _texts(text: str) -> list[ua.LocalizedText] | None:
    return [ua.LocalizedText(Text=text)] if text else None


@dataclass
class Responses:
    """The order a machine works on, from its list of responses; watched like PackML's nested machines."""

    address: str
    structures: Structures
    _told: dict[datetime, str] = field(default_factory=dict)
    _new: list[tuple[ua.DataValue, int]] = field(default_factory=list)

    def hear(self, part: str, data: ua.DataValue, arrival: int) -> None:
        self._new.append((data, arrival))

    def tell(self, into: Columns, arrival: int) -> None:
        """What changed, at the machine's own times; times told before are not told again."""
        news, self._new = self._new, []
        for data, heard in news:
            at = instant(heard)
            if data.SourceTimestamp is not None and data.SourceTimestamp.year >= 1980:
                at = aware(data.SourceTimestamp)
            found = self._responses(data, at)
            if found is None:
                into.add(self.address, None, source_time=micros(at), arrival_time=arrival, quality=2)
                continue
            for since, code in orders_over_time(found):
                if self._told.get(since) != code:
                    self._told[since] = code
                    into.add(self.address, code, source_time=micros(since), arrival_time=arrival)

    def _responses(self, data: ua.DataValue, at: datetime) -> list[Response] | None:
        """None when it cannot be read."""
        value = data.Value.Value if data.Value is not None else None
        if data.StatusCode is not None and not data.StatusCode.is_good():
            return None
        try:
            return [response_of(self.structures.read(one), at) for one in value or ()]
        except NotReadable:
            return None


def response_of(fields: dict[str, Any], at: datetime) -> Response:
    """ISA95JobResponseDataType (§6.3.8). ``at``: when it was told, for times it does not say.

    The first state is that of the top level (§6.2.6); the others are states within it.
    """
    states = fields.get("JobState") or [{}]
    first = states[0] if isinstance(states[0], dict) else fields_in(states[0])
    text = first.get("StateText")
    number = first.get("StateNumber") or 0
    state = state_of((text.Text if isinstance(text, ua.LocalizedText) else text) or "", int(number))
    start, end = _time(fields.get("StartTime")), _time(fields.get("EndTime"))
    return Response(str(fields.get("JobOrderID") or ""), state, start or at, end or at)


def _time(value: Any) -> datetime | None:
    return aware(value) if isinstance(value, datetime) and value.year >= 1980 else None


async def responses(
    client: Client, address: str, provider: ua.NodeId
) -> tuple[Responses, list[tuple[str, ua.NodeId]]]:
    """The list to watch; none when the object has it not. Raises Unavailable."""
    found = Responses(address, Structures(client))
    listed = (await children(client, provider)).get(RESPONSES)
    if listed is None:
        return found, []
    kind = await within(client.get_node(listed).read_data_type(), "type")
    await found.structures.learn(kind)
    return found, [("list", listed)]
