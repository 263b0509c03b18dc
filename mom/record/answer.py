"""The record as JSON, and the schema of that JSON, both from the one set of rows."""

from __future__ import annotations

import dataclasses
import types
import typing
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from mom.record import model

PLAIN: dict[Any, dict[str, str]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    Decimal: {"type": "string", "format": "decimal"},
    datetime: {"type": "string", "format": "date-time"},
    ZoneInfo: {"type": "string", "description": "IANA time zone of the site"},
}


def to_json(record: model.OperationalRecord) -> bytes:
    """Decimals as strings, instants as ISO 8601 in UTC; null is not known."""
    return rows_json(record)


def rows_json(rows: Any) -> bytes:
    """Any of our rows, in the same form."""
    return orjson.dumps(rows, default=str, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS)


def schema(of: Any = model.OperationalRecord) -> dict[str, Any]:
    """OpenAPI schema of a row, made from its types: the answer and its description cannot part."""
    hints = typing.get_type_hints(of)
    return {
        "type": "object",
        "description": (of.__doc__ or "").strip().split("\n\n")[0],
        "required": [field.name for field in dataclasses.fields(of)],
        "properties": {field.name: _schema_of(hints[field.name]) for field in dataclasses.fields(of)},
    }


def _schema_of(hint: Any) -> dict[str, Any]:
    if hint in PLAIN:
        return dict(PLAIN[hint])
    if dataclasses.is_dataclass(hint):
        return schema(hint)
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        known = [_schema_of(part) for part in inside if part is not type(None)]
        answer = known[0] if len(known) == 1 else {"anyOf": known}
        return {**answer, "nullable": True} if type(None) in inside else answer
    if origin is tuple:
        return {"type": "array", "items": _schema_of(inside[0])}
    return {"type": "object", "additionalProperties": True}
