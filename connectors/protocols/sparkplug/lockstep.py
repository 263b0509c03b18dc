"""The metrics of many plain DATA messages read side by side: one step of numpy takes a field of each.

Plain is a metric named by its alias whose value, if not null, is a number or a boolean. Whatever else the
wire format allows is left to protobuf: not a word is read here that it would read otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from connectors.domain.columns import KIND_BOOL, KIND_FLOAT, KIND_INT, KIND_NULL, KIND_UINT
from connectors.domain.sparkplug_types import BOOLEAN, INT8, INT16, INT32, INT64

Array = npt.NDArray[Any]
# Reading eight bytes at once reaches beyond the end; a varint has ten
MARGIN: Final = bytes(32)
# A metric of plain fields is shorter, however its numbers are written
MOST_BYTES: Final = 127
ALIAS, TIMESTAMP, DATATYPE, HISTORICAL, TRANSIENT, NULL, VALUE = range(2, 9)
_INT, _LONG, _FLOAT, _DOUBLE, _BOOLEAN = 0x50, 0x58, 0x65, 0x69, 0x70
_METRIC, _SENT, _SEQ, _NAME = 0x12, 0x08, 0x18, 0x0A
_SLOTS: Final = {
    **{number << 3: number for number in range(ALIAS, VALUE)},
    **dict.fromkeys((_INT, _LONG, _FLOAT, _DOUBLE, _BOOLEAN), VALUE),
}
_SLOT: Final = np.array([_SLOTS.get(tag, 0) for tag in range(256)], np.uint8)
_HIGH, _LOW32 = np.uint64(0x8080808080808080), np.uint64(0xFFFFFFFF)
_HALVES: Final = (
    (np.uint64(0x7F007F007F007F00), np.uint64(0x007F007F007F007F), np.uint64(1)),
    (np.uint64(0x3FFF00003FFF0000), np.uint64(0x00003FFF00003FFF), np.uint64(2)),
    (np.uint64(0x0FFFFFFF00000000), np.uint64(0x000000000FFFFFFF), np.uint64(4)),
)
_ONE = np.uint64(1)
_TYPES: Final = 64
_UNUSED_BITS: Final = np.array(
    [{INT8: 56, INT16: 48, INT32: 32}.get(datatype, 0) for datatype in range(_TYPES)], np.uint64
)
_SIGNED: Final = np.isin(np.arange(_TYPES), (INT8, INT16, INT32, INT64))


class NotPlain(ValueError):
    """To be read by protobuf."""


class Frame(NamedTuple):
    """One payload: ``timestamp`` 0 and ``seq`` None = absent; its metrics are those ``first`` to ``last``."""

    timestamp: int
    seq: int | None
    first: int
    last: int


@dataclass(slots=True)
class Scan:
    """Payloads taken apart one after another; ``starts``: of each metric, in all of them put together."""

    starts: list[int] = field(default_factory=list)
    parts: list[bytes] = field(default_factory=list)
    length: int = 0

    def frame(self, raw: bytes) -> Frame | None:
        """None when it is not plain."""
        first = len(self.starts)
        try:
            sent, seq = self._frame(raw)
        except (IndexError, NotPlain):
            del self.starts[first:]
            return None
        self.parts.append(raw)
        self.length += len(raw)
        return Frame(sent, seq, first, len(self.starts))

    def _frame(self, raw: bytes) -> tuple[int, int | None]:
        base, at, end = self.length + 2, 0, len(raw)
        start = self.starts.append
        sent, seq = 0, None
        while at < end:
            tag = raw[at]
            if tag == _METRIC and raw[at + 2] != _NAME:
                start(base + at)
                # A length of more than one byte is not plain: ``fields_of`` sees to it
                at += raw[at + 1] + 2
            elif tag == _SENT:
                sent, at = _number(raw, at + 1)
            elif tag == _SEQ:
                seq, at = _number(raw, at + 1)
            else:
                raise NotPlain
        if at != end:
            raise NotPlain
        return sent, seq


def _number(raw: bytes, at: int) -> tuple[int, int]:
    """(a varint, where it ends). Raises NotPlain when it has more than ten bytes, or 64 bits."""
    value = shift = 0
    while (byte := raw[at]) > 127:
        value |= (byte & 127) << shift
        shift += 7
        at += 1
    value |= byte << shift
    if value >> 64 or shift > 63:
        raise NotPlain
    return value, at + 1


class Fields(NamedTuple):
    """Of each metric. ``timestamp``: as on the wire, 0 = absent; ``form``: the tag of its value, 0 = null;
    ``bits``: of the value as on the wire.
    """

    plain: Array
    alias: Array
    timestamp: Array
    datatype: Array
    historical: Array
    form: Array
    bits: Array

    def packed(self, datatypes: Array) -> tuple[Array, Array]:
        """(kinds, bits) as ``Columns.packed`` makes them; ``datatypes``: what the births said."""
        declared = np.minimum(np.where(self.datatype, self.datatype, datatypes), _TYPES - 1)
        counted = (self.form == _INT) | (self.form == _LONG)
        unused = np.where(counted, _UNUSED_BITS[declared], 0).astype(np.int64)
        bits = (self.bits.view(np.int64) << unused) >> unused
        truth = (self.form == _BOOLEAN) | (counted & (declared == BOOLEAN))
        bits = np.where(truth, bits != 0, bits)
        kinds = np.full(len(bits), KIND_INT, np.uint8)
        kinds[counted & (bits < 0) & ~_SIGNED[declared]] = KIND_UINT
        kinds[truth] = KIND_BOOL
        kinds[(self.form == _FLOAT) | (self.form == _DOUBLE)] = KIND_FLOAT
        null = self.form == 0
        kinds[null], bits[null] = KIND_NULL, 0
        return kinds, bits


def fields_of(scan: Scan) -> Fields:
    raw = np.frombuffer(b"".join((*scan.parts, MARGIN)), np.uint8)
    eight = np.ndarray(len(raw) - 7, "<u8", raw, strides=(1,))
    at = np.array(scan.starts, np.int64)
    count, size = len(at), raw[at - 1]
    end = at + size
    found, form = np.zeros((VALUE + 1, count), np.uint64), np.zeros(count, np.uint8)
    seen, plain = np.zeros((VALUE + 1, count), bool), size <= MOST_BYTES
    rows = np.arange(count)
    for _ in range(ALIAS, VALUE + 1):
        tag = raw[at]
        slot = _SLOT[tag]
        value, size, right = _values(eight, at + 1, tag)
        at = at + (1 + size)
        # What is said twice protobuf sorts out
        right &= (slot > 0) & (at <= end) & ~seen[slot, rows]
        plain[rows[~right]] = False
        found[slot, rows], seen[slot, rows] = value, True
        valued = slot == VALUE
        form[rows[valued]] = tag[valued]
        going = right & (at < end)
        if not going.any():
            break
        if not going.all():
            rows, at, end = rows[going], at[going], end[going]
    else:
        plain[rows] = False
    return _fields(plain, seen, found, form)


def _fields(plain: Array, seen: Array, found: Array, form: Array) -> Fields:
    null = found[NULL] != 0
    plain &= seen[ALIAS] & (seen[VALUE] | null)
    bits = found[VALUE]
    short = form == _INT
    if short.any():
        bits = np.where(short, bits & _LOW32, bits)
    single = form == _FLOAT
    if single.any():
        with np.errstate(invalid="ignore"):
            doubled = bits[single].astype(np.uint32).view(np.float32).astype(np.float64)
        bits[single] = doubled.view(np.uint64)
    form[null] = 0
    datatype = (found[DATATYPE] & _LOW32).astype(np.int64)
    historical = (found[HISTORICAL] != 0).astype(np.uint8)
    return Fields(plain, found[ALIAS], found[TIMESTAMP], datatype, historical, form, bits)


def _values(eight: Array, at: Array, tag: Array) -> tuple[Array, Array, Array]:
    """(value, its bytes, whether it is one) at each place, by the wire type its tag says."""
    word = eight[at]
    stop = ~word & _HIGH
    below = (stop & -stop) - _ONE
    right = np.ones(len(at), bool)
    value = word & below & ~_HIGH
    for high, low, by in _HALVES:
        value = (value & low) | ((value & high) >> by)
    size = (np.bitwise_count(below) >> 3).astype(np.int64) + 1
    long = np.flatnonzero(stop == 0)
    if len(long):
        value[long], size[long], right[long] = _longer(value[long], eight[at[long] + 8])
    wire = tag & 7
    if (fixed := wire == 1).any():
        value, size = np.where(fixed, word, value), np.where(fixed, 8, size)
        right |= fixed
    if (fixed := wire == 5).any():
        value, size = np.where(fixed, word & _LOW32, value), np.where(fixed, 4, size)
        right |= fixed
    return value, size, right


def _longer(value: Array, rest: Array) -> tuple[Array, Array, Array]:
    """Varints of nine and ten bytes: eight are read, ``rest`` begins with the ninth."""
    ninth, tenth = rest & np.uint64(255), (rest >> np.uint64(8)) & np.uint64(255)
    nine = ninth < 128
    value = value | (ninth & np.uint64(127)) << np.uint64(56)
    value = np.where(nine, value, value | (tenth << np.uint64(63)))
    return value, np.where(nine, 9, 10), nine | (tenth < 2)
