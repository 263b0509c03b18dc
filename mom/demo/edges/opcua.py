"""An OPC UA server as a PLC offers it: flat tags, and beside them PackML's nested states (OPC 30050).

Loopback only: the library's server is not meant for hostile networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

from asyncua import Server, ua
from asyncua.common.node import Node

from connectors.transports.deadline import bounded
from mom.demo.events import Value
from mom.demo.wiring import Sent, Wire

START_SECONDS = 20
NESTED = ("BaseStateMachine", "MachineState", "ExecuteState")


class NotLoopback(ValueError):
    """The endpoint would be reachable from the network."""


class OpcUaEdge:
    """``wires`` are addresses ``nsu=<namespace>;s=<unit>.<tag>`` of one namespace."""

    def __init__(self, endpoint: str, wires: Sequence[Wire], *, state_names: dict[Value, str]) -> None:
        host = urlsplit(endpoint).hostname or ""
        if host != "localhost" and not ip_address(host).is_loopback:
            raise NotLoopback(f"endpoint: read {endpoint!r}, expected a loopback address")
        self._endpoint, self._wires, self._state_names = endpoint, wires, state_names
        self._server: Server | None = None
        self._nodes: dict[str, ua.NodeId] = {}
        self._types: dict[str, ua.VariantType] = {}
        self._states: dict[str, ua.NodeId] = {}

    async def start(self, standing: Sequence[Sent]) -> None:
        server = Server()
        await bounded(server.init(), START_SECONDS)
        server.set_endpoint(self._endpoint)
        server.set_server_name("Saint-Cyr line 1 PLC (simulated)")
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        namespace = self._wires[0].address.partition(";")[0].removeprefix("nsu=")
        index = await server.register_namespace(namespace)
        await self._nodes_make(server, index)
        await bounded(server.start(), START_SECONDS)
        self._server = server
        await self.publish(standing)

    async def _nodes_make(self, server: Server, index: int) -> None:
        units: dict[str, Node] = {}
        for wire in self._wires:
            name = wire.address.partition(";s=")[2]
            if wire.unit not in units:
                units[wire.unit] = await server.nodes.objects.add_object(
                    _id(wire.unit, index), ua.QualifiedName(wire.unit, index)
                )
                self._states[wire.unit] = await self._packml(units[wire.unit], wire.unit, index)
            kind = _kind(wire)
            node = await units[wire.unit].add_variable(
                _id(name, index),
                ua.QualifiedName(name.partition(".")[2], index),
                ua.Variant(_empty(kind), kind),
            )
            self._nodes[wire.address], self._types[wire.address] = node.nodeid, kind

    async def _packml(self, unit: Node, code: str, index: int) -> ua.NodeId:
        """OPC 30050 has no flat StateCurrent: the state is the inner machine's CurrentState."""
        above, path = unit, code
        for name in NESTED:
            path = f"{path}.{name}"
            above = await above.add_object(_id(path, index), ua.QualifiedName(name, index))
        current = await above.add_variable(
            _id(f"{path}.CurrentState", index),
            ua.QualifiedName("CurrentState", 0),
            ua.Variant(ua.LocalizedText("Stopped"), ua.VariantType.LocalizedText),
        )
        return current.nodeid

    async def publish(self, values: Sequence[Sent]) -> None:
        server = self._server
        if server is None:
            return
        for sent in values:
            kind = self._types[sent.wire.address]
            value = _as(sent.value, kind)
            await server.write_attribute_value(self._nodes[sent.wire.address], _dated(value, kind, sent.at))
            if sent.wire.role == "state":
                name = ua.LocalizedText(self._state_names[sent.value].capitalize())
                dated = _dated(name, ua.VariantType.LocalizedText, sent.at)
                await server.write_attribute_value(self._states[sent.wire.unit], dated)

    async def stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            await bounded(server.stop(), START_SECONDS)


def _id(name: str, index: int) -> ua.NodeId:
    return ua.NodeId(name, index)  # type: ignore[arg-type]


def _kind(wire: Wire) -> ua.VariantType:
    if wire.role in ("process_value", "setpoint"):
        return ua.VariantType.Double
    if wire.role in ("alarm", "order", "lot", "tool", "mode"):
        return ua.VariantType.String
    return ua.VariantType.UInt32 if wire.role.endswith("_count") else ua.VariantType.Int32


def _empty(kind: ua.VariantType) -> Value:
    return _as("" if kind == ua.VariantType.String else 0, kind)


def _as(value: Value, kind: ua.VariantType) -> Value:
    if kind == ua.VariantType.Double:
        return float(value)
    return str(value) if kind == ua.VariantType.String else int(value)


def _dated(value: object, kind: ua.VariantType, at: int) -> ua.DataValue:
    return ua.DataValue(
        ua.Variant(value, kind),
        SourceTimestamp=datetime.fromtimestamp(at / 1000, UTC).replace(tzinfo=None),  # type: ignore[arg-type]
        ServerTimestamp=datetime.now(UTC).replace(tzinfo=None),  # type: ignore[arg-type]
    )
