"""Values made of values: arrays, templates, DataSets, property sets. Each part is named by where it stands.

``Speeds[2]``, ``Motor/Current`` (also ``Motor/Drive/State``, and ``Motor/Parameters/Size`` for a template's
parameter), ``Alarms[0]/Code``, ``Speed.engUnit``.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any, Final

from google.protobuf.message import DecodeError

from connectors.domain.sparkplug_messages import Metric, Parts
from connectors.domain.sparkplug_types import (
    BOOLEAN,
    BOOLEAN_ARRAY,
    DATASET,
    NUMBER_ARRAYS,
    STRING,
    STRING_ARRAY,
    TEMPLATE,
    whole,
)
from connectors.protocols.sparkplug.sparkplug_b_pb2 import DataSet, PropertySet, PropertySetList, Template

MAX_PARTS: Final = 2000
MAX_DEPTH: Final = 8
MAX_TEXT: Final = 10_000
# As long as a signal's address can be: every part carries the name of its whole
MAX_NAME: Final = 400
_KINDS = {DATASET: "dataset_value", TEMPLATE: "template_value"}
ReadMember = Callable[[Any, int], Metric]


class NotReadable(ValueError):
    """A composed value that is damaged, or larger than a machine has reason to send."""


def parts_of(raw: bytes, field: str, datatype: int, member: ReadMember, depth: int = 0) -> Parts:
    """The parts of one value; ``member`` reads a template's member. Raises NotReadable."""
    if depth > MAX_DEPTH:
        raise NotReadable(f"templates within templates more than {MAX_DEPTH} deep")
    try:
        if field == "template_value":
            return _limited(_template(raw, member, depth))
        if field == "dataset_value":
            return _limited(_dataset(raw))
    except (DecodeError, UnicodeDecodeError) as error:
        what = "Template" if field == "template_value" else "DataSet"
        raise NotReadable(f"a damaged {what}") from error
    return _limited(_array(raw, datatype))


def _limited(found: Iterator[Metric]) -> Parts:
    kept: list[Metric] = []
    for part in found:
        if len(kept) == MAX_PARTS:
            raise NotReadable(f"more than {MAX_PARTS} values in one")
        kept.append(part)
    return Parts(kept)


def _part(name: str, value: Any, datatype: int, error: str = "") -> Metric:
    return Metric(name, None, 0, datatype, value, error=error)


# -- arrays ------------------------------------------------------------------------------------------------


def _array(raw: bytes, datatype: int) -> Iterator[Metric]:
    if datatype in NUMBER_ARRAYS:
        code, element = NUMBER_ARRAYS[datatype]
        size = struct.calcsize(f"<{code}")
        if len(raw) % size:
            raise NotReadable(f"an array of {len(raw)} bytes, expected a multiple of {size}")
        values: Any = (value for (value,) in struct.iter_unpack(f"<{code}", raw))
    elif datatype == BOOLEAN_ARRAY:
        element, values = BOOLEAN, _bits(raw)
    elif datatype == STRING_ARRAY:
        element, values = STRING, _texts(raw)
    else:
        raise NotReadable("bytes are not a value")
    for index, value in enumerate(values):
        yield _part(f"[{index}]", value, element)


