"""Structures a server defines itself, read and written by the definition it gives of them (Part 3 §8.48).

Not the library's generated classes: those are known by a server's own numbers to the whole process, where two
servers' numbers may be the same, and are made by running code of names a server sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from asyncua import Client, ua
from asyncua.common.utils import Buffer
from asyncua.ua import ua_binary
from asyncua.ua.uaerrors import UaError

from connectors.interface import Unavailable
from connectors.protocols.opcua.dialing import within

# ISA-95's parameters hold parameters
DEEPEST = 16
MOST_ELEMENTS = 10_000
_BUILT_IN = 25
NEVER = datetime(1601, 1, 1, tzinfo=UTC)


class NotReadable(ValueError):
    """Bytes that are not what their definition says, or a definition we cannot follow."""


@dataclass(frozen=True, slots=True)
class Layout:
    encoding: ua.NodeId
    optional: bool
    fields: tuple[ua.StructureField, ...]


class Structures:
    """What one server calls its types; learnt for each session anew."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[ua.NodeId, Layout | ua.VariantType | type] = {}
        self._by_encoding: dict[ua.NodeId, ua.NodeId] = {}
        # What one structure may still hold: its size says nothing of elements that take no room
        self._left = 0

    async def learn(self, kind: ua.NodeId) -> None:
        """The definition of a type and of every type in it. Raises Unavailable."""
        wanted = [kind]
        while wanted:
            one = wanted.pop()
            if one in self._known:
                continue
            self._known[one] = found = await self._look_up(one)
            if isinstance(found, Layout):
                self._by_encoding[found.encoding] = one
                wanted += [field.DataType for field in found.fields]

    async def _look_up(self, kind: ua.NodeId) -> Layout | ua.VariantType | type:
        known = _standard(kind)
        for _ in range(DEEPEST):
            if known is not None:
                return known
            node = self._client.get_node(kind)
            definition = await self._definition(kind)
            if isinstance(definition, ua.StructureDefinition):
                return _layout(definition)
            above = await within(
                node.get_references(ua.ObjectIds.HasSubtype, ua.BrowseDirection.Inverse), "type"
            )
            if not above:
                break
            kind = ua.NodeId(above[0].NodeId.Identifier, above[0].NodeId.NamespaceIndex)
            known = _standard(kind)
        raise Unavailable(f"the server does not define its type {kind.to_string()}")

    async def _definition(self, kind: ua.NodeId) -> Any:
        session = self._client.uaclient.session
        (answer,) = await within(
            session.read_attributes([kind], ua.AttributeIds.DataTypeDefinition), "definition"
        )
        return answer.Value.Value if answer.Value is not None else None

    # -- reading -------------------------------------------------------------------------------------------

    def read(self, value: Any) -> dict[str, Any]:
        """Fields by name. Raises NotReadable."""
        if not isinstance(value, ua.ExtensionObject):
            return fields_in(value)
        kind = self._by_encoding.get(value.TypeId)
        if kind is None or value.Body is None:
            raise NotReadable(f"a structure of a type the server did not define: {value.TypeId}")
        self._left = MOST_ELEMENTS
        try:
            found: dict[str, Any] = self._take(kind, Buffer(value.Body), 0)
        except NotReadable:
            raise
        except Exception as error:
            raise NotReadable(f"{type(error).__name__}: {error}") from error
        return found

    def _take(self, kind: ua.NodeId, data: Buffer, depth: int) -> Any:
        known = self._known[kind]
        if depth > DEEPEST:
            raise NotReadable("structures within structures too deep")
        if isinstance(known, ua.VariantType):
            return ua_binary.unpack_uatype(known, data)
        if not isinstance(known, Layout):
            return ua_binary.from_binary(known, data)
        present = ua_binary.Primitives.UInt32.unpack(data) if known.optional else 0
        found, bit = dict[str, Any](), 0
        for field in known.fields:
            if known.optional and field.IsOptional:
                bit += 1
                if not present >> (bit - 1) & 1:
                    continue
            if field.ValueRank < 1:
                found[str(field.Name)] = self._take(field.DataType, data, depth + 1)
                continue
            length = ua_binary.Primitives.Int32.unpack(data)
            self._left -= max(length, 0)
            if self._left < 0:
                raise NotReadable(f"{field.Name}: {length} elements")
            elements = [self._take(field.DataType, data, depth + 1) for _ in range(length)]
            found[str(field.Name)] = elements
        return found

    # -- writing -------------------------------------------------------------------------------------------

    def write(self, kind: ua.NodeId, values: Mapping[str, Any]) -> ua.ExtensionObject:
        """A field the server's type has not is left out; one that is not given is empty."""
        known = self._known[kind]
        if not isinstance(known, Layout):
            raise NotReadable(f"{kind.to_string()} is not a structure")
        try:
            return ua.ExtensionObject(TypeId=known.encoding, Body=ua.ByteString(self._put(kind, values)))
        except (UaError, TypeError, ValueError, AttributeError) as error:
            raise NotReadable(f"{type(error).__name__}: {error}") from error

    def _put(self, kind: ua.NodeId, value: Any) -> bytes:
        known = self._known[kind]
        if isinstance(known, ua.VariantType):
            return ua_binary.pack_uatype(known, _empty(known) if value is None else value)
        if not isinstance(known, Layout):
            return ua_binary.struct_to_binary(known() if value is None else value)
        given: Mapping[str, Any] = value or {}
        present, bit, parts = 0, 0, list[bytes]()
        for field in known.fields:
            said = given.get(str(field.Name))
            if known.optional and field.IsOptional:
                bit += 1
                if said is None:
                    continue
                present |= 1 << (bit - 1)
            if field.ValueRank < 1:
                parts.append(self._put(field.DataType, said))
                continue
            parts.append(ua_binary.Primitives.Int32.pack(-1 if said is None else len(said)))
            parts += [self._put(field.DataType, element) for element in said or ()]
        head = ua_binary.Primitives.UInt32.pack(present) if known.optional else b""
        return head + b"".join(parts)


