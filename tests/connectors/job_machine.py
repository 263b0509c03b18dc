"""A machine with job control (OPC 10031-4), a real asyncua server: ``-m tests.connectors.job_machine PORT``.

Types and names are those of http://opcfoundation.org/UA/ISA95-JOBCONTROL_V2/, built from the specification.
Reads commands from standard input, one a line, and answers each with ``done``: ``begin CODE TIME``,
``interrupt CODE``, ``end CODE TIME``, ``abort CODE TIME``, ``made CODE QUANTITY``, ``forget CODE``; times in
ISO 8601. Says what it ``took``. Each change is told by an event of ISA95JobOrderStatusEventType, until
``mute``; ``subtle`` ones lack the JobResponse. Before the port ``listless``: it has no JobOrderResponseList;
``above``: events are to be had from the server alone.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from asyncua import Server, ua, uamethod
from asyncua.common.structures104 import new_struct, new_struct_field

from mom.embedded.lifeline import follow_parent

URI = "http://opcfoundation.org/UA/ISA95-JOBCONTROL_V2/"
NUMBERS = {
    "NotAllowedToStart": 1, "AllowedToStart": 2, "Running": 3, "Interrupted": 4, "Ended": 5, "Aborted": 6,
}  # fmt: skip
NO_ERROR, UNKNOWN, WRONG_STATE, CANNOT = 1, 1 << 1, 1 << 3, 1 << 4
TEXT, STRING, TIME = ua.VariantType.LocalizedText, ua.VariantType.String, ua.VariantType.DateTime
EU_INFORMATION, RELATIVE_PATH = ua.NodeId.from_string("i=887"), ua.NodeId.from_string("i=540")
A_STRING, A_TEXT, A_UINT64 = (ua.NodeId.from_string(f"i={number}") for number in (12, 21, 9))
RECEIVER, PROVIDER = "s=JobOrderControl", "s=JobOrderResults"

# Field, type, array, optional; a name is another structure's (§6.3)
RESOURCE: list[Any] = [("Description", TEXT, True, True)]
AMOUNT: list[Any] = [("Quantity", STRING, False, True), ("EngineeringUnits", EU_INFORMATION, False, True)]
PROPERTIES: list[Any] = [("Properties", "ISA95PropertyDataType", True, True)]
VALUE: list[Any] = [("ID", STRING, False, False), ("Value", ua.VariantType.Variant, False, False), *RESOURCE]
VALUE += [("EngineeringUnits", EU_INFORMATION, False, True)]


def _resource(use: str) -> list[Any]:
    return [("ID", STRING, False, False), *RESOURCE, (use, STRING, False, True), *AMOUNT, *PROPERTIES]


TYPES: dict[str, list[Any]] = {
    "ISA95PropertyDataType": VALUE,
    "ISA95ParameterDataType": VALUE,
    "ISA95WorkMasterDataType": [
        ("ID", STRING, False, False),
        ("Description", TEXT, False, True),
        ("Parameters", "ISA95ParameterDataType", True, True),
    ],
    "ISA95PersonnelDataType": _resource("PersonnelUse"),
    "ISA95EquipmentDataType": _resource("EquipmentUse"),
    "ISA95PhysicalAssetDataType": _resource("PhysicalAssetUse"),
    "ISA95MaterialDataType": [
        *(
            (name, STRING, False, True)
            for name in ("MaterialClassID", "MaterialDefinitionID", "MaterialLotID", "MaterialSublotID")
        ),
        *RESOURCE,
        ("MaterialUse", STRING, False, True),
        *AMOUNT,
        *PROPERTIES,
    ],
    "ISA95StateDataType": [
        ("BrowsePath", RELATIVE_PATH, False, False),
        ("StateText", TEXT, False, False),
        ("StateNumber", ua.VariantType.UInt32, False, False),
    ],
    "ISA95JobOrderDataType": [
        ("JobOrderID", STRING, False, False),
        ("Description", TEXT, True, True),
        ("WorkMasterID", "ISA95WorkMasterDataType", True, True),
        ("StartTime", TIME, False, True),
        ("EndTime", TIME, False, True),
        ("Priority", ua.VariantType.Int16, False, True),
        ("JobOrderParameters", "ISA95ParameterDataType", True, True),
        ("PersonnelRequirements", "ISA95PersonnelDataType", True, True),
        ("EquipmentRequirements", "ISA95EquipmentDataType", True, True),
        ("PhysicalAssetRequirements", "ISA95PhysicalAssetDataType", True, True),
        ("MaterialRequirements", "ISA95MaterialDataType", True, True),
    ],
    "ISA95JobResponseDataType": [
        ("JobResponseID", STRING, False, False),
        ("Description", TEXT, False, True),
        ("JobOrderID", STRING, False, False),
        ("StartTime", TIME, False, True),
        ("EndTime", TIME, False, True),
        ("JobState", "ISA95StateDataType", True, False),
        ("JobResponseData", "ISA95ParameterDataType", True, True),
        ("PersonnelActuals", "ISA95PersonnelDataType", True, True),
        ("EquipmentActuals", "ISA95EquipmentDataType", True, True),
        ("PhysicalAssetActuals", "ISA95PhysicalAssetDataType", True, True),
        ("MaterialActuals", "ISA95MaterialDataType", True, True),
    ],
}
# Of an event of ISA95JobOrderStatusEventType (§6.2.6)
EVENT = (
    ("JobOrder", "ISA95JobOrderDataType"),
    ("JobState", "ISA95StateDataType"),
    ("JobResponse", "ISA95JobResponseDataType"),
)
BY_ORDER = ("Start", "RevokeStart", "Pause", "Resume", "Stop", "Cancel", "Abort", "Clear")
# From which states a method leads where; None: the order is forgotten (§6.2.1.1)
LEADS: dict[str, tuple[set[str], str | None]] = {
    "Start": ({"NotAllowedToStart"}, "AllowedToStart"),
    "RevokeStart": ({"AllowedToStart"}, "NotAllowedToStart"),
    "Pause": ({"Running"}, "Interrupted"),
    "Resume": ({"Interrupted"}, "Running"),
    "Stop": ({"Running", "Interrupted"}, "Ended"),
    "Abort": ({"NotAllowedToStart", "AllowedToStart", "Running", "Interrupted"}, "Aborted"),
    "Cancel": ({"NotAllowedToStart", "AllowedToStart"}, None),
    "Clear": ({"Ended", "Aborted"}, None),
}


@dataclass
class Held:
    order: Any
    state: str
    start: datetime | None = None
    end: datetime | None = None
    made: str = ""


@dataclass
class Machine:
    server: Server
    options: frozenset[str] = frozenset()
    index: int = 0
    muted: bool = False
    subtle: bool = False
    types: dict[str, ua.NodeId] = field(default_factory=dict)
    orders: dict[str, Held] = field(default_factory=dict)

    async def make(self) -> None:
        # Not the first of the server's own namespaces: an index of 2 would hide one taken for a constant
        await self.server.register_namespace("urn:machine")
        self.index = await self.server.register_namespace(URI)
        for name, fields in TYPES.items():
            described = [
                new_struct_field(one, self.types.get(kind, kind), array=array, optional=optional)
                for one, kind, array, optional in fields
            ]
            made, _ = await new_struct(self.server, self.index, name, described)
            self.types[name] = made.nodeid
        await self.server.load_data_type_definitions()
        await self._receiver()
        await self._provider()

    async def _object(self, identifier: str) -> Any:
        place = ua.NodeId.from_string(f"ns={self.index};{identifier}")
        named = ua.QualifiedName(identifier.partition("=")[2], self.index)
        return await self.server.nodes.objects.add_object(place, named)

    async def _receiver(self) -> None:
        receiver = await self._object(RECEIVER)
        order = ua.Argument(Name="JobOrder", DataType=self.types["ISA95JobOrderDataType"], ValueRank=-1)
        code = ua.Argument(Name="JobOrderID", DataType=A_STRING, ValueRank=-1)
        comment = ua.Argument(Name="Comment", DataType=A_TEXT, ValueRank=1)
        status = ua.Argument(Name="ReturnStatus", DataType=A_UINT64, ValueRank=-1)
        for name in ("Store", "StoreAndStart", "Update"):
            await receiver.add_method(self.index, name, self._taking(name), [order, comment], [status])
        for name in BY_ORDER:
            await receiver.add_method(self.index, name, self._by_order(name), [code, comment], [status])

    async def _provider(self) -> None:
        provider = await self._object(PROVIDER)
        kind, states = self.types["ISA95JobResponseDataType"], self.types["ISA95StateDataType"]
        self.listed = None
        if "listless" not in self.options:
            empty = ua.Variant([], ua.VariantType.ExtensionObject, is_array=True)
            self.listed = await provider.add_variable(
                self.index, "JobOrderResponseList", empty, datatype=kind
            )
        asked = [ua.Argument(Name="JobOrderState", DataType=states, ValueRank=1)]
        answer = [
            ua.Argument(Name="JobResponses", DataType=kind, ValueRank=1),
            ua.Argument(Name="ReturnStatus", DataType=A_UINT64, ValueRank=-1),
        ]
        await provider.add_method(
            self.index, "RequestJobResponseByJobOrderState", self._asked(), asked, answer
        )
        event = await self._event_type()
        place = self.server.nodes.server if "above" in self.options else provider
        self.events = await self.server.get_event_generator(event, place.nodeid)
        self.events.event.SourceNode = provider.nodeid
        for name, _ in EVENT:
            self.events.event.add_property(name, None, ua.VariantType.ExtensionObject)

    async def _event_type(self) -> Any:
        """Abstract in the standard: a server tells events of a type of its own below it (§6.2.6)."""
        base = self.server.get_node(ua.ObjectIds.BaseEventType)
        status = await base.add_object_type(self.index, "ISA95JobOrderStatusEventType")
        for name, kind in EVENT:
            await status.add_property(self.index, name, None, ua.VariantType.Null, datatype=self.types[kind])
        return await status.add_object_type(self.index, "JobOrderToldEventType")

    def _asked(self) -> Any:
        @uamethod
        async def answer(_parent: Any, states: Any) -> Any:
            wanted = states[0].StateNumber
            found = [self._response(*one) for one in self.orders.items() if NUMBERS[one[1].state] == wanted]
            return ua.Variant(found, ua.VariantType.ExtensionObject, is_array=True), _status(NO_ERROR)

        return answer

    def _taking(self, name: str) -> Any:
        @uamethod
        async def take(_parent: Any, order: Any, _comment: Any) -> ua.Variant:
            known = self.orders.get(order.JobOrderID)
            if name == "Update":
                if known is None:
                    return _status(UNKNOWN)
                known.order = order
            elif known is not None or not order.MaterialRequirements:
                return _status(CANNOT)
            else:
                state = "AllowedToStart" if name == "StoreAndStart" else "NotAllowedToStart"
                self.orders[order.JobOrderID] = Held(order, state)
            (material,) = order.MaterialRequirements
            amount = f"{material.Quantity} {material.EngineeringUnits.DisplayName.Text}"
            start = order.StartTime.isoformat() if order.StartTime else "-"
            told = ("took", order.JobOrderID, material.MaterialDefinitionID, amount, order.Priority, start)
            print(*told, flush=True)
            return _status(NO_ERROR)

        return take

    def _by_order(self, name: str) -> Any:
        @uamethod
        async def take(_parent: Any, code: str, _comment: Any) -> ua.Variant:
            known, (states, to) = self.orders.get(code), LEADS[name]
            if known is None:
                return _status(UNKNOWN)
            if known.state not in states:
                return _status(WRONG_STATE)
            if to is None:
                del self.orders[code]
            else:
                known.state = to
            await self.tell(code)
            return _status(NO_ERROR)

        return take

    async def tell(self, code: str = "") -> None:
        """One entry for each order that has begun (§6.2.7.1), and an event of the one that changed."""
        held = self.orders.get(code)
        if held is not None and not self.muted:
            event, response = self.events.event, self._response(code, held)
            event.JobOrder, event.JobState = held.order, response.JobState
            event.JobResponse = None if self.subtle else response
            await self.events.trigger()
        if self.listed is None:
            return
        made = [self._response(code, held) for code, held in self.orders.items() if held.start]
        await self.listed.write_value(ua.Variant(made, ua.VariantType.ExtensionObject, is_array=True))

    def _response(self, code: str, held: Held) -> Any:
        state = ua.ISA95StateDataType()  # type: ignore[attr-defined]
        state.BrowsePath = ua.RelativePath()
        state.StateText = ua.LocalizedText(Text=held.state)
        state.StateNumber = NUMBERS[held.state]
        told = ua.ISA95JobResponseDataType()  # type: ignore[attr-defined]
        told.JobResponseID, told.JobOrderID = f"R-{code}", code
        told.StartTime, told.EndTime, told.JobState = held.start, held.end, [state]
        if held.made:
            material = ua.ISA95MaterialDataType()  # type: ignore[attr-defined]
            material.MaterialUse, material.Quantity = "Produced", held.made
            told.MaterialActuals = [material]
        return told

    async def obey(self, line: str) -> None:
        verb, code, *rest = [*line.split(), ""]
        if verb in {"mute", "subtle"}:
            self.muted = self.muted or verb == "mute"
            self.subtle = self.subtle or verb == "subtle"
            return
        held = self.orders[code]
        if verb == "forget":
            del self.orders[code]
        elif verb == "made":
            held.made = rest[0]
        elif verb == "begin":
            held.state, held.start = "Running", datetime.fromisoformat(rest[0])
        elif verb == "interrupt":
            held.state = "Interrupted"
        else:
            held.state, held.end = ("Ended" if verb == "end" else "Aborted"), datetime.fromisoformat(rest[0])
        await self.tell(code)


def _status(value: int) -> ua.Variant:
    return ua.Variant(value, ua.VariantType.UInt64)


async def main(port: int, *options: str) -> None:
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    machine = Machine(server, frozenset(options))
    await machine.make()
    async with server:
        print("ready", flush=True)
        while (line := await asyncio.to_thread(sys.stdin.readline)).strip():
            await machine.obey(line)
            print("done", flush=True)


if __name__ == "__main__":
    follow_parent(9)
    asyncio.run(main(int(sys.argv[-1]), *sys.argv[1:-1]))
