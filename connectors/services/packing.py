"""Sample columns as PostgreSQL's binary COPY, packed by numpy: no Python object per value.

Rows of one shape (kind of value, server time given or not, status given or not) have one fixed size in
bytes; text alone varies and is written row by row. Binary format:
https://www.postgresql.org/docs/current/sql-copy.html
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from connectors.domain.columns import (
    KIND_BOOL,
    KIND_FLOAT,
    KIND_INT,
    KIND_NULL,
    KIND_TEXT,
    KIND_UINT,
    NO_STATUS,
    NO_TIME,
    Columns,
)

COLUMNS = (
    "signal_id",
    "source_time",
    "source_key",
    "arrival_time",
    "equipment_id",
    "site_id",
    "quality",
    "historical",
    "server_time",
    "status_code",
    "v_int",
    "v_float",
    "v_bool",
    "v_text",
)
_HEADER = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8
_TRAILER = b"\xff\xff"
_TO_2000 = 946_684_800_000_000
_SCALES = tuple(np.uint64(10 ** (4 * power)) for power in (4, 3, 2, 1, 0))
_LENGTH = struct.Struct(">i")

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Rows:
    """``Columns`` as arrays, with what ingest looked up: ids of signal and equipment, one site."""

    signal_id: Array
    equipment_id: Array
    site_id: int
    source_time: Array
    server_time: Array
    arrival_time: Array
    quality: Array
    status: Array
    historical: Array
    kind: Array
    bits: Array
    key: Array
    # Which of the batches that were joined
    batch: Array
    texts: list[str]

    def take(self, mask: Array) -> Rows:
        return Rows(
            site_id=self.site_id,
            texts=self.texts,
            **{
                name: getattr(self, name)[mask]
                for name in self.__dataclass_fields__
                if name not in ("site_id", "texts")
            },
        )

    def __len__(self) -> int:
        return len(self.signal_id)


def rows_of(columns: Columns, *, signal_id: Array, equipment_id: Array, site_id: int) -> Rows:
    """``signal_id`` and ``equipment_id`` are per address of the batch."""
    address = np.frombuffer(columns.address, np.uint32)
    return Rows(
        signal_id=signal_id[address],
        equipment_id=equipment_id[address],
        site_id=site_id,
        source_time=np.frombuffer(columns.source_time, np.int64),
        server_time=np.frombuffer(columns.server_time, np.int64),
        arrival_time=np.frombuffer(columns.arrival_time, np.int64),
        quality=np.frombuffer(columns.quality, np.uint8),
        status=np.frombuffer(columns.status, np.int64),
        historical=np.frombuffer(columns.historical, np.uint8),
        kind=np.frombuffer(columns.kind, np.uint8),
        bits=np.frombuffer(columns.bits, np.int64),
        key=np.frombuffer(columns.key, np.int64),
        batch=np.zeros(len(columns), np.int64),
        texts=columns.texts,
    )


def joined(parts: list[Rows]) -> Rows:
    """Several batches as one COPY; texts keep their meaning by an offset."""
    if len(parts) == 1:
        return parts[0]
    texts: list[str] = []
    bits: list[Array] = []
    for part in parts:
        bits.append(np.where(part.kind == KIND_TEXT, part.bits + len(texts), part.bits))
        texts += part.texts
    names = [name for name in Rows.__dataclass_fields__ if name not in ("site_id", "texts", "bits", "batch")]
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    arrays["batch"] = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return Rows(site_id=parts[0].site_id, texts=texts, bits=np.concatenate(bits), **arrays)


def copy_bytes(rows: Rows) -> bytes:
    shape = rows.kind.astype(np.int64) * 4 + (rows.server_time != NO_TIME) * 2 + (rows.status != NO_STATUS)
    parts = [_HEADER]
    for code in np.unique(shape):
        kind, rest = divmod(int(code), 4)
        parts.append(_packed(rows.take(shape == code), kind, bool(rest & 2), bool(rest & 1)))
    parts.append(_TRAILER)
    return b"".join(parts)


@cache
def _layout(kind: int, server: bool, status: bool) -> np.dtype[Any]:
    fields: list[Any] = [("n", ">i2")]

    def column(name: str, code: str | None, size: int) -> None:
        fields.append((f"{name}#", ">i4"))
        if code is not None:
            fields.append((name, code))

    for name in ("signal_id", "source_time", "source_key", "arrival_time", "equipment_id", "site_id"):
        column(name, ">i8", 8)
    column("quality", ">i2", 2)
    column("historical", "u1", 1)
    column("server_time", ">i8" if server else None, 8)
    column("status_code", ">i8" if status else None, 8)
    if kind in (KIND_INT, KIND_UINT):
        fields.append(("v_int#", ">i4"))
        fields += [
            ("nd", ">i2"),
            ("weight", ">i2"),
            ("sign", ">u2"),
            ("scale", ">i2"),
            ("digits", ">i2", (5,)),
        ]
    else:
        column("v_int", None, 0)
    column("v_float", ">f8" if kind == KIND_FLOAT else None, 8)
    column("v_bool", "u1" if kind == KIND_BOOL else None, 1)
    if kind != KIND_TEXT:
        column("v_text", None, 0)
    return np.dtype(fields)


def _packed(rows: Rows, kind: int, server: bool, status: bool) -> bytes:
    layout = _layout(kind, server, status)
    out = np.empty(len(rows), layout)
    out["n"] = len(COLUMNS)
    for name in ("v_int", "v_float", "v_bool", "v_text", "server_time", "status_code"):
        if f"{name}#" in layout.fields:  # type: ignore[operator]
            out[f"{name}#"] = -1
    _fill(out, "signal_id", rows.signal_id, 8)
    _fill(out, "source_time", rows.source_time - _TO_2000, 8)
    _fill(out, "source_key", rows.key, 8)
    _fill(out, "arrival_time", rows.arrival_time - _TO_2000, 8)
    _fill(out, "equipment_id", rows.equipment_id, 8)
    _fill(out, "site_id", rows.site_id, 8)
    _fill(out, "quality", rows.quality, 2)
    _fill(out, "historical", rows.historical & 1, 1)
    if server:
        _fill(out, "server_time", rows.server_time - _TO_2000, 8)
    if status:
        _fill(out, "status_code", rows.status, 8)
    if kind in (KIND_INT, KIND_UINT):
        _fill_numeric(out, rows.bits, unsigned=kind == KIND_UINT)
    elif kind == KIND_FLOAT:
        _fill(out, "v_float", rows.bits.view(np.float64), 8)
    elif kind == KIND_BOOL:
        _fill(out, "v_bool", rows.bits, 1)
    elif kind == KIND_TEXT:
        return _with_texts(out, rows)
    else:
        assert kind == KIND_NULL
    return out.tobytes()


def _fill(out: Array, name: str, values: Any, size: int) -> None:
    out[f"{name}#"] = size
    out[name] = values


def _fill_numeric(out: Array, bits: Array, *, unsigned: bool) -> None:
    """numeric_recv strips leading zeros, so five digits of base 10,000 hold any 64-bit number at one
    width.
    """
    whole = bits.view(np.uint64)
    negative = np.zeros(len(bits), bool) if unsigned else bits < 0
    magnitude = np.where(negative, (~whole) + np.uint64(1), whole)
    out["v_int#"] = 18
    out["nd"], out["weight"], out["scale"] = 5, 4, 0
    out["sign"] = np.where(negative, 0x4000, 0)
    for index, scale in enumerate(_SCALES):
        out["digits"][:, index] = (magnitude // scale) % np.uint64(10_000)


def _with_texts(out: Array, rows: Rows) -> bytes:
    encoded = [text.encode("utf-8", "replace") for text in rows.texts]
    fields = [_LENGTH.pack(len(text)) + text for text in encoded]
    size, whole = out.dtype.itemsize, out.tobytes()
    parts: list[bytes] = []
    for row, text in enumerate(rows.bits.tolist()):
        parts += (whole[row * size : (row + 1) * size], fields[text])
    return b"".join(parts)
