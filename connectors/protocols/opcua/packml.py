"""PackML's nested state machines (OPC 30050) as one state: ``packml;<address of the object>``.

The base machine says Aborting, Aborted or Cleared; within Cleared the machine state says Stopped, Stopping,
Clearing or Running; within Running the execute state says the rest. No node holds the state itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from asyncua import Client, ua

from connectors.domain.columns import NO_TIME, Columns, micros
from connectors.protocols.opcua.dialing import within
from connectors.protocols.opcua.values import aware

LEVELS = ("BaseStateMachine", "MachineState", "ExecuteState")
# What a level says when the next one inside decides
INSIDE = ("cleared", "running")
TEXT, ID = "text", "id"


class Said(NamedTuple):
    """``name`` None: not active, or not to be read."""

    at: int
    server: int
    level: int
    kind: str
    name: str | None


@dataclass
class Nested:
    """``states``: names of states by their node. The node decides where it is known, else the text does."""

    address: str
    states: dict[ua.NodeId, str] = field(default_factory=dict)
    _levels: dict[tuple[int, str], str | None] = field(default_factory=dict)
    _told: str = ""
    _new: list[Said] = field(default_factory=list)

    def hear(self, part: str, data: ua.DataValue, arrival: int) -> None:
        level, _, kind = part.partition(".")
        value = data.Value.Value if data.Value is not None else None
        bad = data.StatusCode is not None and not data.StatusCode.is_good()
        name = None if bad else self._name(value)
        source = _micros(data.SourceTimestamp, arrival)
        self._new.append(Said(source, _micros(data.ServerTimestamp, NO_TIME), int(level), kind, name))

    def _name(self, value: Any) -> str | None:
        if isinstance(value, ua.NodeId):
            return self.states.get(value)
        text = value.Text if isinstance(value, ua.LocalizedText) else value
        return text or None if isinstance(text, str) else None

    def state(self) -> str | None:
        """None while it cannot be known."""
        for level in range(len(LEVELS)):
            name = self._levels.get((level, ID)) or self._levels.get((level, TEXT))
            if name is not None and (level == len(LEVELS) - 1 or name.lower() != INSIDE[level]):
                return name
        return None

    def tell(self, into: Columns, arrival: int) -> None:
        """What was heard, in the order it happened: levels that change at one instant change together."""
        news, self._new = sorted(self._new, key=lambda said: said[:-1]), []
        for row, said in enumerate(news):
            self._levels[said.level, said.kind] = said.name
            last = row + 1 == len(news) or news[row + 1].at > said.at
            state = self.state() if last else self._told
            if state is None and self._told:
                into.add(self.address, None, source_time=said.at, arrival_time=arrival, quality=2)
            elif state and state != self._told:
                into.add(
                    self.address, state, source_time=said.at, server_time=said.server, arrival_time=arrival
                )
            self._told = state or ""


def _micros(moment: datetime | None, otherwise: int) -> int:
    return otherwise if moment is None or moment.year < 1980 else micros(aware(moment))


async def nested(client: Client, address: str, node: ua.NodeId) -> tuple[Nested, list[tuple[str, ua.NodeId]]]:
    """The machine and the nodes to watch for it, each under its part; none when the object has no machine.

    Raises Unavailable.
    """
    found, parts = Nested(address), list[tuple[str, ua.NodeId]]()
    above = await children(client, node)
    machine = above.get(LEVELS[0], node)
    for level in range(len(LEVELS)):
        inside = await children(client, machine)
        found.states |= {child: name for name, child in inside.items()}
        found.states |= {child: name for name, child in (await _type_children(client, machine)).items()}
        if current := inside.get("CurrentState"):
            parts.append((f"{level}.{TEXT}", current))
            if state := (await children(client, current)).get("Id"):
                parts.append((f"{level}.{ID}", state))
        following = inside.get(LEVELS[level + 1]) if level + 1 < len(LEVELS) else None
        if following is None:
            break
        machine = following
    return found, parts


async def children(client: Client, node: ua.NodeId) -> dict[str, ua.NodeId]:
    refs = await within(client.get_node(node).get_children_descriptions(), "browse")
    return {
        str(ref.BrowseName.Name): ua.NodeId(ref.NodeId.Identifier, ref.NodeId.NamespaceIndex) for ref in refs
    }


async def _type_children(client: Client, node: ua.NodeId) -> dict[str, ua.NodeId]:
    """The states stand in the type of a machine, not in the machine."""
    kind = await within(client.get_node(node).read_type_definition(), "browse")
    return {} if kind is None or kind.is_null() else await children(client, kind)
