"""Sparkplug B payload bytes ⇄ what the session reads.

Values are signed by their datatype (Sparkplug 3.0 §6.4.16).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from google.protobuf.message import DecodeError

from connectors.domain.columns import NO_STATUS
from connectors.domain.sparkplug_messages import Message, Metric
from connectors.protocols.sparkplug.sparkplug_b_pb2 import Payload
from plant.domain.samples import Value

INT8, INT16, INT32, INT64, UINT8, UINT16, UINT32, UINT64, FLOAT, DOUBLE, BOOLEAN, STRING, DATETIME, TEXT = (
    range(1, 15)
)
UUID, DATASET, BYTES, FILE, TEMPLATE = range(15, 20)
_SIGNED = {INT8: 8, INT16: 16, INT32: 32, INT64: 64}
_UNREADABLE = {
    "bytes_value": "bytes",
    "dataset_value": "DataSet",
    "template_value": "Template",
    "extension_value": "?",
}
_PLAIN = frozenset({"float_value", "double_value", "boolean_value"})
MAX_TEXT = 10_000
_new = tuple.__new__

Datatype = Callable[[str, int | None], int]


class UnreadablePayload(ValueError):
    """Not a Sparkplug B payload."""


def read(
    raw: bytes, *, kind: str, group: str, node: str, device: str, arrival: int, datatype: Datatype
) -> Message:
    """``datatype`` tells what the birth said of a (name, alias) when the metric itself does not."""
    payload = Payload()
    try:
        payload.ParseFromString(raw)
        metrics = [_metric(metric, datatype) for metric in payload.metrics]
    except (DecodeError, UnicodeDecodeError, ValueError) as error:
        raise UnreadablePayload(f"not a Sparkplug B payload: {error}") from error
    seq = payload.seq or (0 if payload.HasField("seq") else None)
    if seq is not None and seq > 255:
        raise UnreadablePayload(f"seq {seq}, expected 0 to 255")
    return Message(kind, group, node, device, _millis(payload.timestamp), seq, metrics, arrival, raw)


def _metric(metric: Any, datatype: Datatype) -> Metric:
    name = metric.name
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
    elif field in _UNREADABLE:
        error = f"a {_UNREADABLE[field]} is not a value"
    else:
        declared = declared or datatype(name, alias)
        value, error = _value(getattr(metric, field), field, declared)
    at = _millis(metric.timestamp)
    # Not Metric(…): this is the hot path, and its constructor costs more than all the rest of a metric
    return _new(Metric, (name, alias, at, declared, value, metric.is_historical, status, error))


def _value(value: Any, field: str, declared: int) -> tuple[Value, str]:
    """The wire's kind wins over the declared one: edges flip between Int32 and Float for one counter."""
    if field in ("int_value", "long_value"):
        bits = _SIGNED.get(declared)
        if bits is None:
            return (bool(value), "") if declared == BOOLEAN else (value, "")
        value &= (1 << bits) - 1
        return (value - (1 << bits) if value >> (bits - 1) else value), ""
    if field == "string_value" and len(value) > MAX_TEXT:
        return None, f"text of {len(value)} characters, expected at most {MAX_TEXT}"
    return value, ""


def _millis(value: int) -> int:
    """A timestamp past the year 9999 is no timestamp."""
    return value if value < 253_402_300_800_000 else 0


def _status(properties: Any) -> int:
    for key, value in zip(properties.keys, properties.values, strict=False):
        if key.lower() == "quality":
            return int(value.int_value or value.long_value)
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