def fields_in(value: Any) -> dict[str, Any]:
    """Of an object of a type the library happens to know."""
    return {name: getattr(value, name) for name in getattr(value, "__dataclass_fields__", {})}


def _standard(kind: ua.NodeId) -> ua.VariantType | type | None:
    """Types of namespace 0 are the same everywhere."""
    if kind.NamespaceIndex:
        return None
    if kind.Identifier == ua.ObjectIds.Enumeration:
        return ua.VariantType.Int32
    if isinstance(kind.Identifier, int) and 1 <= kind.Identifier <= _BUILT_IN:
        if kind.Identifier == ua.ObjectIds.BaseDataType:
            return ua.VariantType.Variant
        return ua.VariantType(kind.Identifier)
    return _library().get(int(kind.Identifier)) if isinstance(kind.Identifier, int) else None


@cache
def _library() -> dict[int, type]:
    """The library's classes of the standard's own structures, by their numbers in namespace 0."""
    classes = [found for found in vars(ua).values() if isinstance(found, type)]
    kinds = [(getattr(found, "data_type", None), found) for found in classes]
    return {
        int(kind.Identifier): found
        for kind, found in kinds
        if isinstance(kind, ua.NodeId) and not kind.NamespaceIndex and isinstance(kind.Identifier, int)
    }


def _layout(definition: ua.StructureDefinition) -> Layout:
    kinds = (ua.StructureType.Structure, ua.StructureType.StructureWithOptionalFields)
    if definition.StructureType not in kinds:
        raise Unavailable(f"a {definition.StructureType.name} is not read here")
    if any(field.ValueRank > 1 for field in definition.Fields or ()):
        raise Unavailable("an array of several dimensions in a structure is not read here")
    optional = definition.StructureType == ua.StructureType.StructureWithOptionalFields
    return Layout(definition.DefaultEncodingId, optional, tuple(definition.Fields or ()))


def _empty(kind: ua.VariantType) -> Any:
    if kind is ua.VariantType.DateTime:
        return NEVER
    return ua.get_default_value(kind)