def _bits(raw: bytes) -> list[bool]:
    """Four bytes say how many; eight in a byte, the first in its highest bit."""
    if len(raw) < 4:
        raise NotReadable("a boolean array without its length")
    count = int.from_bytes(raw[:4], "little")
    if count > 8 * (len(raw) - 4):
        raise NotReadable(f"a boolean array of {count} in {len(raw) - 4} bytes")
    if count > MAX_PARTS:
        raise NotReadable(f"more than {MAX_PARTS} values in one")
    return [bool(raw[4 + index // 8] >> (7 - index % 8) & 1) for index in range(count)]


def _texts(raw: bytes) -> list[str]:
    """Each ends with a zero byte."""
    if raw and raw[-1]:
        raise NotReadable("a string array that does not end with a zero byte")
    try:
        return [text.decode() for text in raw.split(b"\0")[:-1]]
    except UnicodeDecodeError as error:
        raise NotReadable(f"a string array: {error}") from error


# -- DataSets and templates ----------------------------------------------------------------------------------


def _dataset(raw: bytes) -> Iterator[Metric]:
    read = DataSet.FromString(raw)
    width = len(read.columns)
    if len(read.types) != width or (read.HasField("num_of_columns") and read.num_of_columns != width):
        said = read.num_of_columns if read.HasField("num_of_columns") else width
        raise NotReadable(f"a DataSet of {said} columns with {width} names and {len(read.types)} types")
    for name in read.columns:
        _refuse_misnamed("a column of a DataSet", name)
    for number, row in enumerate(read.rows):
        if len(row.elements) != width:
            raise NotReadable(f"row {number} of a DataSet has {len(row.elements)} of {width} values")
        for name, datatype, cell in zip(read.columns, read.types, row.elements, strict=True):
            value, error = _plain(cell, datatype)
            yield _part(f"[{number}]/{name}", value, datatype, error)


def _template(raw: bytes, member: ReadMember, depth: int) -> Iterator[Metric]:
    """A definition says what instances look like; its values are no machine's."""
    read = Template.FromString(raw)
    if read.is_definition:
        return
    for metric in read.metrics:
        if not metric.name:
            raise NotReadable("a member of a template without a name")
        _refuse_misnamed("a member of a template", metric.name)
        found = member(metric, depth + 1)
        if isinstance(found.value, Parts):
            for part in found.value:
                yield part._replace(
                    name=f"/{metric.name}{part.name}", timestamp=part.timestamp or found.timestamp
                )
        else:
            yield found._replace(name=f"/{metric.name}", alias=None)
    for parameter in read.parameters:
        _refuse_misnamed("a parameter of a template", parameter.name)
        value, error = _plain(parameter, parameter.type)
        yield _part(f"/Parameters/{parameter.name}", value, parameter.type, error)


def _plain(said: Any, datatype: int) -> tuple[Any, str]:
    field = said.WhichOneof("value")
    if field is None:
        return None, ""
    if field == "extension_value":
        return None, "an extension is not a value"
    value = getattr(said, field)
    if field in ("int_value", "long_value"):
        value = whole(value, datatype)
    if field == "string_value":
        return as_text(value)
    return value, ""


def as_text(value: Any) -> tuple[Any, str]:
    """A text that is no UTF-8 comes as bytes."""
    if value.__class__ is not str:
        return None, f"text of {len(value)} bytes that are no UTF-8"
    if len(value) > MAX_TEXT:
        return None, f"text of {len(value)} characters, expected at most {MAX_TEXT}"
    return value, ""


def misnamed(what: str, name: Any) -> str:
    """What is wrong with a name; "" when nothing is."""
    if name.__class__ is not str:
        return f"{what} whose name is no UTF-8: {name[:40]!r}"
    if len(name) > MAX_NAME:
        return f"{what} with a name of {len(name)} characters, expected at most {MAX_NAME}: {name[:40]!r}"
    return ""


def _refuse_misnamed(what: str, name: Any) -> None:
    if problem := misnamed(what, name):
        raise NotReadable(problem)


# -- properties ----------------------------------------------------------------------------------------------


def properties_of(said: Any, wanted: frozenset[str], depth: int = 0) -> Iterator[Metric]:
    """The properties asked for by name; of those made of properties, all within. ``*`` asks for all."""
    if depth > MAX_DEPTH:
        return
    for key, value in zip(said.keys, said.values, strict=False):
        if key.lower() == "quality" or not (depth or "*" in wanted or key in wanted):
            continue
        if problem := misnamed("a property", key):
            yield _part("", None, 0, problem)
            continue
        field = None if value.is_null else value.WhichOneof("value")
        try:
            if field == "propertyset_value":
                found = list(
                    properties_of(PropertySet.FromString(value.propertyset_value), wanted, depth + 1)
                )
            elif field == "propertysets_value":
                found = [
                    part._replace(name=f"[{number}]{part.name}")
                    for number, one in enumerate(
                        PropertySetList.FromString(value.propertysets_value).propertyset
                    )
                    for part in properties_of(one, wanted, depth + 1)
                ]
            else:
                found = [_part("", *_typed(value, field))]
        except DecodeError:
            found = [_part("", None, 0, "a damaged property set")]
        for part in found:
            yield part._replace(name=f".{key}{part.name}")


def _typed(value: Any, field: str | None) -> tuple[Any, int, str]:
    read, error = (None, "") if field is None else _plain(value, value.type)
    return read, value.type, error
