"""OPC UA values, times and names as ours.

Addresses carry namespace URIs: indexes change with a server's restart.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from asyncua import ua

from connectors.domain.columns import EPOCH, MICROSECOND, NO_TIME, Columns
from connectors.domain.phrase import Told, late
from plant.domain.samples import Value

_ADDRESS = re.compile(r"(?:nsu=(?P<uri>.*);)?(?P<identifier>[isgb]=.+)", re.DOTALL)
# OPC UA Part 4 §7.39: info type DataValue with its overflow bit.
_OVERFLOW = 0x0480
MAX_TEXT = 10_000


class NotAValue(ValueError):
    """An array, a structure or bytes: nothing a signal can be."""


class BadAddress(Told, ValueError):
    """Neither ``nsu=<uri>;s=<name>`` nor ``i=<number>`` of namespace 0."""


def node_id(address: str, namespaces: list[str]) -> ua.NodeId | None:
    """None when the server does not (now) know the namespace. Raises BadAddress."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        text = late("address: read %(read)r, expected %(form)s (or i=…, g=…, b=…)")
        raise BadAddress(text, read=address, form="nsu=<uri>;s=<name>")
    index = 0
    if found["uri"] is not None:
        if found["uri"] not in namespaces:
            return None
        index = namespaces.index(found["uri"])
    try:
        return ua.NodeId.from_string(f"ns={index};{found['identifier']}")
    except (ua.UaError, ValueError) as error:
        raise BadAddress(late("address: read %(read)r: %(why)s"), read=address, why=str(error)) from error


def address_of(node: ua.NodeId, namespaces: list[str]) -> str:
    identifier = node.to_string().rpartition(";")[2] if node.NamespaceIndex == 0 else node.to_string()
    if node.NamespaceIndex:
        identifier = identifier.partition(";")[2]
        return f"nsu={namespaces[node.NamespaceIndex]};{identifier}"
    return identifier


def scalar(value: Any) -> Value:
    """Raises NotAValue."""
    if isinstance(value, Enum):
        return int(value.value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, ua.LocalizedText):
        value = value.Text or ""
    elif isinstance(value, ua.QualifiedName):
        value = value.Name or ""
    elif isinstance(value, ua.NodeId):
        value = value.to_string()
    elif isinstance(value, datetime):
        value = aware(value).isoformat()
    elif isinstance(value, ua.StatusCode):
        return int(value.value)
    if isinstance(value, str) and len(value) <= MAX_TEXT:
        return value
    raise NotAValue(f"a {type(value).__name__} is not a value")


def aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _micros(moment: datetime | None) -> int:
    """Servers send the year 1601 for no time at all."""
    if moment is None or moment.year < 1980:
        return NO_TIME
    return (aware(moment) - EPOCH) // MICROSECOND


def overflowed(status: int) -> bool:
    return status & _OVERFLOW == _OVERFLOW


def add_value(into: Columns, address: str, data: ua.DataValue, *, arrival: int, historical: int = 0) -> int:
    """Appends one data value and returns its source time (µs). Raises NotAValue."""
    status = int(data.StatusCode.value) if data.StatusCode is not None else 0
    value = None
    if data.Value is not None:
        if data.Value.is_array:
            raise NotAValue("an array is not a value")
        value = scalar(data.Value.Value)
    server = _micros(data.ServerTimestamp)
    source = _micros(data.SourceTimestamp)
    if source == NO_TIME:
        source = arrival if server == NO_TIME else server
    into.add(
        address,
        value,
        source_time=source,
        server_time=server,
        arrival_time=arrival,
        quality=min(status >> 30, 2),
        status=status & ~_OVERFLOW if overflowed(status) else status,
        historical=historical,
    )
    return source
