"""OPC UA values, times and names as ours.

Addresses carry namespace URIs: indexes change with a server's restart.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from asyncua import ua

from connectors.domain.columns import NO_TIME, Row, bounded, micros
from connectors.domain.phrase import Told, late
from plant.domain.samples import Value

_ADDRESS = re.compile(r"(?:nsu=(?P<uri>.*);)?(?P<identifier>[isgb]=.+)", re.DOTALL)
# OPC UA Part 4 §7.39: info type DataValue with its overflow bit.
_OVERFLOW = 0x0480
MAX_TEXT = 10_000
YEAR_1980 = micros(datetime(1980, 1, 1, tzinfo=UTC))


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


def overflowed(status: int) -> bool:
    return status & _OVERFLOW == _OVERFLOW


def row_of(address: str, value: Value, status: int, source: int, server: int, arrival: int) -> Row:
    """One data value; servers send the year 1601 for no time at all."""
    if server < YEAR_1980:
        server = NO_TIME
    if source < YEAR_1980:
        source = arrival if server == NO_TIME else server
    if not status:
        return address, value, source, server, 0, 0
    quality = min(status >> 30, 2)
    return address, value, source, server, quality, status & ~_OVERFLOW if overflowed(status) else status


def said_of(data: ua.DataValue) -> tuple[int, int, int]:
    """Status, and the source's and the server's time (µs since 1970, NO_TIME: not said)."""
    status = int(data.StatusCode.value) if data.StatusCode is not None else 0
    return status, _micros(data.SourceTimestamp), _micros(data.ServerTimestamp)


def _micros(moment: datetime | None) -> int:
    return NO_TIME if moment is None else micros(aware(moment))


def value_of(data: ua.DataValue) -> Value:
    """Raises NotAValue, OverflowError."""
    if data.Value is None:
        return None
    if data.Value.is_array:
        raise NotAValue("an array is not a value")
    return bounded(scalar(data.Value.Value))


def data_row(address: str, data: ua.DataValue, arrival: int) -> Row:
    """Raises NotAValue, OverflowError."""
    return row_of(address, value_of(data), *said_of(data), arrival)
