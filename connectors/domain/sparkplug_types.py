"""Sparkplug B data types by number (Sparkplug 3.0 §6.4.16), and what a whole number of a type means."""

from __future__ import annotations

from typing import Final

INT8, INT16, INT32, INT64, UINT8, UINT16, UINT32, UINT64, FLOAT, DOUBLE, BOOLEAN, STRING, DATETIME, TEXT = (
    range(1, 15)
)
UUID, DATASET, BYTES, FILE, TEMPLATE, PROPERTY_SET, PROPERTY_SET_LIST = range(15, 22)
BOOLEAN_ARRAY, STRING_ARRAY = 32, 33
# Type of an array → (struct code of an element, type of an element)
NUMBER_ARRAYS: Final = {
    22: ("b", INT8),
    23: ("h", INT16),
    24: ("i", INT32),
    25: ("q", INT64),
    26: ("B", UINT8),
    27: ("H", UINT16),
    28: ("I", UINT32),
    29: ("Q", UINT64),
    30: ("f", FLOAT),
    31: ("d", DOUBLE),
    34: ("q", DATETIME),
}
COMPOSED: Final = frozenset({DATASET, TEMPLATE, BOOLEAN_ARRAY, STRING_ARRAY, *NUMBER_ARRAYS})
_BITS: Final = {INT8: 8, INT16: 16, INT32: 32, INT64: 64}


def whole(value: int, datatype: int) -> int | bool:
    """The wire carries whole numbers unsigned; a boolean may come as one."""
    bits = _BITS.get(datatype)
    if bits is None:
        return bool(value) if datatype == BOOLEAN else value
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value
