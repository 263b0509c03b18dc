"""Sparkplug B payload bytes ⇄ what the session reads.

Values are signed by their datatype (Sparkplug 3.0 §6.4.16).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from google.protobuf.message import DecodeError

from connectors.domain.columns import NO_STATUS
from connectors.domain.sparkplug_messages import Message, Metric, Parts
from connectors.domain.sparkplug_types import BOOLEAN, COMPOSED, whole
from connectors.protocols.sparkplug.sparkplug_b_pb2 import Payload
from connectors.protocols.sparkplug.structures import (
    MAX_NAME,
    NotReadable,
    as_text,
    misnamed,
    parts_of,
    properties_of,
)

_PLAIN = frozenset({"float_value", "double_value", "boolean_value"})
_COMPOSED = frozenset({"bytes_value", "dataset_value", "template_value"})
NO_PROPERTIES: Final[frozenset[str]] = frozenset()
MAX_STATUS: Final = 2**32 - 1
# ms since 1970: the year 10000
END_OF_TIME: Final = 253_402_300_800_000
_new = tuple.__new__

Datatype = Callable[[str, int | None], int]


class UnreadablePayload(ValueError):
    """Not a Sparkplug B payload."""


def read(
    raw: bytes,
    *,
    kind: str,
    group: str,
    node: str,
    device: str,
    arrival: int,
    datatype: Datatype,
    link: int = 0,
    properties: frozenset[str] = NO_PROPERTIES,
) -> Message:
    """``datatype`` tells what the birth said of a (name, alias) when the metric itself does not.

    ``properties``: those to be read as values of their own, by name.
    """
    payload = Payload()
    composed: list[bool] = []
    try:
        payload.ParseFromString(raw)
        metrics = [_metric(metric, datatype, composed, properties) for metric in payload.metrics]
    except (DecodeError, UnicodeDecodeError, ValueError) as error:
        raise UnreadablePayload(f"not a Sparkplug B payload: {error}") from error
    seq = payload.seq or (0 if payload.HasField("seq") else None)
    if seq is not None and seq > 255:
        raise UnreadablePayload(f"seq {seq}, expected 0 to 255")
    sent = millis(payload.timestamp)
    return Message(kind, group, node, device, sent, seq, metrics, arrival, raw, link, bool(composed))


def _metric(
    metric: Any, datatype: Datatype, composed: list[bool], properties: frozenset[str], depth: int = 0
) -> Metric:
    name = metric.name
    if name.__class__ is not str or len(name) > MAX_NAME:
        return Metric("", -1, 0, 0, None, error=misnamed("a metric", name))
    alias = metric.alias or (0 if metric.HasField("alias") else None)
    if not name and alias is None:
        return Metric("", -1, 0, 0, None, error="neither name nor alias")
    declared = metric.datatype
    status = _status(metric.properties) if metric.HasField("properties") else NO_STATUS
    field = metric.WhichOneof("value")
    value, error = None, ""
    if field in _PLAIN and not metric.is_null:
        value = getattr(metric, field)
    elif field is None or metric.is_null:
        error = "" if metric.is_null else "no value"
        if metric.is_null and (declared or datatype(name, alias)) in COMPOSED:
            composed.append(True)
    elif field in _COMPOSED:
        declared = declared or datatype(name, alias)
        value, error = _composed(metric, field, declared, datatype, composed, depth)
    else:
        declared = declared or datatype(name, alias)
        value, error = _value(getattr(metric, field), field, declared)
    at = millis(metric.timestamp)
    # Not Metric(…): this is the hot path, and its constructor costs more than all the rest of a metric
    made = _new(Metric, (name, alias, at, declared, value, metric.is_historical, status, error))
    if properties and not error and metric.HasField("properties"):
        return _with_properties(made, metric.properties, properties, composed)
    return made


def _value(value: Any, field: str, declared: int) -> tuple[Any, str]:
    """The wire's kind wins over the declared one: edges flip between Int32 and Float for one counter."""
    if field in ("int_value", "long_value"):
        return whole(value, declared), ""
    if field == "extension_value":
        return None, "an extension is not a value"
    if field == "string_value":
        return as_text(value)
    return value, ""


def _composed(
    metric: Any, field: str, declared: int, datatype: Datatype, composed: list[bool], depth: int
) -> tuple[Any, str]:
    def member(said: Any, deeper: int) -> Metric:
        # What a member is of, the birth's template says by its full name: see ``sparkplug_values``
        return _metric(said, lambda name, alias: 0, composed, NO_PROPERTIES, deeper)

    try:
        parts = parts_of(getattr(metric, field), field, declared, member, depth)
    except NotReadable as error:
        return None, str(error)
    composed.append(True)
    return parts, ""


def _with_properties(made: Metric, said: Any, wanted: frozenset[str], composed: list[bool]) -> Metric:
    found = tuple(properties_of(said, wanted))
    if not found:
        return made
    composed.append(True)
    itself = made.value if isinstance(made.value, Parts) else (made._replace(name="", alias=None),)
    return made._replace(value=Parts((*itself, *found)))


def millis(value: int) -> int:
    """A timestamp past the year 9999 is no timestamp."""
    return value if value < END_OF_TIME else 0


def _status(properties: Any) -> int:
    for key, value in zip(properties.keys, properties.values, strict=False):
        if key.lower() == "quality":
            return min(int(value.int_value or value.long_value), MAX_STATUS)
    return NO_STATUS


def rebirth_command(timestamp_ms: int) -> bytes:
    """NCMD asking for a new birth: QoS 0, not retained, no seq (tck-id-payloads-ncmd-*)."""
    payload = Payload(timestamp=timestamp_ms)
    metric = payload.metrics.add()
    metric.name = "Node Control/Rebirth"
    metric.timestamp = timestamp_ms
    metric.datatype = BOOLEAN
    metric.boolean_value = True
    return payload.SerializeToString()
