"""A machine with job control of version 1 (OPC 10031-4:2021), a real asyncua server, built from the
specification: ``-m tests.connectors.job_machine_1 PORT``. It has one method for every command, tells nothing
by itself and has no list: what became of an order is asked for. Commands on standard input as for
``job_machine``.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from asyncua import Server, ua, uamethod
from asyncua.common.structures104 import new_enum, new_struct, new_struct_field

from mom.embedded.lifeline import follow_parent

URI = "http://opcfoundation.org/UA/ISA95-JOBCONTROL"
RECEIVER, PROVIDER = "s=Orders", "s=Results"
NO_ERROR, UNKNOWN, COMMAND, CANNOT, INVALID = 1, 1 << 1, 1 << 2, 1 << 4, 1 << 32
STRING, TIME = ua.VariantType.String, ua.VariantType.DateTime
A_STRING, A_UINT64 = ua.NodeId.from_string("i=12"), ua.NodeId.from_string("i=9")
COMMANDS: list[Any] = ["Undefined", "Store", "StoreAndStart", "Start", "Update", "Stop", "Cancel", "Clear"]
STATES: list[Any] = [
    "Undefined", "Waiting", "Ready", "Loaded", "Running", "Completed", "Aborted", "Held", "Suspended",
    "Closed", "Error",
]  # fmt: skip
# Field, type, array (§6.3); those of personnel, equipment and assets are left out
TYPES: dict[str, list[Any]] = {
    "ISA95PropertyDataType": [("ID", STRING, False), ("Value", ua.VariantType.Variant, False)],
    "ISA95MaterialDataType": [
        *((name, STRING, False) for name in ("MaterialClassID", "MaterialDefinitionID", "MaterialLotID")),
        *((name, STRING, False) for name in ("MaterialSublotID", "Description", "MaterialUse", "Quantity")),
        ("UoM", STRING, False),
        ("Properties", "ISA95PropertyDataType", True),
    ],
    "ISA95JobOrderDataType": [
        ("ID", STRING, False),
        ("Description", STRING, False),
        ("StartTime", TIME, False),
        ("EndTime", TIME, False),
        ("Priority", ua.VariantType.Int16, False),
        ("MaterialRequirements", "ISA95MaterialDataType", True),
    ],
    "ISA95JobResponseDataType": [
        ("ID", STRING, False),
        ("Description", STRING, False),
        ("JobOrderID", STRING, False),
        ("StartTime", TIME, False),
        ("EndTime", TIME, False),
        ("JobState", "ISA95JobOrderStateEnum", False),
        ("MaterialActuals", "ISA95MaterialDataType", True),
    ],
}
NEVER = datetime(1601, 1, 1)  # noqa: DTZ001


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
    index: int = 0
    types: dict[str, ua.NodeId] = field(default_factory=dict)
    orders: dict[str, Held] = field(default_factory=dict)

    async def make(self) -> None:
        await self.server.register_namespace("urn:machine")
        self.index = await self.server.register_namespace(URI)
        for name, values in (("ISA95JobOrderCommandEnum", COMMANDS), ("ISA95JobOrderStateEnum", STATES)):
            self.types[name] = (await new_enum(self.server, self.index, name, values)).nodeid
        for name, fields in TYPES.items():
            described = [
                new_struct_field(one, self.types.get(kind, kind), array=array) for one, kind, array in fields
            ]
            self.types[name] = (await new_struct(self.server, self.index, name, described))[0].nodeid
        await self.server.load_data_type_definitions()
        receiver, provider = [await self._object(place) for place in (RECEIVER, PROVIDER)]
        status = ua.Argument(Name="ReturnStatus", DataType=A_UINT64, ValueRank=-1)
        given = [self._argument("JobOrderCommand", "ISA95JobOrderCommandEnum")]
        given.append(self._argument("JobOrder", "ISA95JobOrderDataType"))
        await receiver.add_method(self.index, "ReceiveJobOrder", self._receive(), given, [status])
        asked = [ua.Argument(Name="JobOrderID", DataType=A_STRING, ValueRank=-1)]
        asked.append(self._argument("JobOrderState", "ISA95JobOrderStateEnum"))
        answer = self._argument("JobResponse", "ISA95JobResponseDataType", rank=1)
        await provider.add_method(self.index, "RequestJobResponse", self._asked(), asked, [answer, status])

    async def _object(self, identifier: str) -> Any:
        place = ua.NodeId.from_string(f"ns={self.index};{identifier}")
        return await self.server.nodes.objects.add_object(place, ua.QualifiedName(identifier[2:], self.index))

    def _argument(self, name: str, kind: str, rank: int = -1) -> ua.Argument:
        return ua.Argument(Name=name, DataType=self.types[kind], ValueRank=rank)

    def _receive(self) -> Any:
        @uamethod
        async def receive(_parent: Any, command: int, order: Any) -> ua.Variant:
            name, known = COMMANDS[int(command)], self.orders.get(order.ID)
            if name in {"Store", "StoreAndStart"}:
                if known is not None:
                    return _status(CANNOT)
                self.orders[order.ID] = Held(order, "Ready" if name == "StoreAndStart" else "Waiting")
                (material,) = order.MaterialRequirements
                amount = f"{material.Quantity} {material.UoM}"
                start = order.StartTime.isoformat() if order.StartTime else "-"
                told = ("took", order.ID, material.MaterialDefinitionID, amount, order.Priority, start)
                print(*told, order.Description, flush=True)
                return _status(NO_ERROR)
            if known is None:
                return _status(UNKNOWN)
            if name == "Cancel":
                del self.orders[order.ID]
                return _status(NO_ERROR)
            return _status(COMMAND)

        return receive

    def _asked(self) -> Any:
        @uamethod
        async def answer(_parent: Any, code: str | None, state: int) -> Any:
            """Of either an order or a state; both or neither is an invalid request (§6.2.2.2)."""
            found = [
                self._response(*one) for one in self.orders.items() if one[1].state == STATES[int(state)]
            ]
            status = _status(NO_ERROR if bool(code) != bool(state) else INVALID)
            return ua.Variant(found, ua.VariantType.ExtensionObject, is_array=True), status

        return answer

    def _response(self, code: str, held: Held) -> Any:
        told = ua.ISA95JobResponseDataType()  # type: ignore[attr-defined]
        told.ID, told.JobOrderID = f"R-{code}", code
        told.StartTime, told.EndTime = held.start or NEVER, held.end or NEVER
        told.JobState = ua.ISA95JobOrderStateEnum(STATES.index(held.state))  # type: ignore[attr-defined]
        told.MaterialActuals = []
        if held.made:
            material = ua.ISA95MaterialDataType()  # type: ignore[attr-defined]
            material.MaterialUse, material.Quantity, material.UoM = "Material produced", held.made, "pcs"
            material.Properties = []
            told.MaterialActuals.append(material)
        return told

    def obey(self, line: str) -> None:
        verb, code, what = line.split()
        held = self.orders[code]
        if verb == "made":
            held.made = what
        elif verb == "begin":
            held.state, held.start = "Running", datetime.fromisoformat(what)
        else:
            held.state, held.end = "Completed", datetime.fromisoformat(what)


def _status(value: int) -> ua.Variant:
    return ua.Variant(value, ua.VariantType.UInt64)


async def main(port: int) -> None:
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    machine = Machine(server)
    await machine.make()
    async with server:
        print("ready", flush=True)
        while (line := await asyncio.to_thread(sys.stdin.readline)).strip():
            machine.obey(line)
            print("done", flush=True)


if __name__ == "__main__":
    follow_parent(9)
    asyncio.run(main(int(sys.argv[-1])))
